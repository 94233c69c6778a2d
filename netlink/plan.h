// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * From what should be and what is, to the steps between; pure. Ours are the routes and rules with our
 * protocol number and everything on our tunnel device; nothing else is ever in a plan.
 *
 * The order makes each prefix of a plan safe, should the process die inside it: link, address, neighbour;
 * new routes (those that stop packets first, unless they stand behind another one of the same prefix and would hide
 * a wider one until that comes) before the rules that use them; new rules (nop and goto before those that catch packets) before old ones go; old rules, the catching ones first, before the
 * routes that they used.
 */
#pragma once

#include <stddef.h>

#include "netlink/rt.h"

struct err;
struct rt_change;

/* What should be. The arrays are owned by the holder and sorted by net_desired_sort. */
struct net_desired {
	struct rt_link
		tunnel; /* name, kind "vxlan", mac, mtu, external, port, ttl, noarp, up; no ifindex */
	struct ip4 tunnel_addr; /* /32 */
	struct rt_neigh peer;   /* ifindex ignored */
	/* oif RT_OIF_TUNNEL stands for the tunnel device, whatever its index is now. */
	struct rt_routes routes;
	struct rt_rules rules;
};
#define RT_OIF_TUNNEL (-1)

/* Routes less and more of what should be, as they stand there. In any order. */
struct net_delta {
	struct rt_routes del, add;
};

/* What is: complete dumps, filtered to what can be ours. */
struct net_observed {
	bool has_tunnel; /* a device of that name is there, ours or not */
	struct rt_link tunnel;
	struct rt_addrs addrs;   /* on the tunnel device */
	struct rt_neighs neighs; /* on the tunnel device */
	struct rt_routes routes; /* of our protocol */
	struct rt_rules rules;   /* of our protocol, in the kernel's order */
};

enum net_op_kind {
	NET_LINK_ADD, /* the tunnel device is missing */
	NET_LINK_DEL, /* it is ours but can't be changed into what is wanted (port, mode) */
	NET_LINK_SET, /* mac, mtu, arp, up */
	NET_ADDR_ADD,
	NET_ADDR_DEL,
	NET_NEIGH_ADD,
	NET_ROUTE_ADD, /* nothing of ours has this key; a foreign one there makes it fail, not vanish */
	NET_ROUTE_REPLACE, /* ours with this key differs */
	NET_ROUTE_DEL,
	NET_RULE_ADD, /* a second copy of one that is there too, see plan_rules.c */
	NET_RULE_DEL,
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
 * -ENOMEM; -EINVAL when `desired` contradicts itself (two routes with one key, a foreign protocol);
 * -EEXIST when the device name belongs to somebody else: it is left alone and the text in `err` says so.
 * Ours is a VXLAN device in external mode that has our MAC or our address.
 * A plan that deletes or adds the link holds, before that, the new routes that stop packets and the rules,
 * and nothing after it: when it was applied, observe and plan again until the plan is empty (two rounds).
 */
int net_plan_compute(const struct net_desired *desired, const struct net_observed *observed,
		     struct net_plan *ret, struct err *err);
/* The plan after which nothing of ours is left: rules, routes, the tunnel device. A device of that name
 * that isn't ours stays. -ENOMEM. */
int net_plan_compute_removal(const struct net_desired *desired, const struct net_observed *observed,
			     struct net_plan *ret);
void net_plan_done(struct net_plan *plan);
/*
 * What would be observed where exactly this is, on a tunnel of that index; the order of rules isn't known. -ENOMEM.
 */
int net_observed_assume(const struct net_desired *desired, int tunnel_ifindex,
			struct net_observed *ret);
/*
 * Whether a plan that was made from such an assumption can be applied: it changes nothing but routes and rules, and no
 * rule goes whose deletion could take another one, by their order.
 */
bool net_plan_is_small(const struct net_plan *plan, const struct net_observed *assumed);
void net_desired_sort(struct net_desired *desired);
/*
 * Changes the routes that should be; those of `delta` are sorted here. 0; -ENOENT: one that goes wasn't wanted;
 * -EEXIST: one that comes was; -ENOMEM. Then nothing has changed.
 */
int net_desired_change(struct net_desired *desired, const struct net_delta *delta);
void net_desired_done(struct net_desired *desired);
void net_observed_done(struct net_observed *observed);
/* A route of `desired` with the tunnel's present index in place of RT_OIF_TUNNEL. */
struct rt_route net_route_resolve(const struct rt_route *route, int tunnel_ifindex);
/* One line, as iproute2 would be typed; `buf` is returned. */
const char *net_op_format(const struct net_op *op, const struct net_desired *desired,
			  char buf[static RT_TEXT_MAX]);
/* "3 routes, 1 rule"; "" for an empty plan. `by_kind` as in struct net_plan. */
const char *net_steps_format(const size_t by_kind[static NET_OP_KIND_COUNT],
			     char buf[static RT_TEXT_MAX]);

/*
 * Whether a change that somebody else made concerns what is desired, so that a look is worth its price.
 * `tunnel_ifindex`: the tunnel's index when it was last seen, 0 if it wasn't. True fills `text`
 * ("rule deleted: ...").
 */
bool net_change_is_stale(const struct net_desired *desired, int tunnel_ifindex,
			 const struct rt_change *change, char text[static RT_TEXT_MAX]);
