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

/* On the gateway a pod leads to its class's number, on the node to the class's chain. */
struct nat_elem bench_elem(const struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t i)
{
	uint32_t node = i / PODS_PER_NODE, address = 0x0a400000 + 2 * i;
	char name[NAT_NAME_MAX];
	struct nat_elem elem = { .first = address, .last = address };

	if (kind == BENCH_GATEWAY) {
		elem.key = htonl(0x0a020000 + node);
		elem.data = i % BENCH_CLASSES + 1;
		return elem;
	}
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
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	if (kind == BENCH_GATEWAY)
		snprintf(buf, 160, "0x%x . %s : 0x%x", elem.key, text, elem.data);
	else
		snprintf(buf, 160, "%s : jump %s", text, rs->names[elem.data]);
}

static void add_classes(struct nat_ruleset *rs)
{
	size_t class = nat_set_add(rs, "class", NAT_MAP_MARK_VERDICT, 4096);
	char name[NAT_NAME_MAX];

	for (uint32_t i = 0; i < BENCH_CLASSES; i++) {
		class_name(name, i);
		nat_rule_add(rs, nat_chain_add(rs, name, ""),
			     NAT_RULE({ NAT_SET_MARK, UINT32_MAX, i + 1, "" },
				      { NAT_COUNT, .name = "new" }, { NAT_ACCEPT }));
		nat_elem_add(rs, class,
			     (struct nat_elem){ .key = i + 1, .data = nat_name(rs, name) });
	}
}

void bench_describe(struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t n)
{
	uint32_t size = 4096;
	size_t map, base;

	while (size / 2 < n)
		size *= 2;
	nat_ruleset_init(rs, BENCH_TABLE);
	nat_counter_add(rs, "new");
	map = nat_set_add(rs, BENCH_MAP, kind, size);
	add_classes(rs);
	base = nat_base_chain_add(rs, "filter_forward", NAT_HOOK_FORWARD, 0, 0);
	if (kind == BENCH_GATEWAY)
		nat_rule_add(rs, base,
			     NAT_RULE({ NAT_SET_MARK_MAP, .name = BENCH_MAP },
				      { NAT_MARK_VMAP, .name = "class" }));
	else
		nat_rule_add(rs, base, NAT_RULE({ NAT_SADDR_VMAP, .name = BENCH_MAP }));
	for (uint32_t i = 0; i < n; i++)
		nat_elem_add(rs, map, bench_elem(rs, kind, i));
	if (nat_ruleset_finish(rs))
		fail("ruleset", "can't be described");
}
