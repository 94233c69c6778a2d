// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What an Elastic IP is used for, where the API is, and what security groups let through. */
#include "cli/eips.h"
#include "cli/groups.h"
#include "cli/resolve.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static struct ip4 ip4(const char *text)
{
	struct ip4 address;

	assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static struct aws_instance instances[] = {
	{ .id = "i-run", .state = "running" },     { .id = "i-new", .state = "pending" },
	{ .id = "i-stop", .state = "stopped" },    { .id = "i-stops", .state = "stopping" },
	{ .id = "i-gone", .state = "terminated" },
};
static struct aws_interface interfaces[] = {
	{ .id = "eni-free", .status = "available" },
	{ .id = "eni-nat", .status = "in-use", .interface_type = "nat_gateway" },
	{ .id = "eni-run", .status = "in-use", .attachment_instance_id = "i-run" },
	{ .id = "eni-stop", .status = "in-use", .attachment_instance_id = "i-stop" },
};
static const struct aws_instances all_instances = { instances, ARRAY_SIZE(instances), "" };
static const struct aws_interfaces all_interfaces = { interfaces, ARRAY_SIZE(interfaces), "" };

static const struct {
	struct aws_address address;
	enum eip_use use;
	const char *reason;
	bool blind; /* neither could be asked about */
} uses[] = {
	{ { .allocation_id = "e" }, EIP_IDLE, "not associated", false },
	{ { .association_id = "a", .instance_id = "i-run" }, EIP_IN_USE, "i-run is running", false },
	{ { .association_id = "a", .instance_id = "i-new" }, EIP_IN_USE, "i-new is pending", false },
	{ { .association_id = "a", .instance_id = "i-stop" }, EIP_IDLE, "i-stop is stopped", false },
	{ { .association_id = "a", .instance_id = "i-stops" },
	  EIP_IDLE,
	  "i-stops is stopping",
	  false },
	{ { .association_id = "a", .instance_id = "i-gone" },
	  EIP_IDLE,
	  "i-gone is terminated",
	  false },
	{ { .association_id = "a", .instance_id = "i-hid" },
	  EIP_UNKNOWN,
	  "the state of i-hid can't be seen",
	  false },
	{ { .association_id = "a", .network_interface_id = "eni-run" },
	  EIP_IN_USE,
	  "i-run is running",
	  false },
	{ { .association_id = "a", .network_interface_id = "eni-stop" },
	  EIP_IDLE,
	  "i-stop is stopped",
	  false },
	{ { .association_id = "a", .network_interface_id = "eni-free" },
	  EIP_IDLE,
	  "eni-free is attached to nothing",
	  false },
	{ { .association_id = "a", .network_interface_id = "eni-nat" },
	  EIP_IN_USE,
	  "eni-nat is in-use (type nat_gateway)",
	  false },
	{ { .association_id = "a", .network_interface_id = "eni-run" },
	  EIP_UNKNOWN,
	  "the state of eni-run can't be seen",
	  true },
	{ { .association_id = "a", .instance_id = "i-run" },
	  EIP_UNKNOWN,
	  "the state of i-run can't be seen",
	  true },
};

static void an_elastic_ip_is_idle_unless_something_that_runs_has_it(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		const struct eip_surroundings surroundings = {
			.instances = uses[i].blind ? NULL : &all_instances,
			.interfaces = uses[i].blind ? NULL : &all_interfaces,
		};
		char reason[EIP_REASON_MAX];

		assert_int_equal(eip_judge(&uses[i].address, &surroundings, reason), uses[i].use);
		assert_string_equal(reason, uses[i].reason);
	}
}

static void addresses_are_told_private_from_public(void **state)
{
	static struct ip4_prefix vpc_prefix = { { 0xc6120000 }, 15 }; /* 198.18.0.0/15 */
	static const struct ip4_prefixes vpc = { &vpc_prefix, 1 };
	static const char *const private[] = { "10.0.0.1",    "172.16.0.1",      "172.31.255.255",
					       "192.168.1.1", "100.64.0.1",      "169.254.1.1",
					       "127.0.0.1",   "100.127.255.255", "198.19.0.1" };
	static const char *const public[] = { "11.0.0.1",    "172.32.0.1", "192.169.0.1",
					      "100.128.0.1", "52.1.2.3",   "198.20.0.1" };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(private); i++)
		assert_true(resolve_is_private(ip4(private[i]), &vpc));
	for (size_t i = 0; i < ARRAY_SIZE(public); i++)
		assert_false(resolve_is_private(ip4(public[i]), &vpc));
	assert_false(resolve_is_private(ip4("198.19.0.1"), NULL));
}

static void the_host_is_taken_from_a_url(void **state)
{
	static const char *const table[][2] = {
		{ "https://ec2.eu-central-1.amazonaws.com/", "ec2.eu-central-1.amazonaws.com" },
		{ "http://127.0.0.1:8080/x", "127.0.0.1" },
		{ "https://[fd00::1]:443/", "fd00::1" },
		{ "https://host", "host" },
		{ "host", NULL },
		{ "https:///x", NULL },
	};
	char host[256];
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(resolve_host(table[i][0], host), table[i][1] ? 0 : -EINVAL);
		assert_string_equal(host, table[i][1] ? table[i][1] : "");
	}
}

static struct ip4_prefix everywhere = { { 0 }, 0 }, subnet = { { 0x0a000100 }, 24 };
static struct aws_id group = { "sg-nodes" }, list = { "pl-1" };

#define FROM_ALL .cidrs = { &everywhere, 1 }
#define FROM_SUBNET .cidrs = { &subnet, 1 }

static const struct aws_ids member = { &group, 1 }, stranger = { &list, 1 };
static const struct {
	struct aws_group_rule rule;
	const struct aws_ids *peer_groups;
	const char *peer;
	enum group_verdict verdict;
} peers[] = {
	{ { .protocol = "-1", FROM_ALL }, NULL, "10.0.1.5", GROUP_ALLOWED },
	{ { .protocol = "udp", .from_port = "4789", .to_port = "4789", FROM_SUBNET },
	  NULL,
	  "10.0.1.5",
	  GROUP_ALLOWED },
	{ { .protocol = "17", .from_port = "0", .to_port = "65535", FROM_SUBNET },
	  NULL,
	  "10.0.1.5",
	  GROUP_ALLOWED },
	{ { .protocol = "udp", .from_port = "4789", .to_port = "4789", FROM_SUBNET },
	  NULL,
	  "10.0.2.5",
	  GROUP_REFUSED },
	{ { .protocol = "tcp", .from_port = "0", .to_port = "65535", FROM_ALL },
	  NULL,
	  "10.0.1.5",
	  GROUP_REFUSED },
	{ { .protocol = "udp", .from_port = "4790", .to_port = "9000", FROM_ALL },
	  NULL,
	  "10.0.1.5",
	  GROUP_REFUSED },
	{ { .protocol = "udp", .from_port = "0", .to_port = "4788", FROM_ALL },
	  NULL,
	  "10.0.1.5",
	  GROUP_REFUSED },
	{ { .protocol = "-1", .groups = { &group, 1 } }, &member, "10.0.1.5", GROUP_ALLOWED },
	{ { .protocol = "-1", .groups = { &group, 1 } }, &stranger, "10.0.1.5", GROUP_REFUSED },
	{ { .protocol = "-1", .groups = { &group, 1 } }, NULL, "10.0.1.5", GROUP_PERHAPS },
	{ { .protocol = "-1", .prefix_lists = { &list, 1 } }, &member, "10.0.1.5", GROUP_PERHAPS },
	{ { .protocol = "tcp", .prefix_lists = { &list, 1 } }, &member, "10.0.1.5", GROUP_REFUSED },
};

static void a_rule_lets_through_what_its_protocol_ports_and_peers_say(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		struct aws_group_rule rule = peers[i].rule;
		struct aws_group one = { .id = "sg-1", .inbound = { &rule, 1 } };
		const struct aws_groups groups = { &one, 1, "" };
		const struct group_question question = { .protocol = "udp",
							 .port = 4789,
							 .peer = ip4(peers[i].peer),
							 .peer_groups = peers[i].peer_groups };

		assert_int_equal(groups_judge(&groups, GROUP_IN, &question), peers[i].verdict);
		assert_int_equal(groups_judge(&groups, GROUP_OUT, &question), GROUP_REFUSED);
		assert_int_equal(groups_refer(&groups), rule.groups.n > 0);
	}
}

static void all_ports_to_everywhere_must_be_one_rule(void **state)
{
	struct aws_group_rule rules[] = {
		{ .protocol = "tcp", .from_port = "0", .to_port = "65535", FROM_ALL },
		{ .protocol = "udp", .from_port = "0", .to_port = "32767", FROM_ALL },
		{ .protocol = "udp", .from_port = "32768", .to_port = "65535", FROM_ALL },
		{ .protocol = "-1", FROM_SUBNET },
	};
	struct aws_group one = { .id = "sg-1", .outbound = { rules, ARRAY_SIZE(rules) } };
	const struct aws_groups groups = { &one, 1, "" };
	(void)state;

	assert_true(groups_open(&groups, GROUP_OUT, "tcp"));
	assert_false(groups_open(&groups, GROUP_OUT, "udp"));
	assert_false(groups_open(&groups, GROUP_IN, "tcp"));
	rules[3].cidrs.v = &everywhere;
	assert_true(groups_open(&groups, GROUP_OUT, "udp"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_elastic_ip_is_idle_unless_something_that_runs_has_it),
		cmocka_unit_test(addresses_are_told_private_from_public),
		cmocka_unit_test(the_host_is_taken_from_a_url),
		cmocka_unit_test(a_rule_lets_through_what_its_protocol_ports_and_peers_say),
		cmocka_unit_test(all_ports_to_everywhere_must_be_one_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
