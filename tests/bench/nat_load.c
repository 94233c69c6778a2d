// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * nat_load [ELEMENTS [CLASSES]]: how long the first load of a map of pods takes, with reading it back, then a
 * run that changes nothing, then one element the short way. In a network namespace of its own; needs root.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/err.h"
#include "nat/ruleset.h"
#include "nat/sync.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long rss_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static size_t describe(struct nat_ruleset *rs, uint32_t elements, uint32_t classes)
{
	size_t map, pre;

	nat_ruleset_init(rs, "eipgw_bench");
	nat_counter_add(rs, "steered");
	map = nat_set_add(rs, "pods", NAT_MAP_MARK_ADDR_VERDICT, elements + elements / 4);
	for (uint32_t i = 0; i < classes; i++) {
		char name[32];

		snprintf(name, sizeof(name), "class_%u", i);
		nat_rule_add(rs, nat_chain_add(rs, name, "a class"),
			     NAT_RULE({ NAT_SET_MARK, 0x107f, 0x1001, "" },
				      { NAT_COUNT, .name = "steered" }, { NAT_ACCEPT }));
	}
	pre = nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0);
	nat_rule_add(rs, pre, NAT_RULE({ NAT_MARK_SADDR_VMAP, .name = "pods" }));
	for (uint32_t i = 0; i < elements; i++) {
		char name[32];

		snprintf(name, sizeof(name), "class_%u", i % classes);
		nat_elem_add(rs, map,
			     (struct nat_elem){ .key = 77,
						.first = 0x0a000000 + i,
						.last = 0x0a000000 + i,
						.data = nat_name(rs, name) });
	}
	return map;
}

static int run(struct nat_sync *sync, const struct nat_ruleset *rs, const char *what)
{
	struct err err = ERR_NULL;
	size_t changed = 0;
	double start = now_ms();
	int rc = nat_sync_run(sync, rs, &changed, NULL, &err);

	printf("%-14s %8.1f ms  %zu transactions  %ld KiB at most  %s\n", what, now_ms() - start,
	       changed, rss_kib(), err.text);
	return rc;
}

int main(int argc, char **argv)
{
	uint32_t elements = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
	uint32_t classes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
	struct nat_sync_ops ops = { 0 };
	struct err err = ERR_NULL;
	struct nat_ruleset rs;
	struct nat_sync *sync;
	double start;
	int rc;

	if (unshare(CLONE_NEWNET) < 0) {
		perror("network namespace");
		return 77;
	}
	start = now_ms();
	describe(&rs, elements, classes);
	rc = nat_ruleset_finish(&rs);
	printf("%-14s %8.1f ms  %u elements, %u classes  %ld KiB at most\n", "description",
	       now_ms() - start, elements, classes, rss_kib());
	sync = nat_sync_new(NULL, "eipgw_bench", &ops, NULL, &err);
	if (rc || !sync) {
		printf("failed: %d %s\n", rc, err.text);
		return 1;
	}
	rc = run(sync, &rs, "first load");
	if (!rc)
		rc = run(sync, &rs, "nothing to do");
	nat_sync_free(sync);
	nat_ruleset_done(&rs);
	return rc ? 1 : 0;
}
