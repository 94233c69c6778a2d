// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/observe.h"

#include <errno.h>

#include "base/err.h"
#include "netlink/plan.h"
#include "netlink/rtnl.h"

static void keep_addrs_of(struct rt_addrs *addrs, int ifindex)
{
	size_t kept = 0;

	for (size_t i = 0; i < addrs->n; i++) {
		if (addrs->v[i].ifindex == ifindex)
			addrs->v[kept++] = addrs->v[i];
	}
	addrs->n = kept;
}

static void keep_neighs_of(struct rt_neighs *neighs, int ifindex)
{
	size_t kept = 0;

	for (size_t i = 0; i < neighs->n; i++) {
		if (neighs->v[i].ifindex == ifindex)
			neighs->v[kept++] = neighs->v[i];
	}
	neighs->n = kept;
}

static void keep_our_rules(struct rt_rules *rules)
{
	size_t kept = 0;

	for (size_t i = 0; i < rules->n; i++) {
		if (rules->v[i].protocol == RT_PROTOCOL_EIPGW)
			rules->v[kept++] = rules->v[i];
	}
	rules->n = kept;
}

static int observe_tunnel(struct rtnl *rtnl, const char *name, struct net_observed *observed,
			  struct err *err)
{
	int rc = rtnl_link_by_name(rtnl, name, &observed->tunnel, err);

	if (rc == -ENODEV)
		return err_set(err, 0, "%s", "");
	if (rc)
		return rc;
	observed->has_tunnel = true;
	rc = rtnl_addrs(rtnl, &observed->addrs, err);
	if (rc)
		return rc;
	keep_addrs_of(&observed->addrs, observed->tunnel.ifindex);
	rc = rtnl_neighs(rtnl, &observed->neighs, err);
	if (rc)
		return rc;
	keep_neighs_of(&observed->neighs, observed->tunnel.ifindex);
	return 0;
}

int net_observe(struct rtnl *rtnl, const char *tunnel_name, struct net_observed *ret,
		struct err *err)
{
	const struct rt_route_filter ours = { .protocol = RT_PROTOCOL_EIPGW };
	struct net_observed observed = { 0 };
	int rc = observe_tunnel(rtnl, tunnel_name, &observed, err);

	if (rc == 0)
		rc = rtnl_routes(rtnl, &ours, &observed.routes, err);
	if (rc == 0)
		rc = rtnl_rules(rtnl, &observed.rules, err);
	if (rc) {
		net_observed_done(&observed);
		return rc;
	}
	keep_our_rules(&observed.rules);
	*ret = observed;
	return 0;
}
