// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_load PODS: one first load of a map of pods through nat_sync_run, from nothing until it was read back, and a
 * second run that finds nothing to do. In a network namespace of its own. Prints one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "bench.h"
#include "nat/sync.h"

static void run(struct nat_sync *sync, const struct nat_ruleset *rs, const char *what)
{
	struct usage start = usage_now(), used;
	struct err err = ERR_NULL;

	if (nat_sync_run(sync, rs, NULL, NULL, &err))
		fail(what, err.text);
	used = usage_since(start, usage_now());
	printf("\"%s_wall\": %.0f, \"%s_cpu\": %.0f, ", what, used.wall_us, what, used.cpu_us);
}

int main(int argc, char **argv)
{
	struct nat_sync_ops ops = { 0 };
	struct err err = ERR_NULL;
	struct nat_ruleset rs;
	struct nat_sync *sync;
	struct usage start;
	uint32_t pods;

	if (argc != 2)
		fail("usage", "bench_load PODS");
	pods = (uint32_t)strtoul(argv[1], NULL, 10);
	start = usage_now();
	bench_describe(&rs, BENCH_GATEWAY, pods);
	printf("{\"describe_cpu\": %.0f, ", usage_since(start, usage_now()).cpu_us);
	own_network_namespace();
	sync = nat_sync_new(NULL, (struct nat_table){ NAT_IP, BENCH_TABLE }, &ops, NULL, &err);
	if (!sync)
		fail("netlink", err.text);
	run(sync, &rs, "load");
	run(sync, &rs, "again");
	printf("\"pods\": %u, \"rss_kib\": %ld}\n", pods, peak_rss_kib());
	nat_sync_free(sync);
	nat_ruleset_done(&rs);
	return 0;
}
