// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Carries out what kube/reflect.c decides. There's one call under way, or none while it waits. The timer is the end of
 * a waiting, or the moment at which a watch that says nothing is given up.
 */
#include "kube/reflector_internal.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/seed.h"
#include "kube/client.h"
#include "kube/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LIMIT 500
#define WATCH_MIN_SEC 300
#define WATCH_SPREAD_SEC 300
#define WATCH_GRACE_SEC 30
#define QUIET_MS 150000
#define CONNECT_MS 10000
#define LIST_TOTAL_MS 300000
#define LIST_STALL_MS 30000
#define ERROR_BODY_MAX (64U << 10)

static void free_now(struct kube_reflector *reflector)
{
	kube_call_cancel(reflector->call);
	kube_stream_free(reflector->stream);
	kube_known_done(&reflector->known);
	loop_timer_free(reflector->timer);
	free(reflector->object);
	free(reflector);
}

void kube_reflector_free(struct kube_reflector *reflector)
{
	if (!reflector)
		return;
	reflector->is_dying = true;
	if (reflector->busy == 0)
		free_now(reflector);
}

static void leave(struct kube_reflector *reflector)
{
	if (--reflector->busy == 0 && reflector->is_dying)
		free_now(reflector);
}

/* What is done. */

static void act(struct kube_reflector *reflector, struct kube_reflect_decision decision);

static void step(struct kube_reflector *reflector, const struct kube_reflect_event *event)
{
	act(reflector, kube_reflect_step(&reflector->heart, event, mono_now()));
}

static void end_call(struct kube_reflector *reflector)
{
	kube_call_cancel(TAKE_PTR(reflector->call));
	kube_stream_free(TAKE_PTR(reflector->stream));
}

static int on_data(const char *bytes, size_t n, void *data)
{
	struct kube_reflector *const reflector = data;
	struct err err = ERR_NULL;

	reflector->busy++;
	reflector->heard = mono_now();
	reflector->verdict.type = KUBE_REFLECT_START;
	reflector->decision.action = KUBE_REFLECT_NOTHING;
	const int r = kube_stream_feed(reflector->stream, bytes, n, &err);
	if (r < 0 && !reflector->is_dying) {
		end_call(reflector);
		if (reflector->decision.action != KUBE_REFLECT_NOTHING) {
			act(reflector, reflector->decision);
		} else {
			/* The stream's own word, if no object had one. */
			if (reflector->verdict.type == KUBE_REFLECT_START)
				kube_reflector_fail(reflector, r, &err);
			step(reflector, &reflector->verdict);
		}
	}
	leave(reflector);
	return 0; /* the call is gone already where it should end */
}

static void take_page(struct kube_reflector *reflector)
{
	struct kube_list_end end;
	struct err err = ERR_NULL;
	const int r = kube_stream_end_list(reflector->stream, &end, &err);

	kube_stream_free(TAKE_PTR(reflector->stream));
	if (r < 0) {
		kube_reflector_fail(reflector, r, &err);
		step(reflector, &reflector->verdict);
		return;
	}
	memcpy(reflector->next, end.next, sizeof(end.next));
	step(reflector, &(struct kube_reflect_event){ .type = KUBE_REFLECT_PAGE,
						      .version = end.version,
						      .has_more = end.next[0] });
}

/* Whole, as the server ends a watch when its time is over; or cut within an object. */
static void take_end(struct kube_reflector *reflector)
{
	const struct kube_reflect_event ended = { .type = KUBE_REFLECT_ENDED };
	struct err err = ERR_NULL;
	const int r = kube_stream_end(reflector->stream, &err);

	kube_stream_free(TAKE_PTR(reflector->stream));
	kube_failure_set(&reflector->failure, reflector->options.kind->name, HTTP_CLASS_RETRY,
			 r < 0 ? err.text : "the server ended the watch soon");
	const struct kube_reflect_event failed = kube_reflector_failed(&reflector->failure);
	step(reflector, r < 0 ? &failed : &ended);
	if (reflector->heart.state == KUBE_REFLECT_WATCHING)
		reflector->failure.text[0] = '\0'; /* it was time */
}

static void take_failure(struct kube_reflector *reflector, const struct kube_failure *failure)
{
	const struct kube_reflect_event event = kube_reflector_failed(failure);

	kube_stream_free(TAKE_PTR(reflector->stream));
	reflector->failure = *failure;
	step(reflector, &event);
}

static void on_done(const struct kube_failure *failure, const char *body, size_t length, void *data)
{
	struct kube_reflector *const reflector = data;
	(void)body;
	(void)length;

	reflector->busy++;
	reflector->call = NULL;
	if (failure->class != HTTP_CLASS_OK)
		take_failure(reflector, failure);
	else if (reflector->heart.state == KUBE_REFLECT_LISTING)
		take_page(reflector);
	else
		take_end(reflector);
	leave(reflector);
}

static uint32_t random_below(uint32_t n)
{
	return (uint32_t)(seed_guessable() % n);
}

static uint32_t or_usual(uint32_t given, uint32_t usual)
{
	return given ? given : usual;
}

static void start_call(struct kube_reflector *reflector, const struct kube_query *query,
		       const struct http_limits *limits)
{
	const bool is_list = reflector->heart.state == KUBE_REFLECT_LISTING;
	const struct kube_stream_options stream = {
		.mode = is_list ? KUBE_STREAM_LIST : KUBE_STREAM_WATCH,
		.table = reflector->options.kind->table,
		.object_max = reflector->options.object_max,
		.on_object = is_list ? kube_reflector_take_item : kube_reflector_take_word,
		.data = reflector,
	};
	const struct kube_request request = {
		.method = HTTP_GET,
		.path = query->text,
		.limits = *limits,
		.on_data = on_data,
		.fresh_connection = reflector->heart.backoff.attempt > 0,
	};
	const char *const name = reflector->options.kind->name;

	reflector->stream = kube_stream_new(&stream);
	if (query->rc < 0)
		kube_failure_set(&reflector->failure, name, HTTP_CLASS_PERMANENT,
				 "the request is too long");
	else if (!reflector->stream)
		kube_failure_set(&reflector->failure, name, HTTP_CLASS_RETRY, "out of memory");
	else
		reflector->call = kube_call_start(reflector->options.client, &request, on_done,
						  reflector, &reflector->failure);
	if (reflector->call)
		return;
	const struct kube_reflect_event event = kube_reflector_failed(&reflector->failure);
	kube_stream_free(TAKE_PTR(reflector->stream));
	step(reflector, &event); /* which waits: this doesn't go round */
}

static void add_selectors(const struct kube_reflector *reflector, struct kube_query *query)
{
	kube_query_add(query, "fieldSelector", reflector->field_selector);
	kube_query_add(query, "labelSelector", reflector->label_selector);
}

static void start_list(struct kube_reflector *reflector, bool is_first)
{
	static const struct http_limits limits = { CONNECT_MS, LIST_TOTAL_MS, LIST_STALL_MS,
						   ERROR_BODY_MAX };
	struct kube_query query;

	if (is_first) {
		reflector->next[0] = '\0';
		kube_known_begin_round(&reflector->known);
	}
	kube_query_init(&query, reflector->options.kind->path);
	add_selectors(reflector, &query);
	if (!reflector->heart.is_unpaged || reflector->next[0])
		kube_query_add_number(&query, "limit",
				      or_usual(reflector->options.page_limit, PAGE_LIMIT));
	kube_query_add(&query, "continue", reflector->next);
	start_call(reflector, &query, &limits);
}

static void start_watch(struct kube_reflector *reflector)
{
	const uint32_t seconds = or_usual(reflector->options.watch_sec,
					  WATCH_MIN_SEC + random_below(WATCH_SPREAD_SEC + 1));
	const struct http_limits limits = { CONNECT_MS, (seconds + WATCH_GRACE_SEC) * 1000, 0,
					    ERROR_BODY_MAX };
	struct kube_query query;

	kube_query_init(&query, reflector->options.kind->path);
	kube_query_add(&query, "watch", "1");
	add_selectors(reflector, &query);
	kube_query_add(&query, "resourceVersion", reflector->heart.version);
	kube_query_add(&query, "allowWatchBookmarks", "true");
	kube_query_add_number(&query, "timeoutSeconds", seconds);
	reflector->heard = mono_now();
	loop_timer_arm_ms(reflector->timer, or_usual(reflector->options.quiet_ms, QUIET_MS));
	start_call(reflector, &query, &limits);
}

static void finish_list(struct kube_reflector *reflector)
{
	const struct kube_reflector_callbacks *const callbacks = &reflector->options.callbacks;
	struct kube_known_object *object;
	size_t cursor = 0;

	while (!reflector->is_dying &&
	       (object = kube_known_next_unseen(&reflector->known, &cursor)))
		kube_reflector_remove(reflector, object);
	reflector->failure.text[0] = '\0';
	if (!reflector->is_dying && callbacks->on_synced)
		callbacks->on_synced(reflector->options.data);
	if (!reflector->is_dying)
		start_watch(reflector);
}

static void act(struct kube_reflector *reflector, struct kube_reflect_decision decision)
{
	const struct kube_reflector_callbacks *const callbacks = &reflector->options.callbacks;

	if (decision.action != KUBE_REFLECT_NOTHING)
		loop_timer_disarm(reflector->timer);
	switch (decision.action) {
	case KUBE_REFLECT_NOTHING:
		return;
	case KUBE_REFLECT_LIST:
	case KUBE_REFLECT_NEXT_PAGE:
		start_list(reflector, decision.action == KUBE_REFLECT_LIST);
		return;
	case KUBE_REFLECT_SYNC:
		finish_list(reflector);
		return;
	case KUBE_REFLECT_WATCH:
		start_watch(reflector);
		return;
	case KUBE_REFLECT_WAIT:
		loop_timer_arm_ms(reflector->timer, decision.wait_ms);
		if (callbacks->on_failed)
			callbacks->on_failed(&reflector->failure, decision.wait_ms,
					     reflector->options.data);
		return;
	}
}

static void give_up_quiet(struct kube_reflector *reflector)
{
	const int64_t quiet_ms = or_usual(reflector->options.quiet_ms, QUIET_MS);
	const int64_t left_ms = quiet_ms - mono_diff_ms(mono_now(), reflector->heard);

	if (left_ms > 0) {
		loop_timer_arm_ms(reflector->timer, left_ms);
		return;
	}
	end_call(reflector);
	kube_failure_set(&reflector->failure, reflector->options.kind->name, HTTP_CLASS_RETRY,
			 "the server has said nothing for too long");
	const struct kube_reflect_event event = kube_reflector_failed(&reflector->failure);
	step(reflector, &event);
}

static void on_timer(void *data)
{
	struct kube_reflector *const reflector = data;

	reflector->busy++;
	if (reflector->heart.state == KUBE_REFLECT_WATCHING)
		give_up_quiet(reflector);
	else
		step(reflector, &(struct kube_reflect_event){
					.type = reflector->heart.state == KUBE_REFLECT_STOPPED ?
							KUBE_REFLECT_START :
							KUBE_REFLECT_TIMER });
	leave(reflector);
}

static bool copy_selector(const char *from, char to[static SELECTOR_MAX])
{
	return snprintf(to, SELECTOR_MAX, "%s", from ? from : "") < SELECTOR_MAX;
}

static int init(struct kube_reflector *reflector, const struct kube_reflector_options *options)
{
	reflector->options = *options;
	kube_reflect_init(&reflector->heart, seed_guessable());
	if (!copy_selector(options->field_selector, reflector->field_selector) ||
	    !copy_selector(options->label_selector, reflector->label_selector))
		return -EINVAL;
	if (kube_known_init(&reflector->known) < 0)
		return -ENOMEM;
	reflector->object = calloc(1, options->kind->table->size);
	reflector->timer = loop_timer_new(kube_client_loop(options->client), on_timer, reflector);
	if (!reflector->object || !reflector->timer)
		return -ENOMEM;
	return options->is_held ? 0 : kube_reflector_begin(reflector);
}

int kube_reflector_begin(struct kube_reflector *reflector)
{
	return loop_timer_arm_ms(reflector->timer, 0);
}

struct kube_reflector *kube_reflector_new(const struct kube_reflector_options *options,
					  struct err *err)
{
	struct kube_reflector *const reflector = calloc(1, sizeof(*reflector));
	const int r = reflector ? init(reflector, options) : -ENOMEM;

	if (r == 0)
		return reflector;
	if (reflector)
		free_now(reflector);
	err_set(err, r, "%s", r == -EINVAL ? "a selector is too long" : "out of memory");
	return NULL;
}

void kube_reflector_status(const struct kube_reflector *reflector,
			   struct kube_reflector_status *ret)
{
	const struct kube_reflect *const heart = &reflector->heart;

	*ret = (struct kube_reflector_status){
		.state = kube_reflect_state_names[heart->state],
		.is_synced = heart->is_synced,
		.objects = reflector->known.n,
		.lists = heart->counts.lists,
		.pages = heart->counts.pages,
		.watches = heart->counts.watches,
		.events = heart->counts.events,
		.expired = heart->counts.expired,
		.failures = heart->counts.failures,
		.version = heart->version,
		.last_failure = reflector->failure.text,
	};
}

void kube_reflector_each(const struct kube_reflector *reflector, void (*fn)(void *user, void *data),
			 void *data)
{
	const struct kube_known *const known = &reflector->known;

	for (size_t i = 0; i < known->n_slots; i++)
		for (const struct kube_known_object *o = known->slots[i]; o; o = o->next)
			if (o->is_reported)
				fn(o->user, data);
}
