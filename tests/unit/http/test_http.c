// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Requests against a server that misbehaves in each way that http.h has a number for. */
#include "serve_http.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct http_limits limits = {
	.connect_ms = 2000,
	.total_ms = 5000,
	.body_max = 65536,
};

/* One blocking request for the path "/x". */
static int get(const struct serve_http *server, const struct http_request *template,
	       struct http_response *ret, char **ret_body, struct err *err)
{
	struct http_request request = *template;
	char url[128];

	snprintf(url, sizeof(url), "%s/x", server->url);
	if (!request.url)
		request.url = url;
	if (request.limits.total_ms == 0)
		request.limits = limits;
	return http_call_sync(&request, ret, ret_body, err);
}

static void an_answer_arrives_whole_with_its_headers(void **state)
{
	const struct serve_reply replies[] = {
		{ .status = 418,
		  .body = "teapot",
		  .headers = "Content-Type: text/plain\r\nRetry-After: 7\r\n"
			     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" },
		{ .body = "", .headers = "X-Amz-Retry-After: 250\r\nRetry-After: 9\r\n" },
	};
	struct serve_http server;
	struct http_response response;
	struct err err = ERR_NULL;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, replies, ARRAY_SIZE(replies));
	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, &err), 0);

	assert_int_equal(response.status, 418);
	assert_string_equal(response.body, "teapot");
	assert_int_equal(response.body_length, 6);
	assert_string_equal(response.content_type, "text/plain");
	assert_int_equal(response.retry_after_ms, 7000);
	assert_int_equal(response.date_sec, 784111777);
	assert_ptr_equal(response.body, body);
	free(body);

	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, &err), 0);
	assert_int_equal(response.retry_after_ms, 250);
	assert_int_equal(response.date_sec, -1);
	assert_string_equal(response.content_type, "");
	assert_string_equal(response.body, "");
	free(body);
	serve_http_stop(&server);
}

static void each_fault_has_its_number(void **state)
{
	static const struct {
		const char *what;
		struct serve_reply reply;
		struct http_limits limits;
		int rc;
	} rows[] = {
		{ "too long, announced", { .filler = 70000 }, {}, -EMSGSIZE },
		{ "too long, chunked",
		  { .raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "10\r\n0123456789abcdef\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n" },
		  { .connect_ms = 1000, .total_ms = 5000, .body_max = 31 },
		  -EMSGSIZE },
		{ "cut", { .body = "abc", .announced = 5, .end = SERVE_CLOSE }, {}, -EPROTO },
		{ "cut in a chunk",
		  { .raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123",
		    .end = SERVE_CLOSE },
		  {},
		  -EPROTO },
		{ "nothing", { .raw = "", .end = SERVE_CLOSE }, {}, -EPROTO },
		{ "not HTTP", { .raw = "hello\r\n\r\n", .end = SERVE_CLOSE }, {}, -EPROTO },
		{ "reset", { .raw = "HTTP/1.1 200 OK\r\n", .end = SERVE_RESET }, {}, -EIO },
		{ "too slow",
		  { .raw = "", .end = SERVE_HANG },
		  { .connect_ms = 1000, .total_ms = 200 },
		  -ETIMEDOUT },
		{ "stalled",
		  { .body = "abc", .announced = 5, .end = SERVE_HANG },
		  { .connect_ms = 1000, .total_ms = 60000, .stall_ms = 1, .body_max = 100 },
		  -ETIMEDOUT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_request request = { .limits = rows[i].limits };
		struct serve_http server;
		struct http_response response;
		struct err err = ERR_NULL;
		char *body = NULL;

		serve_http_start(&server, &rows[i].reply, 1);
		const int r = get(&server, &request, &response, &body, &err);
		if (r != rows[i].rc)
			fail_msg("%s: %d (%s)", rows[i].what, r, err.text);
		assert_string_not_equal(err.text, "");
		assert_null(body);
		serve_http_stop(&server);
	}
}

static void endless_headers_end_at_the_ceiling(void **state)
{
	static char raw[100000] = "HTTP/1.1 200 OK\r\n";
	const struct serve_reply reply = { .raw = raw };
	struct serve_http server;
	struct http_response response;
	char *body = NULL;
	(void)state;

	for (size_t n = strlen(raw); n < sizeof(raw) - 100; n += 10)
		snprintf(raw + n, 11, "X: 12345\r\n");
	serve_http_start(&server, &reply, 1);

	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, NULL), -EMSGSIZE);

	serve_http_stop(&server);
}

static void a_body_of_just_the_limit_is_taken(void **state)
{
	const struct serve_reply reply = { .filler = 65536 };
	struct serve_http server;
	struct http_response response;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, &reply, 1);
	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, NULL), 0);

	assert_int_equal(response.body_length, 65536);
	assert_int_equal(strlen(body), 65536);
	free(body);
	serve_http_stop(&server);
}

static void redirects_are_answers_and_not_followed(void **state)
{
	struct serve_http server;
	struct http_response response;
	const struct serve_reply replies[] = {
		{ .status = 302, .headers = "Location: /secret\r\n", .body = "there" },
		{ .body = "followed" },
	};
	char *body = NULL;
	(void)state;

	serve_http_start(&server, replies, 2);
	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, NULL), 0);

	assert_int_equal(response.status, 302);
	assert_string_equal(body, "there");
	assert_int_equal(serve_http_count(&server), 1);
	free(body);
	serve_http_stop(&server);
}

static void a_request_carries_method_headers_and_body(void **state)
{
	const struct http_header headers[] = { { "X-One", "1" }, { "X-Empty", "" } };
	const struct serve_reply replies[2] = {};
	const struct http_request post = {
		.method = HTTP_POST,
		.headers = headers,
		.n_headers = 2,
		.body = "a=b\0c",
		.body_length = 5,
	};
	const struct http_request put = { .method = HTTP_PUT };
	struct serve_http server;
	struct http_response response;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, replies, 2);
	assert_int_equal(get(&server, &post, &response, &body, NULL), 0);
	free(body);
	assert_int_equal(get(&server, &put, &response, &body, NULL), 0);
	free(body);

	const char *text = serve_http_request(&server, 0);
	assert_ptr_equal(strstr(text, "POST /x HTTP/1.1\r\n"), text);
	assert_non_null(strstr(text, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(text, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(text, "\r\nContent-Length: 5\r\n"));
	assert_non_null(strstr(text, "\r\nUser-Agent: eipgw/"));
	assert_memory_equal(strstr(text, "\r\n\r\n") + 4, "a=b\0c", 5);
	text = serve_http_request(&server, 1);
	assert_ptr_equal(strstr(text, "PUT /x HTTP/1.1\r\n"), text);
	assert_null(strstr(text, "Content-Type"));
	assert_null(strstr(text, "Expect"));
	serve_http_stop(&server);
}

static void a_signed_request_carries_scope_and_token(void **state)
{
	const struct http_signature signature = { .region = "eu-west-1",
						  .service = "ec2",
						  .access_key = "AKIDEXAMPLE",
						  .secret_key = "very-secret",
						  .session_token = "the-token" };
	const struct http_request request = {
		.method = HTTP_POST, .body = "Action=X", .body_length = 8, .signature = &signature
	};
	const struct serve_reply reply = {};
	struct serve_http server;
	struct http_response response;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, &reply, 1);
	assert_int_equal(get(&server, &request, &response, &body, NULL), 0);

	const char *const text = serve_http_request(&server, 0);
	const char *const at = strstr(text, "Credential=AKIDEXAMPLE/");
	assert_non_null(at);
	assert_non_null(strstr(at, "/eu-west-1/ec2/aws4_request"));
	assert_non_null(strstr(at, "x-amz-security-token"));
	assert_non_null(strstr(text, "\r\nX-Amz-Security-Token: the-token\r\n"));
	assert_null(strstr(text, "very-secret"));
	free(body);
	serve_http_stop(&server);
}

static void each_method_goes_out_with_its_word_and_its_body(void **state)
{
	const struct http_header type = { "Content-Type", "application/apply-patch+yaml" };
	const struct {
		struct http_request request;
		const char *begins, *has;
	} rows[] = {
		{ { .method = HTTP_PATCH,
		    .body = "{}",
		    .body_length = 2,
		    .headers = &type,
		    .n_headers = 1 },
		  "PATCH /x ",
		  "\r\nContent-Type: application/apply-patch+yaml\r\n" },
		{ { .method = HTTP_DELETE }, "DELETE /x ", "\r\nContent-Length: 0\r\n" },
		{ { .method = HTTP_DELETE, .body = "{}", .body_length = 2 },
		  "DELETE /x ",
		  "\r\n\r\n{}" },
		{ { .method = HTTP_GET, .bearer = "t0ken" },
		  "GET /x ",
		  "\r\nAuthorization: Bearer t0ken\r\n" },
	};
	const struct serve_reply replies[ARRAY_SIZE(rows)] = { 0 };
	struct serve_http server;
	(void)state;

	serve_http_start(&server, replies, ARRAY_SIZE(replies));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_response response;
		char *body = NULL;

		assert_int_equal(get(&server, &rows[i].request, &response, &body, NULL), 0);
		const char *const text = serve_http_request(&server, i);
		assert_ptr_equal(strstr(text, rows[i].begins), text);
		assert_non_null(strstr(text, rows[i].has));
		assert_null(strstr(text, "x-www-form-urlencoded"));
		free(body);
	}
	serve_http_stop(&server);
}

static void a_host_may_be_found_elsewhere_than_its_name_says(void **state)
{
	const struct serve_reply reply = { .body = "here" };
	struct serve_http server;
	struct http_response response;
	char place[64];
	char *body = NULL;
	(void)state;

	serve_http_start(&server, &reply, 1);
	snprintf(place, sizeof(place), "127.0.0.1:%u", server.port);
	const struct http_request request = { .url = "http://kubernetes.invalid/x",
					      .connect_to = place,
					      .no_proxy = true };
	assert_int_equal(get(&server, &request, &response, &body, NULL), 0);

	assert_string_equal(response.body, "here");
	assert_non_null(strstr(serve_http_request(&server, 0), "\r\nHost: kubernetes.invalid\r\n"));
	free(body);
	serve_http_stop(&server);
}

static void what_cannot_be_sent_safely_is_refused(void **state)
{
	const struct http_signature sign = {
		.region = "eu-west-1", .service = "ec2", .access_key = "A", .secret_key = "S"
	};
	const struct http_signature colon = {
		.region = "eu:west", .service = "ec2", .access_key = "A", .secret_key = "S"
	};
	const struct http_header split = { "X-Token", "a\r\nX-Evil: b" };
	const struct http_header feed = { "X-Token", "a\n" };
	const struct http_header name = { "X Token", "a" };
	const struct http_tls half = { .certificate = "x" };
	const struct http_request rows[] = {
		{ .url = "file:///etc/passwd" },
		{ .url = "ftp://127.0.0.1/" },
		{ .url = "gopher://127.0.0.1/" },
		{ .url = "http://user:word@127.0.0.1/" },
		{ .url = "http://user@127.0.0.1/" },
		{ .url = "http://127.0.0.1/a\r\nX: y" },
		{ .url = "not a URL" },
		{ .url = "" },
		{ .headers = &split, .n_headers = 1 },
		{ .headers = &feed, .n_headers = 1 },
		{ .headers = &name, .n_headers = 1 },
		{ .headers = &split, .n_headers = 33 },
		{ .body = "x", .body_length = 1 },
		{ .signature = &sign },
		{ .signature = &sign, .method = HTTP_POST },
		{ .signature = &sign,
		  .method = HTTP_POST,
		  .body = "x",
		  .body_length = 1,
		  .url = "http://127.0.0.1/?a" },
		{ .signature = &colon, .method = HTTP_POST, .body = "x", .body_length = 1 },
		{ .limits = { .connect_ms = 0, .total_ms = 1 } },
		{ .bearer = "" },
		{ .bearer = "a\nX: y" },
		{ .tls = &half },
	};
	struct serve_http server;
	(void)state;

	serve_http_start(&server, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_response response;
		struct err err = ERR_NULL;
		char *body = NULL;

		if (get(&server, &rows[i], &response, &body, &err) != -EINVAL || !err.text[0])
			fail_msg("row %zu wasn't refused: %s", i, err.text);
	}
	assert_int_equal(serve_http_count(&server), 0);
	serve_http_stop(&server);
}

static void a_closed_port_refuses_and_an_unknown_name_is_unreachable(void **state)
{
	struct serve_http server;
	/* A label of 64 letters can't be asked for: no name server is needed to know. */
	const struct http_request name = { .url = "http://"
						  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
						  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/" };
	struct http_response response;
	struct err err = ERR_NULL;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, NULL, 0);
	serve_http_stop(&server);

	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, &err),
			 -ECONNREFUSED);
	assert_int_equal(get(&server, &name, &response, &body, &err), -EHOSTUNREACH);
}

static void a_proxy_of_the_environment_never_sees_near_addresses(void **state)
{
	const struct serve_reply replies[2] = {};
	struct serve_http server;
	const struct http_request far = { .url = "http://far.invalid/" };
	const struct http_request told = { .url = "http://far.invalid/", .no_proxy = true };
	const struct http_request imds = { .url = "http://169.254.169.254:1/",
					   .limits = { .connect_ms = 50, .total_ms = 50 } };
	const struct http_request number = { .url = "http://2852039166:1/",
					     .limits = { .connect_ms = 50, .total_ms = 50 } };
	struct http_response response;
	char *body = NULL;
	(void)state;

	serve_http_start(&server, replies, 2);
	setenv("http_proxy", server.url, 1);
	setenv("all_proxy", server.url, 1);
	assert_int_equal(get(&server, &far, &response, &body, NULL), 0);
	free(body);
	assert_int_equal(serve_http_count(&server), 1);

	assert_true(get(&server, &told, &response, &body, NULL) < 0);
	assert_true(get(&server, &imds, &response, &body, NULL) < 0);
	assert_true(get(&server, &number, &response, &body, NULL) < 0);
	assert_int_equal(serve_http_count(&server), 1);

	assert_int_equal(get(&server, &(struct http_request){}, &response, &body, NULL), 0);
	free(body);
	assert_ptr_equal(strstr(serve_http_request(&server, 1), "GET /x "),
			 serve_http_request(&server, 1));
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	serve_http_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_arrives_whole_with_its_headers),
		cmocka_unit_test(each_fault_has_its_number),
		cmocka_unit_test(endless_headers_end_at_the_ceiling),
		cmocka_unit_test(a_body_of_just_the_limit_is_taken),
		cmocka_unit_test(redirects_are_answers_and_not_followed),
		cmocka_unit_test(a_request_carries_method_headers_and_body),
		cmocka_unit_test(each_method_goes_out_with_its_word_and_its_body),
		cmocka_unit_test(a_host_may_be_found_elsewhere_than_its_name_says),
		cmocka_unit_test(a_signed_request_carries_scope_and_token),
		cmocka_unit_test(what_cannot_be_sent_safely_is_refused),
		cmocka_unit_test(a_closed_port_refuses_and_an_unknown_name_is_unreachable),
		cmocka_unit_test(a_proxy_of_the_environment_never_sees_near_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
