// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Conversations with a real server over a real socket: halves, crowds, the slow, the silent, the
 * dead.
 */
#include "serve.h"

#include "base/cleanup.h"
#include "base/mono.h"
#include "control/control.h"

#include "cmocka_all.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ECHO(value) "{\"v\":1,\"command\":\"echo\",\"k\":\"" value "\"}\n"
#define ECHOED(value) "{\"v\":1,\"ok\":true,\"result\":{\"k\":\"" value "\"}}"
#define BIG(bytes) "{\"v\":1,\"command\":\"big\",\"bytes\":\"" bytes "\"}\n"
#define TOO_LONG \
	"{\"v\":1,\"ok\":false,\"error\":\"the request is too long\",\"id\":\"EIPGW-9005\"}"
#define FD CLEANUP(cleanup_fd) int

static struct served served;

static int start(void **state)
{
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022 });
	return 0;
}

/* 5 s become 100 ms, 10 s 200 ms. */
static int start_fast(void **state)
{
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022, .divisor = 50 });
	return 0;
}

/* 5 s become 1 s, 10 s become 2 s: wide enough to tell one from the other. */
static int start_half_fast(void **state)
{
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022, .divisor = 5 });
	return 0;
}

static int start_poor(void **state)
{
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022, .spare_descriptors = 2 });
	return 0;
}

static int stop(void **state)
{
	(void)state;
	serve_stop(&served);
	return 0;
}

static void assert_alive(void)
{
	FD fd = talk_open(&served);

	talk_send(fd, ECHO("alive"));
	assert_string_equal(talk_line(fd), ECHOED("alive"));
}

static void requests_are_answered_one_after_the_other(void **state)
{
	(void)state;
	FD fd = talk_open(&served);

	for (int i = 0; i < 3; i++) {
		talk_send(fd, ECHO("x"));
		assert_string_equal(talk_line(fd), ECHOED("x"));
	}
	talk_send(fd, "nonsense\n");
	assert_string_equal(
		talk_line(fd),
		"{\"v\":1,\"ok\":false,\"error\":\"the request is not a JSON object\",\"id\":\"EIPGW-9005\"}");
	talk_send(fd, ECHO("y"));
	assert_string_equal(talk_line(fd), ECHOED("y"));
}

static void half_a_line_waits_for_its_other_half(void **state)
{
	(void)state;
	FD fd = talk_open(&served);

	talk_send(fd, "{\"v\":1,\"command\":\"ec");
	assert_true(talk_is_silent(fd, 50));
	talk_send(fd, "ho\",\"k\":\"z\"}");
	assert_true(talk_is_silent(fd, 50));
	talk_send(fd, "\n");

	assert_string_equal(talk_line(fd), ECHOED("z"));
}

static void several_lines_in_one_read_are_answered_in_order(void **state)
{
	(void)state;
	FD fd = talk_open(&served);

	talk_send(fd, ECHO("1") ECHO("2") "bad\n" ECHO("3") "{\"v\":1,");
	assert_string_equal(talk_line(fd), ECHOED("1"));
	assert_string_equal(talk_line(fd), ECHOED("2"));
	assert_non_null(strstr(talk_line(fd), "not a JSON object"));
	assert_string_equal(talk_line(fd), ECHOED("3"));
	talk_send(fd, "\"command\":\"echo\"}\n");
	assert_string_equal(talk_line(fd), "{\"v\":1,\"ok\":true,\"result\":{}}");
}

static void more_lines_than_the_buffer_holds_are_all_answered(void **state)
{
	enum { LINES = 300 };
	static const char line[] = ECHO("x");
	char text[LINES * sizeof(line)] = "";
	(void)state;
	FD fd = talk_open(&served);

	for (size_t i = 0; i < LINES; i++)
		memcpy(text + i * strlen(line), line, sizeof(line));
	assert_true(strlen(text) > 2 * CONTROL_LINE_MAX);
	talk_send(fd, text);

	for (size_t i = 0; i < LINES; i++)
		assert_string_equal(talk_line(fd), ECHOED("x"));
}

/* Reads in pieces up to the first newline and nothing behind it. */
static size_t count_to_newline(int fd, size_t piece)
{
	char buffer[65536];
	const char *newline = NULL;
	size_t total = 0;

	while (!newline) {
		ssize_t n = recv(fd, buffer, piece, MSG_PEEK);

		assert_true(n > 0);
		newline = memchr(buffer, '\n', (size_t)n);
		size_t wanted = newline ? (size_t)(newline + 1 - buffer) : (size_t)n;
		assert_int_equal(recv(fd, buffer, wanted, 0), wanted);
		total += wanted;
	}
	return total;
}

static void what_came_before_the_end_is_answered_but_not_half_a_line(void **state)
{
	(void)state;
	FD fd = talk_open(&served);

	/* While the first answer waits to be read, nothing is read: the end comes with the lines. */
	talk_send(fd,
		  BIG("1000000") ECHO("1") ECHO("2") ECHO("3") "{\"v\":1,\"command\":\"echo\"}");
	shutdown(fd, SHUT_WR);

	assert_true(count_to_newline(fd, 65536) > 1000000);
	assert_string_equal(talk_line(fd), ECHOED("1"));
	assert_string_equal(talk_line(fd), ECHOED("2"));
	assert_string_equal(talk_line(fd), ECHOED("3"));
	assert_null(talk_line(fd));
}

static void a_line_may_be_exactly_as_long_as_the_ceiling(void **state)
{
	char line[CONTROL_LINE_MAX + 2];
	(void)state;
	FD fits = talk_open(&served);
	FD longer = talk_open(&served);

	memset(line, ' ', sizeof(line));
	memcpy(line, ECHO("x"), strlen(ECHO("x")) - 1);
	memcpy(line + CONTROL_LINE_MAX - 1, "\n", 2);
	talk_send(fits, line);
	assert_string_equal(talk_line(fits), ECHOED("x"));
	talk_send(fits, ECHO("again"));
	assert_string_equal(talk_line(fits), ECHOED("again"));

	memcpy(line + CONTROL_LINE_MAX - 1, " \n", 3);
	talk_send(longer, line);
	assert_string_equal(talk_line(longer), TOO_LONG);
	assert_null(talk_line(longer));
	assert_alive();
}

static void an_answer_larger_than_the_socket_buffer_arrives_whole(void **state)
{
	(void)state;
	FD fd = talk_open(&served);
	FD other = talk_open(&served);

	talk_send(fd, BIG("10000000") ECHO("after"));
	assert_false(talk_is_silent(fd, 5000));
	/* Nobody reads it yet; the others are served all the same. */
	talk_send(other, ECHO("x"));
	assert_string_equal(talk_line(other), ECHOED("x"));

	assert_int_equal(count_to_newline(fd, 7777),
			 10000000 + strlen("{\"v\":1,\"ok\":true,\"result\":{\"text\":\"\"}}\n"));
	assert_string_equal(talk_line(fd), ECHOED("after"));
}

static void an_answer_beyond_the_ceiling_is_an_error(void **state)
{
	(void)state;
	FD fd = talk_open(&served);

	talk_send(fd, BIG("16777216"));

	assert_non_null(strstr(talk_line(fd), "the text would be longer than 16777216 bytes"));
}

static void a_client_that_leaves_in_the_middle_of_an_answer_hurts_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) { /* more than CONTROL_CLIENTS_MAX: each must be forgotten */
		FD fd = talk_open(&served);

		talk_send(fd, BIG("1000000"));
		if (i % 2)
			assert_false(talk_is_silent(fd, 5000));
	}
	assert_alive();
}

static void a_client_that_does_not_read_is_dropped(void **state)
{
	char buffer[65536];
	size_t total = 0;
	(void)state;
	FD fd = talk_open(&served);

	talk_send(fd, BIG("10000000"));
	assert_false(talk_is_silent(fd, 5000));
	struct mono start = mono_now();
	/*
	 * A second connection ends later than the answer's deadline, so that one has passed then.
	 */
	do
		assert_alive();
	while (mono_diff_ms(mono_now(), start) < 400);

	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
		if (n <= 0)
			break;
		total += (size_t)n;
	}
	assert_in_range(total, 1, 9999999);
}

static void deadlines_begin_anew_with_an_answer_and_with_its_end(void **state)
{
	(void)state;
	FD fd = talk_open(&served);
	struct mono start = mono_now();

	talk_send(fd, BIG("1000000"));
	assert_false(talk_is_silent(fd, 5000));
	do /* beyond the time for a line, within that for an answer */
		assert_alive();
	while (mono_diff_ms(mono_now(), start) < 1300);
	count_to_newline(fd, 65536);

	start = mono_now();
	assert_null(talk_line(fd));
	assert_in_range(mono_diff_ms(mono_now(), start), 900, 60000);
}

static void a_silent_client_is_dropped(void **state)
{
	(void)state;
	FD silent = talk_open(&served);
	FD half = talk_open(&served);
	FD busy = talk_open(&served);

	talk_send(half, "{\"v\":1");
	struct mono start = mono_now();
	while (mono_diff_ms(mono_now(), start) < 80) { /* does not extend the time for a line */
		send(half, " ", 1, MSG_NOSIGNAL);
		talk_send(busy, ECHO("x")); /* does */
		assert_string_equal(talk_line(busy), ECHOED("x"));
	}

	assert_null(talk_line(silent));
	assert_null(talk_line(half));
	assert_in_range(mono_diff_ms(mono_now(), start), 80, 60000);
	talk_send(busy, ECHO("x"));
	assert_string_equal(talk_line(busy), ECHOED("x"));
	assert_null(talk_line(busy));
}

static void more_clients_than_allowed_wait_their_turn(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 2];
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = talk_open(&served);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		talk_send(fds[i], ECHO("x"));
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		assert_string_equal(talk_line(fds[i]), ECHOED("x"));
	double cpu = serve_cpu_ms(&served);
	assert_true(talk_is_silent(fds[CONTROL_CLIENTS_MAX], 200));
	assert_true(serve_cpu_ms(&served) - cpu < 50);

	close(fds[3]);
	assert_string_equal(talk_line(fds[CONTROL_CLIENTS_MAX]), ECHOED("x"));
	assert_true(talk_is_silent(fds[CONTROL_CLIENTS_MAX + 1], 50));
	close(fds[0]);
	assert_string_equal(talk_line(fds[CONTROL_CLIENTS_MAX + 1]), ECHOED("x"));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (i != 0 && i != 3)
			close(fds[i]);
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
	(void)state;
	int first = talk_open(&served);
	FD second = talk_open(&served);
	FD third = talk_open(&served);

	talk_send(first, ECHO("1"));
	assert_string_equal(talk_line(first), ECHOED("1"));
	talk_send(third, ECHO("3"));
	double cpu = serve_cpu_ms(&served);
	assert_true(talk_is_silent(third, 300));
	assert_true(serve_cpu_ms(&served) - cpu < 50);
	talk_send(second, ECHO("2"));
	assert_string_equal(talk_line(second), ECHOED("2"));

	close(first);
	assert_string_equal(talk_line(third), ECHOED("3"));
}

/* In a child: becomes somebody else and says what it hears. */
static void assert_heard(uid_t uid, gid_t gid, gid_t other, const char *request, const char *answer)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups(1, &other) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			_exit(2);
		int fd = talk_open(&served);
		talk_send(fd, request);
		const char *line = talk_line(fd);
		if (!line || strcmp(line, answer) != 0)
			fprintf(stderr, "heard %s\n", line ? line : "nothing");
		_exit(!line || strcmp(line, answer) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void the_kernel_says_who_may_do_what(void **state)
{
	static const char secret[] = "{\"v\":1,\"command\":\"secret\",\"k\":\"x\"}\n";
	static const char no_echo[] =
		"{\"v\":1,\"ok\":false,\"error\":\"echo: permission denied\",\"id\":\"EIPGW-9003\"}";
	static const char no_secret[] =
		"{\"v\":1,\"ok\":false,\"error\":\"secret: permission denied\",\"id\":\"EIPGW-9003\"}";
	const uid_t user = 12345;
	const gid_t group = 12346, nogroup = 12347;
	(void)state;

	if (geteuid() != 0) {
		skip();
		return;
	}
	/* Open to all, so that the server's own check is what is tested. */
	assert_int_equal(chown(served.path, 0, group), 0);
	assert_int_equal(chmod(served.path, 0666), 0);

	assert_heard(0, nogroup, nogroup, secret, ECHOED("x"));
	assert_heard(user, group, nogroup, ECHO("x"), ECHOED("x"));
	assert_heard(user, nogroup, group, ECHO("x"), ECHOED("x"));
	assert_heard(user, group, group, secret, no_secret);
	assert_heard(user, nogroup, nogroup, ECHO("x"), no_echo);
	assert_heard(user, nogroup, nogroup, secret, no_secret);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(requests_are_answered_one_after_the_other),
		TEST(half_a_line_waits_for_its_other_half),
		TEST(several_lines_in_one_read_are_answered_in_order),
		TEST(more_lines_than_the_buffer_holds_are_all_answered),
		TEST(what_came_before_the_end_is_answered_but_not_half_a_line),
		TEST(a_line_may_be_exactly_as_long_as_the_ceiling),
		TEST(an_answer_larger_than_the_socket_buffer_arrives_whole),
		TEST(an_answer_beyond_the_ceiling_is_an_error),
		TEST(a_client_that_leaves_in_the_middle_of_an_answer_hurts_nobody),
		TEST(more_clients_than_allowed_wait_their_turn),
		TEST(the_kernel_says_who_may_do_what),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_dropped, start_fast,
						stop),
		cmocka_unit_test_setup_teardown(deadlines_begin_anew_with_an_answer_and_with_its_end,
						start_half_fast, stop),
		cmocka_unit_test_setup_teardown(a_silent_client_is_dropped, start_fast, stop),
		cmocka_unit_test_setup_teardown(without_descriptors_accepting_pauses_and_goes_on,
						start_poor, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
