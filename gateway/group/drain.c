// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/drain.h"
#include "gateway/own/cloud.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "awsapi/call.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/seed.h"
#include "control/control.h"
#include "gateway/group/drain_rule.h"

enum { IDENTITY_MS = 1000 }; /* between two looks whether access is there */

struct drain {
	struct drain_options options;
	char hook[DRAIN_NAME_MAX], group[DRAIN_NAME_MAX];
	struct drain_rule rule;
	struct imds_watch *watch;
	struct loop_timer *timer; /* of the next call */
	struct aws_call *call;
	enum drain_call calling; /* of `call` */
	enum drain_hook told;    /* what the log was told */
	bool note_told;          /* of failed calls, the first */
	bool has_access;
	bool stopping; /* on_gone is due */
};

bool drain_is_wanted(const struct drain *drain)
{
	return drain && drain_is_on(&drain->rule);
}

/* "": not known. */
static const char *group_of(const struct drain *drain, const struct cloud_access *access)
{
	return drain->group[0] ? drain->group : access->group;
}

static void tell_hook(struct drain *drain)
{
	const enum drain_hook hook = drain->rule.hook;
	const bool is_early = hook == DRAIN_HOOK_UNKNOWN && drain->hook[0] && !drain->has_access;

	if (hook == drain->told || is_early)
		return;
	drain->told = hook;
	switch (hook) {
	case DRAIN_HOOK_UNKNOWN:
		log_warning(MSG_DRAIN_UNASKED, "drain",
			    "the Auto Scaling group can't be asked to wait: %s",
			    drain->hook[0] ?
				    "its name isn't known (failover.auto_scaling_group, or "
				    "the instance's tags in the metadata)" :
				    "failover.lifecycle_hook isn't configured");
		break;
	case DRAIN_HOOK_HOLDING:
		log_info("drain", "the Auto Scaling group is asked to wait (hook %s)", drain->hook);
		break;
	case DRAIN_HOOK_OVERDUE:
		log_warning(MSG_DRAIN_OVERDUE, "drain",
			    "nobody has taken over for an hour; the Auto Scaling group isn't asked "
			    "to wait any more");
		break;
	case DRAIN_HOOK_GONE:
		if (drain->rule.note[0])
			log_warning(MSG_DRAIN_NOT_WAITED, "drain",
				    "the Auto Scaling group doesn't wait for us: %s",
				    drain->rule.note);
		else
			log_info("drain", "the Auto Scaling group goes on (hook %s)", drain->hook);
		break;
	default:
		break;
	}
}

static void tell_note(struct drain *drain)
{
	if (!drain->rule.note[0])
		drain->note_told = false;
	else if (!drain->note_told && drain->rule.hook != DRAIN_HOOK_GONE)
		log_warning(MSG_DRAIN_CALL, "drain", "%s; trying again", drain->rule.note);
	drain->note_told = drain->rule.note[0];
}

static void step(struct drain *drain);

/* The last thing to be done where the rule has changed. */
static void go_on(struct drain *drain)
{
	step(drain);
	tell_hook(drain);
	if (drain->stopping && drain_may_go(&drain->rule)) {
		drain->stopping = false;
		log_info("drain", "nothing is carried any more");
		drain->options.on_gone(drain->options.data);
	}
}

/* `changed`: there was no reason before, or there is none any more. */
static void tell(struct drain *drain, bool changed)
{
	const bool on = drain_is_on(&drain->rule);
	char reason[DRAIN_REASON_MAX];

	drain_first_reason(&drain->rule, reason);
	if (changed && on)
		log_info("drain", "what is carried is to be handed over: %s", reason);
	else if (changed)
		log_info("drain", "there is no reason to hand over any more");
	if (changed)
		drain->options.on_drain(on, reason, drain->options.data);
	go_on(drain);
}

static void on_called(const struct aws_failure *failure, void *value, void *data)
{
	struct drain *drain = data;

	(void)value;
	drain->call = NULL;
	if (failure->class == HTTP_CLASS_OK)
		drain_see_called(&drain->rule, drain->calling, mono_now());
	else
		drain_see_failure(&drain->rule, drain->calling, failure, mono_now());
	tell_note(drain);
	go_on(drain);
}

static void start_call(struct drain *drain, enum drain_call call, const struct cloud_access *access)
{
	const struct asg_lifecycle lifecycle = { drain->hook, group_of(drain, access),
						 access->instance_id };
	struct aws_request request;
	struct aws_failure failure;
	struct err err = ERR_NULL;
	const bool is_end = call == DRAIN_CALL_COMPLETE;
	int rc = is_end ? asg_complete_lifecycle(&lifecycle, false, &request) :
			  asg_record_heartbeat(&lifecycle, &request);
	const struct aws_call_options options = { .caller = access->caller,
						  .endpoint = access->autoscaling,
						  .request = &request,
						  .budget = AWS_BUDGET_ONE,
						  .done = on_called,
						  .data = drain };

	drain->calling = call;
	if (rc)
		err_set(&err, rc, "the request can't be put together: %s", strerror(-rc));
	else
		drain->call = aws_call_start(&options, &err);
	if (drain->call)
		return;
	aws_failure_set(&failure,
			is_end ? "CompleteLifecycleAction" : "RecordLifecycleActionHeartbeat",
			HTTP_CLASS_PERMANENT, err.text);
	drain_see_failure(&drain->rule, call, &failure, mono_now());
	tell_note(drain);
	(void)loop_timer_arm_ms(drain->timer, DRAIN_BEAT_MS);
}

/* A call is under way, or the timer is armed, or nothing is to be called. */
static void step(struct drain *drain)
{
	struct cloud_access access = { .group = "" };
	int64_t ms;

	/* A beat that isn't answered doesn't hold the end up. */
	if (drain->call && drain->calling == DRAIN_CALL_BEAT &&
	    drain->rule.hook == DRAIN_HOOK_LEAVING)
		aws_call_cancel(TAKE_PTR(drain->call));
	if (drain->call || !(drain->rule.sources & (1U << DRAIN_LIFECYCLE)))
		return;
	drain->has_access = drain->options.access &&
			    drain->options.access(&access, drain->options.data);

	drain_see_names(&drain->rule,
			drain->has_access && drain->hook[0] && group_of(drain, &access)[0],
			mono_now());
	const enum drain_call call = drain_next_call(&drain->rule, mono_now(), &ms);

	if (call != DRAIN_CALL_NONE && ms == 0)
		start_call(drain, call, &access);
	else if (call != DRAIN_CALL_NONE)
		(void)loop_timer_arm_ms(drain->timer, ms);
	else if (!drain->has_access && drain->hook[0])
		(void)loop_timer_arm_ms(drain->timer, IDENTITY_MS);
}

static void timer_expired(void *data)
{
	go_on(data);
}

static void log_notices(const struct drain *drain, unsigned changed)
{
	static const enum drain_source sources[IMDS_NOTICE_COUNT] = {
		[IMDS_NOTICE_SPOT] = DRAIN_SPOT,
		[IMDS_NOTICE_REBALANCE] = DRAIN_REBALANCE,
		[IMDS_NOTICE_LIFECYCLE] = DRAIN_LIFECYCLE,
	};
	char reason[DRAIN_REASON_MAX];

	for (unsigned i = 0; i < IMDS_NOTICE_COUNT; i++) {
		if ((changed & (1U << i)) && (drain->rule.sources & (1U << sources[i])))
			log_warning(MSG_DRAIN_NOTICE, "drain", "%s",
				    drain_reason(&drain->rule, sources[i], reason));
	}
}

static void on_notices(const struct imds_notices *notices, unsigned changed, void *data)
{
	struct drain *drain = data;
	const bool is_other = drain_see_notices(&drain->rule, notices, mono_now());

	log_notices(drain, changed);
	tell(drain, is_other);
}

void drain_command(struct drain *drain, bool on)
{
	tell(drain, drain_see_command(&drain->rule, on));
}

int64_t drain_begin_stop(struct drain *drain)
{
	if (!drain)
		return 0;
	tell(drain, drain_see_stop(&drain->rule));
	drain->stopping = !drain_may_go(&drain->rule);
	return drain->stopping ? DRAIN_STOP_MS : 0;
}

void drain_set_done(struct drain *drain, bool nothing_is_carried)
{
	if (drain->rule.nothing_carried == nothing_is_carried)
		return;
	drain_see_carried(&drain->rule, nothing_is_carried, mono_now());
	go_on(drain);
}

void drain_free(struct drain *drain)
{
	if (!drain)
		return;
	aws_call_cancel(drain->call);
	imds_watch_free(drain->watch);
	loop_timer_free(drain->timer);
	free(drain);
}

static void cleanup_drain(struct drain **drain)
{
	drain_free(*drain);
}

struct drain *drain_new(const struct drain_options *options, struct err *err)
{
	CLEANUP(cleanup_drain) struct drain *drain = calloc(1, sizeof(*drain));

	if (!drain) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (strlen(options->hook) >= DRAIN_NAME_MAX || strlen(options->group) >= DRAIN_NAME_MAX) {
		err_set(err, -EINVAL, "the name of a lifecycle hook or group is too long");
		return NULL;
	}
	drain->options = *options;
	memcpy(drain->hook, options->hook, strlen(options->hook));
	memcpy(drain->group, options->group, strlen(options->group));
	drain_rule_init(&drain->rule, seed_guessable());
	drain->timer = loop_timer_new(options->loop, timer_expired, drain);
	if (drain->timer && options->imds)
		drain->watch = imds_watch_new(options->loop, options->imds, options->interval_ms,
					      on_notices, drain);
	if (!drain->timer || (options->imds && !drain->watch)) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	return TAKE_PTR(drain);
}

void drain_status(const struct drain *drain, struct control_out *out)
{
	char reason[DRAIN_REASON_MAX];
	const char *error = "";

	if (!drain)
		return;
	control_object(out, "drain");
	control_bool(out, "on", drain_is_on(&drain->rule));
	control_bool(out, "nothing_carried", drain->rule.nothing_carried);
	control_array(out, "reasons");
	for (unsigned i = 0; i < DRAIN_SOURCE_COUNT; i++) {
		if (!(drain->rule.sources & (1U << i)))
			continue;
		control_object(out, NULL);
		control_string(out, "source", drain_source_names[i]);
		control_string(out, "reason", drain_reason(&drain->rule, i, reason));
		control_end(out);
	}
	control_end(out);
	control_string(out, "hook", drain_hook_names[drain->rule.hook]);
	control_string(out, "hook_error", drain->rule.note);
	if (drain->watch)
		(void)imds_watch_failures(drain->watch, &error);
	control_string(out, "metadata_error", error);
	control_end(out);
}

int drain_run_command(struct drain *drain, const struct control_args *args, struct control_out *out,
		      struct err *err)
{
	const char *set = control_arg(args, "set");

	if (!drain)
		return err_mark(
			err, MSG_CONTROL_REQUEST,
			err_set(err, -EOPNOTSUPP,
				"this gateway is alone (no failover is configured): nobody could "
				"take over what it carries"));
	if (set && strcmp(set, "on") != 0 && strcmp(set, "off") != 0)
		return err_mark(err, MSG_CONTROL_REQUEST,
				err_set(err, -EINVAL, "set: '%.32s' is neither on nor off", set));
	if (set)
		drain_command(drain, strcmp(set, "on") == 0);
	drain_status(drain, out);
	return 0;
}
