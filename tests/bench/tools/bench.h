// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the C halves of the benchmarks share: clocks of a process and of its children, and the ruleset to load. */
#pragma once

#include <stdint.h>

#include "nat/ruleset.h"

struct usage {
	double wall_us, cpu_us;
};

/* Wall time, and user and system time of this process (of its ended children). */
struct usage usage_now(void);
struct usage usage_of_children(void);
struct usage usage_since(struct usage start, struct usage end);
long peak_rss_kib(void); /* VmHWM of this program, without what it was forked from */

/* Ends the program with a message; 77 (skipped) where it isn't root. */
void fail(const char *what, const char *reason) __attribute__((noreturn));
void own_network_namespace(void);

#define BENCH_TABLE "eipgw_bench"
#define BENCH_MAP "pods"
#define BENCH_CLASSES 16

/* The map of pods as the gateway and as a node has it. */
#define BENCH_GATEWAY NAT_MAP_MARK_ADDR_MARK
#define BENCH_NODE NAT_MAP_ADDR_VERDICT

/* A finished ruleset of one map with n pods and its classes, with a declared size that leaves room for as many again. */
void bench_describe(struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t n);
/* The i-th pod's element. Never two neighbouring addresses: those would be merged into ranges. */
struct nat_elem bench_elem(const struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t i);
/* That element as nft(8) writes it. */
void bench_elem_text(const struct nat_ruleset *rs, enum nat_set_kind kind, uint32_t i,
		     char buf[static 160]);
