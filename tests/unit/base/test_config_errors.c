// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Each class of error, with the path and the reason that a person reads. */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "config_example.h"
#include "unit.h"

#define NAME64 "a234567890123456789012345678901234567890123456789012345678901234"
#define POLICY_BEGIN \
	", \"policies\": [{\"name\": \"p0\", \"pods\": [\"1.1.1.1/32\"]}, {\"name\": \"p1\", "
#define POLICY_END "}]"

/* `keys` stands behind the required keys. */
struct error_case {
	const char *keys;
	const char *text;
};

static void assert_refused(const char *json, size_t length, const char *expected)
{
	static const struct example zero;
	struct example e;
	struct err err = ERR_NULL;

	memset(&e, 0xa5, sizeof(e));
	assert_int_equal(config_parse(&example_table, json, length, &e, &err), -EINVAL);
	assert_string_equal(err.text, expected);
	assert_memory_equal(&e, &zero, sizeof(e)); /* nothing is owned */
	assert_int_equal(config_parse(&example_table, json, length, &e, NULL), -EINVAL);
}

static void assert_all_refused(const struct error_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char json[1024];

		snprintf(json, sizeof(json), "{" EXAMPLE_REQUIRED "%s}", cases[i].keys);
		assert_refused(json, strlen(json), cases[i].text);
	}
}

#define ALL_REFUSED(cases) assert_all_refused(cases, ARRAY_SIZE(cases))

static void unknown_keys_are_named_with_the_known_ones(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"nam\": 1",
		  "nam: unknown key; the keys here are name, title, uplink, address, "
		  "second, priority, mark, enforcement, tunnel, proxy, tags, policies" },
		{ ", \"tunnel\": {\"vni\": 1}",
		  "tunnel.vni: unknown key; the keys here are device, port, mtu" },
		{ POLICY_BEGIN "\"pod\": []" POLICY_END,
		  "policies[1].pod: unknown key; the keys here are name, pods, destinations, egress_ips" },
		{ ", \"tunnel\": {\"\": 1}",
		  "tunnel.: unknown key; the keys here are device, port, mtu" },
		{ ", \"tunnel\": {\"Port\": 1}",
		  "tunnel.Port: unknown key; the keys here are device, port, mtu" },
		{ ", \"tunnel\": {\"a\\n<3>b\": 1}",
		  "tunnel.a?<3>b: unknown key; the keys here are device, port, mtu" },
		{ ", \"tunnel\": {\"" NAME64 "cut\": 1}",
		  "tunnel." NAME64 ": unknown key; the keys here are device, port, mtu" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void missing_keys_are_named(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"proxy\": {}", "proxy.address: the key is missing" },
		{ ", \"policies\": [{}]", "policies[0].name: the key is missing" },
		{ POLICY_BEGIN "\"egress_ips\": []" POLICY_END,
		  "policies[1].pods: the key is missing" },
	};

	(void)state;
	ALL_REFUSED(cases);
	assert_refused("{}", 2, "name: the key is missing");
}

static void a_key_that_stands_twice_is_named_with_its_place(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"name\": \"n2\"",
		  "name: line 1, column 63: duplicate object key near '\"name\"'" },
		{ ", \"tunnel\": {\"port\": 1,\n\"port\": 1}",
		  "tunnel.port: line 2, column 6: duplicate object key near '\"port\"'" },
		{ POLICY_BEGIN "\"pods\": [\"1.1.1.2/32\"],\n \"pods\": []" POLICY_END,
		  "policies[1].pods: line 2, column 7: duplicate object key near '\"pods\"'" },
		{ POLICY_BEGIN "\"p\\u006fds\": [],\n\"pods\": []" POLICY_END,
		  "policies[1].pods: line 2, column 6: duplicate object key near '\"pods\"'" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void wrong_types_are_named(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"title\": 1", "title: expected a string, found a number" },
		{ ", \"title\": null", "title: expected a string, found null" },
		{ ", \"second\": [\"1.1.1.1\"]",
		  "second: expected a string with an IPv4 address, found a list" },
		{ ", \"priority\": 1.5",
		  "priority: expected a number or a string \"0x...\", found a number with a fraction or exponent" },
		{ ", \"priority\": 1e3",
		  "priority: expected a number or a string \"0x...\", found a number with a fraction or exponent" },
		{ ", \"priority\": true",
		  "priority: expected a number or a string \"0x...\", found true or false" },
		{ ", \"enforcement\": false",
		  "enforcement: expected a string, found true or false" },
		{ ", \"tunnel\": []", "tunnel: expected an object, found a list" },
		{ ", \"tags\": {}", "tags: expected a list, found an object" },
		{ ", \"tags\": [\"a\", 1]", "tags[1]: expected a string, found a number" },
		{ ", \"policies\": \"x\"", "policies: expected a list, found a string" },
		{ ", \"policies\": [1]", "policies[0]: expected an object, found a number" },
		{ POLICY_BEGIN "\"pods\": \"1.1.1.1/32\"" POLICY_END,
		  "policies[1].pods: expected a list, found a string" },
		{ POLICY_BEGIN "\"pods\": [\"1.1.1.1/32\", 7]" POLICY_END,
		  "policies[1].pods[1]: expected a string with an IPv4 prefix, found a number" },
	};

	(void)state;
	ALL_REFUSED(cases);
	assert_refused("[]", 2, "top level: expected an object, found a list");
}

static void wrong_names_are_refused(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"title\": \"\"", "title: '': the name is empty" },
		{ ", \"title\": \"Node1\"",
		  "title: 'Node1': a name consists of a-z, 0-9, '.' and '-'" },
		{ ", \"title\": \"a b\"",
		  "title: 'a b': a name consists of a-z, 0-9, '.' and '-'" },
		{ ", \"title\": \"a_b\"",
		  "title: 'a_b': a name consists of a-z, 0-9, '.' and '-'" },
		{ ", \"title\": \"a\\nb\"",
		  "title: 'a?b': a name consists of a-z, 0-9, '.' and '-'" },
		{ ", \"title\": \"-a\"", "title: '-a': a name begins and ends with a-z or 0-9" },
		{ ", \"title\": \"a.\"", "title: 'a.': a name begins and ends with a-z or 0-9" },
		{ ", \"title\": \".\"", "title: '.': a name begins and ends with a-z or 0-9" },
		{ ", \"title\": \"" NAME64 "\"",
		  "title: '" NAME64 "': the name is longer than 63 characters" },
		{ ", \"tags\": [\"ok\", \"-\"]",
		  "tags[1]: '-': a name begins and ends with a-z or 0-9" },
		{ ", \"tags\": [\"b\", \"a\", \"b\"]", "tags[2]: 'b' is in the list twice" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void wrong_interface_names_are_refused(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"tunnel\": {\"device\": \"\"}",
		  "tunnel.device: '': the interface name is empty" },
		{ ", \"tunnel\": {\"device\": \"sixteen-chars-xx\"}",
		  "tunnel.device: 'sixteen-chars-xx': an interface name has at most 15 characters" },
		{ ", \"tunnel\": {\"device\": \"..\"}",
		  "tunnel.device: '..': this can't be an interface name" },
		{ ", \"tunnel\": {\"device\": \"a/b\"}",
		  "tunnel.device: 'a/b': an interface name has no blanks and none of / : % \" \\" },
		{ ", \"tunnel\": {\"device\": \"a b\"}",
		  "tunnel.device: 'a b': an interface name has no blanks and none of / : % \" \\" },
		{ ", \"tunnel\": {\"device\": \"a\x7f\"}",
		  "tunnel.device: 'a?': an interface name has no blanks and none of / : % \" \\" },
		{ ", \"tunnel\": {\"device\": \"eth%d\"}",
		  "tunnel.device: 'eth%d': an interface name has no blanks and none of / : % \" \\" },
		{ ", \"tunnel\": {\"device\": \"e\\\"\"}",
		  "tunnel.device: 'e\"': an interface name has no blanks and none of / : % \" \\" },
		{ ", \"tunnel\": {\"device\": \"\xc3\xb6\"}",
		  "tunnel.device: '\xc3\xb6': an interface name has no blanks and none of / : % \" \\" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void wrong_addresses_and_prefixes_are_refused(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"second\": \"10.0.0.256\"",
		  "second: '10.0.0.256' is no IPv4 address: a number is too large" },
		{ POLICY_BEGIN "\"pods\": [\"1.1.1.1/32\", \"10.0.1.50/24\"]" POLICY_END,
		  "policies[1].pods[1]: '10.0.1.50/24' has bits set below the prefix length; "
		  "10.0.1.0/24 is the prefix" },
		{ POLICY_BEGIN "\"pods\": [\"10.0.1.50\"]" POLICY_END,
		  "policies[1].pods[0]: '10.0.1.50' is no IPv4 prefix: the length is missing "
		  "(/32 for one address)" },
		{ ", \"proxy\": {\"address\": \"1.1.1.1\", \"bypass6\": [\"fd00::/8\", \"fd00::\"]}",
		  "proxy.bypass6[1]: 'fd00::' is no IPv6 prefix: the length is missing "
		  "(/128 for one address)" },
		{ ", \"proxy\": {\"address\": \"1.1.1.1\", \"bypass6\": [6]}",
		  "proxy.bypass6[0]: expected a string with an IPv6 prefix, found a number" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void numbers_out_of_bounds_are_refused(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"priority\": 0", "priority: 0 is not between 1 and 32000" },
		{ ", \"priority\": 32001", "priority: 32001 is not between 1 and 32000" },
		{ ", \"priority\": -1", "priority: -1 is not between 1 and 32000" },
		{ ", \"priority\": \"0x7d01\"", "priority: 32001 is not between 1 and 32000" },
		{ ", \"mark\": 4294967296", "mark: 4294967296 is not between 0 and 4294967295" },
		{ ", \"mark\": 9223372036854775807",
		  "mark: 9223372036854775807 is not between 0 and 4294967295" },
		{ ", \"mark\": \"0x100000000\"",
		  "mark: '0x100000000' is no number: write 4096 or, as a string, \"0x1000\"" },
		{ ", \"mark\": \"0x\"",
		  "mark: '0x' is no number: write 4096 or, as a string, \"0x1000\"" },
		{ ", \"mark\": \"\"",
		  "mark: '' is no number: write 4096 or, as a string, \"0x1000\"" },
		{ ", \"mark\": \"0x1g\"",
		  "mark: '0x1g' is no number: write 4096 or, as a string, \"0x1000\"" },
		{ ", \"mark\": \"4096\"",
		  "mark: '4096' is no number: write 4096 or, as a string, \"0x1000\"" },
		{ ", \"mark\": \"0X10\"",
		  "mark: '0X10' is no number: write 4096 or, as a string, \"0x1000\"" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void unknown_words_of_an_enum_are_refused_with_the_known_ones(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"enforcement\": \"Strict\"",
		  "enforcement: 'Strict' is none of \"strict\", \"best_effort\"" },
		{ ", \"enforcement\": \"\"",
		  "enforcement: '' is none of \"strict\", \"best_effort\"" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

static void lists_keep_to_their_lengths(void **state)
{
	static const struct error_case cases[] = {
		{ ", \"tags\": [\"a\", \"b\", \"c\", \"d\"]",
		  "tags: 4 items, at most 3 are allowed" },
		{ POLICY_BEGIN "\"pods\": []" POLICY_END,
		  "policies[1].pods: 0 items, at least 1 are needed" },
		{ POLICY_BEGIN
		  "\"pods\": [\"1.1.1.1/32\"], \"destinations\": [1,2,3,4,5]" POLICY_END,
		  "policies[1].destinations: 5 items, at most 4 are allowed" },
	};

	(void)state;
	ALL_REFUSED(cases);
}

/* Behind line and column stands what the JSON library says; its words aren't ours to test. */
static void syntax_errors_tell_path_line_and_column(void **state)
{
	static const struct {
		const char *json;
		const char *text;
	} cases[] = {
		{ "", "top level: line 1, column 0: " },
		{ "nonsense", "top level: line 1, column 8: " },
		{ "{} {}", "top level: line 1, column 4: " },
		{ "{}x", "top level: line 1, column 3: " },
		{ "{}]", "top level: line 1, column 3: " },
		{ "{\"tunnel\": {\"port\": }}", "tunnel.port: line 1, column 21: " },
		{ "{\"tunnel\": {\n\"port\": 1\n\"mtu\": 2}}", "tunnel.port: line 3, column 5: " },
		{ "{\"policies\": [{\"pods\": [\"1.1.1.1/32\", \n  \"1.1",
		  "policies[0].pods[1]: line 2, column 6: " },
		{ "{\"policies\": [{\"pods\": [\"a\", \"b\",]}]}",
		  "policies[0].pods[2]: line 1, column 34: " },
		{ "{\"policies\": [{\"pods\": [\"a\" \"b\"]}]}",
		  "policies[0].pods[0]: line 1, column 31: " },
		{ "{\"a\": {\"x\": [1, {}, [2, 3], bad]}}", "a.x[3]: line 1, column 31: " },
		{ "{\"a\": \"[{,\\\"\", \"b\": }", "b: line 1, column 21: " },
		{ "{\"a\": [[1, [2,", "a[0][1][1]: line 1, column 14: " },
		{ "{\"title\": \"a\\u0000b\"}", "title: line 1, column 20: " },
		{ "{\"a\\u0000b\": 1}", "a\\u0000b: line 1, column 11: " },
		{ "{\"a\": 99999999999999999999}", "a: line 1, column 26: " },
		{ "{'a': 1}", "top level: line 1, column 2: " },
		{ "{\"a\": 1, // comment\n}", "top level: line 1, column 10: " },
		{ "{\"a\": 01}", "a: line 1, column 7: " },
		{ "{\"a\": \"x\ny\"}", "a: line 1, column 8: " },
		{ "{\"a\": \"\xff\"}", "a: line 1, column 7: " },
		{ "{\"a\": \"\\", "a: line 1, column 8: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const size_t length = strlen(cases[i].text);
		struct example e;
		struct err err = ERR_NULL;

		assert_int_equal(config_parse(&example_table, cases[i].json, strlen(cases[i].json),
					      &e, &err),
				 -EINVAL);
		assert_in_range(strlen(err.text), length + 1, ERR_TEXT_MAX);
		err.text[length] = '\0';
		assert_string_equal(err.text, cases[i].text);
	}
}

static void a_nul_byte_is_not_the_end_of_the_text(void **state)
{
	static const char json[] = "{" EXAMPLE_REQUIRED "}\0 {";
	struct example e;
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(config_parse(&example_table, json, sizeof(json) - 1, &e, &err), -EINVAL);
	assert_non_null(strstr(err.text, "end of file expected"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_keys_are_named_with_the_known_ones),
		cmocka_unit_test(missing_keys_are_named),
		cmocka_unit_test(a_key_that_stands_twice_is_named_with_its_place),
		cmocka_unit_test(wrong_types_are_named),
		cmocka_unit_test(wrong_names_are_refused),
		cmocka_unit_test(wrong_interface_names_are_refused),
		cmocka_unit_test(wrong_addresses_and_prefixes_are_refused),
		cmocka_unit_test(numbers_out_of_bounds_are_refused),
		cmocka_unit_test(unknown_words_of_an_enum_are_refused_with_the_known_ones),
		cmocka_unit_test(lists_keep_to_their_lengths),
		cmocka_unit_test(syntax_errors_tell_path_line_and_column),
		cmocka_unit_test(a_nul_byte_is_not_the_end_of_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
