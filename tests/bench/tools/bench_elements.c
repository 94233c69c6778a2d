// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_elements gateway|node PODS OURS NFT ORDER: one round of tests/bench/elements, in a network namespace of its
 * own. Loads a map of PODS elements; then OURS times adds one more through nat_sync_elems and takes them away again, and
 * NFT times the same by "nft -f -". ORDER 1: nft first. Prints one JSON object, microseconds per element.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "bench.h"
#include "nat/sync.h"

struct bench {
	struct nat_ruleset rs;
	struct nat_sync *sync;
	enum nat_set_kind kind;
	uint32_t pods, ours, nft;
};

static void one_element(const struct bench *b, uint32_t i, bool add)
{
	struct nat_elem elem = bench_elem(&b->rs, b->kind, b->pods + i);
	struct nat_change change = { .set = nat_set_find(&b->rs, BENCH_MAP) };
	struct err err = ERR_NULL;

	*(add ? &change.add : &change.del) = (struct nat_elem_list){ &elem, 1 };
	if (nat_sync_elems(b->sync, &b->rs, (struct nat_changes){ &change, 1 }, &err))
		fail("nat_sync_elems", err.text);
}

/* The command as nft reads it from its standard input: no file that could be left behind. */
static int command_fd(const struct bench *b, uint32_t i, bool add)
{
	int fd = memfd_create("command", MFD_CLOEXEC);
	char text[160];

	bench_elem_text(&b->rs, b->kind, b->pods + i, text);
	if (fd < 0 ||
	    dprintf(fd, "%s element ip %s %s { %s }\n", add ? "add" : "delete", BENCH_TABLE,
		    BENCH_MAP, text) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		fail("command for nft", strerror(errno));
	return fd;
}

/* Runs argv to its end, with `input` (-1: none) as its standard input, which is closed. */
static struct usage spawned(const char *const argv[], int input)
{
	posix_spawn_file_actions_t actions;
	struct usage start = usage_of_children();
	int status, rc;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (input >= 0)
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		fail(argv[0], strerror(rc));
	if (waitpid(pid, &status, 0) != pid || status)
		fail(argv[0], "failed");
	if (input >= 0)
		close(input);
	return usage_since(start, usage_of_children());
}

static void report(const char *name, struct usage used, uint32_t n)
{
	printf("\"%s_cpu\": %.2f, \"%s_wall\": %.2f, ", name, used.cpu_us / n, name,
	       used.wall_us / n);
}

static void measure_ours(const struct bench *b)
{
	static const char *const names[] = { "ours_del", "ours_add" };

	for (int add = 1; add >= 0; add--) {
		struct usage start = usage_now();

		for (uint32_t i = 0; i < b->ours; i++)
			one_element(b, i, add);
		report(names[add], usage_since(start, usage_now()), b->ours);
	}
}

static void accumulate(struct usage *sum, struct usage one)
{
	sum->cpu_us += one.cpu_us;
	sum->wall_us += one.wall_us;
}

static void measure_nft(const struct bench *b)
{
	static const char *const names[] = { "nft_del", "nft_add" };
	static const char *const load[] = { "nft", "-f", "-", NULL };
	static const char *const nothing[] = { "nft", "--version", NULL };
	struct usage start_up = { 0 };

	for (int add = 1; add >= 0; add--) {
		struct usage sum = { 0 };

		for (uint32_t i = 0; i < b->nft; i++)
			accumulate(&sum, spawned(load, command_fd(b, i, add)));
		report(names[add], sum, b->nft);
	}
	for (uint32_t i = 0; i < b->nft; i++)
		accumulate(&start_up, spawned(nothing, -1));
	report("nft_start", start_up, b->nft);
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	struct nat_sync_ops ops = { 0 };
	struct err err = ERR_NULL;
	struct bench b = { 0 };
	bool nft_first;

	if (argc != 6)
		fail("usage", "bench_elements gateway|node PODS OURS NFT ORDER");
	b.kind = strcmp(argv[1], "gateway") == 0 ? BENCH_GATEWAY : BENCH_NODE;
	b.pods = number(argv[2]);
	b.ours = number(argv[3]);
	b.nft = number(argv[4]);
	nft_first = number(argv[5]) == 1;
	own_network_namespace();
	bench_describe(&b.rs, b.kind, b.pods);
	b.sync = nat_sync_new(NULL, (struct nat_table){ NAT_IP, BENCH_TABLE }, &ops, NULL, &err);
	if (!b.sync || nat_sync_run(b.sync, &b.rs, NULL, NULL, &err))
		fail("loading the map", err.text);
	printf("{");
	if (nft_first)
		measure_nft(&b);
	measure_ours(&b);
	if (!nft_first)
		measure_nft(&b);
	printf("\"pods\": %u, \"rss_kib\": %ld}\n", b.pods, peak_rss_kib());
	nat_sync_free(b.sync);
	nat_ruleset_done(&b.rs);
	return 0;
}
