// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/recent.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/control.h"
#include "natlog/stamp.h"

#define NS_PER_MS 1000000

/* What they say at info is routine, which would drive out the rest. */
static const char *const routine[] = { "plan", "sysctl" };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
};

const struct recent_event *recent_at(const struct recent *recent, size_t i)
{
	return &recent->v[(recent->next + RECENT_MAX - 1 - i) % RECENT_MAX];
}

static bool is_same(const struct recent_event *a, const struct recent_event *b)
{
	return a->level == b->level && strcmp(a->subsystem, b->subsystem) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

void recent_add(struct recent *recent, const struct recent_event *event)
{
	struct recent_event *last = &recent->v[(recent->next + RECENT_MAX - 1) % RECENT_MAX];

	if (recent->n && is_same(last, event)) {
		last->count += event->count;
		last->last_ms = event->last_ms;
		return;
	}
	recent->v[recent->next] = *event;
	recent->next = (recent->next + 1) % RECENT_MAX;
	if (recent->n < RECENT_MAX)
		recent->n++;
}

static bool is_routine(enum log_level level, const char *subsystem)
{
	for (size_t i = 0; level == LOG_LEVEL_INFO && i < ARRAY_SIZE(routine); i++) {
		if (strcmp(subsystem, routine[i]) == 0)
			return true;
	}
	return false;
}

static void hear(enum log_level level, const char *subsystem, const char *message, void *data)
{
	const int64_t now_ms = stamp_now_ns() / NS_PER_MS;
	struct recent_event event = {
		.first_ms = now_ms, .last_ms = now_ms, .count = 1, .level = level
	};

	if (is_routine(level, subsystem))
		return;
	snprintf(event.subsystem, sizeof(event.subsystem), "%s", subsystem);
	snprintf(event.text, sizeof(event.text), "%s", message);
	recent_add(data, &event);
}

void recent_listen(struct recent *recent)
{
	log_copy_to(hear, recent);
}

void recent_ignore(void)
{
	log_copy_to(NULL, NULL);
}

void recent_report(const struct recent *recent, struct control_out *out)
{
	control_int(out, "time_ms", stamp_now_ns() / NS_PER_MS);
	control_array(out, "events");
	for (size_t i = 0; i < recent->n; i++) {
		const struct recent_event *event = recent_at(recent, i);

		control_object(out, NULL);
		control_int(out, "first_ms", event->first_ms);
		control_int(out, "last_ms", event->last_ms);
		control_int(out, "count", (long long)event->count);
		control_string(out, "level", level_names[event->level]);
		control_string(out, "subsystem", event->subsystem);
		control_string(out, "text", event->text);
		control_end(out);
	}
	control_end(out);
}
