// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What Systems Manager answers to GetParameter, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "awsapi/parameter.h"
#include "base/cleanup.h"
#include "base/err.h"

static void answers_are_read(void **state)
{
	static const struct {
		long status;
		const char *body;
		enum http_class class;
		const char *text; /* the value, or what the reason has in it */
	} rows[] = {
		{ 200, "{\"Parameter\":{\"Name\":\"/a\",\"Value\":\"one\\ntwo\"}}", HTTP_CLASS_OK,
		  "one\ntwo" },
		{ 200, "{\"Parameter\":{\"Value\":7}}", HTTP_CLASS_RETRY, "has no value" },
		{ 200, "{\"Parameter\":[]}", HTTP_CLASS_RETRY, "has no value" },
		{ 200, "<html>", HTTP_CLASS_RETRY, "has no value" },
		{ 200, "", HTTP_CLASS_RETRY, "has no value" },
		{ 400, "{\"__type\":\"ParameterNotFound\"}", HTTP_CLASS_NOT_FOUND,
		  "ParameterNotFound" },
		{ 400, "{\"__type\":\"com.amazonaws.ssm#ParameterNotFound\",\"message\":\"m\"}",
		  HTTP_CLASS_NOT_FOUND, "ParameterNotFound: m" },
		{ 400, "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}",
		  HTTP_CLASS_PERMANENT, "AccessDeniedException: no" },
		{ 400, "{\"__type\":\"ThrottlingException\"}", HTTP_CLASS_THROTTLED,
		  "ThrottlingException" },
		{ 400, "{\"__type\":\"ExpiredTokenException\"}", HTTP_CLASS_CREDENTIALS,
		  "ExpiredTokenException" },
		{ 500, "{\"__type\":\"InternalServerError\"}", HTTP_CLASS_RETRY,
		  "InternalServerError" },
		{ 503, "<html>", HTTP_CLASS_RETRY, "HTTP 503: no answer of its own" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char value[PARAMETER_BYTES_MAX + 1] = "";
		struct err err = ERR_NULL;
		const enum http_class class = parameter_read(rows[i].status, rows[i].body,
							     strlen(rows[i].body), value, &err);
		const char *text = class == HTTP_CLASS_OK ? value : err.text;

		if (class != rows[i].class || !strstr(text, rows[i].text))
			fail_msg("row %zu: class %s, '%s'", i, http_class_names[class], text);
	}
}

static void a_value_has_a_ceiling(void **state)
{
	CLEANUP(cleanup_free) char *body = malloc(PARAMETER_BYTES_MAX + 64);
	char value[PARAMETER_BYTES_MAX + 1] = "";

	(void)state;
	for (int more = 0; more < 2; more++) {
		const int n = snprintf(body, PARAMETER_BYTES_MAX + 64,
				       "{\"Parameter\":{\"Value\":\"%0*d\"}}",
				       PARAMETER_BYTES_MAX + more, 0);

		assert_int_equal(parameter_read(200, body, (size_t)n, value, NULL),
				 more ? HTTP_CLASS_PERMANENT : HTTP_CLASS_OK);
	}
	assert_int_equal(strlen(value), PARAMETER_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(a_value_has_a_ceiling),
	};

	return cmocka_run_group_tests_name("parameter", tests, NULL, NULL);
}
