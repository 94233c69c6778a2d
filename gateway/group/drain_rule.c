// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/drain_rule.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "awsapi/failure.h"

enum { TIME_MAX = 32, RETRY_BASE_MS = 1000 };

#define BIT(source) (1U << (source))

const char *const drain_source_names[DRAIN_SOURCE_COUNT] = {
	[DRAIN_STOP] = "stop",       [DRAIN_SPOT] = "spot",           [DRAIN_LIFECYCLE] = "group",
	[DRAIN_COMMAND] = "command", [DRAIN_REBALANCE] = "rebalance",
};

const char *const drain_hook_names[DRAIN_HOOK_COUNT] = {
	[DRAIN_HOOK_NONE] = "none",       [DRAIN_HOOK_UNKNOWN] = "unknown",
	[DRAIN_HOOK_HOLDING] = "holding", [DRAIN_HOOK_OVERDUE] = "overdue",
	[DRAIN_HOOK_LEAVING] = "leaving", [DRAIN_HOOK_GONE] = "gone",
};

void drain_rule_init(struct drain_rule *rule, uint64_t seed)
{
	*rule = (struct drain_rule){
		.backoff = { .base_ms = RETRY_BASE_MS, .cap_ms = DRAIN_BEAT_MS, .random = seed }
	};
}

bool drain_is_on(const struct drain_rule *rule)
{
	return rule->sources != 0;
}

static bool is_wanted(const struct drain_rule *rule, enum drain_source source)
{
	return rule->sources & BIT(source);
}

/* True: it's the first reason, or was the last. */
static bool set_source(struct drain_rule *rule, enum drain_source source, bool on)
{
	const bool was_on = drain_is_on(rule);

	rule->sources = on ? rule->sources | BIT(source) : rule->sources & ~BIT(source);
	return drain_is_on(rule) != was_on;
}

static enum drain_hook judge_hook(const struct drain_rule *rule, struct mono now)
{
	if (!is_wanted(rule, DRAIN_LIFECYCLE))
		return DRAIN_HOOK_NONE;
	if (rule->hook == DRAIN_HOOK_GONE)
		return DRAIN_HOOK_GONE;
	if (!rule->knows_hook)
		return DRAIN_HOOK_UNKNOWN;
	if (rule->nothing_carried)
		return DRAIN_HOOK_LEAVING;
	if (rule->hook != DRAIN_HOOK_NONE && mono_diff_ms(now, rule->hook_since) >= DRAIN_HOLD_MS)
		return DRAIN_HOOK_OVERDUE;
	return DRAIN_HOOK_HOLDING;
}

static void settle(struct drain_rule *rule, struct mono now)
{
	const enum drain_hook hook = judge_hook(rule, now);

	if (hook == rule->hook)
		return;
	if (rule->hook == DRAIN_HOOK_NONE) {
		rule->hook_since = now;
		rule->note[0] = '\0';
	}
	rule->hook = hook;
	rule->call_at = now;
	backoff_reset(&rule->backoff);
}

bool drain_see_notices(struct drain_rule *rule, const struct imds_notices *notices, struct mono now)
{
	const bool was_on = drain_is_on(rule);

	rule->notices = *notices;
	set_source(rule, DRAIN_SPOT, notices->spot != IMDS_SPOT_NONE);
	set_source(rule, DRAIN_LIFECYCLE, strcmp(notices->lifecycle, "Terminated") == 0);
	if (notices->rebalance_sec && notices->rebalance_sec != rule->dismissed_sec) {
		rule->rebalance_sec = notices->rebalance_sec;
		set_source(rule, DRAIN_REBALANCE, true);
	}
	settle(rule, now);
	return drain_is_on(rule) != was_on;
}

bool drain_see_command(struct drain_rule *rule, bool on)
{
	const bool was_on = drain_is_on(rule);

	set_source(rule, DRAIN_COMMAND, on);
	if (!on && is_wanted(rule, DRAIN_REBALANCE)) {
		set_source(rule, DRAIN_REBALANCE, false);
		rule->dismissed_sec = rule->rebalance_sec;
		rule->rebalance_sec = 0;
	}
	return drain_is_on(rule) != was_on;
}

bool drain_see_stop(struct drain_rule *rule)
{
	return set_source(rule, DRAIN_STOP, true);
}

void drain_see_carried(struct drain_rule *rule, bool nothing, struct mono now)
{
	rule->nothing_carried = nothing;
	settle(rule, now);
}

void drain_see_names(struct drain_rule *rule, bool known, struct mono now)
{
	rule->knows_hook = known;
	settle(rule, now);
}

static void format_time(int64_t sec, char ret[static TIME_MAX])
{
	const time_t time = (time_t)sec;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(ret, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(ret, TIME_MAX, "an unknown time");
}

const char *drain_reason(const struct drain_rule *rule, enum drain_source source,
			 char ret[static DRAIN_REASON_MAX])
{
	static const char *const actions[] = { [IMDS_SPOT_NONE] = "nothing",
					       [IMDS_SPOT_TERMINATE] = "terminated",
					       [IMDS_SPOT_STOP] = "stopped",
					       [IMDS_SPOT_HIBERNATE] = "hibernated" };
	static const char *const fixed[DRAIN_SOURCE_COUNT] = {
		[DRAIN_STOP] = "the daemon is being stopped",
		[DRAIN_LIFECYCLE] = "the Auto Scaling group terminates the instance",
		[DRAIN_COMMAND] = "by command",
	};
	char time[TIME_MAX];

	if (source == DRAIN_SPOT) {
		format_time(rule->notices.spot_sec, time);
		snprintf(ret, DRAIN_REASON_MAX, "spot interruption: the instance is %s at %s",
			 actions[rule->notices.spot], time);
	} else if (source == DRAIN_REBALANCE) {
		format_time(rule->rebalance_sec, time);
		snprintf(ret, DRAIN_REASON_MAX, "rebalance recommendation of %s", time);
	} else {
		snprintf(ret, DRAIN_REASON_MAX, "%s", fixed[source]);
	}
	return ret;
}

const char *drain_first_reason(const struct drain_rule *rule, char ret[static DRAIN_REASON_MAX])
{
	ret[0] = '\0';
	for (unsigned i = 0; i < DRAIN_SOURCE_COUNT; i++) {
		if (is_wanted(rule, i))
			return drain_reason(rule, i, ret);
	}
	return ret;
}

static enum drain_call wanted_call(const struct drain_rule *rule)
{
	if (rule->hook == DRAIN_HOOK_HOLDING)
		return DRAIN_CALL_BEAT;
	return rule->hook == DRAIN_HOOK_LEAVING ? DRAIN_CALL_COMPLETE : DRAIN_CALL_NONE;
}

enum drain_call drain_next_call(struct drain_rule *rule, struct mono now, int64_t *ret_ms)
{
	settle(rule, now);
	*ret_ms = mono_diff_ms(rule->call_at, now);
	if (*ret_ms < 0)
		*ret_ms = 0;
	return wanted_call(rule);
}

/* While it was under way, something else may have become urgent: the outcome delays the next of its kind only. */
void drain_see_called(struct drain_rule *rule, enum drain_call call, struct mono now)
{
	rule->note[0] = '\0';
	if (call == DRAIN_CALL_COMPLETE) {
		rule->hook = DRAIN_HOOK_GONE;
	} else if (call == wanted_call(rule)) {
		backoff_reset(&rule->backoff);
		rule->call_at = mono_add_ms(now, DRAIN_BEAT_MS);
	}
	settle(rule, now);
}

/* Nobody waits: the hook has timed out, was answered already, or has another name. A beat may have come too early. */
static bool is_over(enum drain_call call, const struct aws_failure *failure)
{
	return call == DRAIN_CALL_COMPLETE && strcmp(failure->code, "ValidationError") == 0;
}

void drain_see_failure(struct drain_rule *rule, enum drain_call call,
		       const struct aws_failure *failure, struct mono now)
{
	snprintf(rule->note, sizeof(rule->note), "%.*s", DRAIN_NOTE_MAX - 1, failure->text);
	if (is_over(call, failure))
		rule->hook = DRAIN_HOOK_GONE;
	else if (call == wanted_call(rule))
		rule->call_at = mono_add_ms(now, backoff_next_ms(&rule->backoff, failure->class,
								 failure->retry_after_ms));
	settle(rule, now);
}

bool drain_may_go(const struct drain_rule *rule)
{
	return rule->nothing_carried && rule->hook != DRAIN_HOOK_LEAVING;
}
