// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a node wants of routing can be had. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_policies_of_one_pod_can_have_the_same_destination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
