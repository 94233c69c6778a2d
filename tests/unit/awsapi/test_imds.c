// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The token flow and the faults of the metadata service, which is played by a script. */
#include "../http/serve_http.h"

#include "awsapi/imds_notices.h"
#include "awsapi/imds_read.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time passes faster for the timers of this test. */
static int64_t divisor = 1;
static uint32_t timeout_ms = 5000;

int __real_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);

int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	return __real_loop_timer_arm_ms(timer, ms / divisor);
}

struct bed {
	struct loop *loop;
	struct http *http;
	struct imds *imds;
	struct serve_http server;
	size_t ended, wanted;
	enum http_class class;
	char text[256], error[512];
	bool free_in_callback;
	/* Of notices. */
	struct imds_notices notices;
	unsigned changed;
};

#define TOKEN(name)                                         \
	{                                                   \
		.path = "/latest/api/token", .body = (name) \
	}
#define INSTANCE                                                          \
	{                                                                 \
		.path = "/latest/meta-data/instance-id", .body = "i-0abc" \
	}

static void bed_make(struct bed *bed, const struct serve_reply *replies, size_t n, uint32_t ttl_sec)
{
	*bed = (struct bed){ .wanted = 1 };
	serve_http_start(&bed->server, replies, n);
	bed->loop = loop_new();
	bed->http = http_new(bed->loop, NULL);
	const struct imds_options options = { .loop = bed->loop,
					      .http = bed->http,
					      .base_url = bed->server.url,
					      .token_ttl_sec = ttl_sec,
					      .timeout_ms = timeout_ms,
					      .seed = 7 };
	bed->imds = imds_new(&options, NULL);
	assert_non_null(bed->imds);
}

static void bed_done(struct bed *bed)
{
	imds_free(bed->imds);
	http_free(bed->http);
	loop_free(bed->loop);
	serve_http_stop(&bed->server);
}

static void on_done(const struct imds_answer *answer, void *data)
{
	struct bed *const bed = data;

	bed->class = answer->class;
	assert_int_equal(strlen(answer->text), answer->length);
	snprintf(bed->text, sizeof(bed->text), "%s", answer->text);
	snprintf(bed->error, sizeof(bed->error), "%s", answer->error);
	if (bed->free_in_callback)
		imds_free(TAKE_PTR(bed->imds));
	if (++bed->ended == bed->wanted)
		loop_stop(bed->loop);
}

static void bed_get(struct bed *bed, const char *path)
{
	bed->ended = 0;
	assert_non_null(imds_get(bed->imds, path, on_done, bed, NULL));
	assert_int_equal(bed->ended, 0);
	assert_int_equal(loop_run(bed->loop), 0);
}

static const char *header(const struct bed *bed, size_t request, const char *name)
{
	static char value[256];
	const char *const at = strcasestr(serve_http_request(&bed->server, request), name);

	if (!at)
		return NULL;
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + strlen(name) + 2, "\r\n"),
		 at + strlen(name) + 2);
	return value;
}

static void a_token_is_put_once_and_sent_with_each_get(void **state)
{
	const struct serve_reply replies[] = { TOKEN("tok=="), INSTANCE, INSTANCE };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	bed_get(&bed, "meta-data/instance-id");
	assert_int_equal(bed.class, HTTP_CLASS_OK);
	assert_string_equal(bed.text, "i-0abc");
	bed_get(&bed, "meta-data/instance-id");
	assert_int_equal(bed.class, HTTP_CLASS_OK);

	assert_int_equal(serve_http_count(&bed.server), 3);
	assert_memory_equal(serve_http_request(&bed.server, 0), "PUT /latest/api/token ", 22);
	assert_string_equal(header(&bed, 0, "X-aws-ec2-metadata-token-ttl-seconds"), "21600");
	assert_string_equal(header(&bed, 1, "X-aws-ec2-metadata-token"), "tok==");
	assert_string_equal(header(&bed, 2, "X-aws-ec2-metadata-token"), "tok==");
	bed_done(&bed);
}

static void a_refused_token_is_replaced_once(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN("old"), { .status = 401 }, TOKEN("new"), INSTANCE
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.class, HTTP_CLASS_OK);
	assert_string_equal(header(&bed, 3, "X-aws-ec2-metadata-token"), "new");
	bed_done(&bed);
}

static void a_token_refused_twice_is_told_and_not_tried_for_ever(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN("a"), { .status = 401 }, TOKEN("b"), { .status = 401 }
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.class, HTTP_CLASS_CREDENTIALS);
	assert_int_equal(serve_http_count(&bed.server), 4);
	bed_done(&bed);
}

static void many_gets_share_one_token(void **state)
{
	struct serve_reply replies[11] = { TOKEN("tok") };
	struct bed bed;
	(void)state;

	for (size_t i = 1; i < 11; i++)
		replies[i] = (struct serve_reply)INSTANCE;
	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	bed.wanted = 10;
	for (size_t i = 0; i < 9; i++)
		assert_non_null(imds_get(bed.imds, "meta-data/instance-id", on_done, &bed, NULL));
	assert_non_null(imds_get(bed.imds, "meta-data/instance-id", on_done, &bed, NULL));
	assert_int_equal(loop_run(bed.loop), 0);

	assert_int_equal(bed.ended, 10);
	assert_int_equal(serve_http_count(&bed.server), 11);
	bed_done(&bed);
}

static void each_of_many_failed_gets_is_told(void **state)
{
	const struct serve_reply reply = { .status = 403 };
	struct bed bed;
	(void)state;

	bed_make(&bed, &reply, 1, 0);
	bed.wanted = 5;
	for (size_t i = 0; i < 5; i++)
		assert_non_null(imds_get(bed.imds, "meta-data/mac", on_done, &bed, NULL));
	assert_int_equal(loop_run(bed.loop), 0);

	assert_int_equal(bed.ended, 5);
	assert_int_equal(bed.class, HTTP_CLASS_PERMANENT);
	assert_int_equal(serve_http_count(&bed.server), 1);
	bed_done(&bed);
}

static void a_token_is_renewed_before_it_ends(void **state)
{
	/* Of 1 second the last quarter is the margin; the first answer comes after it. */
	const struct serve_reply replies[] = {
		TOKEN("a"),
		{ .path = "/latest/meta-data/instance-id", .body = "i-0abc", .delay_ms = 1100 },
		TOKEN("b"),
		INSTANCE
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 1);
	bed_get(&bed, "meta-data/instance-id");
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.class, HTTP_CLASS_OK);
	assert_string_equal(header(&bed, 0, "X-aws-ec2-metadata-token-ttl-seconds"), "1");
	assert_string_equal(header(&bed, 3, "X-aws-ec2-metadata-token"), "b");
	bed_done(&bed);
}

static void an_old_token_is_used_on_while_no_new_one_comes(void **state)
{
	/* Of 2 seconds the last half is the margin; the first answer comes in it. */
	const struct serve_reply replies[] = {
		TOKEN("a"),
		{ .path = "/latest/meta-data/instance-id", .body = "i-0abc", .delay_ms = 1600 },
		{ .path = "/latest/api/token", .status = 500 },
		INSTANCE
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 2);
	bed_get(&bed, "meta-data/instance-id");
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.class, HTTP_CLASS_OK);
	assert_string_equal(header(&bed, 3, "X-aws-ec2-metadata-token"), "a");
	bed_done(&bed);
}

static const struct {
	const char *what;
	struct serve_reply replies[6];
	size_t requests;
	enum http_class class;
	const char *error;
} faults[] = {
	{ "not there", { TOKEN("t"), { .status = 404 } }, 2, HTTP_CLASS_NOT_FOUND, "404" },
	{ "disabled", { { .status = 403 } }, 1, HTTP_CLASS_PERMANENT, "disabled" },
	{ "disabled later", { TOKEN("t"), { .status = 403 } }, 2, HTTP_CLASS_PERMANENT, "disabled" },
	{ "bad request", { { .status = 400 } }, 1, HTTP_CLASS_PERMANENT, "400" },
	{ "no version 2", { { .status = 404 } }, 1, HTTP_CLASS_PERMANENT, "404" },
	{ "redirect",
	  { TOKEN("t"), { .status = 302, .headers = "Location: /x\r\n" } },
	  2,
	  HTTP_CLASS_PERMANENT,
	  "302" },
	{ "throttled twice",
	  { TOKEN("t"), { .status = 503 }, { .status = 429 }, INSTANCE },
	  4,
	  HTTP_CLASS_OK,
	  "" },
	{ "token reset",
	  { { .raw = "HTTP", .end = SERVE_RESET }, TOKEN("t"), INSTANCE },
	  3,
	  HTTP_CLASS_OK,
	  "" },
	{ "token empty", { TOKEN(""), TOKEN("t"), INSTANCE }, 3, HTTP_CLASS_OK, "" },
	{ "token forges", { TOKEN("a\r\nX: y"), TOKEN("t"), INSTANCE }, 3, HTTP_CLASS_OK, "" },
	{ "cut",
	  { TOKEN("t"), { .body = "i-", .announced = 4, .end = SERVE_CLOSE }, INSTANCE },
	  3,
	  HTTP_CLASS_OK,
	  "" },
	{ "always 500",
	  { TOKEN("t"), { .status = 500 }, { .status = 500 }, { .status = 500 }, { .status = 500 } },
	  5,
	  HTTP_CLASS_RETRY,
	  "500" },
	{ "huge", { TOKEN("t"), { .filler = 300000 } }, 2, HTTP_CLASS_PERMANENT, "longer" },
};

static void each_fault_is_tried_again_or_told(void **state)
{
	(void)state;

	divisor = 10;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct bed bed;

		bed_make(&bed, faults[i].replies, ARRAY_SIZE(faults[i].replies), 0);
		bed_get(&bed, "meta-data/instance-id");
		if (bed.class != faults[i].class || !strstr(bed.error, faults[i].error) ||
		    serve_http_count(&bed.server) != faults[i].requests)
			fail_msg("%s: %s, %s, %zu requests", faults[i].what,
				 http_class_names[bed.class], bed.error,
				 serve_http_count(&bed.server));
		bed_done(&bed);
	}
	divisor = 1;
}

static void a_silent_service_names_the_hop_limit(void **state)
{
	const struct serve_reply replies[4] = { { .raw = "", .end = SERVE_HANG },
						{ .raw = "", .end = SERVE_HANG },
						{ .raw = "", .end = SERVE_HANG },
						{ .raw = "", .end = SERVE_HANG } };
	struct bed bed;
	(void)state;

	divisor = 20;
	timeout_ms = 100;
	bed_make(&bed, replies, 4, 0);
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.class, HTTP_CLASS_RETRY);
	assert_non_null(strstr(bed.error, "hop limit"));
	bed_done(&bed);
	divisor = 1;
	timeout_ms = 5000;
}

static void paths_that_mean_something_else_are_refused(void **state)
{
	static const char *const rows[] = { "",    "/x",   "a b",  "a\r\nb", "a?b",
					    "a#b", "a%2f", "../x", "a/../b" };
	struct bed bed;
	(void)state;

	bed_make(&bed, NULL, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_null(imds_get(bed.imds, rows[i], on_done, &bed, NULL));
	bed_done(&bed);
}

static void a_callback_may_free_the_service(void **state)
{
	const struct serve_reply good[] = { TOKEN("t"), INSTANCE };
	const struct serve_reply bad[] = { { .status = 403 } };
	struct bed bed;
	(void)state;

	bed_make(&bed, good, 2, 0);
	bed.free_in_callback = true;
	bed_get(&bed, "meta-data/instance-id");
	bed_done(&bed);

	bed_make(&bed, bad, 1, 0);
	bed.free_in_callback = true;
	assert_non_null(imds_get(bed.imds, "meta-data/instance-id", on_done, &bed, NULL));
	bed_get(&bed, "meta-data/instance-id");
	assert_int_equal(bed.ended, 1);
	bed_done(&bed);
}

static void a_cancelled_get_calls_nobody(void **state)
{
	const struct serve_reply replies[] = { TOKEN("t"), INSTANCE };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 2, 0);
	imds_cancel(imds_get(bed.imds, "meta-data/mac", on_done, &bed, NULL));
	bed_get(&bed, "meta-data/instance-id");

	assert_int_equal(bed.ended, 1);
	assert_int_equal(serve_http_count(&bed.server), 2);
	bed_done(&bed);
}

static void on_identity(const struct imds_read_result *result, void *data)
{
	struct bed *const bed = data;

	bed->class = result->class;
	snprintf(bed->error, sizeof(bed->error), "%s", result->error);
	assert_true((result->class == HTTP_CLASS_OK) == (result->identity != NULL));
	loop_stop(bed->loop);
}

static void an_identity_that_cannot_be_read_says_why(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN("t"), INSTANCE, { .body = "two words" }, { .status = 404 }
	};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	assert_non_null(imds_read_identity(bed.imds, on_identity, &bed, NULL));
	assert_int_equal(loop_run(bed.loop), 0);
	assert_int_equal(bed.class, HTTP_CLASS_PERMANENT);
	assert_non_null(strstr(bed.error, "meta-data/instance-type"));

	assert_non_null(
		imds_read_interface(bed.imds, "0a:00:00:00:00:01", on_identity, &bed, NULL));
	assert_int_equal(loop_run(bed.loop), 0);
	assert_int_equal(bed.class, HTTP_CLASS_NOT_FOUND);

	struct imds_read *const read = imds_read_identity(bed.imds, on_identity, &bed, NULL);
	assert_non_null(read);
	imds_read_cancel(read);
	bed_done(&bed);
}

static void on_notices(const struct imds_notices *notices, unsigned changed, void *data)
{
	struct bed *const bed = data;

	bed->notices = *notices;
	bed->changed = changed;
	bed->ended++;
	loop_stop(bed->loop);
}

#define SPOT "{\"action\":\"terminate\",\"time\":\"2026-11-23T04:05:06Z\"}"
#define NOTHING               \
	{                     \
		.status = 404 \
	}

static void each_change_of_the_notices_is_reported_once(void **state)
{
	const struct serve_reply replies[] = {
		TOKEN("t"),        NOTHING,           NOTHING,
		NOTHING, /* nothing to report */
		NOTHING,           NOTHING,           { .body = "InService" },  /* reported */
		NOTHING,           NOTHING,           { .body = "InService" },  /* the same */
		{ .body = "?" },   NOTHING,           { .body = "InService" },  /* a fault */
		{ .body = SPOT },  NOTHING,           { .body = "Terminated" }, /* reported */
		{ .status = 403 }, { .status = 403 }, { .status = 403 },
		{ .body = SPOT },  NOTHING,           { .body = "Terminated" }, /* the same */
		NOTHING,           NOTHING,           { .body = "Terminated" }, /* reported */
	};
	struct bed bed;
	const char *error;
	(void)state;

	bed_make(&bed, replies, ARRAY_SIZE(replies), 0);
	struct imds_watch *const watch = imds_watch_new(bed.loop, bed.imds, 10, on_notices, &bed);
	assert_non_null(watch);

	assert_int_equal(loop_run(bed.loop), 0);
	assert_int_equal(bed.changed, 1U << IMDS_NOTICE_LIFECYCLE);
	assert_string_equal(bed.notices.lifecycle, "InService");
	assert_int_equal(serve_http_count(&bed.server), 7);

	assert_int_equal(loop_run(bed.loop), 0);
	assert_int_equal(bed.changed, 1U << IMDS_NOTICE_LIFECYCLE | 1U << IMDS_NOTICE_SPOT);
	assert_int_equal(bed.notices.spot, IMDS_SPOT_TERMINATE);
	assert_int_equal(serve_http_count(&bed.server), 16);
	assert_int_equal(imds_watch_failures(watch, &error), 0);
	assert_string_equal(error, "");

	assert_int_equal(loop_run(bed.loop), 0);
	assert_int_equal(bed.changed, 1U << IMDS_NOTICE_SPOT);
	assert_int_equal(bed.notices.spot, IMDS_SPOT_NONE);
	assert_int_equal(bed.ended, 3);
	assert_int_equal(serve_http_count(&bed.server), 25);
	imds_watch_free(watch);
	bed_done(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_put_once_and_sent_with_each_get),
		cmocka_unit_test(a_refused_token_is_replaced_once),
		cmocka_unit_test(a_token_refused_twice_is_told_and_not_tried_for_ever),
		cmocka_unit_test(many_gets_share_one_token),
		cmocka_unit_test(each_of_many_failed_gets_is_told),
		cmocka_unit_test(a_token_is_renewed_before_it_ends),
		cmocka_unit_test(an_old_token_is_used_on_while_no_new_one_comes),
		cmocka_unit_test(each_fault_is_tried_again_or_told),
		cmocka_unit_test(a_silent_service_names_the_hop_limit),
		cmocka_unit_test(paths_that_mean_something_else_are_refused),
		cmocka_unit_test(a_callback_may_free_the_service),
		cmocka_unit_test(a_cancelled_get_calls_nobody),
		cmocka_unit_test(an_identity_that_cannot_be_read_says_why),
		cmocka_unit_test(each_change_of_the_notices_is_reported_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
