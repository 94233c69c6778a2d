// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who is in which class: nesting, borders, several policies, exclusions. */
#include "fixture.h"

#include "base/cleanup.h"
#include "policy/classes.h"

#include "cmocka_all.h"

#define FIXTURE CLEANUP(cleanup_fixture) struct fixture *f = fixture_new()

static void no_policies_select_nobody(void **state)
{
	(void)state;
	FIXTURE;

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_classes, 0);
	assert_int_equal(f->result.n_members, 0);
	assert_string_equal(fixture_class(f, "10.0.0.1"), "-");
	assert_string_equal(fixture_rule(f, "10.0.0.1", "198.51.100.1"), "-");
}

static void a_policy_without_pods_is_fine(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "" });

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_members, 0);
	assert_int_equal(f->result.n_policies, 1);
	assert_string_equal(f->result.names[0], "a");
}

static void one_pod_is_selected_and_its_neighbours_are_not(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "10.0.0.5/32" });

	assert_int_equal(fixture_compile(f), 0);

	assert_string_equal(fixture_class(f, "10.0.0.4"), "-");
	assert_string_equal(fixture_class(f, "10.0.0.5"), "a=bank");
	assert_string_equal(fixture_class(f, "10.0.0.6"), "-");
}

static void overlapping_and_adjacent_prefixes_of_a_policy_become_one_member(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank");
	fixture_policy(f, "a",
		       (struct fixture_words){ .pods = "10.0.0.64/26 10.0.0.0/26 10.0.0.3/32" });

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_members, 1);
	assert_int_equal(f->result.members[0].range.first, fixture_ip("10.0.0.0").v);
	assert_int_equal(f->result.members[0].range.last, fixture_ip("10.0.0.127").v);
}

static void the_whole_address_space_can_be_selected(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "0.0.0.0/0" });

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_members, 1);
	assert_int_equal(f->result.members[0].range.first, 0);
	assert_int_equal(f->result.members[0].range.last, UINT32_MAX);
	assert_string_equal(fixture_class(f, "0.0.0.0"), "a=bank");
	assert_string_equal(fixture_class(f, "255.255.255.255"), "a=bank");
}

static void nested_prefixes_of_several_policies_give_a_class_each(void **state)
{
	static const struct {
		const char *source, *class;
	} table[] = {
		{ "9.255.255.255", "-" },
		{ "10.0.0.0", "all=bank" },
		{ "10.0.0.255", "all=bank" },
		{ "10.0.1.0", "all=bank,net=other" },
		{ "10.0.1.6", "all=bank,net=other" },
		{ "10.0.1.7", "all=bank,net=other,pod=third" },
		{ "10.0.1.8", "all=bank,net=other" },
		{ "10.0.1.255", "all=bank,net=other,pod=third" },
		{ "10.0.2.0", "all=bank" },
		{ "10.255.255.255", "all=bank" },
		{ "11.0.0.0", "-" },
	};
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank other third");
	fixture_policy(f, "all",
		       (struct fixture_words){ "10.0.0.0/8", "198.51.100.0/24", NULL, "0" });
	fixture_policy(f, "net",
		       (struct fixture_words){ "10.0.1.0/24", "203.0.113.0/24", NULL, "1" });
	fixture_policy(f, "pod",
		       (struct fixture_words){ "10.0.1.7/32 10.0.1.255/32", "192.0.2.0/24", NULL,
					       "2" });

	assert_int_equal(fixture_compile(f), 0);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(fixture_class(f, table[i].source), table[i].class);
	assert_int_equal(f->result.n_classes, 3);
}

static void a_pod_in_two_policies_goes_by_the_destination(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank other");
	fixture_policy(f, "rest",
		       (struct fixture_words){ "10.0.0.1/32", NULL, "198.51.100.0/24", "1" });
	fixture_policy(f, "bank",
		       (struct fixture_words){ "10.0.0.0/30", "198.51.100.0/24", NULL, "0" });

	assert_int_equal(fixture_compile(f), 0);

	assert_string_equal(fixture_rule(f, "10.0.0.1", "198.51.100.7"), "bank=bank");
	assert_string_equal(fixture_rule(f, "10.0.0.1", "8.8.8.8"), "rest=other");
	assert_string_equal(fixture_rule(f, "10.0.0.2", "198.51.100.7"), "bank=bank");
	assert_string_equal(fixture_rule(f, "10.0.0.2", "8.8.8.8"), "-");
	assert_string_equal(fixture_rule(f, "10.0.0.4", "198.51.100.7"), "-");
}

static void rules_of_a_class_are_sorted_by_policy_name(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "b",
		       (struct fixture_words){ "10.0.0.1/32", "198.51.100.2/32", NULL, NULL });
	fixture_policy(f, "c",
		       (struct fixture_words){ "10.0.0.1/32", "198.51.100.3/32", NULL, NULL });
	fixture_policy(f, "a",
		       (struct fixture_words){ "10.0.0.0/31", "198.51.100.1/32", NULL, NULL });

	assert_int_equal(fixture_compile(f), 0);

	assert_string_equal(fixture_class(f, "10.0.0.1"), "a=x,b=x,c=x");
	assert_string_equal(fixture_class(f, "10.0.0.0"), "a=x");
}

static void excluded_ranges_are_never_governed(void **state)
{
	static const struct {
		const char *destination, *rule;
	} table[] = {
		{ "0.1.2.3", "-" },
		{ "1.0.0.0", "a=bank" },
		{ "10.0.255.255", "-" },
		{ "10.1.0.0", "a=bank" },
		{ "126.255.255.255", "a=bank" },
		{ "127.0.0.1", "-" },
		{ "128.0.0.0", "a=bank" },
		{ "169.253.255.255", "a=bank" },
		{ "169.254.169.254", "-" },
		{ "169.255.0.0", "a=bank" },
		{ "192.0.2.9", "-" },
		{ "192.0.2.10", "a=bank" },
		{ "223.255.255.255", "a=bank" },
		{ "224.0.0.1", "-" },
		{ "240.0.0.1", "-" },
		{ "255.255.255.255", "-" },
	};
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank");
	fixture_always_excluded(f, "10.0.0.0/16");
	fixture_policy(f, "a", (struct fixture_words){ "10.0.0.1/32", NULL, "192.0.2.9/32", NULL });

	assert_int_equal(fixture_compile(f), 0);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_string_equal(fixture_rule(f, "10.0.0.1", table[i].destination),
				    table[i].rule);
}

static void sources_that_touch_but_differ_in_class_stay_apart(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x y");
	fixture_policy(f, "a", (struct fixture_words){ "10.0.0.0/25", NULL, NULL, "0" });
	fixture_policy(f, "b", (struct fixture_words){ "10.0.0.128/25", NULL, NULL, "1" });

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_members, 2);
	assert_string_equal(fixture_class(f, "10.0.0.127"), "a=x");
	assert_string_equal(fixture_class(f, "10.0.0.128"), "b=y");
}

static void classes_are_shared_by_sources_that_are_far_apart(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "a",
		       (struct fixture_words){ .pods = "10.0.0.1/32 10.0.0.3/32 10.9.0.0/16" });

	assert_int_equal(fixture_compile(f), 0);

	assert_int_equal(f->result.n_members, 3);
	assert_int_equal(f->result.n_classes, 1);
}

static void rules_with_the_same_internal_hash_are_kept_apart(void **state)
{
	static struct policy_open one = { .rules = { { 1, 1 } }, .n = 1, .hash = 99 };
	static struct policy_open two = { .rules = { { 1, 1 }, { 2, 1 } }, .n = 2, .hash = 99 };
	static struct policy_open other = { .rules = { { 1, 2 } }, .n = 1, .hash = 99 };
	CLEANUP(policy_classes_done) struct policy_classes classes = POLICY_CLASSES_NULL;
	uint32_t index[6];
	(void)state;

	assert_int_equal(policy_classes_get(&classes, &one, &index[0]), 0);
	assert_int_equal(policy_classes_get(&classes, &two, &index[1]), 0);
	assert_int_equal(policy_classes_get(&classes, &other, &index[2]), 0);
	assert_int_equal(policy_classes_get(&classes, &one, &index[3]), 0);
	assert_int_equal(policy_classes_get(&classes, &two, &index[4]), 0);
	assert_int_equal(policy_classes_get(&classes, &other, &index[5]), 0);

	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(index[i], i % 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_policies_select_nobody),
		cmocka_unit_test(a_policy_without_pods_is_fine),
		cmocka_unit_test(one_pod_is_selected_and_its_neighbours_are_not),
		cmocka_unit_test(overlapping_and_adjacent_prefixes_of_a_policy_become_one_member),
		cmocka_unit_test(the_whole_address_space_can_be_selected),
		cmocka_unit_test(nested_prefixes_of_several_policies_give_a_class_each),
		cmocka_unit_test(a_pod_in_two_policies_goes_by_the_destination),
		cmocka_unit_test(rules_of_a_class_are_sorted_by_policy_name),
		cmocka_unit_test(excluded_ranges_are_never_governed),
		cmocka_unit_test(sources_that_touch_but_differ_in_class_stay_apart),
		cmocka_unit_test(classes_are_shared_by_sources_that_are_far_apart),
		cmocka_unit_test(rules_with_the_same_internal_hash_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
