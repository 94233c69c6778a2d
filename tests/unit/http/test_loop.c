// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Many requests on one loop, and what their callbacks may do. */
#include "serve_http.h"

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mono.h"
#include "http/http.h"

#include "cmocka_all.h"

#include <stdio.h>

static const struct http_limits limits = {
	.connect_ms = 2000,
	.total_ms = 5000,
	.body_max = 65536,
};

struct bed {
	struct loop *loop;
	struct http *http;
	struct serve_http server;
	char url[96];
	struct http_transfer *other; /* what a callback acts on */
	size_t ended, wanted;
	int rc;
	char body[64];
	bool free_in_callback;
	bool starts_another;
	bool inside_start;
};

static void bed_make(struct bed *bed, const struct serve_reply *replies, size_t n)
{
	*bed = (struct bed){ .wanted = 1 };
	serve_http_start(&bed->server, replies, n);
	snprintf(bed->url, sizeof(bed->url), "%s/x", bed->server.url);
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

static struct http_transfer *bed_start(struct bed *bed);

static void on_done(const struct http_response *response, void *data)
{
	struct bed *const bed = data;

	assert_false(bed->inside_start);
	bed->rc = response->rc;
	snprintf(bed->body, sizeof(bed->body), "%s", response->body);
	http_cancel(TAKE_PTR(bed->other));
	if (bed->starts_another) {
		bed->starts_another = false;
		assert_non_null(bed_start(bed));
	}
	if (bed->free_in_callback)
		http_free(TAKE_PTR(bed->http));
	if (++bed->ended == bed->wanted)
		loop_stop(bed->loop);
}

static struct http_transfer *bed_start(struct bed *bed)
{
	const struct http_request request = { .url = bed->url, .limits = limits };

	bed->inside_start = true;
	struct http_transfer *const transfer = http_start(bed->http, &request, on_done, bed, NULL);
	bed->inside_start = false;
	return transfer;
}

static void many_requests_run_at_once_and_each_ends_once(void **state)
{
	struct serve_reply replies[20];
	struct bed bed;
	(void)state;

	for (size_t i = 0; i < 20; i++)
		replies[i] = (struct serve_reply){ .body = "yes", .delay_ms = 1000 };
	bed_make(&bed, replies, 20);
	bed.wanted = 20;
	const struct mono begin = mono_now();
	for (size_t i = 0; i < 20; i++)
		assert_non_null(bed_start(&bed));
	assert_int_equal(bed.ended, 0);

	assert_int_equal(loop_run(bed.loop), 0);

	assert_int_equal(bed.ended, 20);
	assert_string_equal(bed.body, "yes");
	assert_true(mono_diff_ms(mono_now(), begin) < 20 * 1000 / 2);
	bed_done(&bed);
}

static void a_callback_may_cancel_and_start_others(void **state)
{
	const struct serve_reply replies[] = { { .body = "1" },
					       { .raw = "", .end = SERVE_HANG },
					       { .body = "3" } };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 1);
	bed.starts_another = true;
	bed.wanted = 2;
	assert_non_null(bed_start(&bed));
	/* The other one hangs in a server of its own. */
	struct serve_http silent;
	serve_http_start(&silent, replies + 1, 1);
	const struct http_request request = { .url = silent.url, .limits = limits };
	bed.other = http_start(bed.http, &request, on_done, &bed, NULL);
	assert_non_null(bed.other);

	assert_int_equal(loop_run(bed.loop), 0);

	assert_null(bed.other);
	assert_int_equal(bed.ended, 2);
	assert_int_equal(bed.rc, 0);
	assert_string_equal(bed.body, "the script is over");
	bed_done(&bed);
	serve_http_stop(&silent);
}

static void a_callback_may_free_everything(void **state)
{
	const struct serve_reply replies[] = { { .body = "1" }, { .raw = "", .end = SERVE_HANG } };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 2);
	bed.free_in_callback = true;
	assert_non_null(bed_start(&bed));
	assert_non_null(bed_start(&bed));

	assert_int_equal(loop_run(bed.loop), 0);

	assert_int_equal(bed.ended, 1);
	bed_done(&bed);
}

static void freeing_ends_what_is_under_way_without_a_call(void **state)
{
	const struct serve_reply reply = { .raw = "", .end = SERVE_HANG };
	struct bed bed;
	(void)state;

	bed_make(&bed, &reply, 1);
	assert_non_null(bed_start(&bed));
	bed_done(&bed);

	assert_int_equal(bed.ended, 0);
}

static void connections_are_kept_unless_a_fresh_one_is_asked_for(void **state)
{
	const struct serve_reply replies[3] = {};
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 3);
	for (int i = 0; i < 2; i++) {
		bed.ended = 0;
		assert_non_null(bed_start(&bed));
		assert_int_equal(loop_run(bed.loop), 0);
	}
	assert_int_equal(serve_http_connections(&bed.server), 1);

	const struct http_request request = { .url = bed.url,
					      .limits = limits,
					      .fresh_connection = true };
	bed.ended = 0;
	assert_non_null(http_start(bed.http, &request, on_done, &bed, NULL));
	assert_int_equal(loop_run(bed.loop), 0);

	assert_int_equal(serve_http_connections(&bed.server), 2);
	bed_done(&bed);
}

static void a_kept_connection_that_died_meanwhile_is_replaced(void **state)
{
	const struct serve_reply replies[] = { { .end = SERVE_CLOSE }, { .body = "2" } };
	struct bed bed;
	(void)state;

	bed_make(&bed, replies, 2);
	for (int i = 0; i < 2; i++) {
		bed.ended = 0;
		assert_non_null(bed_start(&bed));
		assert_int_equal(loop_run(bed.loop), 0);
	}

	assert_int_equal(bed.rc, 0);
	assert_string_equal(bed.body, "2");
	bed_done(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_requests_run_at_once_and_each_ends_once),
		cmocka_unit_test(a_callback_may_cancel_and_start_others),
		cmocka_unit_test(a_callback_may_free_everything),
		cmocka_unit_test(freeing_ends_what_is_under_way_without_a_call),
		cmocka_unit_test(connections_are_kept_unless_a_fresh_one_is_asked_for),
		cmocka_unit_test(a_kept_connection_that_died_meanwhile_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
