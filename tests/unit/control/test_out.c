// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "control/out.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define OUT(max) CLEANUP(cleanup_control_out) struct control_out *out = control_out_new(max)

#define assert_text(out, expected)                                                    \
	do {                                                                          \
		const char *text_ = NULL;                                             \
		size_t length_ = 0;                                                   \
		assert_int_equal(control_out_finish(out, &text_, &length_, NULL), 0); \
		assert_int_equal(length_, strlen(expected));                          \
		assert_memory_equal(text_, expected, length_);                        \
	} while (0)

static void assert_fails(struct control_out *out, int code, const char *sentence)
{
	struct err err = ERR_NULL;
	const char *text;
	size_t length;

	assert_int_equal(control_out_finish(out, &text, &length, &err), code);
	assert_string_equal(err.text, sentence);
}

static void an_empty_answer_is_an_empty_object(void **state)
{
	(void)state;
	CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();

	assert_text(out, "{\"v\":1,\"ok\":true,\"result\":{}}\n");
}

static void values_of_all_types_are_written_in_order(void **state)
{
	(void)state;
	OUT(1000);

	control_string(out, "a", "x");
	control_string(out, "b", NULL);
	control_int(out, "c", LLONG_MIN);
	control_bool(out, "d", true);
	control_bool(out, "e", false);
	control_printf(out, "f", "%s-%d", "y", 7);

	assert_text(out,
		    "{\"a\":\"x\",\"b\":null,\"c\":-9223372036854775808,\"d\":true,\"e\":false,"
		    "\"f\":\"y-7\"}\n");
}

static void objects_and_arrays_nest(void **state)
{
	(void)state;
	OUT(1000);

	control_array(out, "list");
	control_object(out, NULL);
	control_int(out, "n", 1);
	control_end(out);
	control_object(out, NULL);
	control_end(out);
	control_string(out, NULL, "s");
	control_string(out, "ignored", "t");
	control_array(out, NULL);
	control_end(out);
	control_end(out);
	control_object(out, "o");
	control_end(out);
	control_int(out, "last", 2);

	assert_text(out, "{\"list\":[{\"n\":1},{},\"s\",\"t\",[]],\"o\":{},\"last\":2}\n");
}

static void strings_are_escaped(void **state)
{
	static const struct {
		const char *value, *text;
	} table[] = {
		{ "", "" },
		{ "\"\\/", "\\\"\\\\/" },
		{ "\n\t\x01\x1f", "\\u000a\\u0009\\u0001\\u001f" },
		{ "\x7f", "\\u007f" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		  "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b",
		  "a\\ufffd"
		  "b" },
		{ "\x80", "\\ufffd" },
		{ "\xc3", "\\ufffd" },   /* ends too early */
		{ "\xc3x", "\\ufffdx" }, /* no continuation */
		{ "\xe2\x82", "\\ufffd\\ufffd" },
		{ "\xc0\x80", "\\ufffd\\ufffd" }, /* longer than needed */
		{ "\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd" },
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },            /* a surrogate */
		{ "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" }, /* above U+10FFFF */
		{ "\xf9\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" }, /* no first byte */
		{ "\xf8\x88\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char expected[128];
		OUT(1000);

		control_string(out, "k", table[i].value);

		snprintf(expected, sizeof(expected), "{\"k\":\"%s\"}\n", table[i].text);
		assert_text(out, expected);
	}
}

static void keys_are_escaped_too(void **state)
{
	(void)state;
	OUT(1000);

	control_int(out, "a\"b", 1);

	assert_text(out, "{\"a\\\"b\":1}\n");
}

static void the_ceiling_counts_every_byte(void **state)
{
	(void)state;
	OUT(strlen("{\"k\":\"12345\"}\n"));
	control_string(out, "k", "12345");
	assert_text(out, "{\"k\":\"12345\"}\n");

	CLEANUP(cleanup_control_out)
	struct control_out *small = control_out_new(strlen("{\"k\":\"12345\"}\n") - 1);
	control_string(small, "k", "12345");
	assert_fails(small, -E2BIG, "the text would be longer than 13 bytes");
}

static void after_a_failure_nothing_is_written_and_nothing_breaks(void **state)
{
	(void)state;
	OUT(16);

	control_string(out, "key", "much longer than it may be");
	control_object(out, "o");
	control_array(out, "a");
	control_end(out);
	control_end(out);
	control_end(out);
	control_end(out);
	control_int(out, "n", 1);

	assert_fails(out, -E2BIG, "the text would be longer than 16 bytes");
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	CLEANUP(cleanup_control_out) struct control_out *fits = control_out_new_answer();
	CLEANUP(cleanup_control_out) struct control_out *deep = control_out_new_answer();
	const char *text;
	size_t length;

	for (int i = 0; i < CONTROL_DEPTH_MAX; i++)
		control_array(fits, "k");
	for (int i = 0; i < CONTROL_DEPTH_MAX; i++)
		control_end(fits);
	for (int i = 0; i < CONTROL_DEPTH_MAX + 1; i++)
		control_array(deep, "k");
	for (int i = 0; i < CONTROL_DEPTH_MAX + 1; i++)
		control_end(deep);

	assert_int_equal(control_out_finish(fits, &text, &length, NULL), 0);
	assert_fails(deep, -EINVAL, "the text was put together wrongly");
}

static void a_missing_key_an_end_too_many_or_too_few_is_an_error(void **state)
{
	(void)state;
	{
		OUT(100);
		control_int(out, NULL, 1);
		assert_fails(out, -EINVAL, "the text was put together wrongly");
	}
	{
		CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
		control_end(out);
		assert_fails(out, -EINVAL, "the text was put together wrongly");
	}
	{
		CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
		control_end(out);
		control_object(out, "result");
		assert_fails(out, -EINVAL, "the text was put together wrongly");
	}
	{
		CLEANUP(cleanup_control_out) struct control_out *out = control_out_new_answer();
		control_object(out, "o");
		assert_fails(out, -EINVAL, "the text was put together wrongly");
	}
}

static unsigned fail_at; /* the n-th allocation from now on fails; 0: none */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	return fail_at && --fail_at == 0 ? NULL : __real_realloc(p, size);
}

static void a_failed_allocation_is_reported_at_the_end(void **state)
{
	(void)state;
	OUT(100000);

	fail_at = 3;
	for (int i = 0; i < 5000; i++)
		control_int(out, "k", i);

	assert_int_equal(fail_at, 0);
	assert_fails(out, -ENOMEM, "out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_answer_is_an_empty_object),
		cmocka_unit_test(values_of_all_types_are_written_in_order),
		cmocka_unit_test(objects_and_arrays_nest),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(keys_are_escaped_too),
		cmocka_unit_test(the_ceiling_counts_every_byte),
		cmocka_unit_test(after_a_failure_nothing_is_written_and_nothing_breaks),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(a_missing_key_an_end_too_many_or_too_few_is_an_error),
		cmocka_unit_test(a_failed_allocation_is_reported_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
