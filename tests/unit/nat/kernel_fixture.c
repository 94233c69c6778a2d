// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kernel_fixture.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "full_ruleset.h"

enum { OUTPUT_MAX = 4 << 20 };

/* All that comes until the end of the file, as a string. */
static char *read_all(int fd)
{
	char *text = malloc(OUTPUT_MAX);
	size_t used = 0;
	ssize_t got;

	assert_non_null(text);
	while ((got = read(fd, text + used, OUTPUT_MAX - 1 - used)) > 0)
		used += (size_t)got;
	assert_int_equal(got, 0);
	text[used] = '\0';
	return text;
}

static char *start_and_wait(const char *const argv[], bool capture, int *ret_status)
{
	int ends[2] = { -1, -1 }, status = 0;
	char *text = NULL;
	pid_t pid;

	assert_true(!capture || pipe(ends) == 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (capture && dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(126);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (capture) {
		close(ends[1]);
		text = read_all(ends[0]);
		close(ends[0]);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return text;
}

char *run_program(const char *const argv[], bool capture)
{
	int status;
	char *text = start_and_wait(argv, capture, &status);

	if (status)
		fail_msg("%s '%s' failed with %d", argv[0], argv[1], status);
	return text;
}

bool nft_can(const char *command)
{
	const char *argv[] = { "nft", "-c", command, NULL };
	int status;

	free(start_and_wait(argv, false, &status));
	return status == 0;
}

void nft(const char *command)
{
	const char *argv[] = { "nft", command, NULL };

	run_program(argv, false);
}

char *nft_list(const char *command)
{
	const char *argv[] = { "nft", "-j", command, NULL };

	return run_program(argv, true);
}

void kernel_describe(struct nat_ruleset *rs)
{
	full_ruleset(rs, TABLE);
	assert_int_equal(nat_ruleset_finish(rs), 0);
}

static const char foreign_tables[] =
	"add table ip filter; add counter ip filter used { packets 3 bytes 180; };"
	"add map ip filter verdicts { type ipv4_addr : verdict; };"
	"add element ip filter verdicts { 10.0.0.1 : drop, 10.0.0.2 : accept };"
	"add set ip filter timed { type ipv4_addr; flags timeout; timeout 1d; };"
	"add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; };"
	"add rule ip filter FORWARD ip saddr vmap @verdicts;"
	"add rule ip filter FORWARD ip saddr { 10.1.0.0/16, 10.3.0.0/16 } limit rate 5/second counter log;"
	"add chain ip filter class_a; add rule ip filter class_a ip saddr 10.9.9.9 drop;"
	"add table inet eipgw_test;"
	"add chain inet eipgw_test pre { type filter hook prerouting priority -80; };"
	"add table ip6 eipgw_test; add set ip6 eipgw_test addrs { type ipv6_addr; };"
	"add element ip6 eipgw_test addrs { fd00::1 };"
	"add table ip eipgw_test2; add chain ip eipgw_test2 pre; add rule ip eipgw_test2 pre counter drop";

static char *list_foreign(void)
{
	static const char *const tables[] = { "ip filter", "inet eipgw_test", "ip6 eipgw_test",
					      "ip eipgw_test2" };
	char *all = calloc(1, 1);

	assert_non_null(all);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		char command[64];
		char *one, *both;

		snprintf(command, sizeof(command), "list table %s", tables[i]);
		one = nft_list(command);
		assert_true(asprintf(&both, "%s%s", all, one) > 0);
		free(one);
		free(all);
		all = both;
	}
	return all;
}

int kernel_set_up(void **state)
{
	struct nat_sync_ops ops = { 0 };
	struct kernel *k = calloc(1, sizeof(*k));

	if (unshare(CLONE_NEWNET) < 0) {
		print_message("no network namespace: %s\n", strerror(errno));
		exit(77);
	}
	assert_non_null(k);
	nft(foreign_tables);
	k->foreign = list_foreign();
	k->sync = nat_sync_new(NULL, (struct nat_table){ NAT_IP, TABLE }, &ops, NULL, &k->err);
	assert_non_null(k->sync);
	*state = k;
	return 0;
}

int kernel_tear_down(void **state)
{
	struct kernel *k = *state;
	char *foreign = k->foreign ? list_foreign() : NULL;

	if (foreign)
		assert_string_equal(foreign, k->foreign);
	free(foreign);
	free(k->foreign);
	nat_sync_free(k->sync);
	nat_ruleset_done(&k->desired);
	free(k);
	return 0;
}

void kernel_run(struct kernel *k)
{
	int rc = nat_sync_run(k->sync, &k->desired, &k->changed, k->summary, &k->err);

	if (rc)
		fail_msg("run: %d %s", rc, k->err.text);
}

void kernel_expect_rest(struct kernel *k)
{
	kernel_run(k);
	assert_string_equal(k->summary, "");
	assert_int_equal(k->changed, 0);
}

void kernel_load(struct kernel *k)
{
	kernel_describe(&k->desired);
	kernel_run(k);
	assert_string_equal(k->summary, "the table");
	assert_int_equal(k->changed, 1);
}
