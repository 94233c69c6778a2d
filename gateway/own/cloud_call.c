// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/own/cloud_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "awsapi/credentials.h"
#include "awsapi/failure.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/own/cloud.h"

static void log_state(const char *what, enum own_state to, enum own_state from, const char *reason)
{
	static const enum log_level levels[OWN_STATE_COUNT] = {
		[OWN_UNKNOWN] = LOG_LEVEL_INFO,  [OWN_CLAIMING] = LOG_LEVEL_INFO,
		[OWN_HELD] = LOG_LEVEL_INFO,     [OWN_LOST] = LOG_LEVEL_ERROR,
		[OWN_BLOCKED] = LOG_LEVEL_ERROR, [OWN_STANDBY] = LOG_LEVEL_INFO,
	};

	static const int ids[OWN_STATE_COUNT] = {
		[OWN_LOST] = MSG_OWN_LOST, [OWN_BLOCKED] = MSG_OWN_BLOCKED
	};

	log_write_id(levels[to], ids[to], "own", "%s: %s, was %s: %s", what, own_state_names[to],
		     own_state_names[from], reason);
}

static bool tell_egress(struct cloud *cloud)
{
	bool changed = false;

	for (size_t i = 0; i < cloud->own.n; i++) {
		const struct own_egress *e = &cloud->own.v[i];
		const struct ip4 private = own_private(&cloud->own, i);
		struct cloud_told *told = &cloud->told[i];
		char name[CONFIG_NAME_MAX + 16];

		changed = changed || private.v != told->private.v;
		told->private = private;
		if (e->state == told->state)
			continue;
		snprintf(name, sizeof(name), "egress IP %s", e->wanted.name);
		log_state(name, e->state, told->state, e->reason);
		told->state = e->state;
	}
	return changed;
}

static void tell_native(struct cloud *cloud)
{
	struct cloud_told *told = cloud->told + cloud->own.n;

	for (size_t i = 0; i < cloud->native.n; i++) {
		const struct native_point *p = &cloud->native.v[i];
		char name[NATIVE_NAME_MAX];

		if (p->state == told[i].state)
			continue;
		log_state(native_name(&cloud->native, i, name), p->state, told[i].state, p->reason);
		told[i].state = p->state;
	}
}

bool cloud_tell_log(struct cloud *cloud)
{
	bool changed = tell_egress(cloud);

	tell_native(cloud);
	return changed;
}

void cloud_tell(struct cloud *cloud)
{
	bool is_decided = own_is_decided(&cloud->own);
	bool is_complete = cloud_is_complete(cloud);
	bool has_news = cloud->told_news != cloud->own.news;
	bool changed = cloud_tell_log(cloud);

	changed = changed || (is_decided && !cloud->was_decided) ||
		  (is_complete && !cloud->was_complete);
	cloud->was_decided = is_decided;
	cloud->was_complete = is_complete;
	cloud->is_carried = cloud->is_carried && own_all_held(&cloud->own) &&
			    !own_any_standby(&cloud->own);
	cloud->told_news = cloud->own.news;
	if (changed)
		cloud->on_change(cloud->data);
	if (has_news && cloud->on_where)
		cloud->on_where(cloud->data);
}

void cloud_see_failure(struct cloud *cloud, struct cloud_subject subject,
		       const struct aws_action *action, const struct aws_failure *failure)
{
	const struct mono now = mono_now();

	switch (subject.about) {
	case ABOUT_INTERFACE:
		own_see_failure(&cloud->own, OWN_ALL, action, failure, now);
		native_see_failure(&cloud->native, NATIVE_INTERFACE, action, failure, now);
		break;
	case ABOUT_EGRESS:
		own_see_failure(&cloud->own, subject.index, action, failure, now);
		break;
	case ABOUT_TABLES:
		native_see_failure(&cloud->native, NATIVE_TABLES, action, failure, now);
		break;
	case ABOUT_NATIVE:
		native_see_failure(&cloud->native, subject.index, action, failure, now);
		break;
	}
}

/* Then its own line tells the failure, once. */
static bool is_blocked(const struct cloud *cloud, struct cloud_subject subject)
{
	size_t i = 1;

	switch (subject.about) {
	case ABOUT_EGRESS:
		return cloud->own.v[subject.index].state == OWN_BLOCKED;
	case ABOUT_NATIVE:
		return cloud->native.v[subject.index].state == OWN_BLOCKED;
	case ABOUT_TABLES:
		while (i < cloud->native.n && cloud->native.v[i].state == OWN_BLOCKED)
			i++;
		return i == cloud->native.n;
	case ABOUT_INTERFACE:
		break;
	}
	return false;
}

void cloud_take_failure_of(struct cloud *cloud, struct cloud_subject subject,
			   const struct aws_action *action, const struct aws_failure *why)
{
	struct aws_failure failure = *why;
	char cause[MESSAGE_TEXT_MAX];
	/* New credentials wouldn't help then. */
	bool is_clock = aws_failure_blame_clock(&failure, action->name, time(NULL));

	if (failure.class == HTTP_CLASS_CREDENTIALS && cloud->credentials && !is_clock) {
		struct credentials_status status;

		credentials_status(cloud->credentials, &status);
		if (failure.status)
			credentials_refuse(cloud->credentials);
		else if (status.error[0])
			aws_failure_set(&failure, "credentials", HTTP_CLASS_CREDENTIALS,
					status.error);
	}
	cloud->counts.failures[failure.class]++;
	cloud_see_failure(cloud, subject, action, &failure);
	if (!is_blocked(cloud, subject)) {
		if (!cloud->failing && !cloud->failed)
			log_warning(MSG_EC2_FAILING, "own",
				    "%s%s; what is held stays, trying again", failure.text,
				    message_cite(aws_failure_id(&failure), cause));
		cloud->failed = true;
	}
	cloud_tell(cloud);
}

void cloud_take_failure(struct cloud *cloud, const struct aws_action *action,
			const struct aws_failure *why)
{
	cloud_take_failure_of(cloud, (struct cloud_subject){ cloud->about, cloud->index }, action,
			      why);
}

void cloud_fail(struct cloud *cloud, const struct aws_action *action, const char *what,
		enum http_class class, const char *text)
{
	struct aws_failure failure;

	aws_failure_set(&failure, what, class, text);
	cloud_take_failure(cloud, action, &failure);
}

int cloud_call(struct cloud *cloud, struct aws_request *request, int rc, aws_call_done_fn done)
{
	const struct aws_action *action = request->action;
	struct err err = ERR_NULL;
	const struct aws_call_options options = { .caller = &cloud->caller,
						  .endpoint = &cloud->ec2,
						  .request = request,
						  .budget = AWS_BUDGET_ONE,
						  .done = done,
						  .data = cloud };

	cloud->action = action;
	cloud->counts.calls++;
	if (rc == 0)
		cloud->call = aws_call_start(&options, &err);
	else
		err_set(&err, rc, "the request can't be put together: %s", strerror(-rc));
	if (cloud->call)
		return 0;
	cloud_fail(cloud, action, action->name, HTTP_CLASS_RETRY, err.text);
	return -EAGAIN;
}
