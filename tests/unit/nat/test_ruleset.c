// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/ruleset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

static struct nat_elem range(uint32_t first, uint32_t last)
{
	return (struct nat_elem){ .first = first, .last = last };
}

static void a_finished_set_is_sorted_and_has_each_element_once(void **state)
{
	struct nat_ruleset rs;
	size_t set;

	(void)state;
	nat_ruleset_init(&rs, "t");
	set = nat_set_add(&rs, "s", NAT_SET_RANGE, 0);
	nat_elem_add(&rs, set, range(20, 29));
	nat_elem_add(&rs, set, range(10, 19));
	nat_elem_add(&rs, set, range(20, 29));
	nat_elem_add(&rs, set, range(30, UINT32_MAX));
	nat_elem_add(&rs, set, range(0, 0));

	assert_int_equal(nat_ruleset_finish(&rs), 0);

	assert_int_equal(rs.sets[0].n, 4);
	for (size_t i = 1; i < rs.sets[0].n; i++)
		assert_true(nat_elem_compare(&rs.sets[0].v[i - 1], &rs.sets[0].v[i]) < 0);
	nat_ruleset_done(&rs);
}

static void elements_are_ordered_by_key_address_and_data(void **state)
{
	static const struct nat_elem sorted[] = { { 0, 0, 0, 0 },          { 0, 0, 0, 1 },
						  { 0, 0, 1, 0 },          { 0, 1, 1, 0 },
						  { 0, UINT32_MAX, 0, 0 }, { 1, 0, 0, 0 },
						  { UINT32_MAX, 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
			int is = nat_elem_compare(&sorted[i], &sorted[j]);

			assert_true(i < j ? is < 0 : i > j ? is > 0 : is == 0);
		}
	}
}

/* Each spoils a sound ruleset in one way that the kernel would refuse, or that would never come to rest. */
struct fault {
	const char *what;
	void (*make)(struct nat_ruleset *rs);
};

static void overlap(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 0, range(19, 25));
}

static void backwards(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 0, range(50, 49));
}

static void range_in_a_set_of_addresses(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 1, range(50, 51));
}

static void one_key_two_verdicts(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 2, (struct nat_elem){ 7, 1, 1, nat_name(rs, "b") });
}

static void verdict_to_no_chain(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 2, (struct nat_elem){ 7, 2, 2, nat_name(rs, "nowhere") });
}

static void verdict_to_no_name(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 2, (struct nat_elem){ 7, 2, 2, 99 });
}

static void device_without_name(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 3, (struct nat_elem){ 99, 2, 2, 0 });
}

static void device_name_too_long(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 3, (struct nat_elem){ nat_name(rs, "abcdefghijklmnop"), 2, 2, 0 });
}

static void more_than_the_size(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 1, range(2, 2));
	nat_elem_add(rs, 1, range(3, 3));
}

static void jump_to_nowhere(struct nat_ruleset *rs)
{
	nat_rule_add(rs, 0, NAT_RULE({ NAT_JUMP, .name = "nowhere" }));
}

static void set_of_another_kind(struct nat_ruleset *rs)
{
	nat_rule_add(rs, 0, NAT_RULE({ NAT_SADDR_IN, .name = "devices" }));
}

static void no_such_set(struct nat_ruleset *rs)
{
	nat_rule_add(rs, 0, NAT_RULE({ NAT_SADDR_VMAP, .name = "nowhere" }));
}

static void no_such_counter(struct nat_ruleset *rs)
{
	nat_rule_add(rs, 0, NAT_RULE({ NAT_DROP }, { NAT_COUNT, .name = "nowhere" }));
}

static void two_counters_of_one_name(struct nat_ruleset *rs)
{
	nat_counter_add(rs, "c");
}

static void two_sets_of_one_name(struct nat_ruleset *rs)
{
	nat_set_add(rs, "ranges", NAT_SET_RANGE, 0);
}

static void two_chains_of_one_name(struct nat_ruleset *rs)
{
	nat_chain_add(rs, "a", "");
}

static void nothing_wrong(struct nat_ruleset *rs)
{
	nat_elem_add(rs, 0, range(20, 29));
	nat_elem_add(rs, 1, range(2, 2));
	nat_elem_add(rs, 2, (struct nat_elem){ 8, 1, 1, nat_name(rs, "b") });
	nat_rule_add(rs, 0,
		     NAT_RULE({ NAT_SADDR_NOT_IN, .name = "ranges" }, { NAT_COUNT, .name = "c" },
			      { NAT_GOTO, .name = "b" }));
}

static void sound(struct nat_ruleset *rs)
{
	nat_ruleset_init(rs, "t");
	nat_counter_add(rs, "c");
	nat_elem_add(rs, nat_set_add(rs, "ranges", NAT_SET_RANGE, 0), range(10, 19));
	nat_elem_add(rs, nat_set_add(rs, "addrs", NAT_SET_ADDR, 2), range(1, 1));
	nat_elem_add(rs, nat_set_add(rs, "map", NAT_MAP_MARK_ADDR_VERDICT, 0),
		     (struct nat_elem){ 7, 1, 1, nat_name(rs, "a") });
	nat_elem_add(rs, nat_set_add(rs, "devices", NAT_SET_IF_ADDR, 0),
		     (struct nat_elem){ nat_name(rs, "eni1"), 1, 1, 0 });
	nat_chain_add(rs, "a", "");
	nat_chain_add(rs, "b", "");
}

static void finishing_refuses_what_the_kernel_would(void **state)
{
	static const struct fault faults[] = {
		{ "nothing", nothing_wrong },
		{ "overlapping ranges", overlap },
		{ "a range that ends before it begins", backwards },
		{ "a range in a set of addresses", range_in_a_set_of_addresses },
		{ "two verdicts for one key", one_key_two_verdicts },
		{ "a verdict to no chain", verdict_to_no_chain },
		{ "a verdict without a name", verdict_to_no_name },
		{ "a device without a name", device_without_name },
		{ "a device's name of 16 letters", device_name_too_long },
		{ "more elements than declared", more_than_the_size },
		{ "a jump to nowhere", jump_to_nowhere },
		{ "a set of another kind", set_of_another_kind },
		{ "no such set", no_such_set },
		{ "no such counter", no_such_counter },
		{ "two counters of one name", two_counters_of_one_name },
		{ "two sets of one name", two_sets_of_one_name },
		{ "two chains of one name", two_chains_of_one_name },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct nat_ruleset rs;

		print_message("%s\n", faults[i].what);
		sound(&rs);
		faults[i].make(&rs);
		assert_int_equal(nat_ruleset_finish(&rs), i ? -EINVAL : 0);
		nat_ruleset_done(&rs);
	}
}

static void things_are_found_by_name(void **state)
{
	struct nat_ruleset rs;

	(void)state;
	sound(&rs);
	assert_string_equal(nat_set_find(&rs, "map")->name, "map");
	assert_null(nat_set_find(&rs, "a"));
	assert_string_equal(nat_chain_find(&rs, "b")->name, "b");
	assert_null(nat_chain_find(&rs, "map"));
	assert_null(nat_chain_find(&rs, ""));
	nat_chain_add(&rs, "b", "another one of that name");
	assert_string_equal(nat_chain_find(&rs, "b")->comment, "");
	nat_ruleset_done(&rs);
	assert_null(nat_set_find(&rs, "map"));
}

static void names_are_interned(void **state)
{
	enum { N = 5000 };
	struct nat_ruleset rs;
	char name[16];

	(void)state;
	nat_ruleset_init(&rs, "t");
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < N; i++) {
			snprintf(name, sizeof(name), "class_%u", i);
			assert_int_equal(nat_name(&rs, name), i);
		}
	}
	assert_int_equal(rs.n_names, N);
	assert_string_equal(rs.names[N - 1], "class_4999");
	nat_ruleset_done(&rs);
}

static void too_much_makes_the_ruleset_useless(void **state)
{
	struct nat_ruleset rs;
	char name[16];

	(void)state;
	nat_ruleset_init(&rs, "t");
	for (uint32_t i = 0; i < 300 && !rs.failed; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		nat_counter_add(&rs, name);
	}
	assert_true(rs.failed);
	assert_int_equal(rs.n_counters, 256);
	assert_int_equal(nat_ruleset_finish(&rs), -ENOMEM);
	nat_ruleset_done(&rs);
}

static void additions_to_what_is_not_there_do_nothing(void **state)
{
	struct nat_ruleset rs;

	(void)state;
	nat_ruleset_init(&rs, "t");
	nat_elem_add(&rs, 0, range(1, 1));
	nat_rule_add(&rs, 0, NAT_RULE({ NAT_DROP }));
	assert_int_equal(nat_ruleset_finish(&rs), 0);
	nat_ruleset_done(&rs);
}

static void base_chains_keep_what_was_said(void **state)
{
	struct nat_ruleset rs;
	size_t i;

	(void)state;
	nat_ruleset_init(&rs, "t");
	i = nat_base_chain_add(&rs, "post", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT);
	assert_int_equal(rs.chains[i].hook, NAT_HOOK_POSTROUTING);
	assert_int_equal(rs.chains[i].priority, 99);
	assert_true(rs.chains[i].nat);
	assert_false(rs.chains[i].policy_drop);
	i = nat_base_chain_add(&rs, "fwd", NAT_HOOK_FORWARD, -1, NAT_BASE_DROP);
	assert_false(rs.chains[i].nat);
	assert_true(rs.chains[i].policy_drop);
	i = nat_chain_add(&rs, "a", "why it is there");
	assert_int_equal(rs.chains[i].hook, NAT_HOOK_NONE);
	assert_string_equal(rs.chains[i].comment, "why it is there");
	nat_ruleset_done(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finished_set_is_sorted_and_has_each_element_once),
		cmocka_unit_test(elements_are_ordered_by_key_address_and_data),
		cmocka_unit_test(finishing_refuses_what_the_kernel_would),
		cmocka_unit_test(things_are_found_by_name),
		cmocka_unit_test(names_are_interned),
		cmocka_unit_test(too_much_makes_the_ruleset_useless),
		cmocka_unit_test(additions_to_what_is_not_there_do_nothing),
		cmocka_unit_test(base_chains_keep_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
