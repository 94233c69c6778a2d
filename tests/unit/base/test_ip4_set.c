// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Sets are written as text, "10-20 30-30", since that is what one wants to see when a test fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ip4.h"
#include "unit.h"

#define RANGES_MAX 16
#define TEXT_MAX 256

#define MAX 4294967295

static size_t parse_ranges(const char *text, struct ip4_range *ret)
{
	size_t n = 0;

	while (*text) {
		char *end;

		assert_in_range(n, 0, RANGES_MAX - 1);
		ret[n].first = (uint32_t)strtoul(text, &end, 10);
		assert_int_equal(*end, '-');
		ret[n].last = (uint32_t)strtoul(end + 1, &end, 10);
		n++;
		text = *end ? end + 1 : end;
	}
	return n;
}

static struct ip4_set make_set(const char *text)
{
	struct ip4_range ranges[RANGES_MAX];
	struct ip4_set set = { 0 };

	assert_int_equal(ip4_set_from_ranges(&set, ranges, parse_ranges(text, ranges)), 0);
	return set;
}

static void assert_set(const struct ip4_set *set, const char *expected)
{
	char text[TEXT_MAX] = "";
	size_t length = 0;

	for (size_t i = 0; i < set->n; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u-%u",
					   i > 0 ? " " : "", set->v[i].first, set->v[i].last);
	assert_string_equal(text, expected);
	assert_true((set->n == 0) == (set->v == NULL));
}

static void ranges_are_sorted_and_merged(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "", "" },
		{ "5-5", "5-5" },
		{ "30-40 10-20", "10-20 30-40" },
		{ "10-20 21-30", "10-30" }, /* adjacent */
		{ "21-30 10-20", "10-30" },
		{ "10-20 22-30", "10-20 22-30" }, /* one address between */
		{ "10-20 15-30", "10-30" },
		{ "10-50 20-30", "10-50" }, /* inside */
		{ "10-50 20-30 40-60 61-61", "10-61" },
		{ "10-20 10-20 10-20", "10-20" },
		{ "0-4294967295", "0-4294967295" },
		{ "0-0 4294967295-4294967295", "0-0 4294967295-4294967295" },
		{ "0-0 1-4294967295", "0-4294967295" },
		{ "4294967295-4294967295 0-4294967294", "0-4294967295" },
		{ "0-4294967295 5-6 4294967295-4294967295", "0-4294967295" },
		{ "0-0 0-0 0-5", "0-5" },
		{ "2147483648-4294967295 0-2147483647", "0-4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ip4_set_done) struct ip4_set set = make_set(cases[i].in);

		assert_set(&set, cases[i].out);
	}
}

static void a_new_list_replaces_the_old_ranges(void **state)
{
	CLEANUP(ip4_set_done) struct ip4_set set = make_set("1-2 5-6 9-10");
	const struct ip4_range one = { 7, 8 };

	(void)state;
	assert_int_equal(ip4_set_from_ranges(&set, &one, 1), 0);
	assert_set(&set, "7-8");
	/* Also when the list is the set's own. */
	assert_int_equal(ip4_set_from_ranges(&set, set.v, set.n), 0);
	assert_set(&set, "7-8");
	assert_int_equal(ip4_set_from_ranges(&set, NULL, 0), 0);
	assert_set(&set, "");
	assert_int_equal(ip4_set_from_ranges(&set, &one, 1), 0);
	assert_int_equal(ip4_set_from_prefixes(&set, NULL, 0), 0);
	assert_set(&set, "");
}

static void prefixes_become_ranges(void **state)
{
	static const char *const texts[] = { "0.0.0.16/28", "0.0.0.0/29", "0.0.0.8/29",
					     "255.255.255.255/32" };
	struct ip4_prefix prefixes[ARRAY_SIZE(texts)];
	CLEANUP(ip4_set_done) struct ip4_set set = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(ip4_prefix_parse(texts[i], &prefixes[i], NULL), 0);

	assert_int_equal(ip4_set_from_prefixes(&set, prefixes, ARRAY_SIZE(texts)), 0);

	assert_set(&set, "0-31 4294967295-4294967295");
}

static void the_default_route_prefix_is_the_whole_space(void **state)
{
	const struct ip4_prefix all = { .len = 0 };
	CLEANUP(ip4_set_done) struct ip4_set set = { 0 };

	(void)state;
	assert_int_equal(ip4_set_from_prefixes(&set, &all, 1), 0);
	assert_set(&set, "0-4294967295");
	assert_true(ip4_set_count(&set) == UINT64_C(1) << 32);
}

static void subtraction_cuts_exactly(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *left;
	} cases[] = {
		{ "", "", "" },
		{ "", "1-5", "" },
		{ "10-20", "", "10-20" },
		{ "10-20", "10-20", "" },
		{ "10-20", "5-25", "" },
		{ "10-20", "0-9", "10-20" },
		{ "10-20", "21-30", "10-20" },
		{ "10-20", "0-10", "11-20" },
		{ "10-20", "20-30", "10-19" },
		{ "10-20", "15-15", "10-14 16-20" },
		{ "10-20", "10-10 20-20", "11-19" },
		{ "10-20 30-40 50-60", "15-55", "10-14 56-60" },
		{ "10-20 30-40 50-60", "0-100", "" },
		{ "10-20 30-40 50-60", "20-30 40-50", "10-19 31-39 51-60" },
		{ "10-100", "1-2 12-14 20-30 99-200 300-400", "10-11 15-19 31-98" },
		{ "0-4294967295", "0-0", "1-4294967295" },
		{ "0-4294967295", "4294967295-4294967295", "0-4294967294" },
		{ "0-4294967295", "0-0 4294967295-4294967295", "1-4294967294" },
		{ "0-4294967295", "0-4294967295", "" },
		{ "0-4294967295", "1-4294967294", "0-0 4294967295-4294967295" },
		{ "0-0", "0-0", "" },
		{ "4294967295-4294967295", "4294967295-4294967295", "" },
		{ "4294967290-4294967295", "4294967295-4294967295", "4294967290-4294967294" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ip4_set_done) struct ip4_set a = make_set(cases[i].a);
		CLEANUP(ip4_set_done) struct ip4_set b = make_set(cases[i].b);
		CLEANUP(ip4_set_done) struct ip4_set left = { 0 };

		assert_int_equal(ip4_set_subtract(&a, &b, &left), 0);
		assert_set(&left, cases[i].left);
		assert_set(&a, cases[i].a);
		assert_set(&b, cases[i].b);
	}
}

static void union_holds_both_and_merges_neighbours(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		const char *both;
	} cases[] = {
		{ "", "", "" },
		{ "1-2", "", "1-2" },
		{ "", "1-2", "1-2" },
		{ "1-2", "3-4", "1-4" },
		{ "3-4", "1-2", "1-4" },
		{ "1-2", "4-5", "1-2 4-5" },
		{ "1-2 5-6 9-10", "3-4 7-8", "1-10" },
		{ "0-0", "1-4294967295", "0-4294967295" },
		{ "0-4294967294", "4294967295-4294967295", "0-4294967295" },
		{ "10-20 40-50", "0-100", "0-100" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ip4_set_done) struct ip4_set a = make_set(cases[i].a);
		CLEANUP(ip4_set_done) struct ip4_set b = make_set(cases[i].b);
		CLEANUP(ip4_set_done) struct ip4_set both = { 0 };

		assert_int_equal(ip4_set_union(&a, &b, &both), 0);
		assert_set(&both, cases[i].both);
	}
}

static void intersection_tells_the_lowest_common_address(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		int64_t common; /* -1: none */
	} cases[] = {
		{ "", "", -1 },
		{ "", "0-4294967295", -1 },
		{ "1-2", "3-4", -1 },
		{ "1-3", "3-4", 3 },
		{ "0-0", "0-0", 0 },
		{ "4294967295-4294967295", "0-4294967295", MAX },
		{ "1-2 10-20 30-40", "5-6 25-35", 30 },
		{ "1-2 10-20 30-40", "3-9 21-29 41-50", -1 },
		{ "1-100", "40-50 60-70", 40 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ip4_set_done) struct ip4_set a = make_set(cases[i].a);
		CLEANUP(ip4_set_done) struct ip4_set b = make_set(cases[i].b);
		struct ip4 forth = { 12345 };
		struct ip4 back = { 12345 };

		assert_int_equal(ip4_set_intersects(&a, &b, &forth), cases[i].common >= 0);
		assert_int_equal(ip4_set_intersects(&b, &a, &back), cases[i].common >= 0);
		assert_int_equal(forth.v, cases[i].common >= 0 ? cases[i].common : 12345);
		assert_int_equal(back.v, forth.v);
		assert_int_equal(ip4_set_intersects(&a, &b, NULL), cases[i].common >= 0);
	}
}

static void contains_is_true_from_the_first_to_the_last_address(void **state)
{
	CLEANUP(ip4_set_done)
	struct ip4_set set = make_set("0-0 10-20 30-30 4294967294-4294967295");
	CLEANUP(ip4_set_done) struct ip4_set none = { 0 };
	static const uint32_t inside[] = { 0, 10, 15, 20, 30, MAX - 1, MAX };
	static const uint32_t outside[] = { 1, 9, 21, 29, 31, MAX - 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		assert_true(ip4_set_contains(&set, (struct ip4){ inside[i] }));
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		assert_false(ip4_set_contains(&set, (struct ip4){ outside[i] }));
	assert_false(ip4_set_contains(&none, (struct ip4){ 0 }));
}

static void equal_compares_ranges(void **state)
{
	CLEANUP(ip4_set_done) struct ip4_set a = make_set("1-2 4-5");
	CLEANUP(ip4_set_done) struct ip4_set same = make_set("5-5 4-4 1-2");
	CLEANUP(ip4_set_done) struct ip4_set shorter = make_set("1-2");
	CLEANUP(ip4_set_done) struct ip4_set first = make_set("0-2 4-5");
	CLEANUP(ip4_set_done) struct ip4_set last = make_set("1-2 4-6");
	CLEANUP(ip4_set_done) struct ip4_set none = { 0 };

	(void)state;
	assert_true(ip4_set_equal(&a, &same));
	assert_false(ip4_set_equal(&a, &shorter));
	assert_false(ip4_set_equal(&shorter, &a));
	assert_false(ip4_set_equal(&a, &first));
	assert_false(ip4_set_equal(&a, &last));
	assert_false(ip4_set_equal(&a, &none));
	assert_true(ip4_set_equal(&none, &none));
}

static void count_adds_up(void **state)
{
	CLEANUP(ip4_set_done) struct ip4_set set = make_set("0-0 10-19 4294967295-4294967295");
	CLEANUP(ip4_set_done) struct ip4_set none = { 0 };

	(void)state;
	assert_true(ip4_set_count(&set) == 12);
	assert_true(ip4_set_count(&none) == 0);
}

static void done_leaves_a_usable_empty_set(void **state)
{
	struct ip4_set set = make_set("1-2");

	(void)state;
	ip4_set_done(&set);
	ip4_set_done(&set);
	assert_set(&set, "");
}

/* A bit per address of a tiny space, as the plain truth that the sweeps are compared with. */
#define SPACE 64

static uint64_t bits_of(const struct ip4_set *set, uint32_t base)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < SPACE; i++)
		if (ip4_set_contains(set, (struct ip4){ base + i }))
			bits |= UINT64_C(1) << i;
	return bits;
}

static struct ip4_set random_set(uint32_t base, uint64_t *ret_bits)
{
	struct ip4_range ranges[8];
	const size_t n = (size_t)random() % (ARRAY_SIZE(ranges) + 1);
	struct ip4_set set = { 0 };

	*ret_bits = 0;
	for (size_t i = 0; i < n; i++) {
		const uint32_t first = (uint32_t)random() % SPACE;
		const uint32_t last = first + (uint32_t)random() % (SPACE - first);

		ranges[i] = (struct ip4_range){ base + first,
						base + (last < first + 9 ? last : first) };
		for (uint32_t k = ranges[i].first - base; k <= ranges[i].last - base; k++)
			*ret_bits |= UINT64_C(1) << k;
	}
	assert_int_equal(ip4_set_from_ranges(&set, ranges, n), 0);
	return set;
}

static void assert_canonical(const struct ip4_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		assert_true(set->v[i].first <= set->v[i].last);
		if (i > 0)
			assert_true((uint64_t)set->v[i - 1].last + 1 < set->v[i].first);
	}
}

static void random_sets_agree_with_a_bit_map_at_both_ends_of_the_space(void **state)
{
	static const uint32_t bases[] = { 0, UINT32_MAX - SPACE + 1 };

	(void)state;
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		const uint32_t base = bases[round & 1];
		uint64_t x;
		uint64_t y;
		CLEANUP(ip4_set_done) struct ip4_set a = random_set(base, &x);
		CLEANUP(ip4_set_done) struct ip4_set b = random_set(base, &y);
		CLEANUP(ip4_set_done) struct ip4_set left = { 0 };
		CLEANUP(ip4_set_done) struct ip4_set both = { 0 };
		struct ip4 common = { 0 };

		assert_int_equal(ip4_set_subtract(&a, &b, &left), 0);
		assert_int_equal(ip4_set_union(&a, &b, &both), 0);

		assert_canonical(&a);
		assert_canonical(&left);
		assert_canonical(&both);
		assert_true(bits_of(&a, base) == x);
		assert_true(bits_of(&left, base) == (x & ~y));
		assert_true(bits_of(&both, base) == (x | y));
		assert_true(ip4_set_count(&both) == (uint64_t)__builtin_popcountll(x | y));
		assert_int_equal(ip4_set_intersects(&a, &b, &common), (x & y) != 0);
		if (x & y)
			assert_int_equal(common.v - base, __builtin_ctzll(x & y));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_sorted_and_merged),
		cmocka_unit_test(a_new_list_replaces_the_old_ranges),
		cmocka_unit_test(prefixes_become_ranges),
		cmocka_unit_test(the_default_route_prefix_is_the_whole_space),
		cmocka_unit_test(subtraction_cuts_exactly),
		cmocka_unit_test(union_holds_both_and_merges_neighbours),
		cmocka_unit_test(intersection_tells_the_lowest_common_address),
		cmocka_unit_test(contains_is_true_from_the_first_to_the_last_address),
		cmocka_unit_test(equal_compares_ranges),
		cmocka_unit_test(count_adds_up),
		cmocka_unit_test(done_leaves_a_usable_empty_set),
		cmocka_unit_test(random_sets_agree_with_a_bit_map_at_both_ends_of_the_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
