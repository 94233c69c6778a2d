// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: from the desired ruleset and the observed table to the steps between, in the order in which one
 * nf_tables transaction accepts them: what is referred to comes before what refers to it, and goes after
 * it. The kernel takes all steps or none, so no packet ever meets half a plan.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/ruleset.h"

struct nat_observed;

enum nat_step_kind {
	NAT_STEP_TABLE_DEL, /* with everything in it */
	NAT_STEP_TABLE_ADD,
	NAT_STEP_FLOWTABLE_ADD,
	NAT_STEP_COUNTER_ADD, /* with the values it had, when the table is made anew */
	NAT_STEP_SET_ADD,
	NAT_STEP_CHAIN_ADD,
	NAT_STEP_CHAIN_FLUSH,
	NAT_STEP_ELEMS_DEL,
	NAT_STEP_ELEMS_ADD,
	NAT_STEP_RULE_ADD, /* appended */
	NAT_STEP_CHAIN_DEL,
	NAT_STEP_SET_DEL,
	NAT_STEP_COUNTER_DEL,
	NAT_STEP_KIND_COUNT
};

struct nat_step {
	enum nat_step_kind kind;
	char name[NAT_NAME_MAX];    /* of the counter, set or chain */
	size_t index;               /* COUNTER_ADD, SET_ADD, CHAIN_ADD, RULE_ADD: into desired */
	size_t rule;                /* RULE_ADD */
	enum nat_set_kind set_kind; /* ELEMS_* */
	struct nat_elem *elems;     /* ELEMS_*: owned; names are those of desired, or plan.names */
	size_t n_elems;
	uint64_t packets, bytes; /* COUNTER_ADD */
};

struct nat_plan {
	struct nat_step *v;
	size_t n;
	size_t by_kind[NAT_STEP_KIND_COUNT];
	size_t elems_added, elems_deleted;
	bool rebuild; /* the table is made anew */
	/* desired's names and, after them, those that only the observed elements use */
	struct nat_ruleset names;
};

/* 0 or -ENOMEM. An empty plan (n == 0): the kernel has what is desired. */
int nat_plan_compute(const struct nat_ruleset *desired, const struct nat_observed *seen,
		     struct nat_plan *ret);
void nat_plan_done(struct nat_plan *plan);

/* "2 chains, 1 rule, 3 elements" of what was missing or wrong; "the table" when it was gone. */
#define NAT_PLAN_TEXT_MAX 160
const char *nat_plan_summary(const struct nat_plan *plan, char buf[static NAT_PLAN_TEXT_MAX]);
