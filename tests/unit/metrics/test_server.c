// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The server is a process, in which time may run faster; the tests are its clients. */
#include "metrics/server.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mono.h"
#include "metrics/limit.h"
#include "metrics/text.h"

#include "cmocka_all.h"

enum {
	FAST = 20,
	PATIENCE_MS = 60000,
	QUIET_MS = 300,
	LARGE = 20000,
	MOST = 60000,
	ANSWER_MAX = 4 << 20
};

struct mono __real_mono_now(void);
struct mono __wrap_mono_now(void);

static int speed = 1; /* of the next server's time */

struct mono __wrap_mono_now(void)
{
	static struct mono first;
	const struct mono now = __real_mono_now();

	if (!first.ns)
		first = now;
	return (struct mono){ first.ns + (now.ns - first.ns) * speed };
}

static const struct ip4 loopback = { 0x7f000001 };
static const struct metric_family family = { "a_thing", METRIC_GAUGE, NULL, "Things" };

struct bed {
	pid_t server;
	uint16_t port;
};

static size_t n_lines = 1;
static const char *fault;
static int write_rc;

static int write_metrics(struct metrics_out *out, void *data, struct err *err)
{
	(void)data;
	metrics_begin(out, &family);
	for (size_t i = 0; i < n_lines; i++)
		metrics_put(out, METRIC_LABELS({ "l", "a longer value, so that it becomes large" }),
			    100000 + i);
	return write_rc ? err_set(err, write_rc, "it isn't known yet") : 0;
}

static const char *find_fault(void *data)
{
	(void)data;
	return fault;
}

static const struct metrics_server_options options = {
	.address = { 0x7f000001 },
	.write = write_metrics,
	.find_fault = find_fault,
};

static void on_term(int signal_number, void *data)
{
	(void)signal_number;
	loop_stop(data);
}

static void serve(int tell)
{
	struct loop *loop = loop_new();
	struct loop_signal *term = loop_signal_new(loop, SIGTERM, on_term, loop);
	struct metrics_server *server = metrics_server_new(loop, &options, NULL);
	const uint16_t port = server ? metrics_server_port(server) : 0;

	if (write(tell, &port, sizeof(port)) != sizeof(port) || loop_run(loop))
		_exit(1);
	metrics_server_free(server);
	loop_signal_free(term);
	loop_free(loop);
	close(tell);
	exit(0); /* so that leaks are looked for */
}

static void bed_make(struct bed *bed)
{
	int pipes[2];

	fflush(NULL);
	assert_int_equal(pipe(pipes), 0);
	bed->server = fork();
	assert_true(bed->server >= 0);
	if (bed->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nothing behind */
		close(pipes[0]);
		serve(pipes[1]);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &bed->port, sizeof(bed->port)), sizeof(bed->port));
	close(pipes[0]);
	assert_true(bed->port);
}

/* It must still be there, and leak nothing. */
static void bed_done(struct bed *bed)
{
	int status = 0;

	assert_int_equal(kill(bed->server, SIGTERM), 0);
	assert_int_equal(waitpid(bed->server, &status, 0), bed->server);
	assert_int_equal(status, 0);
	n_lines = 1;
	speed = 1;
	fault = NULL;
	write_rc = 0;
}

static int dial(const struct bed *bed)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(bed->port),
					.sin_addr.s_addr = htonl(loopback.v) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool is_readable(int fd, int ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, ms) == 1;
}

/* Until the other side closes. The caller frees it. */
static char *hear(int fd)
{
	char *text = calloc(1, ANSWER_MAX + 1);
	size_t n = 0;
	ssize_t got = 1;

	while (got > 0 && n < ANSWER_MAX) {
		assert_true(is_readable(fd, PATIENCE_MS));
		got = recv(fd, text + n, ANSWER_MAX - n, 0);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return text;
}

static char *ask(const struct bed *bed, const char *request)
{
	const int fd = dial(bed);

	say(fd, request);
	return hear(fd);
}

static void expect(const struct bed *bed, const char *request, int status, const char *part)
{
	CLEANUP(cleanup_free) char *text = ask(bed, request);
	char line[32];

	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	assert_memory_equal(text, line, strlen(line));
	assert_non_null(strstr(text, part));
}

/* Where time runs fast, an answer may be too late for it. */
static void expect_in_the_end(const struct bed *bed, const char *request, const char *part)
{
	const struct mono began = __real_mono_now();
	bool is_there = false;

	while (!is_there) {
		CLEANUP(cleanup_free) char *text = ask(bed, request);

		is_there = strstr(text, part);
		assert_true(is_there || mono_diff_ms(__real_mono_now(), began) < PATIENCE_MS);
	}
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void metrics_are_served_as_openmetrics(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed);
	expect(&bed, GET("/metrics"), 200,
	       "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	expect(&bed, GET("/metrics?a=b"), 200, "} 100000\n");
	expect(&bed, GET("/metrics"), 200, "\n# EOF\n");
	bed_done(&bed);
}

static void health_says_ok_or_why_not(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed);
	expect(&bed, GET("/healthz"), 200, "\r\n\r\nok\n");
	bed_done(&bed);
	fault = "starting";
	bed_make(&bed);
	expect(&bed, GET("/healthz"), 503, "\r\n\r\nstarting\n");
	bed_done(&bed);
}

static void what_is_not_known_is_no_empty_answer(void **state)
{
	struct bed bed;

	(void)state;
	write_rc = -1;
	bed_make(&bed);
	expect(&bed, GET("/metrics"), 503, "it isn't known yet");
	bed_done(&bed);
}

static void nothing_else_is_served(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
		{ GET("/"), 404 },
		{ GET("/metrics/"), 404 },
		{ GET("/metrics/../etc/passwd"), 404 },
		{ GET("http://other/x"), 404 },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 413 },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 501 },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 413 },
		{ "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200 },
		{ "DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 501 },
		{ "nonsense\r\n\r\n", 400 },
	};
	struct bed bed;

	(void)state;
	bed_make(&bed);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(&bed, rows[i].request, rows[i].status, "\r\n\r\n");
	expect(&bed, GET("/metrics"), 200, "# EOF");
	bed_done(&bed);
}

static void a_large_request_is_refused(void **state)
{
	static char request[3 << 16];
	struct bed bed;

	(void)state;
	memset(request, 'a', sizeof(request) - 1);
	memcpy(request, "GET /metrics HTTP/1.1\r\nX: ", 26);
	memcpy(request + sizeof(request) - 5, "\r\n\r\n", 4);
	bed_make(&bed);
	CLEANUP(cleanup_free) char *text = ask(&bed, request);
	assert_null(strstr(text, " 200 "));
	expect(&bed, GET("/metrics"), 200, "# EOF");
	bed_done(&bed);
}

static void a_large_answer_comes_whole(void **state)
{
	struct bed bed;

	(void)state;
	n_lines = LARGE;
	bed_make(&bed);
	CLEANUP(cleanup_free) char *text = ask(&bed, GET("/metrics"));
	const size_t length = strlen(text);
	assert_true(length > LARGE * 50);
	assert_string_equal(text + length - 6, "# EOF\n");
	bed_done(&bed);
}

static void who_leaves_in_the_middle_of_an_answer_does_no_harm(void **state)
{
	struct bed bed;

	(void)state;
	n_lines = LARGE;
	bed_make(&bed);
	for (int i = 0; i < 3 * LIMIT_CONNECTIONS_MAX; i++) {
		const int fd = dial(&bed);

		say(fd, GET("/metrics"));
		assert_true(is_readable(fd, PATIENCE_MS));
		close(fd); /* with unread bytes: RST */
	}
	expect(&bed, GET("/metrics"), 200, "# EOF");
	bed_done(&bed);
}

/* All answers are there, and one after another, since each waits for a place. */
static void more_connections_than_allowed_wait(void **state)
{
	int idle[LIMIT_CONNECTIONS_MAX], late;
	struct bed bed;

	(void)state;
	bed_make(&bed);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		idle[i] = dial(&bed);
	late = dial(&bed);
	say(late, GET("/healthz"));
	assert_false(is_readable(late, QUIET_MS));
	close(idle[3]);
	CLEANUP(cleanup_free) char *text = hear(late);
	assert_non_null(strstr(text, "ok"));
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		if (i != 3)
			close(idle[i]);
	}
	bed_done(&bed);
}

/* evhttp's own limit begins anew with each byte. */
static void who_sends_byte_by_byte_is_ended(void **state)
{
	const struct mono began = __real_mono_now();
	struct bed bed;
	bool is_ended = false;
	char byte;

	(void)state;
	speed = FAST;
	bed_make(&bed);
	const int fd = dial(&bed);

	while (!is_ended) {
		assert_true(mono_diff_ms(__real_mono_now(), began) < PATIENCE_MS);
		say(fd, "G");
		is_ended = is_readable(fd, 50) && recv(fd, &byte, 1, 0) <= 0;
	}
	close(fd);
	expect_in_the_end(&bed, GET("/healthz"), "ok");
	bed_done(&bed);
}

/* Bytes are on their way to them then, and to write more raises SIGPIPE in who doesn't ignore it. */
static void who_reads_nothing_makes_room_for_others(void **state)
{
	int idle[LIMIT_CONNECTIONS_MAX];
	const int small = 4096;
	struct bed bed;

	(void)state;
	n_lines = MOST;
	speed = FAST;
	bed_make(&bed);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		idle[i] = dial(&bed);
		setsockopt(idle[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		say(idle[i], GET("/metrics"));
	}
	expect_in_the_end(&bed, GET("/healthz"), "ok");
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		close(idle[i]);
	bed_done(&bed);
}

static void a_taken_port_is_named(void **state)
{
	struct loop *loop = loop_new();
	struct metrics_server *server = metrics_server_new(loop, &options, NULL);
	struct metrics_server_options taken = options;
	struct err err = ERR_NULL;
	char expected[128];

	(void)state;
	taken.port = metrics_server_port(server);
	assert_null(metrics_server_new(loop, &taken, &err));
	snprintf(expected, sizeof(expected), "can't listen on 127.0.0.1:%u: Address already in use",
		 taken.port);
	assert_string_equal(err.text, expected);
	metrics_server_free(server);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_served_as_openmetrics),
		cmocka_unit_test(health_says_ok_or_why_not),
		cmocka_unit_test(what_is_not_known_is_no_empty_answer),
		cmocka_unit_test(nothing_else_is_served),
		cmocka_unit_test(a_large_request_is_refused),
		cmocka_unit_test(a_large_answer_comes_whole),
		cmocka_unit_test(who_leaves_in_the_middle_of_an_answer_does_no_harm),
		cmocka_unit_test(more_connections_than_allowed_wait),
		cmocka_unit_test(who_sends_byte_by_byte_is_ended),
		cmocka_unit_test(who_reads_nothing_makes_room_for_others),
		cmocka_unit_test(a_taken_port_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
