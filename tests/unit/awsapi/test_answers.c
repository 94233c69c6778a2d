// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What each action's answer becomes. The answers are written after the examples of the API references. */
#include "awsapi/action.h"

#include "awsapi/ec2.h"
#include "awsapi/xml.h"
#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#define XMLNS " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

static int read_answer(const struct aws_action *action, const char *text, void *value)
{
	struct err err = ERR_NULL;
	const int rc = aws_action_read(action, text, strlen(text), value, &err);

	if (rc != 0)
		print_message("%s: %s\n", action->name, err.text);
	return rc;
}

static void elastic_ips_are_read_associated_or_not(void **state)
{
	struct aws_addresses addresses = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(
			&ec2_action_describe_addresses,
			"<DescribeAddressesResponse" XMLNS "><requestId>r</requestId><addressesSet>"
			"<item><publicIp>203.0.113.41</publicIp><allocationId>eipalloc-08</allocationId>"
			"<domain>vpc</domain><instanceId>i-07</instanceId>"
			"<associationId>eipassoc-f0</associationId>"
			"<networkInterfaceId>eni-ef</networkInterfaceId>"
			"<networkInterfaceOwnerId>053230519467</networkInterfaceOwnerId>"
			"<privateIpAddress>10.0.0.228</privateIpAddress>"
			"<networkBorderGroup>eu-central-1</networkBorderGroup>"
			"<tagSet><item><key>Name</key><value>bank</value></item>"
			"<item><key>empty</key><value/></item></tagSet></item>"
			"<item><publicIp>203.0.113.42</publicIp><allocationId>eipalloc-09</allocationId>"
			"<instanceId/><domain>vpc</domain></item>"
			"</addressesSet></DescribeAddressesResponse>",
			&addresses),
		0);

	assert_int_equal(addresses.n, 2);
	const struct aws_address *const used = &addresses.v[0];
	const struct aws_address *const idle = &addresses.v[1];
	assert_string_equal(used->allocation_id, "eipalloc-08");
	assert_string_equal(used->association_id, "eipassoc-f0");
	assert_string_equal(used->network_interface_id, "eni-ef");
	assert_string_equal(used->instance_id, "i-07");
	assert_string_equal(used->border_group, "eu-central-1");
	assert_int_equal(used->public_ip.v, 0xcb007129);
	assert_int_equal(used->private_ip.v, 0x0a0000e4);
	assert_string_equal(aws_tags_find(&used->tags, "Name"), "bank");
	assert_string_equal(aws_tags_find(&used->tags, "empty"), "");
	assert_null(aws_tags_find(&used->tags, "name"));
	assert_string_equal(idle->allocation_id, "eipalloc-09");
	assert_string_equal(idle->association_id, "");
	assert_string_equal(idle->instance_id, "");
	assert_int_equal(idle->private_ip.v, 0);
	aws_addresses_done(&addresses);
	assert_null(addresses.v);
}

static void new_associations_and_allocations_are_read(void **state)
{
	struct aws_association association = { 0 };
	struct aws_allocation allocation = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(&ec2_action_associate_address,
			    "<AssociateAddressResponse><return>true</return>"
			    "<associationId>eipassoc-1</associationId></AssociateAddressResponse>",
			    &association),
		0);
	assert_int_equal(
		read_answer(&ec2_action_allocate_address,
			    "<AllocateAddressResponse><publicIp>198.51.100.1</publicIp>"
			    "<allocationId>eipalloc-1</allocationId></AllocateAddressResponse>",
			    &allocation),
		0);

	assert_string_equal(association.association_id, "eipassoc-1");
	assert_string_equal(allocation.allocation_id, "eipalloc-1");
	assert_int_equal(allocation.public_ip.v, 0xc6336401);
	assert_int_equal(read_answer(&ec2_action_associate_address,
				     "<AssociateAddressResponse><return>false</return>"
				     "</AssociateAddressResponse>",
				     &association),
			 -EPROTO);
	assert_int_equal(read_answer(&ec2_action_allocate_address,
				     "<AllocateAddressResponse><publicIp>198.51.100.1</publicIp>"
				     "</AllocateAddressResponse>",
				     &allocation),
			 -EPROTO);
}

#define INTERFACE                                                                                        \
	"<item><networkInterfaceId>eni-0f</networkInterfaceId><subnetId>subnet-b2</subnetId>"            \
	"<vpcId>vpc-c3</vpcId><availabilityZone>eu-central-1a</availabilityZone><description/>"          \
	"<status>in-use</status><macAddress>02:dd:88:a3:a0:04</macAddress>"                              \
	"<privateIpAddress>10.0.1.12</privateIpAddress><interfaceType>interface</interfaceType>"         \
	"<groupSet><item><groupId>sg-1</groupId><groupName>a</groupName></item>"                         \
	"<item><groupId>sg-2</groupId></item></groupSet>"                                                \
	"<attachment><instanceId>i-1</instanceId><deviceIndex>2</deviceIndex></attachment>"              \
	"<association><publicIp>192.0.2.1</publicIp></association>"                                      \
	"<privateIpAddressesSet><item><privateIpAddress>10.0.1.12</privateIpAddress>"                    \
	"<primary>true</primary><association><publicIp>198.51.100.7</publicIp>"                          \
	"<allocationId>eipalloc-7</allocationId><associationId>eipassoc-7</associationId></association>" \
	"</item><item><privateIpAddress>10.0.1.13</privateIpAddress><primary>false</primary></item>"     \
	"</privateIpAddressesSet>"                                                                       \
	"<ipv4PrefixSet><item><ipv4Prefix>10.0.1.128/28</ipv4Prefix></item></ipv4PrefixSet>"             \
	"<ipv6AddressesSet><item><ipv6Address>2001:db8::1</ipv6Address></item></ipv6AddressesSet>"

static void an_interface_is_read_with_addresses_prefixes_and_groups(void **state)
{
	struct aws_interfaces interfaces = { 0 };
	(void)state;

	assert_int_equal(read_answer(&ec2_action_describe_interfaces,
				     "<DescribeNetworkInterfacesResponse" XMLNS
				     "><networkInterfaceSet>" INTERFACE
				     "<sourceDestCheck>true</sourceDestCheck></item>"
				     "</networkInterfaceSet><nextToken>t/1==</nextToken>"
				     "</DescribeNetworkInterfacesResponse>",
				     &interfaces),
			 0);

	assert_int_equal(interfaces.n, 1);
	assert_string_equal(interfaces.next_token, "t/1==");
	const struct aws_interface *const eni = &interfaces.v[0];
	assert_string_equal(eni->id, "eni-0f");
	assert_string_equal(eni->subnet_id, "subnet-b2");
	assert_string_equal(eni->vpc_id, "vpc-c3");
	assert_string_equal(eni->zone, "eu-central-1a");
	assert_string_equal(eni->mac, "02:dd:88:a3:a0:04");
	assert_string_equal(eni->status, "in-use");
	assert_string_equal(eni->interface_type, "interface");
	assert_string_equal(eni->attachment_instance_id, "i-1");
	assert_int_equal(eni->device_index, 2);
	assert_true(eni->source_dest_check);
	assert_int_equal(eni->primary.v, 0x0a00010c);
	assert_int_equal(eni->addresses.n, 2);
	assert_true(eni->addresses.v[0].primary);
	assert_string_equal(eni->addresses.v[0].allocation_id, "eipalloc-7");
	assert_string_equal(eni->addresses.v[0].association_id, "eipassoc-7");
	assert_int_equal(eni->addresses.v[0].public_ip.v, 0xc6336407);
	assert_int_equal(eni->addresses.v[1].address.v, 0x0a00010d);
	assert_false(eni->addresses.v[1].primary);
	assert_int_equal(eni->addresses.v[1].public_ip.v, 0);
	assert_int_equal(eni->prefixes.n, 1);
	assert_int_equal(eni->prefixes.v[0].addr.v, 0x0a000180);
	assert_int_equal(eni->prefixes.v[0].len, 28);
	assert_int_equal(eni->groups.n, 2);
	assert_string_equal(eni->groups.v[1].text, "sg-2");
	aws_interfaces_done(&interfaces);
}

static void a_source_check_that_is_not_told_does_not_count_as_off(void **state)
{
	struct aws_interfaces interfaces = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(&ec2_action_describe_interfaces,
			    "<DescribeNetworkInterfacesResponse><networkInterfaceSet>" INTERFACE
			    "</item></networkInterfaceSet></DescribeNetworkInterfacesResponse>",
			    &interfaces),
		-EPROTO);
	assert_null(interfaces.v);
}

static void assigned_addresses_are_read(void **state)
{
	struct aws_assigned assigned = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(
			&ec2_action_assign_private_address,
			"<AssignPrivateIpAddressesResponse><networkInterfaceId>eni-1</networkInterfaceId>"
			"<assignedPrivateIpAddressesSet><item><privateIpAddress>10.0.0.9"
			"</privateIpAddress></item></assignedPrivateIpAddressesSet>"
			"<assignedIpv4PrefixSet/></AssignPrivateIpAddressesResponse>",
			&assigned),
		0);

	assert_string_equal(assigned.network_interface_id, "eni-1");
	assert_int_equal(assigned.addresses.n, 1);
	assert_int_equal(assigned.addresses.v[0].address.v, 0x0a000009);
	aws_action_done(&ec2_action_assign_private_address, &assigned);
}

static void instances_of_all_reservations_are_read(void **state)
{
	struct aws_instances instances = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(
			&ec2_action_describe_instances,
			"<DescribeInstancesResponse><reservationSet><item><reservationId>r-1"
			"</reservationId><groupSet/><instancesSet><item><instanceId>i-1</instanceId>"
			"<instanceState><code>16</code><name>running</name></instanceState>"
			"<instanceType>c7gn.large</instanceType><subnetId>subnet-1</subnetId>"
			"<vpcId>vpc-1</vpcId><privateIpAddress>10.0.0.1</privateIpAddress>"
			"<ipAddress>198.51.100.1</ipAddress>"
			"<placement><availabilityZone>eu-central-1b</availabilityZone></placement>"
			"<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>"
			"</item><item><networkInterfaceId>eni-2</networkInterfaceId></item>"
			"</networkInterfaceSet></item></instancesSet></item>"
			"<item><instancesSet><item><instanceId>i-2</instanceId></item></instancesSet>"
			"</item></reservationSet></DescribeInstancesResponse>",
			&instances),
		0);

	assert_int_equal(instances.n, 2);
	assert_string_equal(instances.v[0].id, "i-1");
	assert_string_equal(instances.v[0].state, "running");
	assert_string_equal(instances.v[0].type, "c7gn.large");
	assert_string_equal(instances.v[0].zone, "eu-central-1b");
	assert_int_equal(instances.v[0].public_ip.v, 0xc6336401);
	assert_int_equal(instances.v[0].interfaces.n, 2);
	assert_string_equal(instances.v[0].interfaces.v[1].text, "eni-2");
	assert_string_equal(instances.v[1].id, "i-2");
	aws_instances_done(&instances);
}

static void security_groups_are_read_with_their_rules(void **state)
{
	struct aws_groups groups = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(&ec2_action_describe_groups,
			    "<DescribeSecurityGroupsResponse" XMLNS "><requestId>r</requestId>"
			    "<securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions>"
			    "<item><ipProtocol>udp</ipProtocol><fromPort>4789</fromPort>"
			    "<toPort>4790</toPort><groups><item><userId>1</userId>"
			    "<groupId>sg-2</groupId></item></groups><ipRanges><item>"
			    "<cidrIp>10.0.1.0/24</cidrIp><description>nodes</description></item>"
			    "</ipRanges><ipv6Ranges/><prefixListIds><item>"
			    "<prefixListId>pl-1</prefixListId></item></prefixListIds></item>"
			    "<item><ipProtocol>icmp</ipProtocol><fromPort>-1</fromPort>"
			    "<toPort>-1</toPort><groups/><ipRanges/></item></ipPermissions>"
			    "<ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipRanges><item>"
			    "<cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>"
			    "</ipPermissionsEgress></item></securityGroupInfo>"
			    "</DescribeSecurityGroupsResponse>",
			    &groups),
		0);

	assert_int_equal(groups.n, 1);
	assert_string_equal(groups.v[0].id, "sg-1");
	assert_int_equal(groups.v[0].inbound.n, 2);
	const struct aws_group_rule *const udp = &groups.v[0].inbound.v[0];
	assert_string_equal(udp->protocol, "udp");
	assert_string_equal(udp->from_port, "4789");
	assert_string_equal(udp->to_port, "4790");
	assert_int_equal(udp->cidrs.n, 1);
	assert_int_equal(udp->cidrs.v[0].addr.v, 0x0a000100);
	assert_string_equal(udp->groups.v[0].text, "sg-2");
	assert_string_equal(udp->prefix_lists.v[0].text, "pl-1");
	assert_string_equal(groups.v[0].inbound.v[1].from_port, "-1");
	assert_int_equal(groups.v[0].outbound.n, 1);
	assert_string_equal(groups.v[0].outbound.v[0].protocol, "-1");
	assert_string_equal(groups.v[0].outbound.v[0].from_port, "");
	assert_int_equal(groups.v[0].outbound.v[0].cidrs.v[0].len, 0);
	aws_groups_done(&groups);
	assert_null(groups.v);
}

static void route_tables_are_read_with_all_kinds_of_routes(void **state)
{
	struct aws_route_tables tables = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(
			&ec2_action_describe_route_tables,
			"<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-1"
			"</routeTableId><vpcId>vpc-1</vpcId><routeSet>"
			"<item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock>"
			"<gatewayId>local</gatewayId><state>active</state></item>"
			"<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>"
			"<networkInterfaceId>eni-1</networkInterfaceId><instanceId>i-1</instanceId>"
			"<instanceOwnerId>1</instanceOwnerId><state>blackhole</state></item>"
			"<item><destinationIpv6CidrBlock>::/0</destinationIpv6CidrBlock>"
			"<natGatewayId>nat-1</natGatewayId></item></routeSet>"
			"<associationSet><item><main>true</main></item>"
			"<item><subnetId>subnet-1</subnetId></item></associationSet>"
			"</item></routeTableSet></DescribeRouteTablesResponse>",
			&tables),
		0);

	assert_int_equal(tables.n, 1);
	const struct aws_route_table *const table = &tables.v[0];
	assert_string_equal(table->id, "rtb-1");
	assert_int_equal(table->routes.n, 3);
	assert_string_equal(table->routes.v[0].gateway_id, "local");
	assert_string_equal(table->routes.v[1].destination, "0.0.0.0/0");
	assert_string_equal(table->routes.v[1].network_interface_id, "eni-1");
	assert_string_equal(table->routes.v[1].instance_id, "i-1");
	assert_string_equal(table->routes.v[1].state, "blackhole");
	assert_string_equal(table->routes.v[2].destination, "");
	assert_string_equal(table->routes.v[2].nat_gateway_id, "nat-1");
	assert_int_equal(table->subnets.n, 2);
	assert_string_equal(table->subnets.v[1].text, "subnet-1");
	aws_route_tables_done(&tables);
}

static void answers_that_only_say_done_are_read(void **state)
{
	static const struct {
		const struct aws_action *action;
		const char *text;
		int rc;
	} table[] = {
		{ &ec2_action_create_tags,
		  "<CreateTagsResponse><return>true</return></CreateTagsResponse>", 0 },
		{ &ec2_action_modify_interface,
		  "<ModifyNetworkInterfaceAttributeResponse><return>true</return>"
		  "</ModifyNetworkInterfaceAttributeResponse>",
		  0 },
		{ &ec2_action_replace_route,
		  "<ReplaceRouteResponse><return>false</return></ReplaceRouteResponse>", -EPROTO },
		{ &asg_action_complete_lifecycle,
		  "<CompleteLifecycleActionResponse xmlns=\"http://autoscaling.amazonaws.com/doc/"
		  "2011-01-01/\"><CompleteLifecycleActionResult/><ResponseMetadata><RequestId>r"
		  "</RequestId></ResponseMetadata></CompleteLifecycleActionResponse>",
		  0 },
		{ &asg_action_record_heartbeat,
		  "<RecordLifecycleActionHeartbeatResponse><RecordLifecycleActionHeartbeatResult/>"
		  "</RecordLifecycleActionHeartbeatResponse>",
		  0 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct aws_nothing nothing = { 0 };
		assert_int_equal(read_answer(table[i].action, table[i].text, &nothing),
				 table[i].rc);
	}
}

static void the_caller_is_read(void **state)
{
	struct aws_identity identity = { 0 };
	(void)state;

	assert_int_equal(
		read_answer(
			&sts_action_get_caller_identity,
			"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1:"
			"assumed-role/gw/i-1</Arn><UserId>AR:i-1</UserId><Account>1</Account>"
			"</GetCallerIdentityResult></GetCallerIdentityResponse>",
			&identity),
		0);

	assert_string_equal(identity.arn, "arn:aws:sts::1:assumed-role/gw/i-1");
	assert_string_equal(identity.account, "1");
}

static void the_answer_to_another_action_is_refused_by_all(void **state)
{
	(void)state;
	for (size_t i = 0; aws_actions[i]; i++) {
		union {
			struct aws_interfaces interfaces;
			char bytes[4096];
		} value = { 0 };
		assert_true(aws_actions[i]->answer->size <= sizeof(value));
		assert_int_equal(aws_action_read(aws_actions[i], "<XResponse/>", 12, &value, NULL),
				 -EPROTO);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(elastic_ips_are_read_associated_or_not),
		cmocka_unit_test(new_associations_and_allocations_are_read),
		cmocka_unit_test(an_interface_is_read_with_addresses_prefixes_and_groups),
		cmocka_unit_test(a_source_check_that_is_not_told_does_not_count_as_off),
		cmocka_unit_test(assigned_addresses_are_read),
		cmocka_unit_test(instances_of_all_reservations_are_read),
		cmocka_unit_test(security_groups_are_read_with_their_rules),
		cmocka_unit_test(route_tables_are_read_with_all_kinds_of_routes),
		cmocka_unit_test(answers_that_only_say_done_are_read),
		cmocka_unit_test(the_caller_is_read),
		cmocka_unit_test(the_answer_to_another_action_is_refused_by_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
