// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kubeprobe_lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "kube/client.h"
#include "kube/lease.h"

struct lease_probe {
	struct lease_words words;
	void (*print)(json_t *json);
	struct kube_lease *lease;
	struct loop_timer *timer;
};

static void on_lease(struct kube_lease *lease, const struct kube_failure *failure, void *data)
{
	struct lease_probe *const probe = data;
	const struct mono now = mono_now();
	struct kube_lease_view view;

	kube_lease_view(lease, now, &view);
	probe->print(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "event",
			       "lease", "class", http_class_names[failure->class], "text",
			       failure->text, "state", kube_lease_state_names[view.state], "holder",
			       view.holder, "mark", (json_int_t)view.mark, "now_ms",
			       (json_int_t)(now.ns / 1000000), "until_ms",
			       (json_int_t)(view.until.ns / 1000000), "expires_in_ms",
			       (json_int_t)mono_diff_ms(view.expires, now), "transitions",
			       (json_int_t)view.transitions));
	if (probe->words.period_ms && !loop_timer_is_armed(probe->timer))
		loop_timer_arm_ms(probe->timer, probe->words.period_ms);
}

static void ask(struct lease_probe *probe, enum kube_lease_ask what)
{
	if (kube_lease_ask(probe->lease, what, probe->words.deadline_ms) < 0)
		probe->print(json_pack("{s:s}", "event", "busy"));
}

static void on_timer(void *data)
{
	ask(data, KUBE_LEASE_TRY);
}

struct lease_probe *lease_probe_new(struct kube_client *client, const struct lease_words *words,
				    void (*print)(json_t *json), struct err *err)
{
	struct lease_probe *const probe = calloc(1, sizeof(*probe));

	if (!probe)
		return NULL;
	probe->words = *words;
	probe->print = print;
	const struct kube_lease_options options = {
		.client = client,
		.name = { words->namespace, words->name },
		.identity = words->identity,
		.duration_sec = words->duration_sec,
		.done = on_lease,
		.data = probe,
	};

	probe->lease = kube_lease_new(&options, err);
	probe->timer = loop_timer_new(kube_client_loop(client), on_timer, probe);
	if (!probe->lease || !probe->timer) {
		lease_probe_free(probe);
		return NULL;
	}
	if (words->period_ms)
		loop_timer_arm_ms(probe->timer, 0);
	return probe;
}

void lease_probe_free(struct lease_probe *probe)
{
	if (!probe)
		return;
	kube_lease_free(probe->lease);
	loop_timer_free(probe->timer);
	free(probe);
}

void lease_probe_line(struct lease_probe *probe, const char *line)
{
	static const char *const asks[KUBE_LEASE_ASK_COUNT] = { "look", "try", "take", "release" };

	for (size_t i = 0; i < ARRAY_SIZE(asks); i++)
		if (strcmp(asks[i], line) == 0)
			ask(probe, (enum kube_lease_ask)i);
	if (strcmp(line, "stop") == 0)
		loop_timer_disarm(probe->timer);
	if (strcmp(line, "go") == 0)
		loop_timer_arm_ms(probe->timer, 0);
}
