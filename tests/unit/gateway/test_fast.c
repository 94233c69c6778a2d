// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The fast path as it is described, and that another egress IP to serve makes it another table. */
#include "desired_fixture.h"

#include <stdio.h>
#include <string.h>

#include "gateway/table/fast.h"

static struct nat_ruleset described(struct fixture *f, const bool *fenced)
{
	struct nat_ruleset table;

	f->view.fenced = fenced;
	assert_int_equal(fast_describe(&f->view, &table), 0);
	return table;
}

static void an_assured_connection_goes_into_a_flowtable_of_both_devices(void **state)
{
	struct fixture f;
	struct nat_ruleset table;
	char text[NAT_RULE_TEXT_MAX];

	(void)state;
	fixture_init_with(&f, two_pods_text);
	table = described(&f, NULL);
	assert_string_equal(table.table, "eipgw_fast");
	assert_int_equal(table.flowtable.n_devices, 2);
	assert_string_equal(table.flowtable.devices[0], f.view.config->tunnel.device);
	assert_string_equal(table.flowtable.devices[1], f.view.config->gateway.uplink);
	assert_int_equal(table.n_chains, 1);
	assert_int_equal(table.chains[0].hook, NAT_HOOK_FORWARD);
	assert_true(table.chains[0].priority > 0); /* after the chain that accepts */
	assert_false(table.chains[0].policy_drop);
	assert_int_equal(table.chains[0].n_rules, 1);
	assert_string_equal(nat_rule_format(&table.chains[0].rules[0], text),
			    "ct status & 0x4 != 0 ct reply ip daddr @served flow add @fast");
	nat_ruleset_done(&table);
	fixture_done(&f);
}

/* The packet that the fence drops is in forward before. */
static void only_what_is_served_goes_into_it(void **state)
{
	static const bool none[] = { false, false }, first[] = { true, false },
			  both[] = { true, true };
	static const struct {
		const bool *fenced;
		size_t n;
		const char *address;
	} rows[] = { { none, 2, "10.0.1.201" }, { first, 1, "10.0.1.202" }, { both, 0, NULL } };
	struct fixture f;

	(void)state;
	fixture_init_with(&f, two_pods_text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nat_ruleset table = described(&f, rows[i].fenced);

		assert_int_equal(table.n_sets, 1);
		assert_int_equal(table.sets[0].n, rows[i].n);
		if (rows[i].address)
			assert_int_equal(table.sets[0].v[0].first, ip(rows[i].address).v);
		nat_ruleset_done(&table);
	}
	fixture_done(&f);
}

static void what_is_fenced_off_makes_it_another_table(void **state)
{
	static const bool none[] = { false, false }, first[] = { true, false },
			  second[] = { false, true };
	struct fixture f;
	struct nat_ruleset a, b, c, again;

	(void)state;
	fixture_init_with(&f, two_pods_text);
	a = described(&f, none);
	b = described(&f, first);
	c = described(&f, second);
	again = described(&f, none);
	assert_true(nat_ruleset_same_shape(&a, &again));
	assert_false(nat_ruleset_same_shape(&a, &b));
	assert_false(nat_ruleset_same_shape(&a, &c));
	assert_false(nat_ruleset_same_shape(&b, &c));
	nat_ruleset_done(&a);
	nat_ruleset_done(&b);
	nat_ruleset_done(&c);
	nat_ruleset_done(&again);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assured_connection_goes_into_a_flowtable_of_both_devices),
		cmocka_unit_test(only_what_is_served_goes_into_it),
		cmocka_unit_test(what_is_fenced_off_makes_it_another_table),
	};
	return cmocka_run_group_tests_name("gateway/fast", tests, NULL, NULL);
}
