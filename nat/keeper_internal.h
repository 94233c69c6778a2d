// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside keeper: keeper.c looks and runs, keeper_small.c makes small changes without a look. */
#pragma once

#include "base/err.h"
#include "nat/keeper_second.h"

struct loop_timer;

struct keeper {
	struct keeper_ops ops;
	void *data;
	struct nat_sync *nat;
	struct keeper_second second;
	struct net_sync *net;
	struct loop_timer *soon, *periodic;
	enum keeper_cause pending; /* of the armed `soon` */
	char noticed[RT_TEXT_MAX];
	enum keeper_state state;
	struct err error;
	struct nat_ruleset ruleset; /* the routing is in `net`, which needs it too */
	bool described;             /* ruleset and routing are what the kernel has */
	/* Or not quite: something else is wanted since the last good run, or a small change went wrong. To bring that
	 * about is no repair. */
	bool torn;
	int64_t retry_ms;
	struct mono storm_since;
	unsigned storm_runs;
	struct keeper_stats stats;
};

void keeper_count(struct keeper *keeper); /* what is wanted, for the statistics */
