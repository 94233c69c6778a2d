// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Security groups and their rules, as far as they are about IPv4. */
#include "awsapi/ec2.h"

#include <errno.h>

#include "awsapi/requests.h"
#include "awsapi/tables.h"

#define GROUPS_MAX 1000
#define RULES_MAX 1000 /* of one group and direction; the quota goes up to 1000 per interface */

static const struct xml_field cidr_fields[] = {
	{ .path = "cidrIp", .type = XML_AS_PREFIX, .flags = XML_IS_REQUIRED },
};
static const struct xml_table cidr_table = TABLE(struct ip4_prefix, cidr_fields);

static const struct xml_field member_fields[] = {
	ROW_ID("groupId", struct aws_id, text),
};
static const struct xml_table member_table = TABLE(struct aws_id, member_fields);

static const struct xml_field list_fields[] = {
	ROW_ID("prefixListId", struct aws_id, text),
};
static const struct xml_table list_table = TABLE(struct aws_id, list_fields);

/* Ports are read as text: for ICMP they are types and codes, and -1. */
static const struct xml_field rule_fields[] = {
	ROW_ID("ipProtocol", struct aws_group_rule, protocol),
	ROW_TEXT("fromPort", struct aws_group_rule, from_port),
	ROW_TEXT("toPort", struct aws_group_rule, to_port),
	ROW_LIST("ipRanges/item", struct aws_group_rule, cidrs, RULES_MAX, &cidr_table),
	ROW_LIST("groups/item", struct aws_group_rule, groups, RULES_MAX, &member_table),
	ROW_LIST("prefixListIds/item", struct aws_group_rule, prefix_lists, RULES_MAX, &list_table),
};
static const struct xml_table rule_table = TABLE(struct aws_group_rule, rule_fields);

static const struct xml_field group_fields[] = {
	ROW_ID("groupId", struct aws_group, id),
	ROW_LIST("ipPermissions/item", struct aws_group, inbound, RULES_MAX, &rule_table),
	ROW_LIST("ipPermissionsEgress/item", struct aws_group, outbound, RULES_MAX, &rule_table),
};
static const struct xml_table group_table = TABLE(struct aws_group, group_fields);

static const struct xml_field groups_fields[] = {
	{ .path = "securityGroupInfo/item",
	  .type = XML_AS_LIST,
	  .max = GROUPS_MAX,
	  .sub = &group_table },
	ROW_TEXT("nextToken", struct aws_groups, next_token),
};
static const struct xml_table groups_table = TABLE(struct aws_groups, groups_fields);

const struct aws_action ec2_action_describe_groups = {
	.name = "DescribeSecurityGroups",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &groups_table,
	.next_token = offsetof(struct aws_groups, next_token),
};

int ec2_describe_groups(const struct aws_ids *ids, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_describe_groups);
	if (ids->n == 0)
		ret->params.rc = -EINVAL;
	for (size_t i = 0; i < ids->n; i++)
		aws_params_addf(&ret->params, ids->v[i].text, "GroupId.%zu", i + 1);
	return aws_request_finish(ret);
}

void aws_groups_done(struct aws_groups *groups)
{
	xml_done(&groups_table, groups);
}
