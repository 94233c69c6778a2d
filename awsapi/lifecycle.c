// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Auto Scaling lifecycle hooks: their answers are empty results. */
#include "awsapi/requests.h"
#include "awsapi/tables.h"

const struct aws_action asg_action_complete_lifecycle = {
	.name = "CompleteLifecycleAction",
	.service = AWS_AUTOSCALING,
	.answer = &aws_nothing_table,
};
const struct aws_action asg_action_record_heartbeat = {
	.name = "RecordLifecycleActionHeartbeat",
	.service = AWS_AUTOSCALING,
	.answer = &aws_nothing_table,
};

static void begin(struct aws_request *ret, const struct aws_action *action,
		  const struct asg_lifecycle *lifecycle)
{
	aws_request_begin(ret, action);
	aws_params_add(&ret->params, "LifecycleHookName", lifecycle->hook);
	aws_params_add(&ret->params, "AutoScalingGroupName", lifecycle->group);
	aws_params_add(&ret->params, "InstanceId", lifecycle->instance_id);
}

int asg_complete_lifecycle(const struct asg_lifecycle *lifecycle, bool abandon,
			   struct aws_request *ret)
{
	begin(ret, &asg_action_complete_lifecycle, lifecycle);
	aws_params_add(&ret->params, "LifecycleActionResult", abandon ? "ABANDON" : "CONTINUE");
	return aws_request_finish(ret);
}

int asg_record_heartbeat(const struct asg_lifecycle *lifecycle, struct aws_request *ret)
{
	begin(ret, &asg_action_record_heartbeat, lifecycle);
	return aws_request_finish(ret);
}
