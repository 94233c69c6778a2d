// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The second table of a keeper. Only for nat/keeper.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/keeper.h"
#include "nat/plan.h"
#include "nat/ruleset.h"

struct err;
struct nat_sync;

struct keeper_second {
	struct nat_sync *nat; /* NULL: the owner wants no second table */
	struct nat_ruleset wanted;
	const char *label; /* in what people read */
	bool described;    /* `wanted` is what the kernel has */
	bool stood;        /* it was there once, so this kernel has such tables */
	enum keeper_second_state state;
};

struct keeper_second_run {
	size_t transactions;
	bool same; /* what is wanted is what was wanted before */
	char summary[NAT_PLAN_TEXT_MAX];
};

/*
 * Brings the table to what `ops->describe_second` says. 0; else as nat_sync_run. A kernel that has no such tables is no
 * failure: the state says so, and the next run tries again.
 */
int keeper_second_run(struct keeper_second *second, const struct keeper_ops *ops, void *data,
		      struct keeper_second_run *ret, struct err *err);
/* The same without a look, as keeper_next. 0; KEEPER_MORE; else as nat_sync_between. */
int keeper_second_next(struct keeper_second *second, const struct keeper_ops *ops, void *data,
		       struct err *err);
void keeper_second_done(struct keeper_second *second);
