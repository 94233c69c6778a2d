// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/ip6.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "unit.h"

static void prefixes_are_read_and_written_the_same(void **state)
{
	static const char *const cases[] = { "::/0",
					     "::/128",
					     "8000::/1",
					     "fc00::/7",
					     "fe80::/10",
					     "2001:db8:aa00::/40",
					     "2001:db8:1:2:3:4:5:6/128",
					     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip6_prefix p;
		char buf[IP6_PREFIX_TEXT_MAX];

		assert_int_equal(ip6_prefix_parse(cases[i], &p, NULL), 0);
		assert_ptr_equal(ip6_prefix_format(&p, buf), buf);
		assert_string_equal(buf, cases[i]);
	}
}

static void wrong_prefixes_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "must begin with an IPv6 address" },
		{ "/64", "must begin with an IPv6 address" },
		{ "10.0.0.0/8", "must begin with an IPv6 address" },
		{ "fe80::%eth0/64", "must begin with an IPv6 address" },
		{ "2001:db8::", "/128 for one address" },
		{ "2001:db8::/", "from 0 to 128" },
		{ "2001:db8::/129", "from 0 to 128" },
		{ "2001:db8::/999999999999", "from 0 to 128" },
		{ "2001:db8::/032", "from 0 to 128" },
		{ "2001:db8::/-1", "from 0 to 128" },
		{ "2001:db8::/32 ", "from 0 to 128" },
		{ "2001:db8::/32/32", "from 0 to 128" },
		{ "2001:db8::1/64", "2001:db8::/64 is the prefix" },
		{ "fd00::/7", "fc00::/7 is the prefix" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64", "too long" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip6_prefix p = { .len = 77 };
		struct err err = ERR_NULL;

		assert_int_equal(ip6_prefix_parse(cases[i].text, &p, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].reason));
		assert_int_equal(p.len, 77);
	}
}

static void a_prefix_contains_its_addresses_and_no_others(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool contained;
	} cases[] = {
		{ "::/0", "2001:db8::1", true },
		{ "fc00::/7", "fdff:ffff::", true },
		{ "fc00::/7", "fe00::", false },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::5/128", "2001:db8::5", true },
		{ "2001:db8::5/128", "2001:db8::4", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip6_prefix p;
		struct ip6 a;

		assert_int_equal(ip6_prefix_parse(cases[i].prefix, &p, NULL), 0);
		assert_int_equal(inet_pton(AF_INET6, cases[i].address, a.v), 1);
		assert_int_equal(ip6_prefix_contains(&p, &a), cases[i].contained);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_read_and_written_the_same),
		cmocka_unit_test(wrong_prefixes_are_refused_with_the_reason),
		cmocka_unit_test(a_prefix_contains_its_addresses_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
