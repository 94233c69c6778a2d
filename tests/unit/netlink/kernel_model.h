// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What the kernel does with a plan's steps, traps included: a deletion of a rule hits the first that has at
 * least the selectors named, the last address and the device take routes with them, a change of the device
 * takes its neighbours. A step that the kernel would refuse fails the test. The contract tests
 * (test_kernel_*.c) show that the real one is like that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "netlink/plan.h"

#define MODEL_ROOM 256

struct model {
	bool has_tunnel;
	struct rt_link tunnel;
	int next_ifindex;
	struct rt_addr addrs[MODEL_ROOM];
	size_t n_addrs;
	struct rt_neigh neighs[MODEL_ROOM];
	size_t n_neighs;
	struct rt_route routes[MODEL_ROOM];
	size_t n_routes;
	struct rt_rule rules[MODEL_ROOM];
	size_t n_rules;
};

void model_apply(struct model *m, const struct net_desired *desired, const struct net_op *op);
struct net_observed model_observe(const struct model *m);
/* The index of the first route with the key of `route`, or n_routes. */
size_t model_find_key(const struct model *m, const struct rt_route *route);
void model_forget_routes_by(struct model *m, int ifindex);
