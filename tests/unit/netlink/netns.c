// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netns.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "sample.h"

#define ARGUMENTS_MAX 40
#define DEADLINE_MS 20000

static char output[1 << 16];

static size_t split(const char *program, char *text, const char *argv[static ARGUMENTS_MAX + 2])
{
	size_t n = 0;
	char *rest = text;

	argv[n++] = program;
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(n < ARGUMENTS_MAX);
		argv[n++] = word;
	}
	argv[n] = NULL;
	return n;
}

/* Runs a program of iproute2 with its output in `output`; its failure fails the test. */
__attribute__((format(printf, 2, 0))) static void run(const char *program, const char *format,
						      va_list args)
{
	const char *argv[ARGUMENTS_MAX + 2];
	char text[512];
	int fds[2], status = 0;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	vsnprintf(text, sizeof(text), format, args);
	split(program, text, argv);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execvp(program, (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], output + used, sizeof(output) - 1 - used)) > 0)
		used += (size_t)n;
	output[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s %s: status %d", program, format, status);
}

void netns_ip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run("ip", format, args);
	va_end(args);
}

const char *netns_ip_shows(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run("ip", format, args);
	va_end(args);
	return output;
}

const char *netns_tc(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run("tc", format, args);
	va_end(args);
	return output;
}

void netns_enter(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		if (errno == EPERM) {
			fprintf(stderr, "no privilege for a network namespace: skipped\n");
			_exit(77);
		}
		fail_msg("unshare: %s", strerror(errno));
	}
	netns_ip("link set lo up");
}

int netns_set_up(void **state)
{
	struct netns *ns = calloc(1, sizeof(*ns));

	assert_non_null(ns);
	netns_enter();
	ns->rtnl = rtnl_open(&ns->err);
	if (!ns->rtnl)
		fail_msg("%s", ns->err.text);
	*state = ns;
	return 0;
}

int netns_tear_down(void **state)
{
	struct netns *ns = *state;

	rtnl_close(ns->rtnl);
	free(ns);
	return 0;
}

void netns_make_tunnel(struct netns *ns)
{
	struct rt_link want = sample_tunnel();
	struct rt_neigh peer = sample_peer();
	struct rt_addr addr = { .addr = { { SAMPLE_ADDR }, 32 } };

	assert_ok(ns, rtnl_link_add_vxlan(ns->rtnl, &want, &ns->err));
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, want.name, &ns->tunnel, &ns->err));
	want.ifindex = peer.ifindex = addr.ifindex = ns->tunnel.ifindex;
	assert_ok(ns, rtnl_link_set(ns->rtnl, &want, &ns->err));
	assert_ok(ns, rtnl_addr_add(ns->rtnl, &addr, &ns->err));
	assert_ok(ns, rtnl_neigh_add(ns->rtnl, &peer, &ns->err));
	assert_ok(ns, rtnl_link_by_name(ns->rtnl, want.name, &ns->tunnel, &ns->err));
}

struct wait {
	struct loop *loop;
	struct loop_timer *poll;
	bool (*done)(void *data);
	void *data;
	int left_ms;
};

static void wait_expired(void *data)
{
	struct wait *wait = data;

	wait->left_ms--;
	if (wait->left_ms <= 0 || (wait->done && wait->done(wait->data)))
		loop_stop(wait->loop);
	else
		assert_int_equal(loop_timer_arm_ms(wait->poll, 1), 0);
}

static void wait_run(struct wait *wait)
{
	wait->poll = loop_timer_new(wait->loop, wait_expired, wait);
	assert_non_null(wait->poll);
	assert_int_equal(loop_timer_arm_ms(wait->poll, 1), 0);
	assert_int_equal(loop_run(wait->loop), 0);
	loop_timer_free(wait->poll);
}

void netns_wait_until(struct loop *loop, bool (*done)(void *data), void *data, const char *what)
{
	struct wait wait = { .loop = loop, .done = done, .data = data, .left_ms = DEADLINE_MS };

	wait_run(&wait);
	if (!done(data))
		fail_msg("waited in vain until %s", what);
}

void netns_run_for_ms(struct loop *loop, int ms)
{
	struct wait wait = { .loop = loop, .left_ms = ms };

	wait_run(&wait);
}
