// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/rtnl.h"

static bool is_default(const struct rt_route *route, void *data)
{
	(void)data;
	return route->dst.len == 0 && route->type == RT_UNICAST && route->oif > 0;
}

static void routes_done(struct rt_routes *routes)
{
	free(routes->v);
}

static void links_done(struct rt_links *links)
{
	free(links->v);
}

/* The best default route; with `ifindex` not 0 of that device and with a next hop. An empty one: there is none. */
static int find_default(struct rtnl *rtnl, int ifindex, struct rt_route *ret, struct err *err)
{
	CLEANUP(routes_done) struct rt_routes routes = { 0 };
	const struct rt_route_filter filter = { .table = RT_TABLE_MAIN, .keep = is_default };
	int rc = rtnl_routes(rtnl, &filter, &routes, err);

	*ret = (struct rt_route){ 0 };
	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	for (size_t i = 0; i < routes.n; i++) {
		const struct rt_route *route = &routes.v[i];

		if (ifindex && (route->oif != ifindex || !route->gateway.v))
			continue;
		if (!ret->oif || route->metric < ret->metric)
			*ret = *route;
	}
	return 0;
}

int uplink_router(struct rtnl *rtnl, int ifindex, struct ip4 *ret, struct err *err)
{
	struct rt_route route;
	int rc = find_default(rtnl, ifindex, &route, err);

	if (!rc)
		*ret = route.gateway;
	return rc;
}

static int find_name(struct rtnl *rtnl, char name[static RT_IFNAME_MAX], struct err *err)
{
	CLEANUP(links_done) struct rt_links links = { 0 };
	struct rt_route route;
	int rc = find_default(rtnl, 0, &route, err);

	if (!rc && !route.oif)
		rc = err_mark(err, MSG_CONFIG_UPLINK,
			      err_set(err, -ENOENT,
				      "not given, and there is no default route to tell it"));
	if (!rc)
		rc = rtnl_links(rtnl, &links, err);
	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	for (size_t i = 0; i < links.n; i++) {
		if (links.v[i].ifindex != route.oif)
			continue;
		memcpy(name, links.v[i].name, RT_IFNAME_MAX);
		return 0;
	}
	return err_mark(err, MSG_CONFIG_UPLINK,
			err_set(err, -ENODEV, "the default route's device is gone"));
}

int uplink_find(struct rtnl *rtnl, char name[static RT_IFNAME_MAX], struct rt_link *ret,
		struct err *err)
{
	int rc = name[0] ? 0 : find_name(rtnl, name, err);

	if (!rc)
		rc = rtnl_link_by_name(rtnl, name, ret, err);
	return rc > 0 ? -EAGAIN : rc;
}
