// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "two_gateways.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "cmocka_all.h"
#include "nat/nfnl.h"

static void enter(const struct two *two, enum gateway gateway)
{
	assert_int_equal(setns(two->ns[gateway], CLONE_NEWNET), 0);
}

static void ip(const char *command)
{
	char text[256], *argv[16], *rest = text;
	size_t n = 0;
	pid_t pid;
	int status;

	snprintf(text, sizeof(text), "ip %s", command);
	while (n < ARRAY_SIZE(argv) - 1 && (argv[n] = strsep(&rest, " ")))
		n++;
	argv[n] = NULL;
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("ip %s: %d", command, status);
}

/* The last is the present namespace afterwards. */
static void make_namespace(struct two *two, enum gateway gateway)
{
	struct err err = ERR_NULL;
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		print_message("SKIP: no network namespace: %s\n", strerror(errno));
		exit(77);
	}
	two->ns[gateway] = open("/proc/self/ns/net", O_RDONLY);
	assert_true(two->ns[gateway] >= 0);
	/* As the daemon does: else flows from before somebody listens have no events, ever. */
	fd = open("/proc/sys/net/netfilter/nf_conntrack_events", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "1", 1), 1);
	close(fd);
	two->traffic[gateway] = ct_writer_new(&err);
	two->nfnl[gateway] = nfnl_open(&err);
	assert_non_null(two->traffic[gateway]);
	assert_non_null(two->nfnl[gateway]);
}

int two_set_up(void **state)
{
	struct two *two = calloc(1, sizeof(*two));
	char command[128];

	assert_non_null(two);
	make_namespace(two, A);
	make_namespace(two, B);
	enter(two, A);
	snprintf(command, sizeof(command),
		 "link add wire type veth peer name wire netns /proc/%d/fd/%d", (int)getpid(),
		 two->ns[B]);
	ip(command);
	for (enum gateway g = A; g < GATEWAYS; g++) {
		enter(two, g);
		snprintf(command, sizeof(command), "addr add 192.168.77.%d/24 dev wire", g + 1);
		ip(command);
		ip("link set wire up");
		two->shared[g] = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(two->shared[g], MAP_FAILED);
		two->shared[g]->wish =
			(struct wish){ .owns = { g == A, g == B }, .believes = { A, B } };
		two->shared[g]->times = (struct sender_times){
			.walk = 3600000, .refresh = 3600000, .rest = 50, .retry = 50
		};
	}
	*state = two;
	return 0;
}

void two_start(struct two *two, enum gateway gateway)
{
	fflush(NULL);
	two->pid[gateway] = fork();
	assert_true(two->pid[gateway] >= 0);
	if (two->pid[gateway])
		return;
	log_level_set(LOG_LEVEL_ERROR);
	if (setns(two->ns[gateway], CLONE_NEWNET))
		_exit(5);
	two_run(gateway, two->shared[gateway]);
	exit(0); /* with the leak sanitizer's opinion */
}

void two_wish(struct two *two, enum gateway gateway)
{
	struct shared *shared = two->shared[gateway];
	const struct mono end = mono_add_ms(mono_now(), DEADLINE_MS);

	shared->wished++;
	while (!shared->wish.quit && shared->done != shared->wished) {
		assert_true(mono_is_before(mono_now(), end));
		(void)poll(NULL, 0, 1);
	}
}

static void await(struct two *two, enum gateway gateway, bool well)
{
	int status;

	assert_int_equal(waitpid(two->pid[gateway], &status, 0), two->pid[gateway]);
	two->pid[gateway] = 0;
	if (well && status)
		fail_msg("gateway %d ended with %x", gateway, (unsigned)status);
}

void two_quit(struct two *two, enum gateway gateway)
{
	two->shared[gateway]->wish.quit = true;
	two_wish(two, gateway);
	await(two, gateway, true);
	two->shared[gateway]->wish.quit = false;
	two->shared[gateway]->done = two->shared[gateway]->wished;
}

void two_kill(struct two *two, enum gateway gateway, int number)
{
	assert_int_equal(kill(two->pid[gateway], number), 0);
	if (number == SIGKILL)
		await(two, gateway, false);
}

int two_tear_down(void **state)
{
	struct two *two = *state;

	for (enum gateway g = A; g < GATEWAYS; g++) {
		if (two->pid[g]) {
			(void)kill(two->pid[g], SIGCONT);
			two_quit(two, g);
		}
		ct_writer_free(two->traffic[g]);
		nfnl_close(two->nfnl[g]);
		munmap(two->shared[g], sizeof(struct shared));
		close(two->ns[g]);
	}
	free(two);
	return 0;
}

void two_wait(struct two *two, two_condition condition, const char *what)
{
	const struct mono end = mono_add_ms(mono_now(), DEADLINE_MS);

	while (!condition(two)) {
		if (!mono_is_before(mono_now(), end))
			fail_msg("not within %d ms: %s; E1 %zu %zu, E2 %zu %zu", DEADLINE_MS, what,
				 two_count(two, A, E1), two_count(two, B, E1),
				 two_count(two, A, E2), two_count(two, B, E2));
		(void)poll(NULL, 0, 10);
	}
}
