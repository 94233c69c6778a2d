// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The key log of the gateway's configuration. */
#include "conf/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/gateway.h"

static int load(const char *log, struct gateway_config *ret, struct err *err)
{
	char text[1024];
	int rc;

	snprintf(
		text, sizeof(text),
		"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"}"
		"%s%s}",
		log[0] ? ", \"log\": " : "", log);
	rc = config_parse(&gateway_config_table, text, strlen(text), ret, err);
	if (!rc && gateway_config_check(ret, err)) {
		config_done(&gateway_config_table, ret);
		rc = -EINVAL;
	}
	return rc;
}

static void without_a_path_there_is_none(void **state)
{
	static const char *const rows[] = { "", "{}", "{\"file\": {}}",
					    "{\"file\": {\"keep\": 3}}" };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		if (load(rows[i], &config, &err))
			fail_msg("%s: %s", rows[i], err.text);
		assert_false(log_is_wanted(&config.log));
		config_done(&gateway_config_table, &config);
	}
}

static void what_is_configured_is_taken_and_the_rest_has_its_default(void **state)
{
	struct gateway_config config;
	struct err err = ERR_NULL;
	(void)state;

	if (load("{\"file\": {\"path\": \"/var/log/eipgw/nat.log\", \"max_bytes\": 65536}}",
		 &config, &err))
		fail_msg("%s", err.text);
	assert_true(log_is_wanted(&config.log));
	assert_string_equal(config.log.file.path, "/var/log/eipgw/nat.log");
	assert_int_equal(config.log.file.max_bytes, 65536);
	assert_int_equal(config.log.file.max_age_s, 86400);
	assert_int_equal(config.log.file.keep, 10);
	assert_int_equal(config.log.file.sync_s, 10);
	assert_int_equal(config.log.max_connections, 2097152);
	assert_int_equal(config.log.max_waiting_bytes, 67108864);
	config_done(&gateway_config_table, &config);
}

static void what_cannot_be_is_refused_with_its_path(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "{\"file\": {\"path\": \"nat.log\"}}", "log.file.path: is no absolute path" },
		{ "{\"file\": {\"path\": \"/a\", \"max_bytes\": 1000}}", "log.file.max_bytes" },
		{ "{\"file\": {\"path\": \"/a\", \"keep\": 10001}}", "log.file.keep" },
		{ "{\"max_connections\": 1}", "log.max_connections" },
		{ "{\"max_waiting_bytes\": 1}", "log.max_waiting_bytes" },
		{ "{\"files\": {}}", "log.files" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		assert_int_equal(load(rows[i].text, &config, &err), -EINVAL);
		if (!strstr(err.text, rows[i].path))
			fail_msg("%s: %s", rows[i].text, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_path_there_is_none),
		cmocka_unit_test(what_is_configured_is_taken_and_the_rest_has_its_default),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
