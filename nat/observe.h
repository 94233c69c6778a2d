// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One table as the kernel has it, read in a handful of dumps between which nothing changed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/ruleset.h"

struct err;
struct nfnl;

struct nat_seen_chain {
	struct nat_chain def; /* without rules */
	char **rules;         /* canonical texts (nat/expr.h) in order */
	size_t n_rules;
};

struct nat_seen_counter {
	char name[NAT_NAME_MAX];
	uint64_t packets, bytes;
};

struct nat_observed {
	bool has_table;
	bool odd; /* holds something that we never make (a set of another kind, an element with a
		    * timeout, an object that is no counter, a second flowtable, flags, a name longer than any of
		    * ours): only making the table anew brings it to what is desired */
	struct nat_flowtable flowtable;
	struct nat_ruleset sets; /* sets, elements and names only */
	struct nat_seen_chain *chains;
	size_t n_chains;
	struct nat_index chain_index;
	struct nat_seen_counter *counters;
	size_t n_counters;
};

/*
 * 0; NFNL_E_STALE when the table could not be read undisturbed in 5 tries; -errno with the reason.
 * Whatever was in *ret is replaced; free with nat_observed_done.
 */
int nat_observe(struct nfnl *nfnl, struct nat_table table, struct nat_observed *ret,
		struct err *err);
/* Only the counters; much cheaper. Chains and sets of *ret are empty. */
int nat_observe_counters(struct nfnl *nfnl, struct nat_table table, struct nat_observed *ret,
			 struct err *err);
void nat_observed_done(struct nat_observed *seen);
const struct nat_seen_chain *nat_seen_chain_find(const struct nat_observed *seen, const char *name);
