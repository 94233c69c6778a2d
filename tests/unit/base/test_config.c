// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What base/config makes of a correct configuration: values, defaults, dump, help. */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "config_example.h"
#include "unit.h"

static const char full_text[] =
	"{\"name\": \"node-1.a\", \"title\": \"x\", \"uplink\": \"eth0.100\", \"address\": \"10.0.1.11\",\n"
	" \"second\": \"10.0.1.12\", \"priority\": 9, \"mark\": \"0xFf00aB12\",\n"
	" \"enforcement\": \"best_effort\",\n"
	" \"tunnel\": {\"device\": \"tun9\", \"port\": 4790, \"mtu\": 8951},\n"
	" \"proxy\": {\"address\": \"10.0.9.9\", \"port\": 4294967295, \"bypass\": [\"10.0.0.0/8\"], \"bypass6\": [\"fd00::/8\", \"2001:db8::1/128\"]}, \"tags\": [\"b\", \"a\"],\n"
	" \"policies\": [\n"
	"  {\"name\": \"p0\", \"pods\": [\"10.0.1.50/32\", \"10.0.2.0/24\"],\n"
	"   \"destinations\": [], \"egress_ips\": [\"bank\", \"post\"]},\n"
	"  {\"name\": \"p1\", \"pods\": [\"0.0.0.0/0\"]}]}\n";

static struct example parse_ok(const char *text)
{
	struct example e;
	struct err err = ERR_NULL;

	memset(&e, 0xa5, sizeof(e));
	const int r = config_parse(&example_table, text, strlen(text), &e, &err);
	if (r != 0)
		fail_msg("%s", err.text);
	assert_string_equal(err.text, "");
	return e;
}

/* The dump as text; to be freed. */
static char *dump(const struct example *e)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(config_dump(&example_table, e, out), 0);
	fclose(out);
	return text;
}

static void each_type_is_read(void **state)
{
	struct example e = parse_ok(full_text);
	const struct example_policy *const policies = e.policies.v;

	(void)state;
	assert_string_equal(e.name, "node-1.a");
	assert_string_equal(e.title, "x");
	assert_string_equal(e.uplink, "eth0.100");
	assert_int_equal(e.address.v, 0x0a00010b);
	assert_int_equal(e.second.v, 0x0a00010c);
	assert_int_equal(e.priority, 9);
	assert_int_equal(e.mark, 0xff00ab12);
	assert_int_equal(e.enforcement, 1);
	assert_string_equal(e.tunnel.device, "tun9");
	assert_int_equal(e.tunnel.port, 4790);
	assert_int_equal(e.tunnel.mtu, 8951);
	assert_int_equal(e.proxy.address.v, 0x0a000909);
	assert_int_equal(e.proxy.port, UINT32_MAX);
	assert_int_equal(e.proxy.bypass.v[0].len, 8);
	assert_int_equal(e.proxy.bypass6.n, 2);
	assert_int_equal(e.proxy.bypass6.v[1].len, 128);
	assert_int_equal(e.proxy.bypass6.v[1].addr.v[15], 1);
	assert_int_equal(e.tags.n, 2);
	assert_string_equal(e.tags.v[0], "b"); /* in the order of the file */
	assert_string_equal(e.tags.v[1], "a");
	assert_int_equal(e.policies.n, 2);
	assert_int_equal(policies[0].pods.n, 2);
	assert_int_equal(policies[0].pods.v[1].addr.v, 0x0a000200);
	assert_int_equal(policies[0].pods.v[1].len, 24);
	assert_int_equal(policies[0].destinations.n, 0);
	assert_null(policies[0].destinations.v);
	assert_string_equal(policies[0].egress_ips.v[1], "post");
	assert_string_equal(policies[1].name, "p1");
	assert_int_equal(policies[1].egress_ips.n, 0);
	config_done(&example_table, &e);
}

static void what_is_left_out_has_its_default_or_is_zero(void **state)
{
	struct example e =
		parse_ok("{" EXAMPLE_REQUIRED
			 ", \"policies\": [{\"name\": \"p\", \"pods\": [\"1.2.3.4/32\"]}]}");
	const struct example_policy *const policy = e.policies.v;

	(void)state;
	assert_string_equal(e.title, "");
	assert_int_equal(e.second.v, 0);
	assert_int_equal(e.priority, 600);
	assert_int_equal(e.mark, 0x1000);
	assert_int_equal(e.enforcement, 0);
	assert_string_equal(e.tunnel.device, "egw0");
	assert_int_equal(e.tunnel.port, 4789);
	assert_int_equal(e.tunnel.mtu, 0);
	assert_int_equal(e.proxy.address.v, 0);
	assert_int_equal(e.proxy.port, 0); /* the object isn't there, nor are the defaults in it */
	assert_int_equal(e.tags.n, 0);
	assert_null(e.tags.v);
	assert_int_equal(policy->destinations.n, 1);
	assert_int_equal(policy->destinations.v[0].len, 0);
	config_done(&example_table, &e);
}

static void defaults_apply_inside_an_object_that_is_there(void **state)
{
	struct example e = parse_ok("{" EXAMPLE_REQUIRED ", \"tunnel\": {\"mtu\": 1400},"
				    "\"proxy\": {\"address\": \"1.1.1.1\"}}");

	(void)state;
	assert_string_equal(e.tunnel.device, "egw0");
	assert_int_equal(e.tunnel.mtu, 1400);
	assert_int_equal(e.proxy.port, 3128);
	config_done(&example_table, &e);
}

static void numbers_are_read_up_to_their_bounds_in_both_forms(void **state)
{
	static const struct {
		const char *text;
		uint32_t v;
	} cases[] = {
		{ "0", 0 },
		{ "4294967295", UINT32_MAX },
		{ "\"0x0\"", 0 },
		{ "\"0xffffffff\"", UINT32_MAX },
		{ "\"0xFFFFFFFF\"", UINT32_MAX },
		{ "\"0x00000001\"", 1 },
		{ "\"0xdeadBEEF\"", 0xdeadbeef },
		{ "-0", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{" EXAMPLE_REQUIRED ", \"mark\": %s}", cases[i].text);
		struct example e = parse_ok(text);
		assert_int_equal(e.mark, cases[i].v);
		config_done(&example_table, &e);
	}
}

static void names_at_their_limits_are_read(void **state)
{
	static const char name63[] =
		"a23456789.123456789-123456789.123456789-123456789.123456789-123";
	char text[256];

	(void)state;
	assert_int_equal(strlen(name63), 63);
	snprintf(text, sizeof(text),
		 "{\"name\": \"%s\", \"uplink\": \"fifteen-chars-x\", \"address\": \"0.0.0.0\"}",
		 name63);
	struct example e = parse_ok(text);
	assert_string_equal(e.name, name63);
	assert_string_equal(e.uplink, "fifteen-chars-x");
	config_done(&example_table, &e);
}

static void blanks_and_escapes_of_json_are_understood(void **state)
{
	struct example e =
		parse_ok(" \t\r\n{\"n\\u0061me\" : \"\\u006e1\",\n\"uplink\":\"eth\\u0030\","
			 "\"address\":\"1.2.3.4\"} \n\n");

	(void)state;
	assert_string_equal(e.name, "n1");
	assert_string_equal(e.uplink, "eth0");
	config_done(&example_table, &e);
}

static void a_dump_is_complete_and_readable(void **state)
{
	struct example e =
		parse_ok("{" EXAMPLE_REQUIRED ", \"tags\": [\"t\", \"u\"], \"policies\": ["
			 "{\"name\": \"p\", \"pods\": [\"1.2.3.0/24\", \"5.6.7.8/32\"]}]}");
	CLEANUP(cleanup_free) char *text = dump(&e);

	(void)state;
	assert_string_equal(text, "{\n"
				  "  \"name\": \"n1\",\n"
				  "  \"uplink\": \"eth0\",\n"
				  "  \"address\": \"10.0.1.11\",\n"
				  "  \"priority\": 600,\n"
				  "  \"mark\": \"0x1000\",\n"
				  "  \"enforcement\": \"strict\",\n"
				  "  \"tunnel\": {\n"
				  "    \"device\": \"egw0\",\n"
				  "    \"port\": 4789\n"
				  "  },\n"
				  "  \"tags\": [\"t\", \"u\"],\n"
				  "  \"policies\": [\n"
				  "    {\n"
				  "      \"name\": \"p\",\n"
				  "      \"pods\": [\"1.2.3.0/24\", \"5.6.7.8/32\"],\n"
				  "      \"destinations\": [\"0.0.0.0/0\"],\n"
				  "      \"egress_ips\": []\n"
				  "    }\n"
				  "  ]\n"
				  "}\n");
	config_done(&example_table, &e);
}

static void a_dump_reads_back_to_the_same(void **state)
{
	static const char *const texts[] = {
		full_text,
		"{" EXAMPLE_REQUIRED "}",
		"{" EXAMPLE_REQUIRED
		", \"second\": \"0.0.0.0\", \"mark\": 0, \"tags\": [], \"policies\": []}",
		"{" EXAMPLE_REQUIRED ", \"proxy\": {\"address\": \"0.0.0.0\", \"port\": 0}}",
		"{" EXAMPLE_REQUIRED ", \"proxy\": {\"address\": \"0.0.0.0\"}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct example e = parse_ok(texts[i]);
		CLEANUP(cleanup_free) char *first = dump(&e);
		struct example again = parse_ok(first);
		CLEANUP(cleanup_free) char *second = dump(&again);
		assert_string_equal(first, second);
		assert_int_equal(e.second.v, again.second.v);
		assert_memory_equal(&e.tunnel, &again.tunnel, sizeof(e.tunnel));
		assert_int_equal(e.proxy.address.v, again.proxy.address.v);
		assert_int_equal(e.proxy.port, again.proxy.port);
		assert_int_equal(e.proxy.bypass.n, again.proxy.bypass.n);
		config_done(&example_table, &e);
		config_done(&example_table, &again);
	}
}

static void a_full_disk_is_noticed_by_the_dump(void **state)
{
	struct example e = parse_ok(full_text);
	FILE *const out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(config_dump(&example_table, &e, out), -EIO);
	fclose(out);
	config_done(&example_table, &e);
}

static void help_tells_each_key_with_type_default_and_bounds(void **state)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);

	(void)state;
	config_help(&example_table, out);
	fclose(out);
	assert_string_equal(
		text,
		"name: name; required; who I am\n"
		"title: name; optional, without a default\n"
		"uplink: interface name; required; the link to the VPC\n"
		"address: IPv4 address; required; primary address\n"
		"second: IPv4 address; optional address\n"
		"priority: number 1..32000; default 600; of the rule\n"
		"mark: number 0..4294967295; default \"0x1000\"; a bit\n"
		"enforcement: one of strict, best_effort; default \"strict\"; how hard\n"
		"tunnel: object; the tunnel\n"
		"tunnel.device: interface name; default \"egw0\"; the tunnel's link\n"
		"tunnel.port: number 1..65535; default 4789; UDP port\n"
		"tunnel.mtu: number 576..65535; bytes; the uplink's less 50 when left out\n"
		"proxy: object; optional, without a default\n"
		"proxy.address: IPv4 address; required; where it listens\n"
		"proxy.port: number 0..4294967295; default 3128; TCP port\n"
		"proxy.bypass: list of IPv4 prefixes; what goes past it\n"
		"proxy.bypass6: list of IPv6 prefixes; the same for IPv6\n"
		"tags: list of names; labels\n"
		"policies[]: list of objects; who is steered\n"
		"policies[].name: name; required; the policy's name\n"
		"policies[].pods: list of IPv4 prefixes; required; source addresses\n"
		"policies[].destinations: list of IPv4 prefixes; default [\"0.0.0.0/0\"]; where to\n"
		"policies[].egress_ips: list of names; which addresses\n");
}

static void done_zeroes_and_may_be_called_twice(void **state)
{
	static const struct example zero;
	struct example e = parse_ok(full_text);

	(void)state;
	config_done(&example_table, &e);
	config_done(&example_table, &e);
	assert_memory_equal(&e, &zero, sizeof(e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_is_read),
		cmocka_unit_test(what_is_left_out_has_its_default_or_is_zero),
		cmocka_unit_test(defaults_apply_inside_an_object_that_is_there),
		cmocka_unit_test(numbers_are_read_up_to_their_bounds_in_both_forms),
		cmocka_unit_test(names_at_their_limits_are_read),
		cmocka_unit_test(blanks_and_escapes_of_json_are_understood),
		cmocka_unit_test(a_dump_is_complete_and_readable),
		cmocka_unit_test(a_dump_reads_back_to_the_same),
		cmocka_unit_test(a_full_disk_is_noticed_by_the_dump),
		cmocka_unit_test(help_tells_each_key_with_type_default_and_bounds),
		cmocka_unit_test(done_zeroes_and_may_be_called_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
