// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <arpa/inet.h>

enum { PODS_PER_NODE = 128, EXIT_SKIP = 77 };

static double microseconds(const struct timeval *t)
{
	return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

static struct usage usage_of(int who)
{
	struct rusage usage;
	struct timespec now;

	getrusage(who, &usage);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (struct usage){ .wall_us = (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3,
			       .cpu_us = microseconds(&usage.ru_utime) +
					 microseconds(&usage.ru_stime) };
}

struct usage usage_now(void)
{
	return usage_of(RUSAGE_SELF);
}

struct usage usage_of_children(void)
{
	return usage_of(RUSAGE_CHILDREN);
}

struct usage usage_since(struct usage start, struct usage end)
{
	return (struct usage){ end.wall_us - start.wall_us, end.cpu_us - start.cpu_us };
}

long peak_rss_kib(void)
{
	char line[128];
	FILE *file = fopen("/proc/self/status", "re");
	long kib = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	}
	if (file)
		fclose(file);
	return kib;
}

void fail(const char *what, const char *reason)
{
	fprintf(stderr, "%s: %s\n", what, reason);
	exit(1);
}

void own_network_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return;
	printf("SKIP: network namespace: %s\n", strerror(errno));
	exit(EXIT_SKIP);
}

static void class_name(char buf[static NAT_NAME_MAX], uint32_t i)
{
	snprintf(buf, NAT_NAME_MAX, "c_%016u", i % BENCH_CLASSES);
}

struct nat_elem bench_elem(const struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t i)
{
	uint32_t node = i / PODS_PER_NODE, address = 0x0a400000 + 2 * i;
	char name[NAT_NAME_MAX];
	struct nat_elem elem = { .first = address, .last = address };

	if (kind == NAT_MAP_MARK_ADDR_VERDICT)
		elem.key = htonl(0x0a020000 + node);
	class_name(name, i);
	while (elem.data < rs->n_names && strcmp(rs->names[elem.data], name) != 0)
		elem.data++;
	return elem;
}

void bench_elem_text(const struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t i,
		     char buf[static 160])
{
	struct nat_elem elem = bench_elem(rs, kind, i);
	struct in_addr address = { htonl(elem.first) };
	char key[16] = "", text[INET_ADDRSTRLEN];

	if (kind == NAT_MAP_MARK_ADDR_VERDICT)
		snprintf(key, sizeof(key), "0x%x . ", elem.key);
	inet_ntop(AF_INET, &address, text, sizeof(text));
	snprintf(buf, 160, "%s%s : jump %s", key, text, rs->names[elem.data]);
}

void bench_describe(struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t n)
{
	bool with_mark = kind == NAT_MAP_MARK_ADDR_VERDICT;
	uint32_t size = 4096;
	char name[NAT_NAME_MAX];
	size_t map, base;

	while (size / 2 < n)
		size *= 2;
	nat_ruleset_init(rs, BENCH_TABLE);
	nat_counter_add(rs, "new");
	map = nat_set_add(rs, BENCH_MAP, kind, size);
	for (uint32_t i = 0; i < BENCH_CLASSES; i++) {
		class_name(name, i);
		nat_name(rs, name);
		nat_rule_add(rs, nat_chain_add(rs, name, ""),
			     NAT_RULE({ NAT_SET_MARK, UINT32_MAX, i + 1, "" },
				      { NAT_COUNT, .name = "new" }, { NAT_ACCEPT }));
	}
	base = nat_base_chain_add(rs, "filter_forward", NAT_HOOK_FORWARD, 0, 0);
	nat_rule_add(
		rs, base,
		NAT_RULE({ with_mark ? NAT_MARK_SADDR_VMAP : NAT_SADDR_VMAP, .name = BENCH_MAP }));
	for (uint32_t i = 0; i < n; i++)
		nat_elem_add(rs, map, bench_elem(rs, kind, i));
	if (nat_ruleset_finish(rs))
		fail("ruleset", "can't be described");
}
