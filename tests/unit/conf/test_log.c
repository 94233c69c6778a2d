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
	assert_true(log_has(&config.log, LOG_RECORD_FLOW) &&
		    log_has(&config.log, LOG_RECORD_BLOCK));
	assert_int_equal(config.log.max_connections, 2097152);
	assert_int_equal(config.log.max_waiting_bytes, 67108864);
	config_done(&gateway_config_table, &config);
}

static void what_is_recorded_can_be_chosen(void **state)
{
	static const struct {
		const char *text;
		bool has_flows, has_blocks;
	} rows[] = { { "{\"records\": [\"flow\"]}", true, false },
		     { "{\"records\": [\"block\"]}", false, true },
		     { "{\"records\": [\"block\", \"flow\"]}", true, true } };
	struct gateway_config config;
	struct err err = ERR_NULL;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (load(rows[i].text, &config, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(log_has(&config.log, LOG_RECORD_FLOW), rows[i].has_flows);
		assert_int_equal(log_has(&config.log, LOG_RECORD_BLOCK), rows[i].has_blocks);
		config_done(&gateway_config_table, &config);
	}
}

static void what_cannot_be_is_refused_with_its_path(void **state)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{ "{\"file\": {\"path\": \"nat.log\"}}", "log.file.path: is no absolute path" },
		{ "{\"file\": {\"path\": \"/a\", \"max_bytes\": 1000}}", "log.file.max_bytes" },
		{ "{\"file\": {\"path\": \"/a\", \"keep\": 10001}}", "log.file.keep" },
		{ "{\"records\": []}", "log.records" },
		{ "{\"records\": [\"flow\", \"flow\"]}", "log.records[1]" },
		{ "{\"records\": [\"flow\", \"blocks\"]}",
		  "log.records[1]: 'blocks' is none of \"flow\", \"block\"" },
		{ "{\"max_connections\": 1}", "log.max_connections" },
		{ "{\"max_waiting_bytes\": 1}", "log.max_waiting_bytes" },
		{ "{\"files\": {}}", "log.files" },
		{ "{\"journald\": {\"socket\": \"run\"}}",
		  "log.journald.socket: is no absolute path" },
		{ "{\"journald\": {}, \"state_directory\": \"x\"}",
		  "log.state_directory: is no absolute path" },
		{ "{\"syslog\": {\"server\": \"a\"}}", "log.syslog.server: is no HOST:PORT" },
		{ "{\"syslog\": {\"server\": \"a:1\", \"ca_file\": \"b\"}}",
		  "log.syslog.ca_file: is no absolute path" },
		{ "{\"syslog\": {\"server\": \"a:1\", \"transport\": \"tcp\", \"ca_file\": \"/b\"}}",
		  "log.syslog.ca_file: needs \"transport\": \"tls\"" },
		{ "{\"syslog\": {\"server\": \"a:1\", \"cert_file\": \"/b\"}}",
		  "cert_file and key_file need each other" },
		{ "{\"syslog\": {\"facility\": \"local8\"}}", "log.syslog.facility" },
		{ "{\"ipfix\": {\"collector\": \"a:70000\"}}",
		  "log.ipfix.collector: is no HOST:PORT" },
		{ "{\"ipfix\": {\"transport\": \"sctp\"}}", "log.ipfix.transport" },
		{ "{\"ipfix\": {\"domain_id\": 0}}", "log.ipfix.domain_id" },
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

static void each_output_alone_is_a_log_and_an_empty_journald_is_one(void **state)
{
	static const char *const rows[] = {
		"{\"journald\": {}}",
		"{\"syslog\": {\"server\": \"logs.example.org:6514\"}}",
		"{\"ipfix\": {\"collector\": \"[2001:db8::1]:4739\"}}",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gateway_config config;
		struct err err = ERR_NULL;

		if (load(rows[i], &config, &err))
			fail_msg("%s: %s", rows[i], err.text);
		assert_true(log_is_wanted(&config.log));
		assert_int_equal(config.log.syslog.transport, LOG_TRANSPORT_TLS);
		assert_int_equal(config.log.syslog.verify, LOG_VERIFY_YES);
		assert_int_equal(config.log.syslog.facility, 16);
		assert_string_equal(config.log.state_directory, "/var/lib/eipgw");
		config_done(&gateway_config_table, &config);
	}
}

static void a_place_is_a_host_and_a_port(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} rows[] = {
		{ "logs.example.org:6514", "logs.example.org", "6514" },
		{ "192.0.2.1:1", "192.0.2.1", "1" },
		{ "[2001:db8::1]:65535", "2001:db8::1", "65535" },
		{ "a", NULL, NULL },
		{ ":1", NULL, NULL },
		{ "a:", NULL, NULL },
		{ "a:0", NULL, NULL },
		{ "a:65536", NULL, NULL },
		{ "a:1x", NULL, NULL },
		{ "a:-1", NULL, NULL },
		{ "2001:db8::1:514", NULL, NULL },
		{ "[]:1", NULL, NULL },
		{ "[a:1", NULL, NULL },
		{ "a b:1", NULL, NULL },
		{ "", NULL, NULL },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_place place;

		if (log_place_read(rows[i].text, &place) != (rows[i].host != NULL))
			fail_msg("%s", rows[i].text);
		if (!rows[i].host)
			continue;
		assert_string_equal(place.host, rows[i].host);
		assert_string_equal(place.port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_path_there_is_none),
		cmocka_unit_test(what_is_configured_is_taken_and_the_rest_has_its_default),
		cmocka_unit_test(what_is_recorded_can_be_chosen),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_path),
		cmocka_unit_test(each_output_alone_is_a_log_and_an_empty_journald_is_one),
		cmocka_unit_test(a_place_is_a_host_and_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
