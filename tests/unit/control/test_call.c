// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The client against a real server, and against servers that misbehave. */
#include "serve.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "control/control.h"
#include "control/socket.h"

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Virtual time: with speed 50, 10 s take 200 ms. */
struct mono __real_mono_now(void);
struct mono __wrap_mono_now(void);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
static int speed = 1;

struct mono __wrap_mono_now(void)
{
	return (struct mono){ __real_mono_now().ns * speed };
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	return __real_poll(fds, n, ms / speed + 1);
}

static void cleanup_reply(struct control_reply **reply)
{
	control_reply_free(*reply);
}

static void a_call_brings_back_the_result(void **state)
{
	struct served served;
	struct control_args args = { .n = 1, .v = { { "k", "\"x\"\n" } } };
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022 });

	assert_int_equal(control_call_sync(served.path, "echo", &args, &reply, NULL), 0);

	assert_string_equal(control_text(control_reply_result(reply), "k"), "\"x\"\n");
	serve_stop(&served);
}

static void a_large_answer_arrives(void **state)
{
	struct served served;
	struct control_args args = { .n = 1, .v = { { "bytes", "16000000" } } };
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022 });

	assert_int_equal(control_call_sync(served.path, "big", &args, &reply, NULL), 0);

	assert_int_equal(strlen(control_text(control_reply_result(reply), "text")), 16000000);
	serve_stop(&served);
}

static void a_refusal_brings_back_the_sentence(void **state)
{
	struct served served;
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022 });

	assert_int_equal(control_call_sync(served.path, "none", NULL, &reply, &err), -EREMOTEIO);

	assert_string_equal(err.text, "there is no such command");
	assert_null(reply);
	serve_stop(&served);
}

static void without_a_daemon_the_errno_says_so(void **state)
{
	struct served served;
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	char sentence[256];
	(void)state;
	serve_start(&served, &(struct serve_options){ .umask = 022 });
	serve_kill(&served);

	assert_int_equal(control_call_sync(served.path, "echo", NULL, &reply, &err), -ECONNREFUSED);
	snprintf(sentence, sizeof(sentence), "%s: Connection refused", served.path);
	assert_string_equal(err.text, sentence);
	assert_int_equal(unlink(served.path), 0);
	assert_int_equal(control_call_sync(served.path, "echo", NULL, &reply, &err), -ENOENT);

	serve_again(&served, &(struct serve_options){ .umask = 022 });
	serve_stop(&served);
}

static void a_request_that_is_too_long_is_not_sent(void **state)
{
	static struct control_args args = { .n = CONTROL_ARGS_MAX };
	struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	(void)state;

	for (size_t i = 0; i < args.n; i++) {
		snprintf(args.v[i].key, sizeof(args.v[i].key), "k%zu", i);
		memset(args.v[i].value, 1,
		       sizeof(args.v[i].value) - 1); /* six bytes each in JSON */
	}
	assert_int_equal(control_call_sync("/nowhere", "echo", &args, &reply, &err), -E2BIG);
	assert_string_equal(err.text, "the request: the text would be longer than 4096 bytes");
}

/* A server that accepts once, sends `answer` and either closes or waits for the client to leave. */
struct fake {
	char path[64];
	pid_t pid;
};

static void fake_start(struct fake *fake, const char *answer, size_t repeat, bool waits)
{
	struct control_socket socket = CONTROL_SOCKET_NULL;
	char byte;

	snprintf(fake->path, sizeof(fake->path), "/tmp/eipgw-fake-%d.sock", (int)getpid());
	assert_int_equal(control_socket_listen(fake->path, &socket, NULL), 0);
	fake->pid = fork();
	assert_true(fake->pid >= 0);
	if (fake->pid == 0) {
		fcntl(socket.fd, F_SETFL, 0); /* blocks from here on */
		int fd = accept(socket.fd, NULL, NULL);
		for (size_t i = 0; i < repeat; i++)
			if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
				break;
		while (waits && recv(fd, &byte, 1, 0) > 0)
			;
		_exit(0);
	}
	close(socket.fd);
}

static void fake_stop(const struct fake *fake)
{
	assert_int_equal(waitpid(fake->pid, NULL, 0), fake->pid);
	unlink(fake->path);
}

static void assert_call(const char *answer, size_t repeat, bool waits, int code,
			const char *sentence)
{
	CLEANUP(cleanup_reply) struct control_reply *reply = NULL;
	struct err err = ERR_NULL;
	struct fake fake;
	char expected[256];

	fake_start(&fake, answer, repeat, waits);
	assert_int_equal(control_call_sync(fake.path, "status", NULL, &reply, &err), code);
	snprintf(expected, sizeof(expected), "%s: %s", fake.path, sentence);
	assert_string_equal(err.text, code < 0 ? expected : "");
	fake_stop(&fake);
}

static void servers_that_misbehave_are_told_apart(void **state)
{
	(void)state;
	assert_call("", 0, false, -EPROTO, "the connection ended without a whole answer");
	assert_call("{\"v\":1,\"ok\":true,\"result\":{}}", 1, false, -EPROTO,
		    "the connection ended without a whole answer");
	assert_call("hello\n", 1, true, -EPROTO, "what came is not an answer of version 1");
	assert_call("{\"v\":1}\n", 1, true, -EPROTO, "the answer has no result");
	assert_call("0123456789abcdef0123456789abcdef", (CONTROL_ANSWER_MAX >> 5) + 100, true,
		    -EPROTO, "the connection ended without a whole answer");
	assert_call("{\"v\":1,\"ok\":true,\"result\":{}}\n", 1, true, 0, "");
}

static void a_server_that_never_answers_is_left_after_the_deadline(void **state)
{
	(void)state;
	speed = 50;
	assert_call("", 0, true, -ETIMEDOUT, "Connection timed out");
	assert_call("{\"v\":1,", 1, true, -ETIMEDOUT, "Connection timed out");
	speed = 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_brings_back_the_result),
		cmocka_unit_test(a_large_answer_arrives),
		cmocka_unit_test(a_refusal_brings_back_the_sentence),
		cmocka_unit_test(without_a_daemon_the_errno_says_so),
		cmocka_unit_test(a_request_that_is_too_long_is_not_sent),
		cmocka_unit_test(servers_that_misbehave_are_told_apart),
		cmocka_unit_test(a_server_that_never_answers_is_left_after_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
