// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/user_data.h"

#define KUBERNETES \
	"\"ownership\": \"ec2\", \"source\": \"kubernetes\", \"kubernetes\": {\"group\": \"partners\"}"
#define GOOD "{\"eipgw\": 1, \"configuration\": {" KUBERNETES "}}"
#define WITH_SECRET(rest)                                                                  \
	"{\"eipgw\": 1, \"secret\": {\"parameter\": \"/eipgw/partners/secret\"" rest "}, " \
	"\"configuration\": {" KUBERNETES "}}"
#define WITH_FIREWALL(from, listen)                                          \
	"{\"eipgw\": 1, \"host_firewall\": {\"metrics_from\": [" from "]}, " \
	"\"configuration\": {\"metrics\": {\"listen\": \"" listen "\"}, " KUBERNETES "}}"

static const struct user_data_instance instance = { "i-0123456789abcdef0",
						    "ens5",
						    { 0x0a0001c8 },
						    "/run/eipgw/group.secret" };

/* What is wrong with it, parsed and completed; "": nothing. */
static const char *fault(const char *text, size_t length)
{
	static struct err err;
	struct user_data data;

	err = ERR_NULL;
	if (user_data_parse(text, length, &data, &err))
		return err.text;
	(void)user_data_complete(&data, &instance, &err);
	user_data_done(&data);
	return err.text;
}

static void faults_are_named_with_their_path(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ GOOD, "" },
		{ WITH_SECRET(""), "" },
		{ WITH_SECRET(", \"url\": \"https://vpce.example\""), "" },
		{ "", "there is none: it's empty" },
		{ "#cloud-config\npackages: []\n",
		  "isn't eipgw's JSON object: it seems to be for cloud-init" },
		{ "#!/bin/sh\n", "isn't eipgw's JSON object: it seems to be a script" },
		{ "Content-Type: multipart/mixed",
		  "isn't eipgw's JSON object: it seems to be for cloud-init (MIME)" },
		{ "\x1f\x8b\x08\x01",
		  "isn't eipgw's JSON object: it seems to be compressed by gzip" },
		{ "eyJlaXBndyI6MX0=", "isn't eipgw's JSON object: it seems to be encoded" },
		{ "{\"configuration\": {}}", "eipgw: the key is missing" },
		{ "{\"eipgw\": 2, \"configuration\": {}}", "eipgw: " },
		{ "{\"eipgw\": 1}", "configuration: the key is missing" },
		{ "{\"eipgw\": 1, \"configuration\": {\"gatway\": {}}}", "configuration.gatway: " },
		{ "{\"eipgw\": 1, \"configuration\": {\"metrics\": {\"listen\": \":9\"}}}", "" },
		{ "{\"eipgw\": 1, \"configuration\": {\"source\": \"kubernetes\"}}",
		  "configuration.kubernetes.group: the key is missing" },
		{ "{\"eipgw\": 1, \"configuration\": {\"ownership\": \"ec2\"},"
		  " \"secret\": {\"parameter\": \"/a\"}}",
		  "configuration.failover.secret_file: needs \"source\": \"kubernetes\"" },
		{ "{\"eipgw\": 1, \"secret\": {\"parameter\": \"a b\"}, \"configuration\": {}}",
		  "secret.parameter: is no name" },
		{ "{\"eipgw\": 1, \"secret\": {\"url\": \"https://a\"}, \"configuration\": {}}",
		  "secret.url: is for secret.parameter" },
		{ "{\"eipgw\": 1, \"secret\": {\"parameter\": \"/a\"},"
		  " \"configuration\": {\"failover\": {\"secret_file\": \"/b\"}}}",
		  "secret.parameter: configuration.failover.secret_file is there too" },
		{ WITH_FIREWALL("\"10.0.0.0/16\", \"192.0.2.7/32\"", ":9440"), "" },
		{ WITH_FIREWALL("", ""), "" },
		{ WITH_FIREWALL("\"10.0.0.1/16\"", ":9440"), "host_firewall.metrics_from[0]: " },
		{ WITH_FIREWALL("\"fd00::/8\"", ":9440"), "host_firewall.metrics_from[0]: " },
		{ WITH_FIREWALL("\"10.0.0.0/16 }\"", ":9440"), "host_firewall.metrics_from[0]: " },
		{ WITH_FIREWALL("\"10.0.0.0/16\"", ""),
		  "host_firewall.metrics_from: needs configuration.metrics.listen" },
		{ WITH_FIREWALL("\"10.0.0.0/16\"", "127.0.0.1:9440"),
		  "host_firewall.metrics_from: configuration.metrics.listen is at loopback" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = fault(rows[i].text, strlen(rows[i].text));

		if (strncmp(got, rows[i].error, strlen(rows[i].error)) != 0 ||
		    !got[0] != !rows[i].error[0])
			fail_msg("row %zu: '%s' doesn't begin with '%s'", i, got, rows[i].error);
	}
}

static void more_than_ec2_allows_is_refused(void **state)
{
	CLEANUP(cleanup_free) char *text = malloc(USER_DATA_MAX + 1);

	(void)state;
	memset(text, ' ', USER_DATA_MAX + 1);
	memcpy(text, GOOD, strlen(GOOD));
	assert_string_equal(fault(text, USER_DATA_MAX), "");
	assert_string_equal(fault(text, USER_DATA_MAX + 1), "more than 16384 bytes");
}

static void what_the_instance_knows_is_filled_in(void **state)
{
	static const char text[] = WITH_SECRET("");
	struct user_data data;

	(void)state;
	assert_int_equal(user_data_parse(text, strlen(text), &data, NULL), 0);
	assert_int_equal(user_data_complete(&data, &instance, NULL), 0);
	assert_string_equal(data.configuration.gateway.name, "i-0123456789abcdef0");
	assert_string_equal(data.configuration.gateway.uplink, "ens5");
	assert_int_equal(data.configuration.gateway.address.v, 0x0a0001c8);
	assert_string_equal(data.configuration.failover.secret_file, "/run/eipgw/group.secret");
	user_data_done(&data);
}

static void what_is_said_stays(void **state)
{
	static const char text[] =
		"{\"eipgw\": 1, \"configuration\": {\"gateway\": {\"name\": \"gw\", \"uplink\": "
		"\"eth7\"}, " KUBERNETES "}}";
	struct user_data data;

	(void)state;
	assert_int_equal(user_data_parse(text, strlen(text), &data, NULL), 0);
	assert_int_equal(user_data_complete(&data, &instance, NULL), 0);
	assert_string_equal(data.configuration.gateway.name, "gw");
	assert_string_equal(data.configuration.gateway.uplink, "eth7");
	assert_string_equal(data.configuration.failover.secret_file, "");
	user_data_done(&data);
}

/* What is written for eipgwd is what eipgwd reads. */
static void the_configuration_survives_being_written(void **state)
{
	static const char text[] = WITH_SECRET("");
	CLEANUP(cleanup_free) char *dump = NULL;
	struct gateway_config again;
	struct user_data data;
	size_t length = 0;
	FILE *out = open_memstream(&dump, &length);

	(void)state;
	assert_int_equal(user_data_parse(text, strlen(text), &data, NULL), 0);
	assert_int_equal(user_data_complete(&data, &instance, NULL), 0);
	assert_int_equal(config_dump(&gateway_config_table, &data.configuration, out), 0);
	fclose(out);
	user_data_done(&data);
	assert_int_equal(config_parse(&gateway_config_table, dump, length, &again, NULL), 0);
	assert_int_equal(gateway_config_check(&again, NULL), 0);
	assert_string_equal(again.gateway.uplink, "ens5");
	config_done(&gateway_config_table, &again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_named_with_their_path),
		cmocka_unit_test(more_than_ec2_allows_is_refused),
		cmocka_unit_test(what_the_instance_knows_is_filled_in),
		cmocka_unit_test(what_is_said_stays),
		cmocka_unit_test(the_configuration_survives_being_written),
	};

	return cmocka_run_group_tests_name("user data", tests, NULL, NULL);
}
