// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "conf/gateway.h"

/* What "native" says, beside which "ownership", and what is wrong with it. */
static void faults_of_route_table_mode_are_named(void **state)
{
	static const struct {
		const char *native, *ownership, *error; /* NULL: nothing */
	} rows[] = {
		{ "\"source_cidrs\": [\"10.0.3.0/24\"]", "static", NULL },
		{ "\"source_cidrs\": [\"10.0.3.0/24\"], \"route_tables\": [\"rtb-1\"]", "ec2",
		  NULL },
		{ "\"source_cidrs\": [\"10.0.3.0/24\"], \"route_tables\": [\"rtb-1\"]", "static",
		  "native.route_tables: needs \"ownership\": \"ec2\"" },
		{ "\"route_tables\": [\"rtb-1\"]", "ec2",
		  "native.source_cidrs: the key is missing" },
		{ "\"source_cidrs\": [\"10.0.3.0/24\"], \"route_tables\": [\"rtb-1\", \"subnet-1\"]",
		  "ec2", "native.route_tables[1]: is not the ID of a route table" },
		{ "\"source_cidrs\": [\"10.0.3.0/24\"], \"route_tables\": [\"rtb-1\", \"rtb-1\"]",
		  "ec2", "native.route_tables[1]" },
		{ "\"destination_cidr\": \"10.0.0.1/8\"", "ec2", "native.destination_cidr: " },
		{ "\"destination_cidr\": \"everything\"", "ec2", "native.destination_cidr: " },
		{ "\"source_cidrs\": [\"10.0.3.0/24\", \"10.0.0.0/7\"]", "ec2",
		  "native.source_cidrs[1]: " },
		{ "\"source_cidrs\": [\"8.0.0.0/7\"]", "ec2",
		  "native.source_cidrs[0]: is wider than /8" },
		{ "\"source_cidrs\": [\"10.0.3.0/24\", \"10.0.3.8/29\"]", "ec2",
		  "native.source_cidrs[1]: overlaps native.source_cidrs[0]" },
		{ "\"source_cidrs\": [\"10.0.1.48/30\"]", "ec2",
		  "native.source_cidrs[0]: overlaps nodes[0].pod_cidrs[0]" },
		{ "\"source_cidrs\": [\"10.0.1.0/24\"]", "ec2",
		  "nodes[0].pod_cidrs[0]: overlaps native.source_cidrs[0]" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];
		struct gateway_config config;
		struct err err = ERR_NULL;
		const char *error = rows[i].error ? rows[i].error : "";

		snprintf(
			text, sizeof(text),
			"{\"gateway\": {\"name\": \"gw\", \"uplink\": \"eth0\", \"address\": \"10.0.1.200\"},"
			" \"ownership\": \"%s\", \"native\": {%s}, \"policies\": [], \"egress_ips\": [],"
			" \"nodes\": [{\"name\": \"n\", \"address\": \"10.0.1.11\","
			"             \"pod_cidrs\": [\"10.0.1.48/28\"]}]}",
			rows[i].ownership, rows[i].native);
		int rc = config_parse(&gateway_config_table, text, strlen(text), &config, &err);

		if (!rc) {
			rc = gateway_config_check(&config, &err);
			config_done(&gateway_config_table, &config);
		}
		assert_int_equal(rc < 0, rows[i].error != NULL);
		if (strncmp(err.text, error, strlen(error)) != 0)
			fail_msg("'%s' doesn't begin with '%s'", err.text, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_of_route_table_mode_are_named),
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
