// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/ip4.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "unit.h"

static void addresses_are_read_and_written_the_same(void **state)
{
	static const struct {
		const char *text;
		uint32_t v;
	} cases[] = {
		{ "0.0.0.0", 0 },
		{ "255.255.255.255", UINT32_MAX },
		{ "10.0.1.200", 0x0a0001c8 },
		{ "1.20.100.9", 0x01146409 },
		{ "99.100.101.10", 0x6364650a },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4 a;
		char buf[IP4_TEXT_MAX];

		assert_int_equal(ip4_parse(cases[i].text, &a, NULL), 0);
		assert_int_equal(a.v, cases[i].v);
		assert_ptr_equal(ip4_format(a, buf), buf);
		assert_string_equal(buf, cases[i].text);
	}
}

static void wrong_addresses_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{ "", "a number is missing" },
		{ "10", "four numbers" },
		{ "10.0.1", "four numbers" },
		{ "10.0.1.", "a number is missing" },
		{ ".10.0.1.1", "a number is missing" },
		{ "10..1.1", "a number is missing" },
		{ "10.0.1.1.1", "something follows" },
		{ "10.0.1.1 ", "something follows" },
		{ " 10.0.1.1", "a number is missing" },
		{ "10.0.1.1/32", "something follows" },
		{ "10.0.1.256", "too large" },
		{ "4294967306.0.1.1", "too large" },
		{ "99999999999999999999.0.0.0", "too large" },
		{ "010.0.1.1", "leading zero" },
		{ "10.00.1.1", "leading zero" },
		{ "10.0.1.-1", "a number is missing" },
		{ "+1.0.1.1", "a number is missing" },
		{ "0x0a.0.1.1", "four numbers" },
		{ "::1", "a number is missing" },
		{ "10.0.1.1\n", "something follows" },
		{ "10,0,1,1", "four numbers" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4 a = { 77 };
		struct err err = ERR_NULL;

		assert_int_equal(ip4_parse(cases[i].text, &a, &err), -EINVAL);
		assert_int_equal(a.v, 77);
		assert_non_null(strstr(err.text, cases[i].reason));
	}
}

static void prefixes_are_read_and_written_the_same(void **state)
{
	static const struct {
		const char *text;
		uint32_t addr;
		uint8_t len;
		uint32_t last;
	} cases[] = {
		{ "0.0.0.0/0", 0, 0, UINT32_MAX },
		{ "128.0.0.0/1", 0x80000000, 1, UINT32_MAX },
		{ "10.0.0.0/8", 0x0a000000, 8, 0x0affffff },
		{ "10.0.1.48/28", 0x0a000130, 28, 0x0a00013f },
		{ "255.255.255.254/31", 0xfffffffe, 31, UINT32_MAX },
		{ "255.255.255.255/32", UINT32_MAX, 32, UINT32_MAX },
		{ "0.0.0.0/32", 0, 32, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4_prefix p;
		char buf[IP4_PREFIX_TEXT_MAX];

		assert_int_equal(ip4_prefix_parse(cases[i].text, &p, NULL), 0);
		assert_int_equal(p.addr.v, cases[i].addr);
		assert_int_equal(p.len, cases[i].len);
		assert_int_equal(ip4_prefix_range(p).first, cases[i].addr);
		assert_int_equal(ip4_prefix_range(p).last, cases[i].last);
		assert_ptr_equal(ip4_prefix_format(p, buf), buf);
		assert_string_equal(buf, cases[i].text);
	}
}

static void wrong_prefixes_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{ "10.0.0.1", "the length is missing (/32 for one address)" },
		{ "10.0.0.1/", "a number from 0 to 32" },
		{ "10.0.0.1/33", "a number from 0 to 32" },
		{ "10.0.0.1/032", "a number from 0 to 32" },
		{ "10.0.0.1/-1", "a number from 0 to 32" },
		{ "10.0.0.1/32 ", "something follows the length" },
		{ "10.0.0.1/32/32", "something follows the length" },
		{ "10.0.0.0/255.0.0.0", "a number from 0 to 32" },
		{ "10.0.0.1 /32", "'/' and the length must follow" },
		{ "10.0.0/24", "four numbers" },
		{ "/24", "a number is missing" },
		{ "", "a number is missing" },
		{ "10.0.1.50/24", "10.0.1.0/24 is the prefix" },
		{ "1.2.3.4/0", "0.0.0.0/0 is the prefix" },
		{ "255.255.255.255/31", "255.255.255.254/31 is the prefix" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4_prefix p = { .len = 77 };
		struct err err = ERR_NULL;

		assert_int_equal(ip4_prefix_parse(cases[i].text, &p, &err), -EINVAL);
		assert_int_equal(p.len, 77);
		assert_non_null(strstr(err.text, cases[i].reason));
	}
}

static void a_wrong_text_is_quoted_in_part_only(void **state)
{
	char text[4096];
	struct ip4 a;
	struct err err = ERR_NULL;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';

	ip4_parse(text, &a, &err);

	assert_in_range(strlen(err.text), 40, 120);
	assert_non_null(strstr(err.text, "a number is missing"));
}

static void a_prefix_contains_its_first_and_last_address_and_no_neighbour(void **state)
{
	struct ip4_prefix p;

	(void)state;
	assert_int_equal(ip4_prefix_parse("10.0.1.48/28", &p, NULL), 0);
	assert_false(ip4_prefix_contains(p, (struct ip4){ 0x0a00012f }));
	assert_true(ip4_prefix_contains(p, (struct ip4){ 0x0a000130 }));
	assert_true(ip4_prefix_contains(p, (struct ip4){ 0x0a00013f }));
	assert_false(ip4_prefix_contains(p, (struct ip4){ 0x0a000140 }));
	assert_int_equal(ip4_prefix_parse("0.0.0.0/0", &p, NULL), 0);
	assert_true(ip4_prefix_contains(p, (struct ip4){ 0 }));
	assert_true(ip4_prefix_contains(p, (struct ip4){ UINT32_MAX }));
	assert_int_equal(ip4_prefix_parse("255.255.255.255/32", &p, NULL), 0);
	assert_false(ip4_prefix_contains(p, (struct ip4){ UINT32_MAX - 1 }));
	assert_true(ip4_prefix_contains(p, (struct ip4){ UINT32_MAX }));
}

/* The prefixes must follow each other without a gap, aligned, and no two neighbours may form one. */
static void assert_exact_cover(struct ip4_range r, const struct ip4_prefix *v, size_t n)
{
	uint64_t next = r.first;

	for (size_t i = 0; i < n; i++) {
		const struct ip4_range part = ip4_prefix_range(v[i]);

		assert_true(part.first == next);
		assert_true(part.first == v[i].addr.v);
		next = (uint64_t)part.last + 1;
		if (i > 0 && v[i].len == v[i - 1].len)
			assert_true((v[i].addr.v ^ v[i - 1].addr.v) != UINT32_C(1)
									       << (32 - v[i].len));
	}
	assert_true(next == (uint64_t)r.last + 1);
}

static void a_range_becomes_the_smallest_list_of_prefixes(void **state)
{
	static const struct {
		struct ip4_range r;
		size_t n;
	} cases[] = {
		{ { 0, UINT32_MAX }, 1 },
		{ { 0, 0 }, 1 },
		{ { UINT32_MAX, UINT32_MAX }, 1 },
		{ { 1, UINT32_MAX - 1 }, 62 },
		{ { 1, UINT32_MAX }, 32 },
		{ { 0, UINT32_MAX - 1 }, 32 },
		{ { 0x7fffffff, 0x80000000 }, 2 },
		{ { 0x0a000130, 0x0a00013f }, 1 },
		{ { 0x0a000131, 0x0a00013f }, 4 },
		{ { 0x0a000130, 0x0a00013e }, 4 },
		{ { UINT32_MAX - 1, UINT32_MAX }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4_prefix v[62];
		const size_t n = ip4_range_to_prefixes(cases[i].r, v);

		assert_int_equal(n, cases[i].n);
		assert_exact_cover(cases[i].r, v, n);
	}
}

static void any_range_is_covered_exactly(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct ip4_prefix v[62];
		uint32_t ends[2];

		for (int k = 0; k < 2; k++) {
			seed = seed * 1664525 + 1013904223;
			ends[k] = seed >> (seed & 7 & 31);
		}
		const struct ip4_range r = { ends[0] < ends[1] ? ends[0] : ends[1],
					     ends[0] < ends[1] ? ends[1] : ends[0] };
		const size_t n = ip4_range_to_prefixes(r, v);
		assert_in_range(n, 1, 62);
		assert_exact_cover(r, v, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written_the_same),
		cmocka_unit_test(wrong_addresses_are_refused_with_the_reason),
		cmocka_unit_test(prefixes_are_read_and_written_the_same),
		cmocka_unit_test(wrong_prefixes_are_refused_with_the_reason),
		cmocka_unit_test(a_wrong_text_is_quoted_in_part_only),
		cmocka_unit_test(a_prefix_contains_its_first_and_last_address_and_no_neighbour),
		cmocka_unit_test(a_range_becomes_the_smallest_list_of_prefixes),
		cmocka_unit_test(any_range_is_covered_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
