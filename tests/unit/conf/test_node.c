// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/node.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static void kubernetes_leaves_no_room_for_policies_of_ones_own(void **state)
{
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(check("{" NODE "," EXCLUDED ", \"source\": \"kubernetes\"}", &err), 0);
	assert_int_equal(check("{" NODE "," EXCLUDED "," EGRESS ", \"source\": \"kubernetes\"}",
			       &err),
			 -EINVAL);
	assert_string_equal(err.text, "egress_ips: come from Kubernetes, as \"source\" says");
}

static void complete(const char *text, int rc, const char *expected)
{
	struct node_config config;
	struct err err = ERR_NULL;
	char got[ERR_TEXT_MAX], address[IP4_TEXT_MAX];

	assert_int_equal(config_parse(&node_config_table, text, strlen(text), &config, &err), 0);
	assert_int_equal(node_config_complete(&config, &err), rc);
	snprintf(got, sizeof(got), "%s %s", config.node.name,
		 ip4_format(config.node.address, address));
	assert_string_equal(rc ? err.text : got, expected);
	config_done(&node_config_table, &config);
}

static void what_the_file_leaves_out_of_the_node_the_environment_knows(void **state)
{
	(void)state;
	unsetenv("NODE_NAME");
	unsetenv("HOST_IP");
	complete("{}", -EINVAL, "node.name: the key is missing, and NODE_NAME isn't set");
	setenv("NODE_NAME", "ip-10-0-1-11.ec2.internal", 1);
	complete("{}", -EINVAL, "node.address: the key is missing, and HOST_IP isn't set");
	setenv("HOST_IP", "10.0.1.11", 1);
	complete("{}", 0, "ip-10-0-1-11.ec2.internal 10.0.1.11");
	complete("{" NODE "}", 0, "n 10.0.1.11");
	setenv("HOST_IP", "fd00::1", 1);
	complete("{}", -EINVAL,
		 "node.address: HOST_IP: 'fd00::1' is no IPv4 address: a number is missing");
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
		cmocka_unit_test(kubernetes_leaves_no_room_for_policies_of_ones_own),
		cmocka_unit_test(what_the_file_leaves_out_of_the_node_the_environment_knows),
		cmocka_unit_test(a_wrong_value_is_named_by_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
