// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The key self_test of the gateway's configuration. */
#include "conf/gateway.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

static int load(const char *self_test, struct gateway_config *ret, struct err *err)
{
	char text[1024];
	int rc;

	snprintf(
		text, sizeof(text),
		"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
		" \"egress_ips\": [], \"nodes\": [], \"policies\": []%s%s}",
		self_test[0] ? ", \"self_test\": " : "", self_test);
	rc = config_parse(&gateway_config_table, text, strlen(text), ret, err);
	if (!rc && gateway_config_check(ret, err)) {
		config_done(&gateway_config_table, ret);
		rc = -EINVAL;
	}
	return rc;
}

static void what_is_configured_is_taken(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		uint32_t interval_s;
	} rows[] = {
		{ "", 0, 60 },
		{ "{}", 0, 60 },
		{ "{\"urls\": [\"https://a.example/ip?format=x@y\"]}", 1, 60 },
		{ "{\"urls\": [\"http://198.51.100.1:81\", \"http://b\"], \"interval_s\": 5}", 2,
		  5 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		if (load(rows[i].text, &config, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(config.self_test.urls.n, rows[i].n);
		assert_int_equal(config.self_test.interval_s, rows[i].interval_s);
		config_done(&gateway_config_table, &config);
	}
}

static void its_faults_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "{\"urls\": [\"ftp://a\"]}",
		  "self_test.urls[0]: begins with neither http:// nor https://" },
		{ "{\"urls\": [\"http://a\", \"a.example\"]}",
		  "self_test.urls[1]: begins with neither http:// nor https://" },
		{ "{\"urls\": [\"http://\"]}", "self_test.urls[0]: has no host" },
		{ "{\"urls\": [\"https:///ip\"]}", "self_test.urls[0]: has no host" },
		{ "{\"urls\": [\"http://:80/\"]}", "self_test.urls[0]: has no host" },
		{ "{\"urls\": [\"http://u:p@a/\"]}", "self_test.urls[0]: has a user name" },
		{ "{\"urls\": [\"http://a\", \"http://a\"]}",
		  "self_test.urls[1]: is self_test.urls[0] too" },
		{ "{\"urls\": [\"http://a\", \"http://b\", \"http://c\", \"http://d\", \"http://e\"]}",
		  "self_test.urls: 5 items, at most 4 are allowed" },
		{ "{\"interval_s\": 4}", "self_test.interval_s: 4 is not between 5 and 3600" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		assert_int_equal(load(rows[i].text, &config, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_configured_is_taken),
		cmocka_unit_test(its_faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
