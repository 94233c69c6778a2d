// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/gateway.h"

#define SECRET "\"secret_file\": \"/etc/eipgw/group.secret\""
#define KUBERNETES "\"ownership\": \"ec2\", \"source\": \"kubernetes\", "

static int parse(const char *failover, const char *rest, struct gateway_config *ret,
		 struct err *err)
{
	char text[1024];

	snprintf(
		text, sizeof(text),
		"{\"gateway\": {\"name\": \"gw\", \"uplink\": \"eth0\", \"address\": \"10.0.1.200\"},"
		" \"kubernetes\": {\"group\": \"partners\"}, %s \"failover\": {%s}}",
		rest, failover);
	return config_parse(&gateway_config_table, text, strlen(text), ret, err);
}

static void faults_of_failover_are_named(void **state)
{
	static const struct {
		const char *failover, *rest, *error; /* NULL: nothing */
	} rows[] = {
		{ "", "", NULL },
		{ SECRET, KUBERNETES, NULL },
		{ SECRET, "\"source\": \"kubernetes\", ", "failover.secret_file: needs " },
		{ SECRET, "\"ownership\": \"ec2\", ", "failover.secret_file: needs " },
		{ SECRET, KUBERNETES "\"native\": {\"source_cidrs\": [\"10.9.0.0/16\"]}, ",
		  "failover.secret_file: native.source_cidrs can't be taken over" },
		{ "\"secret_file\": \"group.secret\"", KUBERNETES,
		  "failover.secret_file: is no absolute path" },
		{ SECRET ", \"lease_namespace\": \"\"", KUBERNETES,
		  "failover.lease_namespace: is no name of a namespace" },
		{ SECRET ", \"lease_namespace\": \"a/b\"", KUBERNETES,
		  "failover.lease_namespace: is no name of a namespace" },
		{ SECRET ", \"heartbeat_port\": 0", KUBERNETES, "failover.heartbeat_port: " },
		{ SECRET ", \"replication_port\": 65536", KUBERNETES,
		  "failover.replication_port: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *error = rows[i].error ? rows[i].error : "";
		struct gateway_config config;
		struct err err = ERR_NULL;
		int rc = parse(rows[i].failover, rows[i].rest, &config, &err);

		if (!rc) {
			rc = gateway_config_check(&config, &err);
			config_done(&gateway_config_table, &config);
		}
		assert_int_equal(rc < 0, rows[i].error != NULL);
		if (strncmp(err.text, error, strlen(error)) != 0)
			fail_msg("'%s' doesn't begin with '%s'", err.text, error);
	}
}

static void without_a_secret_a_gateway_is_alone(void **state)
{
	struct gateway_config config;

	(void)state;
	assert_int_equal(parse("", "", &config, NULL), 0);
	assert_false(failover_is_wanted(&config.failover));
	config_done(&gateway_config_table, &config);
	assert_int_equal(parse(SECRET, KUBERNETES, &config, NULL), 0);
	assert_true(failover_is_wanted(&config.failover));
	assert_int_equal(config.failover.heartbeat_port, 7420);
	assert_int_equal(config.failover.replication_port, 7421);
	assert_string_equal(config.failover.lease_namespace, "eipgw-system");
	config_done(&gateway_config_table, &config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_of_failover_are_named),
		cmocka_unit_test(without_a_secret_a_gateway_is_alone),
	};

	return cmocka_run_group_tests_name("failover", tests, NULL, NULL);
}
