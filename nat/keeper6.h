// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The second table of a keeper, of family ip6. Only for nat/keeper.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/keeper.h"
#include "nat/plan.h"
#include "nat/ruleset.h"

struct err;
struct nat_sync;

struct keeper6 {
	struct nat_sync *nat; /* NULL: the owner wants no second table */
	struct nat_ruleset wanted;
	bool described; /* `wanted` is what the kernel has */
	bool stood;     /* it was there once, so this kernel has such tables */
	enum keeper_ip6 state;
};

struct keeper6_run {
	size_t transactions;
	bool same; /* what is wanted is what was wanted before */
	char summary[NAT_PLAN_TEXT_MAX];
};

/*
 * Brings the table to what `ops->describe6` says. 0; else as nat_sync_run. A kernel that has no such tables is no
 * failure: the state says so, and the next run tries again.
 */
int keeper6_run(struct keeper6 *six, const struct keeper_ops *ops, void *data,
		struct keeper6_run *ret, struct err *err);
/* The same without a look, as keeper_next. 0; KEEPER_MORE; else as nat_sync_between. */
int keeper6_next(struct keeper6 *six, const struct keeper_ops *ops, void *data, struct err *err);
void keeper6_done(struct keeper6 *six);
