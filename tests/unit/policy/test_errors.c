// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What policy_compile refuses, with the exact sentence, and what it must not refuse. */
#include "fixture.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE CLEANUP(cleanup_fixture) struct fixture *f = fixture_new()
#define assert_refused(f, sentence)                             \
	do {                                                    \
		assert_int_equal(fixture_compile(f), -EINVAL);  \
		assert_string_equal((f)->err.text, (sentence)); \
	} while (0)

struct row {
	struct fixture_words a, b;
	const char *sentence; /* NULL: is fine */
};

#define OVERLAP "policies[1].destination_cidrs: overlaps policies[0] (\"a\") for source "

static const struct row overlap_table[] = {
	{ { "10.0.0.1/32", "198.51.100.0/24", NULL, NULL },
	  { "10.0.0.1/32", "198.51.100.0/24", NULL, NULL },
	  OVERLAP "10.0.0.1 and destination 198.51.100.0" },
	{ { "10.0.0.0/24", "198.51.100.0/24", NULL, NULL },
	  { "10.0.0.128/25", "198.51.100.7/32", NULL, NULL },
	  OVERLAP "10.0.0.128 and destination 198.51.100.7" },
	{ { "10.0.0.128/25", "198.51.100.7/32", NULL, NULL },
	  { "10.0.0.0/24", "198.51.100.0/24", NULL, NULL },
	  OVERLAP "10.0.0.128 and destination 198.51.100.7" },
	{ { "10.0.0.9/32 10.0.0.5/32", NULL, NULL, NULL },
	  { "10.0.0.0/24", NULL, NULL, NULL },
	  OVERLAP "10.0.0.5 and destination 1.0.0.0" },
	{ { "0.0.0.0/0", "1.1.1.1/32 9.9.9.9/32", NULL, NULL },
	  { "255.255.255.255/32", "9.9.9.0/24", "9.9.9.0/29", NULL },
	  OVERLAP "255.255.255.255 and destination 9.9.9.9" },
	/* The same sources, but the destinations only meet where one policy excludes them. */
	{ { "10.0.0.1/32", NULL, "9.9.9.0/24", NULL },
	  { "10.0.0.1/32", "9.9.9.0/24", NULL, NULL },
	  NULL },
	/* The same destinations, but sources that only touch. */
	{ { "10.0.0.0/25", NULL, NULL, NULL }, { "10.0.0.128/25", NULL, NULL, NULL }, NULL },
	/* They would only meet in a range that is always excluded. */
	{ { "10.0.0.1/32", "1.0.0.0/8 127.0.0.0/8", NULL, NULL },
	  { "10.0.0.1/32", "2.0.0.0/8 127.0.0.0/8", NULL, NULL },
	  NULL },
	{ { "10.0.0.1/32", "1.0.0.0/8 172.16.0.0/16", NULL, NULL },
	  { "10.0.0.1/32", "2.0.0.0/8 172.16.0.0/24", NULL, NULL },
	  NULL },
};

static void overlapping_policies_are_refused_with_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(overlap_table); i++) {
		const struct row *row = &overlap_table[i];
		FIXTURE;
		fixture_egress(f, "x");
		fixture_always_excluded(f, "172.16.0.0/12");
		fixture_policy(f, "a", row->a);
		fixture_policy(f, "b", row->b);

		if (row->sentence)
			assert_refused(f, row->sentence);
		else
			assert_int_equal(fixture_compile(f), 0);
	}
}

static void the_later_policy_is_blamed_whatever_the_names(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "zzz", (struct fixture_words){ .pods = "10.0.0.0/24" });
	fixture_policy(f, "mmm", (struct fixture_words){ .pods = "10.0.1.0/24" });
	fixture_policy(f, "aaa", (struct fixture_words){ .pods = "10.0.0.77/32" });

	assert_refused(f,
		       "policies[2].destination_cidrs: overlaps policies[0] (\"zzz\") for source "
		       "10.0.0.77 and destination 1.0.0.0");
}

static void a_policy_may_repeat_itself(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "a",
		       (struct fixture_words){ "10.0.0.0/24 10.0.0.1/32 10.0.0.1/32",
					       "1.0.0.0/8 1.1.1.1/32 0.0.0.0/0", NULL, NULL });

	assert_int_equal(fixture_compile(f), 0);
}

static void the_last_of_many_open_policies_is_found(void **state)
{
	char name[16], destination[32];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	for (unsigned i = 0; i < POLICY_MAX - 1; i++) {
		snprintf(name, sizeof(name), "p%04u", i);
		snprintf(destination, sizeof(destination), "20.%u.%u.0/24", i / 256, i % 256);
		fixture_policy(f, name,
			       (struct fixture_words){ "10.0.0.0/8", destination, NULL, NULL });
	}
	fixture_policy(f, "last",
		       (struct fixture_words){ "10.1.2.3/32", "20.3.254.9/32", NULL, NULL });

	assert_refused(f,
		       "policies[1023].destination_cidrs: overlaps policies[1022] (\"p1022\") for "
		       "source 10.1.2.3 and destination 20.3.254.9");
}

static void a_policy_of_which_nothing_is_left_is_refused(void **state)
{
	static const struct fixture_words table[] = {
		{ "10.0.0.1/32", "9.9.9.0/24", "9.9.9.0/25 9.9.9.128/25", NULL },
		{ "10.0.0.1/32", "9.9.9.0/24", "0.0.0.0/0", NULL },
		{ "10.0.0.1/32", "172.16.5.0/24", NULL, NULL },
		{ "10.0.0.1/32", "169.254.169.254/32 255.255.255.255/32", NULL, NULL },
		{ "", "127.0.0.1/32", NULL, NULL },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		FIXTURE;
		fixture_egress(f, "x");
		fixture_always_excluded(f, "172.16.0.0/12");
		fixture_policy(f, "fine", (struct fixture_words){ .pods = "10.0.0.2/32" });
		fixture_policy(f, "none", table[i]);

		assert_refused(f,
			       "policies[1].destination_cidrs: nothing is left after the excluded "
			       "ranges");
	}
}

static void empty_lists_are_refused(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "a", (struct fixture_words){ "10.0.0.1/32", "", NULL, NULL });
	assert_refused(f, "policies[0].destination_cidrs: is empty");

	f->specs[0].n_destinations = 0;
	CLEANUP(cleanup_fixture) struct fixture *g = fixture_new();
	fixture_egress(g, "x");
	fixture_policy(g, "a", (struct fixture_words){ "10.0.0.1/32", NULL, NULL, "" });
	assert_refused(g, "policies[0].egress_ips: is empty");
}

static void what_one_policy_has_wrong_can_be_left_to_it(void **state)
{
	(void)state;
	FIXTURE;
	f->input.lenient = true;
	fixture_egress(f, "x y");
	fixture_policy(f, "young",
		       (struct fixture_words){ "10.0.0.0/30", "9.0.0.0/8", NULL, "1", NULL, 5 });
	fixture_policy(f, "old",
		       (struct fixture_words){ "10.0.0.1/32", "9.9.0.0/16", NULL, "0", NULL, 4 });
	fixture_policy(f, "nowhere",
		       (struct fixture_words){ "10.0.0.2/32", "9.9.9.0/24", NULL, "", NULL, 3 });
	fixture_policy(f, "nothing",
		       (struct fixture_words){ "10.0.0.0/32", "127.0.0.1/32", NULL, "", NULL, 2 });

	assert_int_equal(fixture_compile(f), 0);

	assert_string_equal(fixture_rule(f, "10.0.0.1", "9.9.9.9"), "old=x");
	assert_string_equal(fixture_rule(f, "10.0.0.1", "9.1.9.9"), "young=y");
	assert_string_equal(fixture_rule(f, "10.0.0.2", "9.9.9.9"), "nowhere=-");
	assert_string_equal(fixture_rule(f, "10.0.0.2", "9.9.8.9"), "young=y");
	assert_string_equal(fixture_rule(f, "10.0.0.0", "127.0.0.1"), "-");
	assert_string_equal(fixture_rule(f, "10.0.0.0", "9.9.9.9"), "young=y");
	assert_string_equal(fixture_class(f, "10.0.0.1"), "old=x,young=y");
}

static void an_egress_ip_that_is_not_there_is_refused(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x y");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "10.0.0.1/32" });
	fixture_policy(f, "b", (struct fixture_words){ "10.0.0.2/32", NULL, NULL, "1 0 2" });

	assert_refused(f, "policies[1].egress_ips[2]: there is no egress IP number 2");
}

static void names_must_be_there_short_and_different(void **state)
{
	static const char long_name[] =
		"0123456789012345678901234567890123456789012345678901234567890123";
	(void)state;
	{
		FIXTURE;
		fixture_egress(f, "x");
		fixture_policy(f, "a", (struct fixture_words){ .pods = "10.0.0.1/32" });
		fixture_policy(f, "", (struct fixture_words){ .pods = "10.0.0.2/32" });
		assert_refused(f, "policies[1].name: is empty");
	}
	{
		FIXTURE;
		fixture_egress(f, "x");
		fixture_policy(f, long_name, (struct fixture_words){ .pods = "10.0.0.1/32" });
		assert_refused(f, "policies[0].name: is longer than 63 characters");
	}
	{
		FIXTURE;
		fixture_egress(f, "x");
		fixture_policy(f, "b", (struct fixture_words){ .pods = "10.0.0.1/32" });
		fixture_policy(f, "a", (struct fixture_words){ .pods = "10.0.0.2/32" });
		fixture_policy(f, "b", (struct fixture_words){ .pods = "10.0.0.3/32" });
		assert_refused(f, "policies[2].name: \"b\" is also policies[0]");
	}
	{
		FIXTURE;
		fixture_egress(f, "x y x");
		assert_refused(f, "egress_ips[2].name: \"x\" is also egress_ips[0]");
	}
	{
		FIXTURE;
		fixture_egress(f, long_name);
		assert_refused(f, "egress_ips[0].name: is longer than 63 characters");
	}
	{
		FIXTURE;
		fixture_egress(f, "x");
		fixture_policy(f, long_name + 1, (struct fixture_words){ .pods = "10.0.0.1/32" });
		assert_int_equal(fixture_compile(f), 0);
		assert_string_equal(f->result.names[0], long_name + 1);
	}
}

static void too_many_policies_or_egress_ips_are_refused(void **state)
{
	char name[16], pod[32];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	for (unsigned i = 0; i < POLICY_MAX + 1; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(pod, sizeof(pod), "10.0.%u.%u/32", i / 256, i % 256);
		fixture_policy(f, name, (struct fixture_words){ .pods = pod });
	}
	assert_refused(f, "policies: has 1025 entries; at most 1024 are possible");

	char names[POLICY_EGRESS_MAX * 5 + 10] = "";
	for (size_t i = 0, at = 0; i < POLICY_EGRESS_MAX + 1; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%zu", i ? " " : "", i);
	CLEANUP(cleanup_fixture) struct fixture *g = fixture_new();
	fixture_egress(g, names);
	assert_refused(g, "egress_ips: has 128 entries; at most 127 are possible");

	char indexes[2 * (POLICY_EGRESS_MAX + 1) + 1] = "";
	for (size_t i = 0; i < POLICY_EGRESS_MAX + 1; i++)
		memcpy(indexes + 2 * i, "0 ", 3);
	CLEANUP(cleanup_fixture) struct fixture *h = fixture_new();
	fixture_egress(h, "x");
	fixture_policy(h, "a", (struct fixture_words){ "10.0.0.1/32", NULL, NULL, indexes });
	assert_refused(h, "policies[0].egress_ips: has 128 entries; at most 127 are possible");
}

static void the_last_policy_and_the_last_egress_ip_work(void **state)
{
	char name[16], pod[32], names[POLICY_EGRESS_MAX * 5] = "";
	(void)state;
	FIXTURE;
	for (size_t i = 0, at = 0; i < POLICY_EGRESS_MAX; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%se%zu", i ? " " : "", i);
	fixture_egress(f, names);
	for (unsigned i = 0; i < POLICY_MAX; i++) {
		snprintf(name, sizeof(name), "p%04u", i);
		snprintf(pod, sizeof(pod), "10.0.%u.%u/32", i / 256, i % 256);
		fixture_policy(f, name, (struct fixture_words){ pod, NULL, NULL, "126" });
	}

	assert_int_equal(fixture_compile(f), 0);

	assert_string_equal(fixture_class(f, "10.0.3.255"), "p1023=e126");
	assert_string_equal(fixture_class(f, "10.0.0.0"), "p0000=e126");
}

static void too_many_addresses_to_spread_are_refused(void **state)
{
	char name[16], pod[32];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x y");
	fixture_policy(f, "a",
		       (struct fixture_words){ "10.0.0.0/16 10.9.0.0/31", NULL, NULL, "0 1" });
	assert_refused(
		f, "policies[0].pod_cidrs: has 65538 addresses; at most 65536 can be spread over "
		   "several egress IPs");

	/* Single ones are as many as there are. */
	fixture_many_pods(f, 0, "10.0.0.0", POLICY_SPREAD_MAX + 1, 2);
	assert_int_equal(fixture_compile(f), 0);

	CLEANUP(cleanup_fixture) struct fixture *g = fixture_new();
	fixture_egress(g, "x y");
	for (unsigned i = 0; i < 17; i++) {
		snprintf(name, sizeof(name), "p%02u", i);
		snprintf(pod, sizeof(pod), "10.%u.0.0/16", i);
		fixture_policy(g, name, (struct fixture_words){ pod, NULL, NULL, "0 1" });
	}
	assert_refused(g,
		       "policies[16].pod_cidrs: more than 1048576 addresses to spread over several "
		       "egress IPs in all policies together");
}

/*
 * Makes policy `index` select those of the first 2,048 addresses of 10.0.0.0/8 that have bit `bit`
 * set.
 */
static void select_by_bit(struct fixture *f, size_t index, unsigned bit)
{
	char first[IP4_TEXT_MAX];
	size_t n = 2048u >> (bit + 1);

	ip4_format((struct ip4){ (10u << 24) + (1u << bit) }, first);
	fixture_many_pods(f, index, first, n, 2u << bit);
	for (size_t i = 0; i < n; i++)
		((struct ip4_prefix *)f->specs[index].pods)[i].len = (uint8_t)(32 - bit);
}

static void too_many_different_classes_are_refused(void **state)
{
	/* 1,000 policies are everywhere; 2,048 pods that all differ would need 2,000,000 rules. */
	char name[16], destination[32];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "p%04u", i);
		snprintf(destination, sizeof(destination), "20.%u.%u.0/24", i / 256, i % 256);
		fixture_policy(f, name,
			       (struct fixture_words){ "10.0.0.0/8", destination, NULL, NULL });
	}
	for (unsigned i = 0; i < 11; i++) {
		snprintf(name, sizeof(name), "q%u", i);
		snprintf(destination, sizeof(destination), "21.0.%u.0/24", i);
		fixture_policy(f, name, (struct fixture_words){ "", destination, NULL, NULL });
		select_by_bit(f, 1000 + i, i);
	}

	assert_refused(
		f, "policies: the pods fall into too many different combinations of policies and "
		   "egress IPs (more than 65536, or more than 1048576 rules in them)");

	f->input.n_specs = 1009; /* 9 bits: 512 classes of 1,000 rules and more */
	assert_int_equal(fixture_compile(f), 0);
	assert_int_equal(f->result.n_classes, 512);
	f->input.n_specs = 1011;
}

static void a_failed_compile_leaves_the_result_alone(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "10.0.0.1/32" });
	fixture_policy(f, "b", (struct fixture_words){ .pods = "10.0.0.1/32" });
	struct policy_result result;
	memset(&result, 0x5a, sizeof(result));
	struct policy_result before = result;

	assert_int_equal(policy_compile(&f->input, &result, NULL), -EINVAL);

	assert_memory_equal(&result, &before, sizeof(result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlapping_policies_are_refused_with_the_place),
		cmocka_unit_test(the_later_policy_is_blamed_whatever_the_names),
		cmocka_unit_test(a_policy_may_repeat_itself),
		cmocka_unit_test(the_last_of_many_open_policies_is_found),
		cmocka_unit_test(a_policy_of_which_nothing_is_left_is_refused),
		cmocka_unit_test(empty_lists_are_refused),
		cmocka_unit_test(what_one_policy_has_wrong_can_be_left_to_it),
		cmocka_unit_test(an_egress_ip_that_is_not_there_is_refused),
		cmocka_unit_test(names_must_be_there_short_and_different),
		cmocka_unit_test(too_many_policies_or_egress_ips_are_refused),
		cmocka_unit_test(the_last_policy_and_the_last_egress_ip_work),
		cmocka_unit_test(too_many_addresses_to_spread_are_refused),
		cmocka_unit_test(too_many_different_classes_are_refused),
		cmocka_unit_test(a_failed_compile_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
