// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "serve.h"

#include "base/err.h"
#include "base/loop.h"
#include "control/control.h"
#include "control/socket.h"

#include "cmocka_all.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 5000

static int divisor = 1;

int __real_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);

int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	return __real_loop_timer_arm_ms(timer, ms / divisor);
}

static int echo(const struct control_args *args, struct control_out *out, void *data,
		struct err *err)
{
	(void)data;
	(void)err;
	for (size_t i = 0; i < args->n; i++)
		control_string(out, args->v[i].key, args->v[i].value);
	return 0;
}

static int big(const struct control_args *args, struct control_out *out, void *data,
	       struct err *err)
{
	size_t n = strtoul(control_arg(args, "bytes"), NULL, 10);
	char *text = malloc(n + 1);
	(void)data;

	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	memset(text, 'x', n);
	text[n] = '\0';
	control_string(out, "text", text);
	free(text);
	return 0;
}

static const struct control_command commands[] = {
	{ .name = "echo", .flags = CONTROL_OPEN, .run = echo },
	{ .name = "secret", .run = echo },
	{ .name = "big", .run = big },
	{ .name = NULL },
};

static void terminated(int signal_number, void *data)
{
	(void)signal_number;
	loop_stop(data);
}

static void limit_descriptors(int spare)
{
	int next = dup(STDERR_FILENO);
	struct rlimit limit = { .rlim_cur = (rlim_t)next + (rlim_t)spare, .rlim_max = 4096 };

	close(next);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		_exit(4);
}

/* The child's life. Exit code 0 is only for a clean end; LeakSanitizer gives its own. */
static void serve(const struct served *served, const struct serve_options *options, int ready)
{
	struct err err = ERR_NULL;
	struct loop *loop = loop_new();

	divisor = options->divisor ? options->divisor : 1;
	umask(options->umask);
	struct control_server *server =
		control_server_new(loop, served->path, commands, NULL, &err);
	struct loop_signal *sig = loop_signal_new(loop, SIGTERM, terminated, loop);

	if (!loop || !server || !sig) {
		fprintf(stderr, "serve: %s\n", err.text);
		_exit(3);
	}
	if (options->spare_descriptors)
		limit_descriptors(options->spare_descriptors);
	if (write(ready, "", 1) != 1 || loop_run(loop) < 0)
		_exit(5);
	control_server_free(server);
	loop_signal_free(sig);
	loop_free(loop);
	exit(0);
}

void serve_again(struct served *served, const struct serve_options *options)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	fflush(NULL);
	served->pid = fork();
	assert_true(served->pid >= 0);
	if (served->pid == 0)
		serve(served, options, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

void serve_start(struct served *served, const struct serve_options *options)
{
	snprintf(served->dir, sizeof(served->dir), "/tmp/eipgw-control-XXXXXX");
	assert_non_null(mkdtemp(served->dir));
	chmod(served->dir, 0755);
	snprintf(served->path, sizeof(served->path), "%s/run/eipgw/test.sock", served->dir);
	serve_again(served, options);
}

static void remove_parents(const struct served *served)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/run/eipgw", served->dir);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/run", served->dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(served->dir), 0);
}

void serve_stop(struct served *served)
{
	int status;

	kill(served->pid, SIGTERM);
	assert_int_equal(waitpid(served->pid, &status, 0), served->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(access(served->path, F_OK), -1);
	remove_parents(served);
}

void serve_kill(struct served *served)
{
	kill(served->pid, SIGKILL);
	assert_int_equal(waitpid(served->pid, NULL, 0), served->pid);
	assert_int_equal(access(served->path, F_OK), 0);
}

double serve_cpu_ms(const struct served *served)
{
	struct timespec t;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(served->pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int talk_open(const struct served *served)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(control_address(served->path, &address, NULL), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void talk_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

bool talk_is_silent(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 0;
}

const char *talk_line(int fd)
{
	static char line[4096];

	for (size_t n = 0; n < sizeof(line); n++) {
		if (talk_is_silent(fd, ANSWER_MS))
			fail_msg("no answer");
		if (recv(fd, &line[n], 1, 0) != 1)
			return NULL;
		if (line[n] == '\n') {
			line[n] = '\0';
			return line;
		}
	}
	fail_msg("the line is too long");
	return NULL;
}
