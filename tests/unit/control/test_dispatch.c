// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Request lines in, answer lines out. */
#include "control/dispatch.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "control/out.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int echo(const struct control_args *args, struct control_out *out, void *data,
		struct err *err)
{
	(void)err;
	control_string(out, "data", data);
	for (size_t i = 0; i < args->n; i++)
		control_string(out, args->v[i].key, args->v[i].value);
	return 0;
}

static int fail_with_words(const struct control_args *args, struct control_out *out, void *data,
			   struct err *err)
{
	(void)args;
	(void)data;
	control_string(out, "half", "done");
	return err_set(err, -EINVAL, "source: \"%s\" is no address", "x\n");
}

static int fail_with_id(const struct control_args *args, struct control_out *out, void *data,
			struct err *err)
{
	(void)args;
	(void)out;
	(void)data;
	return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "no"));
}

static int fail_silently(const struct control_args *args, struct control_out *out, void *data,
			 struct err *err)
{
	(void)args;
	(void)out;
	(void)data;
	(void)err;
	return -ENOENT;
}

static int write_nonsense(const struct control_args *args, struct control_out *out, void *data,
			  struct err *err)
{
	(void)args;
	(void)data;
	(void)err;
	control_array(out, "never closed");
	return 0;
}

static int write_too_much(const struct control_args *args, struct control_out *out, void *data,
			  struct err *err)
{
	(void)args;
	(void)data;
	(void)err;
	for (size_t i = 0; i < CONTROL_ANSWER_MAX / 16; i++)
		control_printf(out, "k", "%016zu", i);
	return 0;
}

static const struct control_command commands[] = {
	{ .name = "echo", .flags = CONTROL_OPEN, .run = echo },
	{ .name = "secret", .run = echo },
	{ .name = "words", .run = fail_with_words },
	{ .name = "known", .run = fail_with_id },
	{ .name = "silent", .run = fail_silently },
	{ .name = "nonsense", .run = write_nonsense },
	{ .name = "much", .run = write_too_much },
	{ .name = NULL },
};

static const struct control_service service = { .commands = commands, .data = (void *)"D" };

static void assert_answer_as(enum control_rights rights, const char *line, const char *expected)
{
	CLEANUP(cleanup_control_out)
	struct control_out *out = control_dispatch(&service, rights, line, strlen(line));
	const char *text = NULL;
	size_t length = 0;

	assert_non_null(out);
	assert_int_equal(control_out_finish(out, &text, &length, NULL), 0);
	if (length != strlen(expected) || memcmp(text, expected, length) != 0)
		fail_msg("%s gave %.*s", line, (int)length, text);
}

static void assert_answer(const char *line, const char *expected)
{
	assert_answer_as(CONTROL_RIGHTS_ALL, line, expected);
}

static void assert_refused_for(const char *line, const char *sentence, const char *id)
{
	char expected[512];

	snprintf(expected, sizeof(expected),
		 "{\"v\":1,\"ok\":false,\"error\":\"%s\",\"id\":\"%s\"}\n", sentence, id);
	assert_answer(line, expected);
}

static void assert_refused(const char *line, const char *sentence)
{
	const bool is_unknown = strcmp(sentence, "there is no such command") == 0;

	assert_refused_for(line, sentence, is_unknown ? "EIPGW-9004" : "EIPGW-9005");
}

static void a_command_gets_its_arguments_and_data(void **state)
{
	(void)state;
	assert_answer(
		"{\"v\":1,\"command\":\"echo\",\"a\":\"1\",\"b\":\"\\u00e4\"}",
		"{\"v\":1,\"ok\":true,\"result\":{\"data\":\"D\",\"a\":\"1\",\"b\":\"\xc3\xa4\"}}\n");
	assert_answer(" { \"command\" : \"echo\" , \"v\" : 1 } \r",
		      "{\"v\":1,\"ok\":true,\"result\":{\"data\":\"D\"}}\n");
}

static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *line, *sentence;
	} table[] = {
		{ "", "the request is not a JSON object" },
		{ "{", "the request is not a JSON object" },
		{ "hello", "the request is not a JSON object" },
		{ "[]", "the request is not a JSON object" },
		{ "null", "the request is not a JSON object" },
		{ "{\"v\":1,\"command\":\"echo\"}x", "the request is not a JSON object" },
		{ "{\"v\":1,\"command\":\"echo\",\"a\":\"\\u0000\"}",
		  "the request is not a JSON object" },
		{ "{\"v\":1,\"command\":\"echo\",\"a\":\"\xff\"}",
		  "the request is not a JSON object" },
		{ "{\"v\":1,\"v\":1,\"command\":\"echo\"}", "the request is not a JSON object" },
		{ "{}", "the request is not of version 1" },
		{ "{\"v\":2,\"command\":\"echo\"}", "the request is not of version 1" },
		{ "{\"v\":\"1\",\"command\":\"echo\"}", "the request is not of version 1" },
		{ "{\"v\":1.0,\"command\":\"echo\"}", "the request is not of version 1" },
		{ "{\"v\":1}", "the request has no command" },
		{ "{\"v\":1,\"command\":\"\"}", "the request has no command" },
		{ "{\"v\":1,\"command\":7}", "the request has no command" },
		{ "{\"v\":1,\"command\":\"ech\"}", "there is no such command" },
		{ "{\"v\":1,\"command\":\"echoo\"}", "there is no such command" },
		{ "{\"v\":1,\"command\":\"01234567890123456789012345678901\"}",
		  "there is no such command" },
		{ "{\"v\":1,\"command\":\"echo\",\"a\":1}",
		  "an argument of the request is not a string" },
		{ "{\"v\":1,\"command\":\"echo\",\"a\":[]}",
		  "an argument of the request is not a string" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_refused(table[i].line, table[i].sentence);
}

static void arguments_have_ceilings(void **state)
{
	char line[CONTROL_LINE_MAX], value[300];
	(void)state;

	memset(value, 'x', sizeof(value));
	snprintf(line, sizeof(line), "{\"v\":1,\"command\":\"echo\",\"a\":\"%.256s\"}", value);
	assert_refused(line, "the argument \\\"a\\\" is longer than 255 bytes");
	snprintf(line, sizeof(line), "{\"v\":1,\"command\":\"echo\",\"%.32s\":\"\"}", value);
	assert_refused(line, "the name of an argument is longer than 31 bytes");
	assert_refused("{\"v\":1,\"command\":\"echo\",\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\","
		       "\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\",\"9\":\"\"}",
		       "the request has more than 8 arguments");

	char expected[512];
	snprintf(line, sizeof(line), "{\"v\":1,\"command\":\"echo\",\"%.31s\":\"%.255s\"}", value,
		 value);
	snprintf(expected, sizeof(expected),
		 "{\"v\":1,\"ok\":true,\"result\":{\"data\":\"D\",\"%.31s\":\"%.255s\"}}\n", value,
		 value);
	assert_answer(line, expected);
	assert_answer(
		"{\"v\":1,\"command\":\"echo\",\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\","
		"\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\"}",
		"{\"v\":1,\"ok\":true,\"result\":{\"data\":\"D\",\"1\":\"\",\"2\":\"\",\"3\":\"\","
		"\"4\":\"\",\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\"}}\n");
}

static void a_failed_command_answers_its_sentence_and_nothing_else(void **state)
{
	(void)state;
	assert_refused_for("{\"v\":1,\"command\":\"words\"}", "source: \\\"x?\\\" is no address",
			   "EIPGW-9006");
	assert_refused_for("{\"v\":1,\"command\":\"silent\"}", "silent: No such file or directory",
			   "EIPGW-9006");
	assert_refused_for("{\"v\":1,\"command\":\"known\"}", "no", "EIPGW-9008");
}

static void a_command_that_writes_wrongly_or_too_much_is_an_error(void **state)
{
	(void)state;
	assert_refused_for("{\"v\":1,\"command\":\"nonsense\"}",
			   "the text was put together wrongly", "EIPGW-9006");
	assert_refused_for("{\"v\":1,\"command\":\"much\"}",
			   "the text would be longer than 16777216 bytes", "EIPGW-9006");
}

static void rights_are_asked_for_each_command(void **state)
{
	static const char open[] = "{\"v\":1,\"command\":\"echo\"}";
	static const char secret[] = "{\"v\":1,\"command\":\"secret\"}";
	static const char yes[] = "{\"v\":1,\"ok\":true,\"result\":{\"data\":\"D\"}}\n";
	(void)state;

	assert_answer_as(CONTROL_RIGHTS_ALL, open, yes);
	assert_answer_as(CONTROL_RIGHTS_ALL, secret, yes);
	assert_answer_as(CONTROL_RIGHTS_OPEN, open, yes);
	assert_answer_as(
		CONTROL_RIGHTS_OPEN, secret,
		"{\"v\":1,\"ok\":false,\"error\":\"secret: permission denied\",\"id\":\"EIPGW-9003\"}\n");
	assert_answer_as(
		CONTROL_RIGHTS_NONE, open,
		"{\"v\":1,\"ok\":false,\"error\":\"echo: permission denied\",\"id\":\"EIPGW-9003\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_gets_its_arguments_and_data),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(arguments_have_ceilings),
		cmocka_unit_test(a_failed_command_answers_its_sentence_and_nothing_else),
		cmocka_unit_test(a_command_that_writes_wrongly_or_too_much_is_an_error),
		cmocka_unit_test(rights_are_asked_for_each_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
