// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Answers that are handed over as they come, and what their callbacks may do. */
#include "serve_http.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum act { ACT_TAKE, ACT_REFUSE, ACT_CANCEL, ACT_CANCEL_OTHER, ACT_FREE, ACT_START };

struct bed {
	struct loop *loop;
	struct http *http;
	struct serve_http server;
	struct http_transfer *transfer, *other;
	enum act act;
	char got[256];
	size_t parts, bytes, ended;
	int rc;
	long status;
	char body[64];
	char error[256];
};

static void on_done(const struct http_response *response, void *data)
{
	struct bed *const bed = data;

	bed->ended++;
	bed->rc = response->rc;
	bed->status = response->status;
	snprintf(bed->body, sizeof(bed->body), "%s", response->body);
	snprintf(bed->error, sizeof(bed->error), "%s", response->error);
	loop_stop(bed->loop);
}

static int on_data(const char *bytes, size_t n, void *data);

static struct http_transfer *start(struct bed *bed, const struct http_limits *limits)
{
	const struct http_limits usual = { .connect_ms = 2000, .total_ms = 5000, .body_max = 64 };
	char url[128];
	struct http_request request = { .url = url,
					.limits = limits ? *limits : usual,
					.on_data = on_data };

	snprintf(url, sizeof(url), "%s/x", bed->server.url);
	return http_start(bed->http, &request, on_done, bed, NULL);
}

static int on_data(const char *bytes, size_t n, void *data)
{
	struct bed *const bed = data;
	const enum act act = bed->act;

	assert_true(n > 0);
	if (bed->bytes + n < sizeof(bed->got))
		memcpy(bed->got + bed->bytes, bytes, n);
	bed->bytes += n;
	bed->parts++;
	bed->act = ACT_TAKE;
	if (act == ACT_CANCEL || act == ACT_FREE)
		loop_stop(bed->loop);
	if (act == ACT_CANCEL)
		http_cancel(TAKE_PTR(bed->transfer));
	if (act == ACT_CANCEL_OTHER)
		http_cancel(TAKE_PTR(bed->other));
	if (act == ACT_FREE)
		http_free(TAKE_PTR(bed->http));
	if (act == ACT_START)
		bed->other = start(bed, NULL);
	/* Still there, whatever was done. */
	assert_int_equal(bytes[n - 1],
			 bed->bytes < sizeof(bed->got) ? bed->got[bed->bytes - 1] : 'x');
	return act == ACT_REFUSE ? -EBADMSG : 0;
}

static void bed_make(struct bed *bed, const struct serve_reply *replies, size_t n)
{
	*bed = (struct bed){ 0 };
	serve_http_start(&bed->server, replies, n);
	bed->loop = loop_new();
	bed->http = http_new(bed->loop, NULL);
	assert_non_null(bed->http);
}

static void bed_done(struct bed *bed)
{
	http_free(bed->http);
	loop_free(bed->loop);
	serve_http_stop(&bed->server);
}

static void run(struct bed *bed, enum act act, const struct http_limits *limits)
{
	bed->act = act;
	bed->transfer = start(bed, limits);
	assert_non_null(bed->transfer);
	assert_int_equal(bed->parts, 0);
	assert_int_equal(loop_run(bed->loop), 0);
}

static void parts_come_in_order_and_before_the_end(void **state)
{
	const struct serve_reply reply = {
		.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		       "3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n"
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, &reply, 1);
	run(&bed, ACT_TAKE, NULL);

	assert_string_equal(bed.got, "abcdef");
	assert_int_equal(bed.ended, 1);
	assert_int_equal(bed.rc, 0);
	assert_int_equal(bed.status, 200);
	assert_string_equal(bed.body, "");
	bed_done(&bed);
}

static void a_streamed_answer_may_be_longer_than_the_limit_of_kept_ones(void **state)
{
	const struct serve_reply reply = { .filler = 3000000 };
	struct bed bed;
	(void)state;

	bed_make(&bed, &reply, 1);
	run(&bed, ACT_TAKE, NULL);

	assert_int_equal(bed.rc, 0);
	assert_int_equal(bed.bytes, 3000000);
	assert_true(bed.parts > 1);
	bed_done(&bed);
}

static void an_answer_that_says_an_error_is_kept_within_its_limit(void **state)
{
	const struct serve_reply replies[] = {
		{ .status = 410, .body = "{\"reason\":\"Expired\"}" },
		{ .status = 500, .filler = 65 },
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 2);
	run(&bed, ACT_TAKE, NULL);

	assert_int_equal(bed.parts, 0);
	assert_int_equal(bed.status, 410);
	assert_string_equal(bed.body, "{\"reason\":\"Expired\"}");

	run(&bed, ACT_TAKE, NULL);
	assert_int_equal(bed.rc, -EMSGSIZE);
	bed_done(&bed);
}

static void a_reader_that_refuses_ends_it_with_its_reason(void **state)
{
	const struct serve_reply reply = { .body = "abc", .announced = 5, .end = SERVE_HANG };
	struct bed bed;
	(void)state;

	bed_make(&bed, &reply, 1);
	run(&bed, ACT_REFUSE, NULL);

	assert_int_equal(bed.ended, 1);
	assert_int_equal(bed.rc, -EBADMSG);
	assert_string_not_equal(bed.error, "");
	bed_done(&bed);
}

static void a_reader_may_cancel_free_and_start(void **state)
{
	static const struct {
		enum act act;
		size_t ended;
	} rows[] = { { ACT_CANCEL, 0 }, { ACT_FREE, 0 }, { ACT_START, 1 } };
	const struct serve_reply replies[] = {
		{ .body = "abc", .announced = 5, .end = SERVE_HANG },
		{ .body = "next" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bed bed;

		bed_make(&bed, replies, 2);
		run(&bed, rows[i].act, NULL);

		assert_int_equal(bed.ended, rows[i].ended);
		assert_string_equal(bed.got, rows[i].act == ACT_START ? "abcnext" : "abc");
		bed_done(&bed);
	}
}

static void a_reader_may_cancel_another_one(void **state)
{
	const struct serve_reply silent = { .raw = "", .end = SERVE_HANG };
	const struct serve_reply reply = { .body = "abc" };
	struct serve_http other;
	struct bed bed;
	(void)state;

	serve_http_start(&other, &silent, 1);
	bed_make(&bed, &reply, 1);
	const struct http_request request = {
		.url = other.url,
		.limits = { .connect_ms = 2000, .total_ms = 5000 },
		.on_data = on_data,
	};
	bed.other = http_start(bed.http, &request, on_done, &bed, NULL);
	assert_non_null(bed.other);
	run(&bed, ACT_CANCEL_OTHER, NULL);

	assert_int_equal(bed.ended, 1);
	assert_int_equal(bed.rc, 0);
	bed_done(&bed);
	serve_http_stop(&other);
}

static void what_came_before_a_break_is_handed_over(void **state)
{
	static const struct {
		struct serve_reply reply;
		struct http_limits limits;
		int rc;
	} rows[] = {
		{ { .body = "abc", .announced = 5, .end = SERVE_CLOSE },
		  { .connect_ms = 1000, .total_ms = 5000 },
		  -EPROTO },
		{ { .body = "abc", .announced = 5, .end = SERVE_HANG },
		  { .connect_ms = 1000, .total_ms = 60000, .stall_ms = 1 },
		  -ETIMEDOUT },
		{ { .body = "abc", .announced = 5, .end = SERVE_HANG },
		  { .connect_ms = 1000, .total_ms = 300 },
		  -ETIMEDOUT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bed bed;

		bed_make(&bed, &rows[i].reply, 1);
		run(&bed, ACT_TAKE, &rows[i].limits);

		assert_string_equal(bed.got, "abc");
		assert_int_equal(bed.ended, 1);
		assert_int_equal(bed.rc, rows[i].rc);
		bed_done(&bed);
	}
}

static void a_blocking_request_is_not_streamed(void **state)
{
	const struct http_request request = {
		.url = "http://127.0.0.1:1/",
		.limits = { .connect_ms = 100, .total_ms = 100 },
		.on_data = on_data,
	};
	struct http_response response;
	char *body = NULL;
	(void)state;

	assert_int_equal(http_call_sync(&request, &response, &body, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_in_order_and_before_the_end),
		cmocka_unit_test(a_streamed_answer_may_be_longer_than_the_limit_of_kept_ones),
		cmocka_unit_test(an_answer_that_says_an_error_is_kept_within_its_limit),
		cmocka_unit_test(a_reader_that_refuses_ends_it_with_its_reason),
		cmocka_unit_test(a_reader_may_cancel_free_and_start),
		cmocka_unit_test(a_reader_may_cancel_another_one),
		cmocka_unit_test(what_came_before_a_break_is_handed_over),
		cmocka_unit_test(a_blocking_request_is_not_streamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
