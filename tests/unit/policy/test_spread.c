// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Several egress IPs: each source sticks to one, shares are fair, changes move as few as possible.
 */
#include "fixture.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define FIXTURE CLEANUP(cleanup_fixture) struct fixture *f = fixture_new()
#define SOURCES 8192

static const char *const names[] = { "a", "b", "c", "d", "e" };

static struct ip4 source(size_t i)
{
	return (struct ip4){ (10u << 24) + (uint32_t)i };
}

static const char *choice(const unsigned *egress, size_t n, size_t i)
{
	return names[egress[policy_rendezvous(names, egress, n, source(i))]];
}

static void shares_are_fair(void **state)
{
	static const unsigned egress[] = { 0, 1, 2, 3, 4 };
	size_t count[5] = { 0 };
	(void)state;

	for (size_t i = 0; i < SOURCES; i++)
		count[policy_rendezvous(names, egress, 5, source(i))]++;

	/* 1638 expected, standard deviation 36. */
	for (size_t i = 0; i < 5; i++)
		assert_in_range(count[i], 1638 - 180, 1638 + 180);
}

static void adding_an_egress_ip_moves_only_its_share(void **state)
{
	static const unsigned before[] = { 0, 1, 2 };
	static const unsigned after[] = { 0, 1, 2, 3 };
	size_t moved = 0;
	(void)state;

	for (size_t i = 0; i < SOURCES; i++) {
		const char *old = choice(before, 3, i);
		const char *new = choice(after, 4, i);

		if (!strcmp(old, new))
			continue;
		assert_string_equal(new, "d");
		moved++;
	}
	assert_in_range(moved, SOURCES / 4 - 200, SOURCES / 4 + 200);
}

static void removing_an_egress_ip_moves_only_those_that_it_had(void **state)
{
	static const unsigned before[] = { 0, 1, 2 };
	static const unsigned after[] = { 0, 2 };
	(void)state;

	for (size_t i = 0; i < SOURCES; i++) {
		const char *old = choice(before, 3, i);

		if (strcmp(old, "b") != 0)
			assert_string_equal(choice(after, 2, i), old);
	}
}

static void the_order_of_the_list_does_not_matter(void **state)
{
	static const unsigned one[] = { 0, 1, 2, 3 };
	static const unsigned other[] = { 3, 1, 0, 2 };
	(void)state;

	for (size_t i = 0; i < SOURCES; i++)
		assert_string_equal(choice(one, 4, i), choice(other, 4, i));
}

static void each_address_of_a_policy_gets_the_egress_ip_that_rendezvous_says(void **state)
{
	static const unsigned egress[] = { 0, 2, 3 };
	(void)state;
	FIXTURE;
	fixture_egress(f, "a b c d");
	fixture_policy(f, "p",
		       (struct fixture_words){ "10.0.0.0/22 10.0.6.0/31", NULL, NULL, "0 2 3" });

	assert_int_equal(fixture_compile(f), 0);

	for (size_t i = 0; i < 1024; i++) {
		const struct policy_rule *rule =
			policy_rule_of(&f->result, source(i), fixture_ip("198.51.100.1"));

		assert_non_null(rule);
		assert_string_equal(f->egress_names[rule->egress], choice(egress, 3, i));
	}
	assert_int_equal(f->result.n_classes, 3);
}

static void neighbours_with_the_same_egress_ip_are_one_member(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "a b");
	fixture_policy(f, "p", (struct fixture_words){ "10.0.0.0/22", NULL, NULL, "0 1" });

	assert_int_equal(fixture_compile(f), 0);

	assert_true(f->result.n_members > 2);
	for (size_t i = 1; i < f->result.n_members; i++) {
		const struct policy_member *left = &f->result.members[i - 1];
		const struct policy_member *right = &f->result.members[i];

		assert_int_equal(left->range.last + 1, right->range.first);
		assert_int_not_equal(left->class_index, right->class_index);
	}
}

static void removing_a_pod_moves_nobody_else(void **state)
{
	(void)state;
	CLEANUP(cleanup_fixture) struct fixture *before = fixture_new();
	CLEANUP(cleanup_fixture) struct fixture *after = fixture_new();
	fixture_egress(before, "a b c");
	fixture_policy(before, "p", (struct fixture_words){ "", NULL, NULL, "0 1 2" });
	fixture_many_pods(before, 0, "10.0.0.0", 1000, 3);
	fixture_egress(after, "a b c");
	fixture_policy(after, "p", (struct fixture_words){ "", NULL, NULL, "0 1 2" });
	fixture_many_pods(after, 0, "10.0.0.0", 999, 3);

	assert_int_equal(fixture_compile(before), 0);
	assert_int_equal(fixture_compile(after), 0);

	for (size_t i = 0; i < 999; i++) {
		const struct policy_class *left = policy_class_of(&before->result, source(3 * i));
		const struct policy_class *right = policy_class_of(&after->result, source(3 * i));

		assert_true(left->key == right->key);
	}
	assert_non_null(policy_class_of(&before->result, source(3 * 999)));
	assert_null(policy_class_of(&after->result, source(3 * 999)));
}

static void the_last_addresses_of_all_can_be_spread(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "a b");
	fixture_policy(f, "p", (struct fixture_words){ "255.255.0.0/16", NULL, NULL, "0 1" });

	assert_int_equal(fixture_compile(f), 0);

	assert_non_null(policy_class_of(&f->result, fixture_ip("255.255.255.255")));
	assert_non_null(policy_class_of(&f->result, fixture_ip("255.255.0.0")));
	assert_null(policy_class_of(&f->result, fixture_ip("255.254.255.255")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_fair),
		cmocka_unit_test(adding_an_egress_ip_moves_only_its_share),
		cmocka_unit_test(removing_an_egress_ip_moves_only_those_that_it_had),
		cmocka_unit_test(the_order_of_the_list_does_not_matter),
		cmocka_unit_test(each_address_of_a_policy_gets_the_egress_ip_that_rendezvous_says),
		cmocka_unit_test(neighbours_with_the_same_egress_ip_are_one_member),
		cmocka_unit_test(removing_a_pod_moves_nobody_else),
		cmocka_unit_test(the_last_addresses_of_all_can_be_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
