// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/failure.h"

#include "base/cleanup.h"
#include "http/http.h"
#include "kube/json.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STATUS(reason, code, more)                                                                                    \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"sentence\"," \
	"\"reason\":\"" reason "\",\"code\":" code more "}"

static const struct {
	long status;
	const char *body;
	enum http_class class;
	enum kube_special special;
	int64_t retry_after_ms;
} rows[] = {
	{ 403, STATUS("Forbidden", "403", ",\"details\":{\"kind\":\"pods\"}"), HTTP_CLASS_PERMANENT,
	  KUBE_SPECIAL_FORBIDDEN, -1 },
	{ 401, STATUS("Unauthorized", "401", ""), HTTP_CLASS_CREDENTIALS, 0, -1 },
	{ 410, STATUS("Expired", "410", ""), HTTP_CLASS_NOT_FOUND, KUBE_SPECIAL_EXPIRED, -1 },
	{ 404, "404 page not found\n", HTTP_CLASS_NOT_FOUND, 0, -1 },
	{ 504,
	  STATUS("Timeout", "504",
		 ",\"details\":{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
		 "\"retryAfterSeconds\":1}"),
	  HTTP_CLASS_RETRY, KUBE_SPECIAL_TOO_NEW, 1000 },
	{ 504,
	  "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"code\":504,\"message\":\"Timeout: Too large resource version: 9, current: 5\"}",
	  HTTP_CLASS_RETRY, KUBE_SPECIAL_TOO_NEW, -1 },
	{ 504, STATUS("Timeout", "504", ""), HTTP_CLASS_RETRY, 0, -1 },
	{ 410, STATUS("Gone", "410", ""), HTTP_CLASS_NOT_FOUND, KUBE_SPECIAL_EXPIRED, -1 },
	{ 410, "gone", HTTP_CLASS_NOT_FOUND, KUBE_SPECIAL_EXPIRED, -1 },
	{ 409, STATUS("Conflict", "409", ""), HTTP_CLASS_CONFLICT, 0, -1 },
	{ 409, STATUS("AlreadyExists", "409", ""), HTTP_CLASS_CONFLICT, 0, -1 },
	{ 422, STATUS("Invalid", "422", ",\"details\":{\"causes\":[{\"field\":\"spec\"}]}"),
	  HTTP_CLASS_PERMANENT, 0, -1 },
	{ 429, STATUS("TooManyRequests", "429", ",\"details\":{\"retryAfterSeconds\":10}"),
	  HTTP_CLASS_THROTTLED, 0, 10000 },
	{ 429, "Too many requests, please try again later.\n", HTTP_CLASS_THROTTLED, 0, -1 },
	{ 500, STATUS("InternalError", "500", ""), HTTP_CLASS_RETRY, 0, -1 },
	{ 500, STATUS("StorageReadError", "500", ""), HTTP_CLASS_PERMANENT, 0, -1 },
	{ 503, STATUS("ServiceUnavailable", "503", ""), HTTP_CLASS_RETRY, 0, -1 },
	{ 503, "<html><b>bad gateway</b></html>", HTTP_CLASS_RETRY, 0, -1 },
	{ 500, "{\"kind\":\"Status\",\"reason\":7}", HTTP_CLASS_RETRY, 0, -1 },
	{ 400, STATUS("NewReason", "400", ""), HTTP_CLASS_PERMANENT, 0, -1 },
	{ 500, "{\"kind\":\"Status\",\"code\":99999}", HTTP_CLASS_RETRY, 0, -1 },
	{ 302, "", HTTP_CLASS_PERMANENT, 0, -1 },
};

static void each_error_has_its_class(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_response response = {
			.status = rows[i].status,
			.body = rows[i].body,
			.body_length = strlen(rows[i].body),
			.retry_after_ms = -1,
			.date_sec = -1,
		};
		struct kube_failure failure;

		kube_failure_read("GET /x", &response, &failure);
		if (failure.class != rows[i].class || failure.special != rows[i].special ||
		    failure.retry_after_ms != rows[i].retry_after_ms)
			fail_msg("%ld %s: %s, %d, %lld", rows[i].status, rows[i].body,
				 http_class_names[failure.class], failure.special,
				 (long long)failure.retry_after_ms);
		assert_int_equal(failure.status, rows[i].status);
		assert_ptr_equal(strstr(failure.text, "GET /x: "), failure.text);
	}
}

static void the_servers_sentence_is_kept_and_can_forge_nothing(void **state)
{
	static const char body[] =
		"{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"code\":403,\"message\":\"pods is forbidden\\n<3>eipgwd: all is well\"}";
	const struct http_response response = { .status = 403,
						.body = body,
						.body_length = sizeof(body) - 1,
						.retry_after_ms = 7000,
						.date_sec = -1 };
	struct kube_failure failure;
	(void)state;

	kube_failure_read("GET /api/v1/pods", &response, &failure);

	assert_string_equal(
		failure.text,
		"GET /api/v1/pods: 403 Forbidden: pods is forbidden?<3>eipgwd: all is well");
	assert_string_equal(failure.reason, "Forbidden");
	assert_int_equal(failure.retry_after_ms, 7000);
}

static void a_success_is_none_and_a_broken_transport_is_told(void **state)
{
	const struct http_response ok = { .status = 200, .body = "", .retry_after_ms = -1 };
	const struct http_response cut = { .rc = -EPROTO,
					   .error = "it was cut",
					   .retry_after_ms = -1 };
	struct kube_failure failure;
	(void)state;

	kube_failure_read("GET /x", &ok, &failure);
	assert_int_equal(failure.class, HTTP_CLASS_OK);
	assert_string_equal(failure.text, "");

	kube_failure_read("GET /x", &cut, &failure);
	assert_int_equal(failure.class, HTTP_CLASS_RETRY);
	assert_int_equal(failure.rc, -EPROTO);
	assert_string_equal(failure.text, "GET /x: it was cut");
}

static void a_refusal_tells_when_the_clocks_differ(void **state)
{
	static const struct {
		int64_t skew;
		const char *text;
	} cases[] = { { 0, NULL },
		      { -7200, "s ahead of the server's)" },
		      { 7200, "s behind the server's)" } };
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct http_response response = { .status = 401,
							.body = "",
							.retry_after_ms = -1,
							.date_sec = (int64_t)time(NULL) +
								    cases[i].skew };
		struct kube_failure failure;

		kube_failure_read("GET /x", &response, &failure);
		assert_int_equal(failure.class, HTTP_CLASS_CREDENTIALS);
		if (cases[i].text)
			assert_non_null(strstr(failure.text, cases[i].text));
		else
			assert_null(strstr(failure.text, "clock"));
	}
}

static void an_error_event_is_read_like_an_answer(void **state)
{
	static const char text[] = STATUS("Expired", "410", "");
	struct json_t *json = NULL;
	struct kube_failure failure;
	(void)state;

	assert_int_equal(kube_json_parse(text, strlen(text), &json, NULL), 0);
	kube_failure_read_status("Pod", json, &failure);

	assert_int_equal(failure.special, KUBE_SPECIAL_EXPIRED);
	assert_string_equal(failure.text, "Pod: 410 Expired: sentence");
	kube_json_free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_has_its_class),
		cmocka_unit_test(the_servers_sentence_is_kept_and_can_forge_nothing),
		cmocka_unit_test(a_success_is_none_and_a_broken_transport_is_told),
		cmocka_unit_test(a_refusal_tells_when_the_clocks_differ),
		cmocka_unit_test(an_error_event_is_read_like_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
