// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Why this gateway hands over, and what its Auto Scaling group hears: event by event, as tables. */
#include "gateway/group/drain_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "awsapi/failure.h"
#include "base/cleanup.h"

enum { SEED = 7, SPOT_SEC = 1767225599, BEGIN_MS = 1000000 };

enum kind {
	END,
	SPOT,
	NO_SPOT,
	REBALANCE, /* value: when */
	NO_REBALANCE,
	TERMINATED,
	IN_SERVICE,
	COMMAND,
	UNDO,
	STOP,
};

struct event {
	enum kind kind;
	int value;
	bool changes; /* there was no reason before, or there is none any more */
	unsigned sources;
};

#define BIT(source) (1U << (source))
#define B_STOP BIT(DRAIN_STOP)
#define B_SPOT BIT(DRAIN_SPOT)
#define B_GROUP BIT(DRAIN_LIFECYCLE)
#define B_COMMAND BIT(DRAIN_COMMAND)
#define B_REBALANCE BIT(DRAIN_REBALANCE)

struct story {
	const char *what;
	struct event events[6];
};

static const struct story stories[] = {
	{ "a command is taken back",
	  { { COMMAND, 0, true, B_COMMAND },
	    { COMMAND, 0, false, B_COMMAND },
	    { UNDO, 0, true, 0 } } },
	{ "taking back what wasn't given does nothing", { { UNDO, 0, false, 0 } } },
	{ "a spot notice isn't taken back by a person, but by EC2",
	  { { SPOT, 0, true, B_SPOT }, { UNDO, 0, false, B_SPOT }, { NO_SPOT, 0, true, 0 } } },
	{ "a command outlives a notice",
	  { { COMMAND, 0, true, B_COMMAND },
	    { SPOT, 0, false, B_SPOT | B_COMMAND },
	    { NO_SPOT, 0, false, B_COMMAND },
	    { UNDO, 0, true, 0 } } },
	{ "a notice outlives a command",
	  { { COMMAND, 0, true, B_COMMAND },
	    { SPOT, 0, false, B_SPOT | B_COMMAND },
	    { UNDO, 0, false, B_SPOT } } },
	{ "a recommendation isn't revoked",
	  { { REBALANCE, 5, true, B_REBALANCE }, { NO_REBALANCE, 0, false, B_REBALANCE } } },
	{ "a person may dismiss a recommendation, but not the next",
	  { { REBALANCE, 5, true, B_REBALANCE },
	    { UNDO, 0, true, 0 },
	    { REBALANCE, 5, false, 0 },
	    { REBALANCE, 6, true, B_REBALANCE } } },
	{ "a dismissed recommendation stays dismissed, also when the command is given and taken back",
	  { { REBALANCE, 5, true, B_REBALANCE },
	    { UNDO, 0, true, 0 },
	    { COMMAND, 0, true, B_COMMAND },
	    { UNDO, 0, true, 0 },
	    { REBALANCE, 5, false, 0 } } },
	{ "the group's wish goes when it does",
	  { { IN_SERVICE, 0, false, 0 },
	    { TERMINATED, 0, true, B_GROUP },
	    { UNDO, 0, false, B_GROUP },
	    { IN_SERVICE, 0, true, 0 } } },
	{ "who stops doesn't come back",
	  { { STOP, 0, true, B_STOP }, { UNDO, 0, false, B_STOP }, { STOP, 0, false, B_STOP } } },
};

static bool play(struct drain_rule *rule, struct imds_notices *notices, const struct event *event)
{
	const struct mono now = { INT64_C(1000000) * BEGIN_MS };

	switch (event->kind) {
	case SPOT:
		notices->spot = IMDS_SPOT_TERMINATE;
		notices->spot_sec = SPOT_SEC;
		break;
	case NO_SPOT:
		notices->spot = IMDS_SPOT_NONE;
		notices->spot_sec = 0;
		break;
	case REBALANCE:
	case NO_REBALANCE:
		notices->rebalance_sec = event->value;
		break;
	case TERMINATED:
		snprintf(notices->lifecycle, sizeof(notices->lifecycle), "Terminated");
		break;
	case IN_SERVICE:
		snprintf(notices->lifecycle, sizeof(notices->lifecycle), "InService");
		break;
	case COMMAND:
	case UNDO:
		return drain_see_command(rule, event->kind == COMMAND);
	case STOP:
		return drain_see_stop(rule);
	case END:
		break;
	}
	return drain_see_notices(rule, notices, now);
}

static void each_reason_goes_its_own_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct imds_notices notices = { .spot = IMDS_SPOT_NONE };
		struct drain_rule rule;

		drain_rule_init(&rule, SEED);
		for (const struct event *e = stories[i].events; e->kind != END; e++) {
			const bool changes = play(&rule, &notices, e);

			if (changes != e->changes || rule.sources != e->sources ||
			    drain_is_on(&rule) != (e->sources != 0))
				fail_msg("%s: event %td: changes %d, sources 0x%x", stories[i].what,
					 e - stories[i].events, changes, rule.sources);
		}
	}
}

static void the_most_urgent_reason_is_told_first(void **state)
{
	static const struct event events[] = {
		{ REBALANCE, SPOT_SEC, true, 0 },
		{ COMMAND, 0, false, 0 },
		{ TERMINATED, 0, false, 0 },
		{ SPOT, 0, false, 0 },
		{ STOP, 0, false, 0 },
	};
	static const char *const texts[] = {
		"rebalance recommendation of 2025-12-31T23:59:59Z",
		"by command",
		"the Auto Scaling group terminates the instance",
		"spot interruption: the instance is terminated at 2025-12-31T23:59:59Z",
		"the daemon is being stopped",
	};
	struct imds_notices notices = { .spot = IMDS_SPOT_NONE };
	struct drain_rule rule;
	char reason[DRAIN_REASON_MAX];

	(void)state;
	drain_rule_init(&rule, SEED);
	assert_string_equal(drain_first_reason(&rule, reason), "");
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		play(&rule, &notices, &events[i]);
		assert_string_equal(drain_first_reason(&rule, reason), texts[i]);
	}
}

/* ---- the hook ------------------------------------------------------------------------------------------- */

enum act {
	NOTHING, /* time goes by */
	LIFECYCLE_ON,
	LIFECYCLE_OFF,
	KNOWN,
	EMPTY,   /* nothing is carried */
	CARRIED, /* something is again */
	CALLED,
	BEATEN, /* the answer to a beat, after something else was wanted */
	THROTTLED,
	BEAT_FAILED,     /* likewise */
	COMPLETE_FAILED, /* likewise */
	INVALID,         /* no action waits */
};

struct beat {
	enum act act;
	int64_t after_ms;
	enum drain_hook hook;
	enum drain_call call;
	int64_t least_ms, most_ms; /* until it */
	bool may_go;
};

struct hook_story {
	const char *what;
	size_t n;
	struct beat beats[8];
};

#define BEAT DRAIN_CALL_BEAT
#define COMPLETE DRAIN_CALL_COMPLETE
#define NO_CALL DRAIN_CALL_NONE

static const struct hook_story hook_stories[] = {
	{ "without a wish of the group nothing is called",
	  2,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true } } },
	{ "the group waits while something is carried, and goes on then",
	  6,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { CALLED, 0, DRAIN_HOOK_HOLDING, BEAT, DRAIN_BEAT_MS, DRAIN_BEAT_MS, false },
	    { NOTHING, DRAIN_BEAT_MS, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { CALLED, 0, DRAIN_HOOK_GONE, NO_CALL, 0, 0, true } } },
	{ "an empty gateway lets the group go on at once",
	  4,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { CALLED, 0, DRAIN_HOOK_GONE, NO_CALL, 0, 0, true } } },
	{ "without names only what is carried counts",
	  3,
	  { { LIFECYCLE_ON, 0, DRAIN_HOOK_UNKNOWN, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_UNKNOWN, NO_CALL, 0, 0, true },
	    { KNOWN, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false } } },
	{ "a failed call is tried again soon",
	  5,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { THROTTLED, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 4000, false },
	    { EMPTY, 1, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { THROTTLED, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 4000, false } } },
	{ "a beat that nobody waits for is repeated: it may have come too early",
	  3,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { INVALID, 0, DRAIN_HOOK_HOLDING, BEAT, 0, DRAIN_BEAT_MS, false } } },
	{ "an end that nobody waits for is an end",
	  4,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { INVALID, 0, DRAIN_HOOK_GONE, NO_CALL, 0, 0, true } } },
	{ "the group isn't kept waiting for ever, but hears of the end",
	  5,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { NOTHING, DRAIN_HOLD_MS - 1, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { NOTHING, 1, DRAIN_HOOK_OVERDUE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false } } },
	{ "what is carried again before the end was told is waited for",
	  4,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { CARRIED, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false } } },
	{ "a late answer to a beat doesn't delay the end",
	  5,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { BEATEN, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { BEAT_FAILED, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false } } },
	{ "a late refusal of the end doesn't delay the next beat",
	  5,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { CARRIED, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { COMPLETE_FAILED, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false } } },
	{ "a second wish is answered as the first",
	  6,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { EMPTY, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false },
	    { CALLED, 0, DRAIN_HOOK_GONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_OFF, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, true },
	    { LIFECYCLE_ON, DRAIN_HOLD_MS, DRAIN_HOOK_LEAVING, COMPLETE, 0, 0, false } } },
	{ "an answer that comes after the wish has gone is for nobody",
	  4,
	  { { KNOWN, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { LIFECYCLE_ON, 0, DRAIN_HOOK_HOLDING, BEAT, 0, 0, false },
	    { LIFECYCLE_OFF, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false },
	    { CALLED, 0, DRAIN_HOOK_NONE, NO_CALL, 0, 0, false } } },
};

static void fail_call(struct drain_rule *rule, enum drain_call call, enum act act, struct mono now)
{
	struct aws_failure failure = { .class = HTTP_CLASS_THROTTLED, .retry_after_ms = -1 };

	snprintf(failure.code, sizeof(failure.code), "Throttling");
	if (act == INVALID) {
		failure.class = HTTP_CLASS_PERMANENT;
		snprintf(failure.code, sizeof(failure.code), "ValidationError");
	}
	snprintf(failure.text, sizeof(failure.text), "it failed");
	drain_see_failure(rule, call, &failure, now);
	assert_string_equal(rule->note, "it failed");
}

static void act(struct drain_rule *rule, enum act act, enum drain_call call, struct mono now)
{
	struct imds_notices notices = { .spot = IMDS_SPOT_NONE };

	switch (act) {
	case NOTHING:
		break;
	case LIFECYCLE_ON:
	case LIFECYCLE_OFF:
		if (act == LIFECYCLE_ON)
			snprintf(notices.lifecycle, sizeof(notices.lifecycle), "Terminated");
		drain_see_notices(rule, &notices, now);
		break;
	case KNOWN:
		drain_see_names(rule, true, now);
		break;
	case EMPTY:
	case CARRIED:
		drain_see_carried(rule, act == EMPTY, now);
		break;
	case CALLED:
		drain_see_called(rule, call, now);
		assert_string_equal(rule->note, "");
		break;
	case BEATEN:
		drain_see_called(rule, DRAIN_CALL_BEAT, now);
		break;
	case BEAT_FAILED:
	case COMPLETE_FAILED:
		fail_call(rule, act == BEAT_FAILED ? DRAIN_CALL_BEAT : DRAIN_CALL_COMPLETE,
			  THROTTLED, now);
		break;
	case THROTTLED:
	case INVALID:
		fail_call(rule, call, act, now);
		break;
	}
}

static void the_group_waits_as_long_as_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hook_stories); i++) {
		struct mono now = { INT64_C(1000000) * BEGIN_MS };
		enum drain_call call = DRAIN_CALL_NONE;
		struct drain_rule rule;
		int64_t ms;

		drain_rule_init(&rule, SEED);
		for (size_t j = 0; j < hook_stories[i].n; j++) {
			const struct beat *b = &hook_stories[i].beats[j];

			now = mono_add_ms(now, b->after_ms);
			act(&rule, b->act, call, now);
			call = drain_next_call(&rule, now, &ms);
			if (rule.hook != b->hook || call != b->call ||
			    drain_may_go(&rule) != b->may_go)
				fail_msg("%s: beat %zu: hook %s, call %d, may go %d",
					 hook_stories[i].what, j, drain_hook_names[rule.hook],
					 (int)call, drain_may_go(&rule));
			if (call != DRAIN_CALL_NONE && (ms < b->least_ms || ms > b->most_ms))
				fail_msg("%s: beat %zu: in %lld ms", hook_stories[i].what, j,
					 (long long)ms);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_goes_its_own_way),
		cmocka_unit_test(the_most_urgent_reason_is_told_first),
		cmocka_unit_test(the_group_waits_as_long_as_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
