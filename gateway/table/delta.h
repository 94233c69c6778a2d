// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what pods that come, go, move or change their class make of the table and the routing, and what taking over or
 * giving way makes of the table: the difference between what desired.h describes before and after, without describing either.
 */
#pragma once

#include "gateway/table/desired.h"
#include "gateway/table/moves.h"
#include "nat/keeper.h"

struct gateway_delta {
	struct keeper_elems sets[3];
	struct nat_elem *elems;
	struct nat_elem *blocks;
	struct rt_route *routes;
	struct keeper_delta delta; /* into the other members */
};
/* view->blocks knows of the moves already. 0; -ENOENT: a class isn't in view->policies; -ENOMEM. */
int gateway_delta_make(const struct gateway_view *view, const struct moves *moves,
		       struct gateway_delta *ret);
/*
 * `fenced`: the egress IP is to be fenced now, and was not; else the other way round. `view` tells the rest. 0; -ENOENT: it
 * isn't available here, so there is nothing to fence; -ENOMEM.
 */
int gateway_delta_fence(const struct gateway_view *view, size_t egress_index, bool fenced,
			struct gateway_delta *ret);
/* Likewise for its being shared. */
int gateway_delta_share(const struct gateway_view *view, size_t egress_index, bool shared,
			struct gateway_delta *ret);
void gateway_delta_done(struct gateway_delta *delta);
