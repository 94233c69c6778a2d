// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a node wants of routing can be had. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "base/err.h"

/* A plan can be made of it: no route is wanted twice. */
static void expect_sound_routing(struct node_fixture *f)
{
	struct net_observed nothing = { 0 };
	struct net_plan plan = { 0 };
	struct err err = ERR_NULL;

	net_desired_done(&f->routing);
	assert_int_equal(node_describe_routing(&f->view, &f->routing), 0);
	if (net_plan_compute(&f->routing, &nothing, &plan, &err))
		fail_msg("%s", err.text);
	net_plan_done(&plan);
}

static void two_policies_of_one_pod_can_have_the_same_destination(void **state)
{
	const struct ip4_prefix pod = { ip("10.0.1.50"), 32 }, some = { ip("198.51.100.0"), 24 };
	unsigned bank = 0;
	const struct policy_spec spec = { .name = "a",
					  .pods = &pod,
					  .n_pods = 1,
					  .destinations = &some,
					  .n_destinations = 1,
					  .egress = &bank,
					  .n_egress = 1 };
	struct policy_spec specs[] = { spec, spec };
	const char *const names[] = { "bank", "mail" };
	const struct policy_input input = {
		.specs = specs, .n_specs = 2, .egress_names = names, .n_egress = 2, .lenient = true
	};
	struct node_fixture f;
	(void)state;

	specs[1].name = "b";
	node_fixture_init(&f, NULL, "strict");
	policy_result_done(&f.policies);
	assert_int_equal(policy_compile(&input, &f.policies, NULL), 0);
	expect_sound_routing(&f);
	node_fixture_done(&f);
}

static const struct rt_route *find_route(const struct node_fixture *f, uint32_t table,
					 struct ip4 dst)
{
	for (size_t i = 0; i < f->routing.routes.n; i++) {
		const struct rt_route *route = &f->routing.routes.v[i];

		if (route->table == table && route->dst.len == 32 && route->dst.addr.v == dst.v)
			return route;
	}
	return NULL;
}

/* The only rule of its chain leaves copies of that lane's packets alone to a hop whose route is the tunnel to the other one. */
static void while_an_egress_ip_moves_the_other_gateway_gets_copies(void **state)
{
	const struct ip4 other = ip("10.0.3.200");
	struct node_fixture f;
	(void)state;

	for (int can = 0; can < 2; can++) {
		node_fixture_init(&f, NULL, "strict");
		assert_null(nat_chain_find(&f.table, "second"));
		struct node_egress *const bank = f.config.egress_ips.v;
		const uint8_t lane = lanes_find(&f.lanes, bank->name);
		const struct ip4 hop = node_second_hop(lane);

		assert_null(find_route(&f, RT_TABLE_MAIN, hop));
		bank->second = other;
		f.view.can_copy = can;
		expect_sound_routing(&f);
		nat_ruleset_done(&f.table);
		f.table = (struct nat_ruleset){ 0 };
		assert_int_equal(node_describe_table(&f.view, &f.table), 0);
		const struct nat_chain *const chain = nat_chain_find(&f.table, "second");
		const struct rt_route *const route = find_route(&f, RT_TABLE_MAIN, hop);

		/* Its tunnel packets never end in the tunnel again. */
		assert_non_null(find_route(&f, f.config.table_base + lane, other));
		assert_int_equal(chain != NULL, can);
		assert_int_equal(route != NULL, can);
		if (can) {
			char words[NAT_RULE_TEXT_MAX];

			assert_int_equal(chain->n_rules, 1);
			assert_string_equal(nat_rule_format(&chain->rules[0], words),
					    "oifname \"egw0\" meta mark & 0x107f == 0x1000 "
					    "dup to 169.254.65.0 device meta oif");
			assert_int_equal(route->encap.dst.v, other.v);
			assert_int_equal(route->oif, RT_OIF_TUNNEL);
		}
		node_fixture_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_policies_of_one_pod_can_have_the_same_destination),
		cmocka_unit_test(while_an_egress_ip_moves_the_other_gateway_gets_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
