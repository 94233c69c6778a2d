// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * From what should be and what is, to the steps between; pure. Ours are the routes and rules with our
 * protocol number and everything on our tunnel device; nothing else is ever in a plan.
 *
 * The order makes each prefix of a plan safe, should the process die inside it: new routes before the
 * rules that use them, new rules before old ones go, old rules before the routes that they used.
 */
#pragma once

#include <stddef.h>

#include "netlink/rt.h"

struct err;

/* What should be. The arrays are owned by the holder and sorted by net_desired_sort. */
struct net_desired {
	struct rt_link tunnel; /* name, kind "vxlan", mac, mtu, external, port, ttl, noarp, up; no ifindex */
	struct ip4 tunnel_addr; /* /32 */
	struct rt_neigh peer;   /* ifindex ignored */
	/* oif RT_OIF_TUNNEL stands for the tunnel device, whatever its index is now. */
	struct rt_routes routes;
	struct rt_rules rules;
};
#define RT_OIF_TUNNEL (-1)

/* What is: complete dumps, filtered to what can be ours. */
struct net_observed {
	bool has_tunnel;         /* a device of that name is there, ours or not */
	struct rt_link tunnel;
	struct rt_addrs addrs;   /* on the tunnel device */
	struct rt_neighs neighs; /* on the tunnel device */
	struct rt_routes routes; /* of our protocol */
	struct rt_rules rules;   /* of our protocol */
};

enum net_op_kind {
	NET_LINK_ADD,    /* the tunnel device is missing */
	NET_LINK_DEL,    /* it is ours but can't be changed into what is wanted (port, mode) */
	NET_LINK_SET,    /* mac, mtu, arp, up */
	NET_ADDR_ADD, NET_ADDR_DEL,
	NET_NEIGH_ADD,
	NET_ROUTE_REPLACE, NET_ROUTE_DEL,
	NET_RULE_ADD, NET_RULE_DEL,
	NET_OP_KIND_COUNT
};

struct net_op {
	enum net_op_kind kind;
	union {
		struct rt_addr addr;
		const struct rt_route *route; /* into desired or observed: both outlive the plan */
		const struct rt_rule *rule;
	};
};

struct net_plan {
	struct net_op *v;
	size_t n;
	size_t by_kind[NET_OP_KIND_COUNT];
};

/*
 * -ENOMEM; -EEXIST when the device name belongs to somebody else (no vxlan in external mode with our
 * MAC): it is left alone and the text in `err` says so.
 * A plan that deletes or adds the link holds no route steps beyond it that need its index: after it was
 * applied, observe and plan again until the plan is empty (two rounds).
 */
int net_plan_compute(const struct net_desired *desired, const struct net_observed *observed,
		     struct net_plan *ret, struct err *err);
void net_plan_done(struct net_plan *plan);
void net_desired_sort(struct net_desired *desired);
void net_desired_done(struct net_desired *desired);
void net_observed_done(struct net_observed *observed);
/* One line, as iproute2 would be typed; `buf` is returned. */
const char *net_op_format(const struct net_op *op, const struct net_desired *desired,
			  char buf[static RT_TEXT_MAX]);
