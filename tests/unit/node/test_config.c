// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

#define NODE "\"node\": {\"name\": \"n\", \"address\": \"10.0.1.11\", \"uplink\": \"eth0\"}"
#define EXCLUDED "\"always_excluded\": [\"10.0.0.0/16\"]"
#define EGRESS "\"egress_ips\": [{\"name\": \"bank\", \"gateway\": \"10.0.1.200\"}]"
#define POLICY(name, cidr) \
	"{\"name\": \"" name "\", \"pod_cidrs\": [\"" cidr "\"], \"egress_ips\": [\"bank\"]}"
#define POLICIES "\"policies\": [" POLICY("p", "10.0.1.50/32") "]"

static int check(const char *text, struct err *err)
{
	struct node_config config;
	int rc = config_parse(&node_config_table, text, strlen(text), &config, err);

	if (rc)
		return rc;
	rc = node_config_check(&config, err);
	config_done(&node_config_table, &config);
	return rc;
}

static void what_is_left_out_has_its_default(void **state)
{
	static const char text[] = "{" NODE "," EGRESS "," EXCLUDED "," POLICIES "}";
	struct node_config config;
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(config_parse(&node_config_table, text, strlen(text), &config, &err), 0);

	assert_string_equal(config.tunnel.device, "egw0");
	assert_int_equal(config.tunnel.port, 4789);
	assert_int_equal(config.tunnel.vni, 77);
	assert_int_equal(config.mark.flag, 0x1000);
	assert_int_equal(config.mark.index_mask, 0x7f);
	assert_int_equal(config.rule_priority, 600);
	assert_int_equal(config.enforcement, NODE_STRICT);
	config_done(&node_config_table, &config);
}

static void a_wrong_value_is_named_by_its_path(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "{" NODE "," EGRESS "," EXCLUDED "," POLICIES
		  ", \"mark\": {\"flag\": \"0x3000\"}}",
		  "mark.flag" },
		{ "{" NODE "," EGRESS "," EXCLUDED "," POLICIES ", \"mark\": {\"flag\": \"0x40\"}}",
		  "mark.flag" },
		{ "{" NODE "," EGRESS "," EXCLUDED "," POLICIES
		  ", \"mark\": {\"flag\": \"0x4000\"}}",
		  "mark.flag" },
		{ "{" NODE "," EGRESS "," EXCLUDED "," POLICIES ", \"tunnel\": {\"port\": 70000}}",
		  "tunnel.port" },
		{ "{" NODE "," EGRESS "," EXCLUDED "," POLICIES ", \"tunel\": {}}", "tunel" },
		{ "{" NODE "," EGRESS "," POLICIES "}", "egress_ips[0].gateway" },
		{ "{" NODE "," EXCLUDED "," POLICIES
		  ", \"egress_ips\": [{\"name\": \"bank\", \"gateway\": \"10.0.1.11\"}]}",
		  "egress_ips[0].gateway" },
		{ "{" NODE "," EXCLUDED "," POLICIES ", \"egress_ips\": []}",
		  "policies[0].egress_ips[0]" },
		{ "{" NODE "," EGRESS "," EXCLUDED ", \"policies\": [" POLICY(
			  "p", "10.0.1.50/32") "," POLICY("q", "10.0.1.48/28") "]}",
		  "policies[1]" },
		{ "{" NODE "," EGRESS "," EXCLUDED ", \"policies\": [" POLICY(
			  "p", "10.0.1.50/32") "," POLICY("p", "10.0.1.51/32") "]}",
		  "policies[1].name" },
		{ "{" NODE "," EGRESS "," EXCLUDED
		  ", \"policies\": [" POLICY("p", "10.0.1.50/28") "]}",
		  "policies[0].pod_cidrs[0]" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = ERR_NULL;

		if (check(rows[i].text, &err) != -EINVAL)
			fail_msg("row %zu was accepted", i);
		if (strncmp(err.text, rows[i].path, strlen(rows[i].path)) != 0)
			fail_msg("row %zu: '%s' doesn't begin with '%s'", i, err.text,
				 rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(a_wrong_value_is_named_by_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
