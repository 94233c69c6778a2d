// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Plans for a kernel that isn't looked at, since it has what was wanted last. */
#include <errno.h>
#include <stdlib.h>

#include "netlink/plan_internal.h"

static int allocate(const struct net_desired *desired, struct net_observed *ret)
{
	ret->addrs.v = calloc(1, sizeof(*ret->addrs.v));
	ret->neighs.v = calloc(1, sizeof(*ret->neighs.v));
	ret->routes.v = calloc(desired->routes.n + 1, sizeof(*ret->routes.v));
	ret->rules.v = calloc(desired->rules.n + 1, sizeof(*ret->rules.v));
	return ret->addrs.v && ret->neighs.v && ret->routes.v && ret->rules.v ? 0 : -ENOMEM;
}

int net_observed_assume(const struct net_desired *desired, int tunnel_ifindex,
			struct net_observed *ret)
{
	*ret = (struct net_observed){ .has_tunnel = true, .tunnel = desired->tunnel };
	if (allocate(desired, ret)) {
		net_observed_done(ret);
		return -ENOMEM;
	}
	ret->tunnel.ifindex = tunnel_ifindex;
	ret->addrs.v[ret->addrs.n++] =
		(struct rt_addr){ .ifindex = tunnel_ifindex, .addr = { desired->tunnel_addr, 32 } };
	ret->neighs.v[ret->neighs.n] = desired->peer;
	ret->neighs.v[ret->neighs.n++].ifindex = tunnel_ifindex;
	for (size_t i = 0; i < desired->routes.n; i++)
		ret->routes.v[ret->routes.n++] =
			net_route_resolve(&desired->routes.v[i], tunnel_ifindex);
	for (size_t i = 0; i < desired->rules.n; i++)
		ret->rules.v[ret->rules.n++] = desired->rules.v[i];
	return 0;
}

static bool is_small(const struct net_op *op, const struct net_observed *assumed)
{
	switch (op->kind) {
	case NET_ROUTE_ADD:
	case NET_ROUTE_REPLACE:
	case NET_ROUTE_DEL:
	case NET_RULE_ADD:
		return true;
	case NET_RULE_DEL:
		return plan_rule_is_single(op->rule, &assumed->rules);
	default:
		return false;
	}
}

bool net_plan_is_small(const struct net_plan *plan, const struct net_observed *assumed)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (!is_small(&plan->v[i], assumed))
			return false;
	}
	return true;
}
