// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Policies that overlap: the first one decides, also when it has no egress IP, or one that isn't available here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "gateway/own/own.h"
#include "gateway/table/desired.h"
#include "nat/eval.h"

static const char config_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"uplink\": \"eth0\"}, \"ownership\": \"ec2\","
	" \"egress_ips\": [{\"name\": \"bank\", \"tag\": \"a=b\"}, {\"name\": \"mail\", \"tag\": \"a=c\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.1.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]}],"
	" \"policies\": []}";

static const struct ip4 node = { 0x0a00010b }, bank = { 0x0a0001c9 };
static const struct ip4_prefix pod = { { 0x0a000132 }, 32 };
static const struct ip4_prefix some = { { 0xc6336400 }, 24 }, all = { { 0 }, 0 };

/* "younger" has all destinations and bank, "older" some of them and the first n of mail. */
static void compile(size_t n, struct policy_result *ret)
{
	static const unsigned egress[] = { 0, 1 };
	static const char *const names[] = { "bank", "mail" };
	struct policy_spec specs[] = {
		{ .name = "younger", .destinations = &all, .egress = &egress[0], .n_egress = 1 },
		{ .name = "older", .destinations = &some, .egress = &egress[1], .n_egress = n },
	};
	const struct policy_input input = {
		.specs = specs, .n_specs = 2, .egress_names = names, .n_egress = 2, .lenient = true
	};

	for (size_t i = 0; i < 2; i++) {
		specs[i].pods = &pod;
		specs[i].n_pods = 1;
		specs[i].n_destinations = 1;
		specs[i].precedence = 2 - (int64_t)i;
	}
	assert_int_equal(policy_compile(&input, ret, NULL), 0);
}

/* The address with which the packet leaves; 0: not at all. */
static uint32_t leaves_as(const struct nat_ruleset *table, uint32_t destination)
{
	struct nat_packet packet = { .iif = "egw0",
				     .oif = "eth0",
				     .src = pod.addr,
				     .dst = { destination },
				     .protocol = 17,
				     .mark = gateway_node_mark(node),
				     .ct_state = NAT_STATE_NEW };

	if (nat_eval_hook(table, NAT_HOOK_FORWARD, &packet, NULL, NULL).verdict != NAT_EVAL_ACCEPT)
		return 0;
	return nat_eval_hook(table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL).snat_to.v;
}

static void the_first_policy_decides_even_without_an_egress_ip(void **state)
{
	struct own_egress egress[2] = { { .state = OWN_HELD, .private_ip = bank },
					{ .state = OWN_LOST } };
	const struct own own = { .v = egress, .n = 2 };
	struct gateway_config config;
	struct err err = ERR_NULL;
	(void)state;

	if (config_parse(&gateway_config_table, config_text, strlen(config_text), &config, &err))
		fail_msg("%s", err.text);
	for (size_t n = 0; n < 2; n++) {
		struct policy_result policies;
		struct nat_ruleset table = { 0 };
		struct gateway_view view = { &config, &policies, 8951, 2, { 0 }, .own = &own };

		compile(n, &policies);
		assert_int_equal(gateway_describe_table(&view, &table), 0);

		assert_int_equal(leaves_as(&table, some.addr.v + 10), 0);
		assert_int_equal(leaves_as(&table, 0xcb007109), bank.v);

		nat_ruleset_done(&table);
		policy_result_done(&policies);
	}
	config_done(&gateway_config_table, &config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_policy_decides_even_without_an_egress_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
