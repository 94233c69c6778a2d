// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Elastic IPs, and the tags of resources. */
#include "awsapi/ec2.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "awsapi/requests.h"
#include "awsapi/tables.h"

#define ADDRESSES_MAX 10000 /* an account has 5 by default */

static const struct xml_field address_fields[] = {
	ROW_TEXT("allocationId", struct aws_address, allocation_id),
	ROW_TEXT("associationId", struct aws_address, association_id),
	ROW_TEXT("networkInterfaceId", struct aws_address, network_interface_id),
	ROW_TEXT("instanceId", struct aws_address, instance_id),
	ROW_TEXT("networkBorderGroup", struct aws_address, border_group),
	ROW("publicIp", XML_AS_IP4, struct aws_address, public_ip),
	ROW("privateIpAddress", XML_AS_IP4, struct aws_address, private_ip),
	ROW_LIST("tagSet/item", struct aws_address, tags, AWS_TAGS_MAX, &aws_tag_table),
};
static const struct xml_table address_table = TABLE(struct aws_address, address_fields);

static const struct xml_field addresses_fields[] = {
	{ .path = "addressesSet/item",
	  .type = XML_AS_LIST,
	  .max = ADDRESSES_MAX,
	  .sub = &address_table },
};
static const struct xml_table addresses_table = TABLE(struct aws_addresses, addresses_fields);

static const struct xml_field association_fields[] = {
	{ .path = "return", .type = XML_AS_TRUE },
	ROW_TEXT("associationId", struct aws_association, association_id),
};
static const struct xml_table association_table = TABLE(struct aws_association, association_fields);

static const struct xml_field allocation_fields[] = {
	ROW_ID("allocationId", struct aws_allocation, allocation_id),
	{ .path = "publicIp",
	  .type = XML_AS_IP4,
	  .flags = XML_IS_REQUIRED,
	  .offset = offsetof(struct aws_allocation, public_ip) },
};
static const struct xml_table allocation_table = TABLE(struct aws_allocation, allocation_fields);

const struct aws_action ec2_action_describe_addresses = {
	.name = "DescribeAddresses",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &addresses_table,
};
const struct aws_action ec2_action_associate_address = {
	.name = "AssociateAddress",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &association_table,
};
const struct aws_action ec2_action_allocate_address = {
	.name = "AllocateAddress",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN | AWS_ACTION_ONCE,
	.answer = &allocation_table,
};
const struct aws_action ec2_action_create_tags = {
	.name = "CreateTags",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &aws_nothing_table,
};

int ec2_describe_addresses(const struct ec2_addresses_query *query, struct aws_request *ret)
{
	char text[IP4_TEXT_MAX];
	char name[sizeof("tag:") + AWS_TAG_KEY_MAX];

	aws_request_begin(ret, &ec2_action_describe_addresses);
	aws_params_add_given(&ret->params, "AllocationId.1", query->allocation_id);
	aws_params_add_given(&ret->params, "PublicIp.1", aws_ip4_text(query->public_ip, text));
	aws_request_filter(ret, "network-interface-id", query->network_interface_id);
	aws_request_filter(ret, "private-ip-address", aws_ip4_text(query->private_ip, text));
	if (query->tag_key) {
		const int length = snprintf(name, sizeof(name), "tag:%s", query->tag_key);
		/* A filter for an empty value would be left out, and find everything. */
		if (length < 0 || (size_t)length >= sizeof(name) || !query->tag_value ||
		    *query->tag_value == '\0')
			ret->params.rc = -EINVAL;
		else
			aws_request_filter(ret, name, query->tag_value);
	}
	return aws_request_finish(ret);
}

int ec2_associate_address(const struct ec2_association *association, struct aws_request *ret)
{
	char text[IP4_TEXT_MAX];

	aws_request_begin(ret, &ec2_action_associate_address);
	aws_params_add(&ret->params, "AllocationId", association->allocation_id);
	aws_params_add(&ret->params, "NetworkInterfaceId", association->network_interface_id);
	aws_params_add_given(&ret->params, "PrivateIpAddress",
			     aws_ip4_text(association->private_ip, text));
	/* Always said: the default depends on how old the account is. */
	aws_params_add(&ret->params, "AllowReassociation",
		       association->allow_reassociation ? "true" : "false");
	return aws_request_finish(ret);
}

int ec2_allocate_address(const struct ec2_allocation *allocation, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_allocate_address);
	aws_params_add(&ret->params, "Domain", "vpc");
	aws_params_add_given(&ret->params, "PublicIpv4Pool", allocation->public_ipv4_pool);
	if (allocation->n_tags > 0) {
		aws_params_add(&ret->params, "TagSpecification.1.ResourceType", "elastic-ip");
		aws_params_add_tags(&ret->params, "TagSpecification.1.Tag", allocation->tags,
				    allocation->n_tags);
	}
	return aws_request_finish(ret);
}

int ec2_create_tags(const char *resource_id, const struct aws_tag *tags, size_t n,
		    struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_create_tags);
	aws_params_add(&ret->params, "ResourceId.1", resource_id);
	aws_params_add_tags(&ret->params, "Tag", tags, n);
	return aws_request_finish(ret);
}

void aws_addresses_done(struct aws_addresses *addresses)
{
	xml_done(&addresses_table, addresses);
}
