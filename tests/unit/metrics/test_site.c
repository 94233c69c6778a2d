// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a guarded site gives to whom. Server and client share the test's loop; the client doesn't wait for what isn't there yet. */
#include "metrics/site.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"

#include "cmocka_all.h"

enum { TURN_MS = 10, PATIENCE_MS = 60000, ANSWER_MAX = 4096 };

static unsigned written;

static int write_count(struct site_text *text, const struct site_page *page, void *data,
		       struct err *err)
{
	char line[64];

	(void)err;
	(void)data;
	snprintf(line, sizeof(line), "%s %u\n", page->argument, ++written);
	return site_put(text, line, strlen(line));
}

static int write_nothing(struct site_text *text, const struct site_page *page, void *data,
			 struct err *err)
{
	(void)page;
	(void)data;
	(void)site_put(text, "half", 4);
	return err_set(err, -1, "it isn't known yet");
}

static const struct site_page pages[] = {
	{ "/", "text/html; charset=utf-8", "script-src 'none'", 3600000, write_count, "page" },
	{ "/now", "application/json", NULL, 0, write_count, "now" },
	{ "/never", "application/json", NULL, 0, write_nothing, NULL },
};

struct bed {
	struct loop *loop;
	struct site *site;
	struct loop_timer *turn;
	struct mono until;
	int fd;
	char text[ANSWER_MAX + 1];
	size_t n;
};

static void on_turn(void *data)
{
	struct bed *bed = data;
	const ssize_t got = recv(bed->fd, bed->text + bed->n, ANSWER_MAX - bed->n, MSG_DONTWAIT);

	bed->n += got > 0 ? (size_t)got : 0;
	if (got == 0 || mono_is_before(bed->until, mono_now()))
		loop_stop(bed->loop);
	else
		loop_timer_arm_ms(bed->turn, TURN_MS);
}

/* The whole answer, as far as it came until the other side closed. */
static const char *ask(struct bed *bed, const char *request)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(site_port(bed->site)),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	bed->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(bed->fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(bed->fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	bed->n = 0;
	bed->until = mono_add_ms(mono_now(), PATIENCE_MS);
	loop_timer_arm_ms(bed->turn, TURN_MS);
	assert_int_equal(loop_run(bed->loop), 0);
	close(bed->fd);
	bed->text[bed->n] = '\0';
	return bed->text;
}

static int bed_make(void **state)
{
	static struct bed bed;
	const struct site_options options = { .address = { 0x7f000001 },
					      .pages = pages,
					      .n_pages = ARRAY_SIZE(pages),
					      .other = "there is nothing else",
					      .is_guarded = true };

	bed = (struct bed){ .loop = loop_new() };
	bed.site = site_new(bed.loop, &options, NULL);
	bed.turn = loop_timer_new(bed.loop, on_turn, &bed);
	written = 0;
	*state = &bed;
	return bed.site && bed.turn ? 0 : -1;
}

static int bed_done(void **state)
{
	struct bed *bed = *state;

	loop_timer_free(bed->turn);
	site_free(bed->site);
	loop_free(bed->loop);
	return 0;
}

static void only_who_asks_for_this_host_is_answered(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200 },
		{ "GET / HTTP/1.1\r\nHost: LocalHost:12345\r\n\r\n", 200 },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1:9441\r\n\r\n", 200 },
		{ "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
		{ "GET /now HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: localhost:1:evil\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: \r\n\r\n", 403 },
		{ "GET / HTTP/1.0\r\n\r\n", 403 },
		{ "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 403 },
		{ "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 403 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = ask(*state, rows[i].request);
		char line[32];

		snprintf(line, sizeof(line), " %d ", rows[i].status);
		assert_non_null(strstr(text, line));
		assert_ptr_equal(strstr(text, line), text + strlen("HTTP/1.1"));
		assert_int_equal(!!strstr(text, "page "), rows[i].status == 200);
	}
}

static void browsers_are_told_what_they_may(void **state)
{
	static const char *const headers[] = {
		"\r\nX-Content-Type-Options: nosniff\r\n",
		"\r\nReferrer-Policy: no-referrer\r\n",
		"\r\nCross-Origin-Resource-Policy: same-origin\r\n",
		"\r\nCross-Origin-Opener-Policy: same-origin\r\n",
		"\r\nX-Frame-Options: DENY\r\n",
		"\r\nCache-Control: no-store\r\n",
	};
	static const char *const requests[] = {
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const char *text = ask(*state, requests[i]);

		for (size_t j = 0; j < ARRAY_SIZE(headers); j++)
			assert_non_null(strstr(text, headers[j]));
		assert_null(strstr(text, "Access-Control"));
		assert_non_null(strstr(text, i == 0 ? "Policy: script-src 'none'\r\n" :
						      "Policy: default-src 'none'; frame"));
	}
}

static void what_was_written_is_given_again_as_long_as_it_is_fresh(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char now[] = "GET /now?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";

	assert_non_null(strstr(ask(*state, request), "page 1\n"));
	assert_non_null(strstr(ask(*state, request), "page 1\n"));
	assert_non_null(strstr(ask(*state, now), "now 2\n"));
	assert_non_null(strstr(ask(*state, now), "now 3\n"));
}

static void a_head_has_no_body_and_nothing_can_be_sent(void **state)
{
	const char *text = ask(*state, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");

	assert_non_null(strstr(text, " 200 "));
	assert_non_null(strstr(text, "\r\nContent-Length: 7\r\n"));
	assert_null(strstr(text, "page 1"));
	text = ask(*state, "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_non_null(strstr(text, " 501 "));
	text = ask(*state, "PUT /now HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_non_null(strstr(text, " 501 "));
	assert_int_equal(written, 1);
}

static void what_failed_is_an_error_and_no_half_answer(void **state)
{
	const char *text = ask(*state, "GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");

	assert_non_null(strstr(text, " 503 "));
	assert_non_null(strstr(text, "\r\n\r\nit isn't known yet\n"));
	assert_null(strstr(text, "half"));
	assert_non_null(strstr(ask(*state, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"),
			       "there is nothing else\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_who_asks_for_this_host_is_answered, bed_make,
						bed_done),
		cmocka_unit_test_setup_teardown(browsers_are_told_what_they_may, bed_make,
						bed_done),
		cmocka_unit_test_setup_teardown(
			what_was_written_is_given_again_as_long_as_it_is_fresh, bed_make, bed_done),
		cmocka_unit_test_setup_teardown(a_head_has_no_body_and_nothing_can_be_sent,
						bed_make, bed_done),
		cmocka_unit_test_setup_teardown(what_failed_is_an_error_and_no_half_answer,
						bed_make, bed_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
