// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An ask is a small loop of requests: read, judge, write; and after a conflict again. */
#include "kube/lease.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "kube/client.h"
#include "kube/json.h"
#include "kube/lease_record.h"
#include "kube/query.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH "/apis/coordination.k8s.io/v1/namespaces"
#define BODY_MAX (256U << 10) /* of an object that we write in 1 kB */
#define ROUNDS_MAX 4          /* somebody keeps changing it: that's for the next ask */

const char *const kube_lease_state_names[] = {
	[KUBE_LEASE_UNKNOWN] = "unknown",
	[KUBE_LEASE_FREE] = "free",
	[KUBE_LEASE_MINE] = "mine",
	[KUBE_LEASE_OTHERS] = "others",
};
static_assert(ARRAY_SIZE(kube_lease_state_names) == KUBE_LEASE_STATE_COUNT, "each has a name");

struct kube_lease {
	struct kube_lease_options options;
	char namespace[KUBE_LEASE_NAME_MAX], name[KUBE_LEASE_NAME_MAX],
		identity[KUBE_LEASE_NAME_MAX];
	struct kube_lease_seen seen;
	struct json_t *object; /* what a write begins from; NULL: read first */
	/* The ask under way. */
	enum kube_lease_ask ask;
	bool is_busy;
	bool was_read;  /* in this ask */
	bool is_broken; /* the last request had no answer: its connection isn't used again */
	unsigned rounds;
	struct mono deadline, sent_at;
	struct kube_lease_record wanted; /* being written */
	struct kube_call *call;
	struct loop_timer *timer; /* for what fails before anything is sent */
	struct kube_failure failure;
};

static void forget_object(struct kube_lease *lease)
{
	kube_json_free(lease->object);
	lease->object = NULL;
}

static void finish(struct kube_lease *lease, const struct kube_failure *failure)
{
	lease->is_busy = false;
	lease->options.done(lease, failure, lease->options.data);
}

/* From the loop, as every answer. */
static void fail_later(struct kube_lease *lease, enum http_class class, const char *text)
{
	kube_failure_set(&lease->failure, "Lease", class, text);
	loop_timer_arm_ms(lease->timer, 0);
}

static void on_timer(void *data)
{
	struct kube_lease *const lease = data;
	const struct kube_failure failure = lease->failure;

	finish(lease, &failure);
}

static void make_path(const struct kube_lease *lease, bool is_named, struct kube_query *ret)
{
	kube_query_init(ret, PATH);
	kube_query_segment(ret, lease->namespace);
	kube_query_segment(ret, "leases");
	if (is_named)
		kube_query_segment(ret, lease->name);
}

static void send_request(struct kube_lease *lease, enum http_method method, const char *body,
			 kube_done_fn done)
{
	const struct mono now = mono_now();
	const int64_t left_ms = mono_diff_ms(lease->deadline, now);
	struct kube_query query;

	if (left_ms <= 0) {
		fail_later(lease, HTTP_CLASS_RETRY, "no answer in time");
		return;
	}
	make_path(lease, method != HTTP_POST, &query);
	const struct kube_request request = {
		.method = method,
		.path = query.text,
		.content_type = body ? "application/json" : NULL,
		.body = body,
		.limits = { .connect_ms = (uint32_t)left_ms,
			    .total_ms = (uint32_t)left_ms,
			    .body_max = BODY_MAX },
		.fresh_connection = lease->is_broken,
	};
	lease->sent_at = now;
	lease->call =
		kube_call_start(lease->options.client, &request, done, lease, &lease->failure);
	if (!lease->call)
		loop_timer_arm_ms(lease->timer, 0);
}

static void on_read(const struct kube_failure *failure, const char *body, size_t length,
		    void *data);
static void on_written(const struct kube_failure *failure, const char *body, size_t length,
		       void *data);

static void start_read(struct kube_lease *lease)
{
	forget_object(lease);
	send_request(lease, HTTP_GET, NULL, on_read);
}

static int64_t wall_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void start_write(struct kube_lease *lease)
{
	const struct kube_lease_name name = { lease->namespace, lease->name };

	kube_lease_make(&lease->seen, wall_us(), lease->ask == KUBE_LEASE_RELEASE, &lease->wanted);
	CLEANUP(cleanup_free) char *body = kube_lease_print(lease->object, &name, &lease->wanted);
	if (!body)
		fail_later(lease, HTTP_CLASS_RETRY, "out of memory");
	else
		send_request(lease, lease->object ? HTTP_PUT : HTTP_POST, body, on_written);
}

/* Of what is known now. */
static bool wants_write(const struct kube_lease *lease)
{
	const enum kube_lease_state state = kube_lease_judge(&lease->seen, mono_now());

	switch (lease->ask) {
	case KUBE_LEASE_TRY:
		return state == KUBE_LEASE_MINE || state == KUBE_LEASE_FREE;
	case KUBE_LEASE_TAKE:
		/* Once only: when it was changed in between, its holder isn't dead. */
		return !lease->was_read && state != KUBE_LEASE_UNKNOWN;
	case KUBE_LEASE_RELEASE:
		return state == KUBE_LEASE_MINE;
	default:
		return false;
	}
}

static int take_object(struct kube_lease *lease, const char *body, size_t length,
		       struct kube_lease_record *ret, struct err *err)
{
	forget_object(lease);
	int r = kube_json_parse(body, length, &lease->object, err);

	if (r == 0)
		r = kube_lease_read(lease->object, ret, err);
	if (r < 0)
		forget_object(lease);
	return r;
}

static void finish_unreadable(struct kube_lease *lease, const struct err *err)
{
	struct kube_failure failure;

	kube_failure_set(&failure, "Lease", HTTP_CLASS_RETRY, err->text);
	finish(lease, &failure);
}

static void go_on(struct kube_lease *lease, const struct kube_failure *failure)
{
	if (!wants_write(lease)) {
		finish(lease, failure);
		return;
	}
	if (lease->rounds++ < ROUNDS_MAX) {
		start_write(lease);
		return;
	}
	struct kube_failure busy;

	kube_failure_set(&busy, "Lease", HTTP_CLASS_CONFLICT, "somebody else keeps changing it");
	finish(lease, &busy);
}

static void on_read(const struct kube_failure *failure, const char *body, size_t length, void *data)
{
	static const struct kube_failure ok = { .class = HTTP_CLASS_OK, .retry_after_ms = -1 };
	struct kube_lease *const lease = data;
	struct kube_lease_record record;
	struct err err = ERR_NULL;

	lease->call = NULL;
	lease->is_broken = failure->rc != 0;
	lease->was_read = true;
	if (failure->class != HTTP_CLASS_OK && failure->class != HTTP_CLASS_NOT_FOUND) {
		finish(lease, failure);
		return;
	}
	if (failure->class == HTTP_CLASS_NOT_FOUND) {
		kube_lease_see(&lease->seen, NULL, mono_now());
	} else if (take_object(lease, body, length, &record, &err) == 0) {
		kube_lease_see(&lease->seen, &record, mono_now());
	} else {
		finish_unreadable(lease, &err);
		return;
	}
	go_on(lease, &ok);
}

static void on_written(const struct kube_failure *failure, const char *body, size_t length,
		       void *data)
{
	struct kube_lease *const lease = data;
	struct kube_lease_record record;
	struct err err = ERR_NULL;

	lease->call = NULL;
	lease->is_broken = failure->rc != 0;
	if (failure->class == HTTP_CLASS_OK) {
		if (take_object(lease, body, length, &record, &err) < 0) {
			finish_unreadable(lease, &err);
			return;
		}
		kube_lease_see_written(&lease->seen, &record, lease->sent_at, mono_now());
		finish(lease, failure);
	} else if (failure->class == HTTP_CLASS_CONFLICT ||
		   (failure->class == HTTP_CLASS_NOT_FOUND && lease->object)) {
		start_read(lease); /* changed, deleted, or made by somebody else */
	} else {
		forget_object(lease); /* it may have been written */
		finish(lease, failure);
	}
}

static bool is_fit(const char *text)
{
	return text && text[0] && strlen(text) < KUBE_LEASE_NAME_MAX;
}

struct kube_lease *kube_lease_new(const struct kube_lease_options *options, struct err *err)
{
	CLEANUP(cleanup_free) struct kube_lease *lease = calloc(1, sizeof(*lease));

	if (!is_fit(options->name.namespace) || !is_fit(options->name.name) ||
	    !is_fit(options->identity) || options->duration_sec == 0) {
		err_set(err, -EINVAL,
			"a Lease needs a namespace, a name, an identity and a duration");
		return NULL;
	}
	if (lease)
		lease->timer = loop_timer_new(kube_client_loop(options->client), on_timer, lease);
	if (!lease || !lease->timer) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	lease->options = *options;
	snprintf(lease->namespace, sizeof(lease->namespace), "%s", options->name.namespace);
	snprintf(lease->name, sizeof(lease->name), "%s", options->name.name);
	snprintf(lease->identity, sizeof(lease->identity), "%s", options->identity);
	lease->seen.identity = lease->identity;
	lease->seen.duration_sec = options->duration_sec;
	return TAKE_PTR(lease);
}

void kube_lease_free(struct kube_lease *lease)
{
	if (!lease)
		return;
	kube_call_cancel(lease->call);
	loop_timer_free(lease->timer);
	forget_object(lease);
	free(lease);
}

int kube_lease_ask(struct kube_lease *lease, enum kube_lease_ask ask, uint32_t deadline_ms)
{
	if (lease->is_busy)
		return -EBUSY;
	lease->is_busy = true;
	lease->was_read = false;
	lease->rounds = 0;
	lease->ask = ask;
	lease->deadline = mono_add_ms(mono_now(), deadline_ms);
	/* client-go's fast path, too: what was ours is written without a look. */
	const bool is_mine = kube_lease_judge(&lease->seen, mono_now()) == KUBE_LEASE_MINE;
	const bool is_at_hand = lease->object || (lease->seen.is_known && lease->seen.is_absent);

	if (is_at_hand && wants_write(lease) && (is_mine || ask == KUBE_LEASE_TAKE)) {
		lease->rounds++;
		start_write(lease);
	} else {
		start_read(lease);
	}
	return 0;
}

void kube_lease_view(const struct kube_lease *lease, struct mono now, struct kube_lease_view *ret)
{
	const struct kube_lease_seen *const seen = &lease->seen;

	*ret = (struct kube_lease_view){
		.state = kube_lease_judge(seen, now),
		.holder = seen->record.holder,
		.mark = seen->mark,
		.changed_at = seen->changed_at,
		.until = seen->until,
		.expires = kube_lease_expires(seen),
		.transitions = seen->record.transitions,
	};
}
