// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/events.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "kube/client.h"
#include "kube/json.h"
#include "kube/query.h"
#include "kube/time.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORD_MAX 129

struct kube_events {
	struct kube_events_options options;
	char controller[WORD_MAX], instance[WORD_MAX];
	struct kube_event_book book;
	struct loop_timer *timer;
	struct kube_call *call; /* one at a time */
	struct kube_event_entry *entry;
	enum kube_event_step step;
	struct kube_failure failure;
};

static int64_t wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* "NAME.0123456789abcdef", as everybody names Events; a name of an object is a name of an Event, too. */
static void make_name(struct kube_event_entry *entry)
{
	snprintf(entry->made_name, sizeof(entry->made_name), "%.*s.%016" PRIx64,
		 KUBE_EVENT_NAME_MAX - 18, entry->event.name, seed_guessable());
}

/* Those of what has no namespace stand in "default" (ValidateEvent in the API server). */
static const char *namespace_of(const struct kube_event_entry *entry)
{
	return entry->event.namespace ? entry->event.namespace : "default";
}

static json_t *make_series(const struct kube_event_entry *entry)
{
	char time_text[KUBE_TIME_MAX];

	return json_pack("{s:I, s:s}", "count", (json_int_t)entry->count, "lastObservedTime",
			 kube_micro_time_format(entry->last_us, time_text));
}

static json_t *make_regarding(const struct kube_event *event)
{
	return json_pack("{s:s, s:s, s:s*, s:s, s:s}", "kind", event->kind, "apiVersion",
			 event->api_version, "namespace", event->namespace, "name", event->name,
			 "uid", event->uid);
}

static json_t *make_event(const struct kube_events *events, const struct kube_event_entry *entry)
{
	const struct kube_event *const event = &entry->event;
	char time_text[KUBE_TIME_MAX];
	json_t *const json = json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "apiVersion",
		"events.k8s.io/v1", "kind", "Event", "metadata", "name", entry->made_name,
		"namespace", namespace_of(entry), "eventTime",
		kube_micro_time_format(entry->first_us, time_text), "type",
		event->is_warning ? "Warning" : "Normal", "reason", event->reason, "action",
		event->action, "note", entry->note, "reportingController", events->controller,
		"reportingInstance", events->instance, "regarding", make_regarding(event));

	if (json && entry->count > 1)
		json_object_set_new(json, "series", make_series(entry));
	return json;
}

static char *make_body(const struct kube_events *events, const struct kube_event_entry *entry)
{
	json_t *const json = events->step == KUBE_EVENT_CREATE ?
				     make_event(events, entry) :
				     json_pack("{s:o}", "series", make_series(entry));
	char *const text = json ? kube_json_print(json) : NULL;

	json_decref(json);
	return text;
}

static void run(struct kube_events *events);

static void end(struct kube_events *events, const struct kube_failure *failure)
{
	if (failure->class == HTTP_CLASS_OK)
		events->failure.text[0] = '\0';
	else
		events->failure = *failure;
	kube_event_book_end(&events->book, events->entry, events->step, failure->class, mono_now());
}

static void on_written(const struct kube_failure *failure, const char *body, size_t length,
		       void *data)
{
	struct kube_events *const events = data;
	(void)body;
	(void)length;

	events->call = NULL;
	end(events, failure);
	run(events);
}

static void send_entry(struct kube_events *events)
{
	const bool is_new = events->step == KUBE_EVENT_CREATE;
	struct kube_failure failure;
	struct kube_query query;

	if (is_new)
		make_name(events->entry);
	CLEANUP(cleanup_free) char *body = make_body(events, events->entry);
	kube_query_init(&query, "/apis/events.k8s.io/v1/namespaces");
	kube_query_segment(&query, namespace_of(events->entry));
	kube_query_segment(&query, "events");
	if (!is_new)
		kube_query_segment(&query, events->entry->made_name);
	const struct kube_request request = {
		.method = is_new ? HTTP_POST : HTTP_PATCH,
		.path = query.text,
		.content_type = is_new ? "application/json" : "application/merge-patch+json",
		.body = body,
		.limits = { .connect_ms = 10000, .total_ms = 30000, .body_max = 1U << 20 },
	};
	kube_failure_set(&failure, "Event", HTTP_CLASS_RETRY, "out of memory");
	if (body)
		events->call = kube_call_start(events->options.client, &request, on_written, events,
					       &failure);
	if (events->call)
		return;
	end(events, &failure);
	loop_timer_arm_ms(events->timer, 1000);
}

static void run(struct kube_events *events)
{
	int64_t wait_ms = -1;

	if (events->call)
		return; /* its end goes on */
	events->step = kube_event_book_next(&events->book, mono_now(), &events->entry, &wait_ms);
	if (events->step != KUBE_EVENT_IDLE)
		send_entry(events);
	else if (wait_ms >= 0)
		loop_timer_arm_ms(events->timer, wait_ms + 1);
}

static void on_timer(void *data)
{
	run(data);
}

struct kube_events *kube_events_new(const struct kube_events_options *options, struct err *err)
{
	struct kube_events *const events = calloc(1, sizeof(*events));

	if (events)
		events->timer = loop_timer_new(kube_client_loop(options->client), on_timer, events);
	if (!events || !events->timer || kube_event_book_init(&events->book, mono_now()) < 0) {
		kube_events_free(events);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	events->options = *options;
	if (options->again_ms)
		events->book.again_ms = options->again_ms;
	snprintf(events->controller, sizeof(events->controller), "%s", options->controller);
	snprintf(events->instance, sizeof(events->instance), "%s", options->instance);
	return events;
}

void kube_events_free(struct kube_events *events)
{
	if (!events)
		return;
	kube_call_cancel(events->call);
	kube_event_book_done(&events->book);
	loop_timer_free(events->timer);
	free(events);
}

void kube_events_note(struct kube_events *events, const struct kube_event *event)
{
	/* What doesn't find room is counted there. */
	(void)kube_event_book_note(&events->book, event, wall_us(), mono_now());
	if (!events->call)
		loop_timer_arm_ms(events->timer, 1);
}

void kube_events_counts(const struct kube_events *events, struct kube_event_counts *ret)
{
	*ret = (struct kube_event_counts){
		.made = events->book.made,
		.counted_on = events->book.counted_on,
		.dropped = events->book.dropped,
		.last_failure = events->failure.text,
	};
}
