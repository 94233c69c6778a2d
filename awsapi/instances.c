// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Instances, and who is asking. */
#include "awsapi/ec2.h"

#include <errno.h>

#include "awsapi/requests.h"
#include "awsapi/tables.h"

#define INSTANCES_MAX 10000
#define INSTANCE_INTERFACES_MAX 256

static const struct xml_field interface_fields[] = {
	ROW_ID("networkInterfaceId", struct aws_id, text),
};
static const struct xml_table interface_table = TABLE(struct aws_id, interface_fields);

static const struct xml_field instance_fields[] = {
	ROW_ID("instanceId", struct aws_instance, id),
	ROW_TEXT("instanceType", struct aws_instance, type),
	ROW_TEXT("subnetId", struct aws_instance, subnet_id),
	ROW_TEXT("vpcId", struct aws_instance, vpc_id),
	ROW_TEXT("placement/availabilityZone", struct aws_instance, zone),
	ROW_TEXT("instanceState/name", struct aws_instance, state),
	ROW("privateIpAddress", XML_AS_IP4, struct aws_instance, private_ip),
	ROW("ipAddress", XML_AS_IP4, struct aws_instance, public_ip),
	ROW_LIST("networkInterfaceSet/item", struct aws_instance, interfaces,
		 INSTANCE_INTERFACES_MAX, &interface_table),
	ROW_LIST("tagSet/item", struct aws_instance, tags, AWS_TAGS_MAX, &aws_tag_table),
};
static const struct xml_table instance_table = TABLE(struct aws_instance, instance_fields);

static const struct xml_field instances_fields[] = {
	{ .path = "reservationSet/item/instancesSet/item",
	  .type = XML_AS_LIST,
	  .max = INSTANCES_MAX,
	  .sub = &instance_table },
	ROW_TEXT("nextToken", struct aws_instances, next_token),
};
static const struct xml_table instances_table = TABLE(struct aws_instances, instances_fields);

static const struct xml_field identity_fields[] = {
	ROW_ID("GetCallerIdentityResult/Arn", struct aws_identity, arn),
	ROW_TEXT("GetCallerIdentityResult/Account", struct aws_identity, account),
};
static const struct xml_table identity_table = TABLE(struct aws_identity, identity_fields);

const struct aws_action ec2_action_describe_instances = {
	.name = "DescribeInstances",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &instances_table,
	.next_token = offsetof(struct aws_instances, next_token),
};
const struct aws_action sts_action_get_caller_identity = {
	.name = "GetCallerIdentity",
	.service = AWS_STS,
	.flags = AWS_ACTION_FREE,
	.answer = &identity_table,
};

int ec2_describe_instance(const char *instance_id, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_describe_instances);
	aws_params_add(&ret->params, "InstanceId.1", instance_id);
	return aws_request_finish(ret);
}

int ec2_describe_instances(const struct aws_ids *ids, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_describe_instances);
	/* No filter would find them all. */
	if (ids->n == 0)
		ret->params.rc = -EINVAL;
	aws_request_filter_ids(ret, "instance-id", ids);
	return aws_request_finish(ret);
}

int sts_get_caller_identity(struct aws_request *ret)
{
	aws_request_begin(ret, &sts_action_get_caller_identity);
	return aws_request_finish(ret);
}

void aws_instances_done(struct aws_instances *instances)
{
	xml_done(&instances_table, instances);
}
