// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* From the configuration to outputs, and which changes of it open one anew. */
#include "gateway/log/flowlog_outputs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/err.h"

static struct output_hows outputs_of(const char *text)
{
	struct gateway_log log;
	struct output_hows hows;
	struct err err = ERR_NULL;

	if (config_parse(&log_config_table, text, strlen(text), &log, &err) ||
	    log_config_check(&log, &err))
		fail_msg("%s: %s", text, err.text);
	flowlog_outputs(&log, &hows);
	config_done(&log_config_table, &log);
	return hows;
}

static void each_output_that_is_wanted_is_there(void **state)
{
	const struct output_hows none = outputs_of("{}");
	const struct output_hows all = outputs_of(
		"{\"file\": {\"path\": \"/a\", \"keep\": 3}, \"journald\": {}, \"state_directory\": \"/s\","
		"\"syslog\": {\"server\": \"[2001:db8::1]:6514\", \"facility\": \"daemon\"},"
		"\"ipfix\": {\"collector\": \"c:4739\", \"transport\": \"udp\", \"events\": \"end\"}}");

	(void)state;
	assert_int_equal(none.n, 0);
	assert_int_equal(all.n, OUTPUT_COUNT);
	for (size_t i = 0; i < all.n; i++)
		assert_int_equal(all.v[i].kind, i);
	assert_string_equal(all.v[OUTPUT_FILE].file.path, "/a");
	assert_int_equal(all.v[OUTPUT_FILE].file.keep, 3);
	assert_string_equal(all.v[OUTPUT_JOURNALD].journald.socket, "/run/systemd/journal/socket");
	assert_string_equal(all.v[OUTPUT_JOURNALD].state, "/s/log-journald.state");
	assert_string_equal(all.v[OUTPUT_SYSLOG].syslog.server.host, "2001:db8::1");
	assert_string_equal(all.v[OUTPUT_SYSLOG].syslog.server.port, "6514");
	assert_true(all.v[OUTPUT_SYSLOG].syslog.tls.is_wanted);
	assert_false(all.v[OUTPUT_SYSLOG].syslog.tls.is_unverified);
	assert_int_equal(all.v[OUTPUT_SYSLOG].syslog.facility, 3);
	assert_true(all.v[OUTPUT_IPFIX].ipfix.is_udp);
	assert_false(all.v[OUTPUT_IPFIX].ipfix.has_begins);
	assert_int_equal(all.v[OUTPUT_IPFIX].ipfix.template_s, 60);
}

static void what_is_remembered_is_beside_the_file_or_with_the_state(void **state)
{
	static const struct {
		const char *text, *book;
	} rows[] = {
		{ "{\"file\": {\"path\": \"/a/nat.log\"}, \"journald\": {}}", "/a/nat.log.book" },
		{ "{\"journald\": {}, \"state_directory\": \"/s\"}", "/s/log.book" },
		{ "{\"journald\": {}}", "/var/lib/eipgw/log.book" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char book[FLOWLOG_BOOK_MAX];
		struct gateway_log log;

		assert_int_equal(config_parse(&log_config_table, rows[i].text, strlen(rows[i].text),
					      &log, NULL),
				 0);
		flowlog_book(&log, book);
		assert_string_equal(book, rows[i].book);
		config_done(&log_config_table, &log);
	}
}

static void what_stayed_the_same_is_not_opened_anew(void **state)
{
	static const char *const rows[] = {
		"{\"journald\": {}}",
		"{\"journald\": {\"socket\": \"/other\"}}",
		"{\"journald\": {}, \"state_directory\": \"/s\"}",
		"{\"syslog\": {\"server\": \"a:1\"}}",
		"{\"syslog\": {\"server\": \"b:1\"}}",
		"{\"syslog\": {\"server\": \"a:2\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"transport\": \"tcp\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"verify\": \"no\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"ca_file\": \"/c\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"cert_file\": \"/c\", \"key_file\": \"/k\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"cert_file\": \"/d\", \"key_file\": \"/k\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"cert_file\": \"/c\", \"key_file\": \"/l\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"server_name\": \"n\"}}",
		"{\"syslog\": {\"server\": \"a:1\", \"facility\": \"local1\"}}",
		"{\"ipfix\": {\"collector\": \"a:1\"}}",
		"{\"ipfix\": {\"collector\": \"b:1\"}}",
		"{\"ipfix\": {\"collector\": \"a:1\", \"transport\": \"udp\"}}",
		"{\"ipfix\": {\"collector\": \"a:1\", \"events\": \"end\"}}",
		"{\"ipfix\": {\"collector\": \"a:1\", \"domain_id\": 2}}",
		"{\"ipfix\": {\"collector\": \"a:1\", \"template_refresh_s\": 2}}",
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct output_hows a = outputs_of(rows[i]);

		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			const struct output_hows b = outputs_of(rows[j]);

			if (how_is_same(&a.v[0], &b.v[0]) != (i == j))
				fail_msg("%s and %s", rows[i], rows[j]);
		}
	}
}

static void a_file_is_always_opened_anew(void **state)
{
	const struct output_hows hows = outputs_of("{\"file\": {\"path\": \"/a\"}}");

	(void)state;
	assert_false(how_is_same(&hows.v[0], &hows.v[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_output_that_is_wanted_is_there),
		cmocka_unit_test(what_is_remembered_is_beside_the_file_or_with_the_state),
		cmocka_unit_test(what_stayed_the_same_is_not_opened_anew),
		cmocka_unit_test(a_file_is_always_opened_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
