// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A toy of nf_tables' side of a transaction: it holds one table and takes the steps of a plan one by one,
 * as strict as the kernel about what exists, what is referred to, and what is there already. So a plan
 * that it takes is in an order that is safe at each step.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/observe.h"
#include "nat/plan.h"
#include "nat/ruleset.h"

enum { TOY_MAX = 24 };

struct toy_elem {
	uint32_t key, first, last, addr;
	char device[NAT_NAME_MAX], chain[NAT_NAME_MAX]; /* "" where the kind has none */
};

struct toy_set {
	char name[NAT_NAME_MAX];
	enum nat_set_kind kind;
	uint32_t size;
	struct toy_elem elems[TOY_MAX];
	size_t n;
};

struct toy_chain {
	struct nat_chain def;
	struct nat_rule rules[TOY_MAX];
	size_t n;
};

struct toy_kernel {
	bool has_table, odd;
	struct nat_seen_counter counters[TOY_MAX];
	size_t n_counters;
	struct toy_set sets[TOY_MAX];
	size_t n_sets;
	struct toy_chain chains[TOY_MAX];
	size_t n_chains;
};

/* As after a first load of `rs`. */
void toy_load(struct toy_kernel *toy, const struct nat_ruleset *rs);
struct toy_set *toy_set_find(struct toy_kernel *toy, const char *name);
struct toy_chain *toy_chain_find(struct toy_kernel *toy, const char *name);
/* What nat_observe would read; elements come in an order of the kernel's own. */
void toy_observe(const struct toy_kernel *toy, struct nat_observed *ret);
/* Fails the test at the first step that the kernel would refuse. */
void toy_take(struct toy_kernel *toy, const struct nat_ruleset *desired,
	      const struct nat_plan *plan);
