// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Associations that a fail-over waits for: each is a call of its own, with the budget of fail-overs, beside the round.
 * The round sees what came of it.
 */
#include "gateway/own/cloud_internal.h"

#include "awsapi/failure.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"

static void on_taken(const struct aws_failure *failure, void *value, void *data)
{
	struct cloud_takeover *takeover = data;
	struct cloud *cloud = takeover->cloud;
	const struct cloud_subject subject = { ABOUT_EGRESS, takeover->index };

	(void)value;
	takeover->call = NULL;
	if (failure->class == HTTP_CLASS_OK)
		own_see_associated(&cloud->own, subject.index, mono_now());
	else
		cloud_take_failure_of(cloud, subject, &ec2_action_associate_address, failure);
	cloud_tell(cloud);
	cloud_take_over(cloud);
	if (!cloud->in_round)
		cloud_arm(cloud);
}

static void start(struct cloud_takeover *takeover)
{
	struct cloud *cloud = takeover->cloud;
	const struct own_step step = own_take_over(&cloud->own, takeover->index, mono_now());
	struct aws_request request;
	struct aws_failure failure;
	struct err err = ERR_NULL;
	const struct aws_call_options options = { .caller = &cloud->caller,
						  .endpoint = &cloud->ec2,
						  .request = &request,
						  .budget = AWS_BUDGET_FAILOVER,
						  .done = on_taken,
						  .data = takeover };

	cloud->counts.calls++;
	if (own_request_step(&cloud->own, takeover->index, step, &request) == 0)
		takeover->call = aws_call_start(&options, &err);
	if (takeover->call)
		return;
	/* The round goes on with it. */
	aws_failure_set(&failure, ec2_action_associate_address.name, HTTP_CLASS_RETRY,
			"out of memory");
	own_see_failure(&cloud->own, takeover->index, &ec2_action_associate_address, &failure,
			mono_now());
}

void cloud_take_over(struct cloud *cloud)
{
	for (size_t i = 0; i < CLOUD_TAKEOVERS_MAX && cloud->credentials; i++) {
		struct cloud_takeover *takeover = &cloud->takeovers[i];
		const size_t index = own_next_takeover(&cloud->own);

		if (index == cloud->own.n)
			return;
		if (takeover->call)
			continue;
		takeover->cloud = cloud;
		takeover->index = index;
		start(takeover);
	}
}

void cloud_give_up(struct cloud *cloud, size_t i)
{
	for (size_t j = 0; j < CLOUD_TAKEOVERS_MAX; j++) {
		struct cloud_takeover *takeover = &cloud->takeovers[j];

		if (!takeover->call || (i != OWN_ALL && takeover->index != i))
			continue;
		aws_call_cancel(TAKE_PTR(takeover->call));
		own_see_cancelled(&cloud->own, takeover->index, mono_now());
	}
	if (i == OWN_ALL || !cloud->call || cloud->about != ABOUT_EGRESS || cloud->index != i ||
	    cloud->action != &ec2_action_associate_address)
		return;
	aws_call_cancel(TAKE_PTR(cloud->call));
	own_see_cancelled(&cloud->own, i, mono_now());
	cloud->in_round = false; /* a new one begins */
	(void)loop_timer_arm_ms(cloud->timer, 0);
}
