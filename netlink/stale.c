// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Which of the changes that others make concern us. Pure, and generous where it is in doubt: a needless
 * look costs a dump, a missed one leaves traffic unsteered until the periodic pass.
 * The kernel doesn't announce the IPv4 routes that it drops with a device or an address, so that the
 * device's and the address's own notifications have to stand for them.
 */
#include <stdlib.h>
#include <string.h>

#include "netlink/plan.h"
#include "netlink/rtnl.h"
#include "netlink/text.h"

static const char *verb(const struct rt_change *change)
{
	return change->deleted ? "deleted" : "changed";
}

/* A device beside the tunnel that routes of ours leave by. */
static bool routes_use(const struct net_desired *desired, int ifindex)
{
	for (size_t i = 0; i < desired->routes.n; i++) {
		if (desired->routes.v[i].oif == ifindex)
			return true;
	}
	return false;
}

static bool link_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			  const struct rt_change *change)
{
	const struct rt_link *have = &change->link;
	const struct rt_link *want = &desired->tunnel;
	bool named = strcmp(have->name, want->name) == 0;

	if (!named) /* Perhaps renamed, perhaps the uplink. */
		return have->ifindex == tunnel_ifindex || routes_use(desired, have->ifindex);
	return change->deleted || have->ifindex != tunnel_ifindex || have->up != want->up ||
	       have->noarp != want->noarp || have->mtu != want->mtu ||
	       have->vxlan_port != want->vxlan_port ||
	       memcmp(have->mac, want->mac, sizeof(have->mac)) != 0;
}

static bool addr_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			  const struct rt_change *change)
{
	const struct rt_addr *addr = &change->addr;
	bool ours = addr->addr.addr.v == desired->tunnel_addr.v && addr->addr.len == 32;

	if (addr->ifindex == tunnel_ifindex)
		return ours == change->deleted;
	return routes_use(desired, addr->ifindex);
}

static bool neigh_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			   const struct rt_change *change)
{
	const struct rt_neigh *neigh = &change->neigh;

	if (neigh->ifindex != tunnel_ifindex || neigh->dst.v != desired->peer.dst.v)
		return false;
	return change->deleted || !neigh->permanent ||
	       memcmp(neigh->mac, desired->peer.mac, sizeof(neigh->mac)) != 0;
}

static int compare_keys(const void *a, const void *b)
{
	return rt_route_key_compare(a, b);
}

static bool route_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			   const struct rt_change *change)
{
	const struct rt_route *route = &change->route;
	const struct rt_route *want = NULL;
	struct rt_route resolved;

	if (desired->routes.n)
		want = bsearch(route, desired->routes.v, desired->routes.n, sizeof(*want),
			       compare_keys);
	if (!want)
		return !change->deleted && route->protocol == RT_PROTOCOL_EIPGW;
	/* A foreign route with the key of one of ours may have replaced it: the kernel doesn't say. */
	resolved = net_route_resolve(want, tunnel_ifindex);
	return change->deleted ? route->protocol == RT_PROTOCOL_EIPGW :
				 rt_route_compare(route, &resolved) != 0;
}

static int compare_rules(const void *a, const void *b)
{
	return rt_rule_compare(a, b);
}

/* A rule with our protocol that another process added is stale even if it is wanted: it is a second copy. */
static bool rule_is_stale(const struct net_desired *desired, const struct rt_change *change)
{
	const struct rt_rule *rule = &change->rule;

	if (rule->protocol != RT_PROTOCOL_EIPGW)
		return false;
	return !change->deleted ||
	       (desired->rules.n &&
		bsearch(rule, desired->rules.v, desired->rules.n, sizeof(*rule), compare_rules));
}

static void describe(const struct rt_change *change, char text[static RT_TEXT_MAX])
{
	char addr[IP4_TEXT_MAX];
	size_t used;

	switch (change->kind) {
	case RT_LINK:
		text_add(text, 0, "link %s: %s", verb(change), change->link.name);
		break;
	case RT_ADDR:
		text_add(text, 0, "address %s: %s/%u", verb(change),
			 ip4_format(change->addr.addr.addr, addr), change->addr.addr.len);
		break;
	case RT_NEIGH:
		text_add(text, 0, "neighbour %s: %s", verb(change),
			 ip4_format(change->neigh.dst, addr));
		break;
	case RT_ROUTE:
		used = text_add(text, 0, "route %s: ", verb(change));
		text_add_route(text, used, &change->route, "tunnel");
		break;
	case RT_RULE:
		used = text_add(text, 0, "rule %s: priority %u ", verb(change),
				change->rule.priority);
		text_add_rule(text, used, &change->rule);
		break;
	}
}

bool net_change_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			 const struct rt_change *change, char text[static RT_TEXT_MAX])
{
	bool stale = false;

	switch (change->kind) {
	case RT_LINK:
		stale = link_is_stale(desired, tunnel_ifindex, change);
		break;
	case RT_ADDR:
		stale = addr_is_stale(desired, tunnel_ifindex, change);
		break;
	case RT_NEIGH:
		stale = neigh_is_stale(desired, tunnel_ifindex, change);
		break;
	case RT_ROUTE:
		stale = route_is_stale(desired, tunnel_ifindex, change);
		break;
	case RT_RULE:
		stale = rule_is_stale(desired, change);
		break;
	}
	if (stale)
		describe(change, text);
	return stale;
}
