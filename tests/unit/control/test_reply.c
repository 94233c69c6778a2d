// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/reply.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void cleanup_reply(struct control_reply **reply)
{
	control_reply_free(*reply);
}

static struct control_reply *parse(const char *line)
{
	struct control_reply *reply = NULL;

	assert_int_equal(control_reply_parse(line, strlen(line), &reply, NULL), 0);
	return reply;
}

static void assert_not(const char *line, int code, const char *sentence)
{
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;

	assert_int_equal(control_reply_parse(line, strlen(line), &reply, &err), code);
	assert_null(reply);
	assert_string_equal(err.text, sentence);
}

static void values_are_found_by_key_and_place(void **state)
{
	(void)state;
	CLEANUP(cleanup_reply)
	struct control_reply *reply =
		parse("{\"v\":1,\"ok\":true,\"result\":{\"s\":\"x\",\"n\":-5,\"t\":true,"
		      "\"a\":[\"p\",{\"k\":\"q\"},7]}}");
	const struct control_node *result = control_reply_result(reply);
	const struct control_node *array = control_get(result, "a");

	assert_string_equal(control_text(result, "s"), "x");
	assert_int_equal(control_number(result, "n"), -5);
	assert_true(control_flag(result, "t"));
	assert_int_equal(control_size(array), 3);
	assert_string_equal(control_text(control_at(array, 0), NULL), "p");
	assert_string_equal(control_text(control_at(array, 1), "k"), "q");
	assert_int_equal(control_number(control_at(array, 2), NULL), 7);
}

static void missing_and_mistyped_values_are_empty(void **state)
{
	(void)state;
	CLEANUP(cleanup_reply)
	struct control_reply *reply =
		parse("{\"v\":1,\"ok\":true,\"result\":{\"s\":\"x\",\"n\":1,\"z\":null}}");
	const struct control_node *result = control_reply_result(reply);

	assert_null(control_get(result, "none"));
	assert_non_null(control_get(result, "z"));
	assert_string_equal(control_text(result, "none"), "");
	assert_string_equal(control_text(result, "n"), "");
	assert_string_equal(control_text(result, NULL), "");
	assert_int_equal(control_number(result, "s"), 0);
	assert_int_equal(control_number(result, "none"), 0);
	assert_false(control_flag(result, "n"));
	assert_int_equal(control_size(result), 0);
	assert_int_equal(control_size(control_get(result, "s")), 0);
	assert_null(control_at(result, 0));
	assert_null(control_at(control_get(result, "none"), 3));
	assert_null(control_get(control_get(result, "s"), "x"));
	assert_string_equal(control_text(NULL, "x"), "");
	assert_string_equal(control_text(NULL, NULL), "");
	assert_int_equal(control_size(NULL), 0);
}

static void what_is_no_answer_is_an_error(void **state)
{
	static const char not_version[] = "what came is not an answer of version 1";
	static const char no_result[] = "the answer has no result";
	(void)state;

	assert_not("", -EPROTO, not_version);
	assert_not("garbage", -EPROTO, not_version);
	assert_not("[1]", -EPROTO, not_version);
	assert_not("{}", -EPROTO, not_version);
	assert_not("{\"v\":2,\"ok\":true,\"result\":{}}", -EPROTO, not_version);
	assert_not("{\"v\":1,\"v\":1,\"ok\":true,\"result\":{}}", -EPROTO, not_version);
	assert_not("{\"v\":1}", -EPROTO, no_result);
	assert_not("{\"v\":1,\"ok\":true}", -EPROTO, no_result);
	assert_not("{\"v\":1,\"ok\":true,\"result\":[]}", -EPROTO, no_result);
	assert_not("{\"v\":1,\"ok\":1,\"result\":{}}", -EPROTO, no_result);
}

static void the_daemons_no_arrives_with_its_sentence(void **state)
{
	(void)state;
	assert_not("{\"v\":1,\"ok\":false,\"error\":\"source: what?\"}", -EREMOTEIO,
		   "source: what?");
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	static const char line[] = "{\"v\":1,\"ok\":false,\"error\":\"no\",\"id\":\"EIPGW-9008\"}";

	assert_int_equal(control_reply_parse(line, strlen(line), &reply, &err), -EREMOTEIO);
	assert_int_equal(err.id, MSG_STARTING);
	assert_not("{\"v\":1,\"ok\":false,\"error\":\"no\",\"id\":7}", -EREMOTEIO, "no");
	assert_not("{\"v\":1,\"ok\":false}", -EREMOTEIO, "no reason given");
	assert_not("{\"v\":1,\"ok\":false,\"error\":5}", -EREMOTEIO, "no reason given");
}

static void the_text_has_no_control_or_foreign_characters(void **state)
{
	(void)state;
	CLEANUP(cleanup_reply)
	struct control_reply *reply =
		parse("{\"v\":1,\"ok\":true,\"result\":{\"k\":\"\\u001b[31m\x7f"
		      "\xc2\x9b\xc3\xa4\\n\",\"l\":[1]}}");
	CLEANUP(cleanup_free) char *line = control_reply_text(reply, false);
	CLEANUP(cleanup_free) char *pretty = control_reply_text(reply, true);

	assert_string_equal(line, "{\"k\":\"\\u001B[31m\\u007f\\u009B\\u00E4\\n\",\"l\":[1]}");
	assert_string_equal(pretty, "{\n  \"k\": \"\\u001B[31m\\u007f\\u009B\\u00E4\\n\",\n"
				    "  \"l\": [\n    1\n  ]\n}");
}

static void an_answer_can_be_put_into_another(void **state)
{
	(void)state;
	CLEANUP(cleanup_reply)
	struct control_reply *reply = parse("{\"v\":1,\"ok\":true,\"result\":{\"a\":1}}");
	struct control_reply *other = parse("{\"v\":1,\"ok\":true,\"result\":{\"b\":[2,\"x\"]}}");

	assert_int_equal(control_reply_put(reply, "other", other), 0);
	control_reply_free(other);
	const struct control_node *const put = control_get(control_reply_result(reply), "other");
	assert_int_equal(control_number(control_at(control_get(put, "b"), 0), NULL), 2);
	CLEANUP(cleanup_free) char *all = control_reply_text(reply, false);
	assert_string_equal(all, "{\"a\":1,\"other\":{\"b\":[2,\"x\"]}}");
	CLEANUP(cleanup_free) char *part = control_node_text(control_get(put, "b"), false);
	assert_string_equal(part, "[2,\"x\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_key_and_place),
		cmocka_unit_test(missing_and_mistyped_values_are_empty),
		cmocka_unit_test(an_answer_can_be_put_into_another),
		cmocka_unit_test(what_is_no_answer_is_an_error),
		cmocka_unit_test(the_daemons_no_arrives_with_its_sentence),
		cmocka_unit_test(the_text_has_no_control_or_foreign_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
