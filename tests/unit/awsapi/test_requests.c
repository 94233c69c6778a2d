// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The exact form that each action is asked with. */
#include "awsapi/requests.h"

#include "awsapi/ec2.h"
#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EC2 "&Version=2016-11-15"
#define ASG "&Version=2011-01-01"

static void assert_form(struct aws_request *request, int rc, const char *form)
{
	assert_int_equal(rc, 0);
	assert_string_equal(request->params.text, form);
	assert_int_equal(request->params.length, strlen(form));
	aws_request_done(request);
	assert_null(request->params.text);
}

static struct ip4 ip4(const char *text)
{
	struct ip4 address;

	assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static void addresses_are_asked_for_by_what_is_given(void **state)
{
	struct aws_request request;
	(void)state;

	struct ec2_addresses_query query = { 0 };
	assert_form(&request, ec2_describe_addresses(&query, &request),
		    "Action=DescribeAddresses" EC2);
	query = (struct ec2_addresses_query){ .allocation_id = "eipalloc-1" };
	assert_form(&request, ec2_describe_addresses(&query, &request),
		    "Action=DescribeAddresses" EC2 "&AllocationId.1=eipalloc-1");
	query = (struct ec2_addresses_query){
		.public_ip = ip4("198.51.100.1"),
		.network_interface_id = "eni-1",
		.private_ip = ip4("10.0.0.1"),
		.tag_key = "a b",
		.tag_value = "c*d?e\\f",
	};
	assert_form(&request, ec2_describe_addresses(&query, &request),
		    "Action=DescribeAddresses" EC2 "&PublicIp.1=198.51.100.1"
		    "&Filter.1.Name=network-interface-id&Filter.1.Value.1=eni-1"
		    "&Filter.2.Name=private-ip-address&Filter.2.Value.1=10.0.0.1"
		    "&Filter.3.Name=tag%3Aa%20b&Filter.3.Value.1=c%5C%2Ad%5C%3Fe%5C%5Cf");
}

static void a_tag_without_a_value_never_becomes_a_search_for_everything(void **state)
{
	struct aws_request request;
	(void)state;

	struct ec2_addresses_query query = { .tag_key = "k", .tag_value = "" };
	assert_int_equal(ec2_describe_addresses(&query, &request), -EINVAL);
	assert_null(request.params.text);
	query.tag_value = NULL;
	assert_int_equal(ec2_describe_addresses(&query, &request), -EINVAL);
}

static void writes_to_addresses_say_what_the_default_would_be(void **state)
{
	static const struct aws_tag tags[] = { { "Name", "b&c=d" }, { "eipgw", "" } };
	struct aws_request request;
	(void)state;

	struct ec2_association association = {
		.allocation_id = "eipalloc-1",
		.network_interface_id = "eni-1",
		.private_ip = ip4("10.0.0.1"),
	};
	assert_form(&request, ec2_associate_address(&association, &request),
		    "Action=AssociateAddress" EC2
		    "&AllocationId=eipalloc-1&NetworkInterfaceId=eni-1"
		    "&PrivateIpAddress=10.0.0.1&AllowReassociation=false");
	association.allow_reassociation = true;
	association.private_ip.v = 0;
	assert_form(&request, ec2_associate_address(&association, &request),
		    "Action=AssociateAddress" EC2
		    "&AllocationId=eipalloc-1&NetworkInterfaceId=eni-1"
		    "&AllowReassociation=true");
	struct ec2_allocation allocation = { .tags = tags, .n_tags = 2 };
	assert_form(&request, ec2_allocate_address(&allocation, &request),
		    "Action=AllocateAddress" EC2
		    "&Domain=vpc&TagSpecification.1.ResourceType=elastic-ip"
		    "&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=b%26c%3Dd"
		    "&TagSpecification.1.Tag.2.Key=eipgw&TagSpecification.1.Tag.2.Value=");
	allocation = (struct ec2_allocation){ .public_ipv4_pool = "ipv4pool-ec2-1" };
	assert_form(&request, ec2_allocate_address(&allocation, &request),
		    "Action=AllocateAddress" EC2 "&Domain=vpc&PublicIpv4Pool=ipv4pool-ec2-1");
	assert_form(&request, ec2_create_tags("eipalloc-1", tags, 2, &request),
		    "Action=CreateTags" EC2 "&ResourceId.1=eipalloc-1&Tag.1.Key=Name"
		    "&Tag.1.Value=b%26c%3Dd&Tag.2.Key=eipgw&Tag.2.Value=");
}

static void interfaces_come_in_pages_unless_named(void **state)
{
	struct aws_request request;
	(void)state;

	struct ec2_interfaces_query query = { .network_interface_id = "eni-1" };
	assert_form(&request, ec2_describe_interfaces(&query, &request),
		    "Action=DescribeNetworkInterfaces" EC2 "&NetworkInterfaceId.1=eni-1");
	query = (struct ec2_interfaces_query){
		.address = ip4("10.0.0.1"),
		.instance_id = "i-1",
		.subnet_id = "subnet-1",
		.vpc_id = "vpc-1",
	};
	assert_form(&request, ec2_describe_interfaces(&query, &request),
		    "Action=DescribeNetworkInterfaces" EC2 "&MaxResults=500"
		    "&Filter.1.Name=addresses.private-ip-address&Filter.1.Value.1=10.0.0.1"
		    "&Filter.2.Name=attachment.instance-id&Filter.2.Value.1=i-1"
		    "&Filter.3.Name=subnet-id&Filter.3.Value.1=subnet-1"
		    "&Filter.4.Name=vpc-id&Filter.4.Value.1=vpc-1");
}

static void the_other_actions_have_their_parameters(void **state)
{
	static const char *const tables[] = { "rtb-1", "rtb-2" };
	const struct ip4_prefix all = { { 0 }, 0 };
	struct aws_request request;
	(void)state;

	assert_form(&request, ec2_assign_private_address("eni-1", ip4("10.0.0.9"), true, &request),
		    "Action=AssignPrivateIpAddresses" EC2 "&NetworkInterfaceId=eni-1"
		    "&PrivateIpAddress.1=10.0.0.9&AllowReassignment=true");
	assert_form(&request, ec2_assign_private_address("eni-1", ip4("10.0.0.9"), false, &request),
		    "Action=AssignPrivateIpAddresses" EC2 "&NetworkInterfaceId=eni-1"
		    "&PrivateIpAddress.1=10.0.0.9&AllowReassignment=false");
	assert_form(&request,
		    ec2_assign_private_address("eni-1", (struct ip4){ 0 }, false, &request),
		    "Action=AssignPrivateIpAddresses" EC2 "&NetworkInterfaceId=eni-1"
		    "&SecondaryPrivateIpAddressCount=1");
	assert_form(&request, ec2_set_source_dest_check("eni-1", false, &request),
		    "Action=ModifyNetworkInterfaceAttribute" EC2 "&NetworkInterfaceId=eni-1"
		    "&SourceDestCheck.Value=false");
	assert_form(&request, ec2_describe_instance("i-1", &request),
		    "Action=DescribeInstances" EC2 "&InstanceId.1=i-1");
	const struct aws_ids ids = { (struct aws_id[]){ { "x-1" }, { "x-2" } }, 2 };
	const struct aws_ids none = { 0 };
	const struct ec2_interfaces_query query = { .ids = &ids };
	assert_form(&request, ec2_describe_instances(&ids, &request),
		    "Action=DescribeInstances" EC2 "&Filter.1.Name=instance-id"
		    "&Filter.1.Value.1=x-1&Filter.1.Value.2=x-2");
	assert_form(&request, ec2_describe_interfaces(&query, &request),
		    "Action=DescribeNetworkInterfaces" EC2 "&MaxResults=500"
		    "&Filter.1.Name=network-interface-id"
		    "&Filter.1.Value.1=x-1&Filter.1.Value.2=x-2");
	assert_form(&request, ec2_describe_groups(&ids, &request),
		    "Action=DescribeSecurityGroups" EC2 "&GroupId.1=x-1&GroupId.2=x-2");
	assert_int_equal(ec2_describe_instances(&none, &request), -EINVAL);
	assert_int_equal(ec2_describe_groups(&none, &request), -EINVAL);
	assert_form(&request, ec2_describe_route_tables("rtb-1", NULL, &request),
		    "Action=DescribeRouteTables" EC2 "&RouteTableId.1=rtb-1");
	assert_form(&request, ec2_describe_route_tables(NULL, "vpc-1", &request),
		    "Action=DescribeRouteTables" EC2
		    "&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1");
	assert_form(&request, ec2_list_route_tables(tables, 2, &request),
		    "Action=DescribeRouteTables" EC2 "&Filter.1.Name=route-table-id"
		    "&Filter.1.Value.1=rtb-1&Filter.1.Value.2=rtb-2");
	assert_int_equal(ec2_list_route_tables(tables, 0, &request), -EINVAL);
	assert_form(&request, ec2_replace_route("rtb-1", all, "eni-1", &request),
		    "Action=ReplaceRoute" EC2 "&RouteTableId=rtb-1"
		    "&DestinationCidrBlock=0.0.0.0%2F0&NetworkInterfaceId=eni-1");
}

static void the_lifecycle_actions_have_their_parameters(void **state)
{
	static const struct asg_lifecycle lifecycle = { "hook", "my group/ä", "i-1" };
	struct aws_request request;
	(void)state;

	assert_form(&request, asg_complete_lifecycle(&lifecycle, false, &request),
		    "Action=CompleteLifecycleAction" ASG "&LifecycleHookName=hook"
		    "&AutoScalingGroupName=my%20group%2F%C3%A4&InstanceId=i-1"
		    "&LifecycleActionResult=CONTINUE");
	assert_form(&request, asg_complete_lifecycle(&lifecycle, true, &request),
		    "Action=CompleteLifecycleAction" ASG "&LifecycleHookName=hook"
		    "&AutoScalingGroupName=my%20group%2F%C3%A4&InstanceId=i-1"
		    "&LifecycleActionResult=ABANDON");
	assert_form(&request, asg_record_heartbeat(&lifecycle, &request),
		    "Action=RecordLifecycleActionHeartbeat" ASG "&LifecycleHookName=hook"
		    "&AutoScalingGroupName=my%20group%2F%C3%A4&InstanceId=i-1");
	assert_form(&request, sts_get_caller_identity(&request),
		    "Action=GetCallerIdentity&Version=2011-06-15");
}

static void a_dry_run_is_asked_only_where_the_action_knows_it(void **state)
{
	struct aws_request request;
	(void)state;

	assert_int_equal(ec2_describe_instance("i-1", &request), 0);
	assert_int_equal(aws_request_set_dry_run(&request), 0);
	assert_form(&request, 0, "Action=DescribeInstances" EC2 "&InstanceId.1=i-1&DryRun=true");
	assert_int_equal(ec2_assign_private_address("eni-1", ip4("10.0.0.9"), true, &request), 0);
	assert_int_equal(aws_request_set_dry_run(&request), -ENOTSUP);
	aws_request_done(&request);
}

static void only_unreserved_characters_stay_as_they_are(void **state)
{
	char text[256];
	(void)state;

	assert_int_equal(aws_percent_encode("AZaz09-._~", text, sizeof(text)), 10);
	assert_string_equal(text, "AZaz09-._~");
	assert_int_equal(aws_percent_encode(" +/=&%\n\xff", text, sizeof(text)), 24);
	assert_string_equal(text, "%20%2B%2F%3D%26%25%0A%FF");
	assert_int_equal(aws_percent_encode("a b", text, 4), 5);
	assert_string_equal(text, "a%2");
	assert_int_equal(aws_percent_encode("", text, 1), 0);
	assert_int_equal(aws_percent_encode("a b", NULL, 0), 5);
}

static void parameters_have_a_ceiling_and_keep_their_first_failure(void **state)
{
	struct aws_params params = { 0 };
	(void)state;
	CLEANUP(cleanup_free) char *text = malloc(AWS_PARAMS_BYTES_MAX + 1);
	assert_non_null(text);
	memset(text, 'x', AWS_PARAMS_BYTES_MAX);
	text[AWS_PARAMS_BYTES_MAX] = '\0';

	aws_params_add(&params, "a", text);
	aws_params_add(&params, "b", "c");

	assert_int_equal(params.rc, -EMSGSIZE);
	assert_null(params.text);
	aws_params_done(&params);
	aws_params_add(&params, "a", text + 3);
	assert_int_equal(params.rc, 0);
	assert_int_equal(strlen(params.text), AWS_PARAMS_BYTES_MAX - 1);
	aws_params_add(&params, "b", "");
	assert_int_equal(params.rc, -EMSGSIZE);
	aws_params_done(&params);
	assert_int_equal(params.rc, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_asked_for_by_what_is_given),
		cmocka_unit_test(a_tag_without_a_value_never_becomes_a_search_for_everything),
		cmocka_unit_test(writes_to_addresses_say_what_the_default_would_be),
		cmocka_unit_test(interfaces_come_in_pages_unless_named),
		cmocka_unit_test(the_other_actions_have_their_parameters),
		cmocka_unit_test(the_lifecycle_actions_have_their_parameters),
		cmocka_unit_test(a_dry_run_is_asked_only_where_the_action_knows_it),
		cmocka_unit_test(only_unreserved_characters_stay_as_they_are),
		cmocka_unit_test(parameters_have_a_ceiling_and_keep_their_first_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
