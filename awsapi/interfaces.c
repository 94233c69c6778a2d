// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Network interfaces, their private addresses, and their source/destination check. */
#include "awsapi/ec2.h"

#include "awsapi/requests.h"
#include "awsapi/tables.h"

#define INTERFACES_MAX 20000
#define INTERFACE_ADDRESSES_MAX 256 /* the largest instance types have 50 per interface */
#define GROUPS_MAX 64
#define PAGE_ITEMS "500" /* of at most 1000: some kB per interface */

static const struct xml_field private_address_fields[] = {
	{ .path = "privateIpAddress",
	  .type = XML_AS_IP4,
	  .flags = XML_IS_REQUIRED,
	  .offset = offsetof(struct aws_private_address, address) },
	ROW("primary", XML_AS_BOOL, struct aws_private_address, primary),
	ROW_TEXT("association/allocationId", struct aws_private_address, allocation_id),
	ROW_TEXT("association/associationId", struct aws_private_address, association_id),
	ROW("association/publicIp", XML_AS_IP4, struct aws_private_address, public_ip),
};
static const struct xml_table private_address_table =
	TABLE(struct aws_private_address, private_address_fields);

static const struct xml_field prefix_fields[] = {
	{ .path = "ipv4Prefix", .type = XML_AS_PREFIX, .flags = XML_IS_REQUIRED },
};
static const struct xml_table prefix_table = TABLE(struct ip4_prefix, prefix_fields);

static const struct xml_field group_fields[] = {
	ROW_ID("groupId", struct aws_id, text),
};
static const struct xml_table group_table = TABLE(struct aws_id, group_fields);

static const struct xml_field interface_fields[] = {
	ROW_ID("networkInterfaceId", struct aws_interface, id),
	ROW_TEXT("subnetId", struct aws_interface, subnet_id),
	ROW_TEXT("vpcId", struct aws_interface, vpc_id),
	ROW_TEXT("availabilityZone", struct aws_interface, zone),
	ROW_TEXT("attachment/instanceId", struct aws_interface, attachment_instance_id),
	ROW("attachment/deviceIndex", XML_AS_U32, struct aws_interface, device_index),
	ROW_TEXT("interfaceType", struct aws_interface, interface_type),
	ROW_TEXT("macAddress", struct aws_interface, mac),
	ROW_TEXT("status", struct aws_interface, status),
	/* Absent must not read as off. */
	{ .path = "sourceDestCheck",
	  .type = XML_AS_BOOL,
	  .flags = XML_IS_REQUIRED,
	  .offset = offsetof(struct aws_interface, source_dest_check) },
	ROW("privateIpAddress", XML_AS_IP4, struct aws_interface, primary),
	ROW_LIST("privateIpAddressesSet/item", struct aws_interface, addresses,
		 INTERFACE_ADDRESSES_MAX, &private_address_table),
	ROW_LIST("ipv4PrefixSet/item", struct aws_interface, prefixes, INTERFACE_ADDRESSES_MAX,
		 &prefix_table),
	ROW_LIST("groupSet/item", struct aws_interface, groups, GROUPS_MAX, &group_table),
	ROW_LIST("tagSet/item", struct aws_interface, tags, AWS_TAGS_MAX, &aws_tag_table),
};
static const struct xml_table interface_table = TABLE(struct aws_interface, interface_fields);

static const struct xml_field interfaces_fields[] = {
	{ .path = "networkInterfaceSet/item",
	  .type = XML_AS_LIST,
	  .max = INTERFACES_MAX,
	  .sub = &interface_table },
	ROW_TEXT("nextToken", struct aws_interfaces, next_token),
};
static const struct xml_table interfaces_table = TABLE(struct aws_interfaces, interfaces_fields);

static const struct xml_field assigned_address_fields[] = {
	ROW("privateIpAddress", XML_AS_IP4, struct aws_private_address, address),
};
static const struct xml_table assigned_address_table =
	TABLE(struct aws_private_address, assigned_address_fields);

static const struct xml_field assigned_fields[] = {
	{ .path = "return", .type = XML_AS_TRUE },
	ROW_TEXT("networkInterfaceId", struct aws_assigned, network_interface_id),
	ROW_LIST("assignedPrivateIpAddressesSet/item", struct aws_assigned, addresses,
		 INTERFACE_ADDRESSES_MAX, &assigned_address_table),
};
static const struct xml_table assigned_table = TABLE(struct aws_assigned, assigned_fields);

const struct aws_action ec2_action_describe_interfaces = {
	.name = "DescribeNetworkInterfaces",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &interfaces_table,
	.next_token = offsetof(struct aws_interfaces, next_token),
};
const struct aws_action ec2_action_assign_private_address = {
	.name = "AssignPrivateIpAddresses",
	.service = AWS_EC2,
	.answer = &assigned_table,
};
const struct aws_action ec2_action_modify_interface = {
	.name = "ModifyNetworkInterfaceAttribute",
	.service = AWS_EC2,
	.flags = AWS_ACTION_DRY_RUN,
	.answer = &aws_nothing_table,
};

int ec2_describe_interfaces(const struct ec2_interfaces_query *query, struct aws_request *ret)
{
	char text[IP4_TEXT_MAX];

	aws_request_begin(ret, &ec2_action_describe_interfaces);
	if (query->network_interface_id && *query->network_interface_id)
		aws_params_add(&ret->params, "NetworkInterfaceId.1", query->network_interface_id);
	else
		aws_params_add(&ret->params, "MaxResults", PAGE_ITEMS); /* not with IDs */
	aws_request_filter(ret, "addresses.private-ip-address", aws_ip4_text(query->address, text));
	aws_request_filter(ret, "attachment.instance-id", query->instance_id);
	aws_request_filter(ret, "subnet-id", query->subnet_id);
	aws_request_filter(ret, "vpc-id", query->vpc_id);
	if (query->ids)
		aws_request_filter_ids(ret, "network-interface-id", query->ids);
	return aws_request_finish(ret);
}

int ec2_assign_private_address(const char *network_interface_id, struct ip4 address,
			       bool allow_reassignment, struct aws_request *ret)
{
	char text[IP4_TEXT_MAX];

	aws_request_begin(ret, &ec2_action_assign_private_address);
	aws_params_add(&ret->params, "NetworkInterfaceId", network_interface_id);
	if (address.v == 0) {
		aws_params_add(&ret->params, "SecondaryPrivateIpAddressCount", "1");
		return aws_request_finish(ret);
	}
	aws_params_add(&ret->params, "PrivateIpAddress.1", ip4_format(address, text));
	aws_params_add(&ret->params, "AllowReassignment", allow_reassignment ? "true" : "false");
	return aws_request_finish(ret);
}

int ec2_set_source_dest_check(const char *network_interface_id, bool on, struct aws_request *ret)
{
	aws_request_begin(ret, &ec2_action_modify_interface);
	aws_params_add(&ret->params, "NetworkInterfaceId", network_interface_id);
	aws_params_add(&ret->params, "SourceDestCheck.Value", on ? "true" : "false");
	return aws_request_finish(ret);
}

void aws_interfaces_done(struct aws_interfaces *interfaces)
{
	xml_done(&interfaces_table, interfaces);
}
