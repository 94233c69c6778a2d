// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A NETLINK_ROUTE socket: requests with extended acknowledgements, dumps that notice that they were
 * interrupted or overrun, and a subscription to changes. rtnetlink answers while sendmsg(2) runs, so a
 * request doesn't wait for anything but the kernel's own work.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink/rt.h"

struct err;
struct loop;
struct rtnl;
struct nlmsghdr;

/* Positive codes for the direct caller. */
enum rtnl_code {
	RTNL_E_STALE =
		1, /* the dump was interrupted or overrun in every try: the view can't be trusted */
};

struct rtnl *rtnl_open(struct err *err); /* NULL with the reason */
void rtnl_close(struct rtnl *rtnl);

/*
 * Dumps. Each replaces *ret by a new array (caller frees ret->v). A dump with NLM_F_DUMP_INTR, an
 * ENOBUFS or a torn message is thrown away and repeated up to 5 times, then RTNL_E_STALE.
 * NETLINK_GET_STRICT_CHK is on, so that the kernel filters by table and protocol where it can; what it
 * lets through is filtered here again. Rules are read until two lists in a row agree, see rtnl.c.
 */
int rtnl_links(struct rtnl *rtnl, struct rt_links *ret, struct err *err);
int rtnl_addrs(struct rtnl *rtnl, struct rt_addrs *ret, struct err *err); /* IPv4 */
int rtnl_neighs(struct rtnl *rtnl, struct rt_neighs *ret,
		struct err *err); /* IPv4, static ones only */
int rtnl_rules(struct rtnl *rtnl, struct rt_rules *ret, struct err *err); /* IPv4, all protocols */

struct rt_route_filter {
	uint8_t protocol;                                       /* 0 = any */
	uint32_t table;                                         /* 0 = any */
	bool (*keep)(const struct rt_route *route, void *data); /* NULL = all that pass the above */
	void *data;
};
int rtnl_routes(struct rtnl *rtnl, const struct rt_route_filter *filter, struct rt_routes *ret,
		struct err *err);

/* One object. The error text has the object in words and the kernel's extended-ack message. */
int rtnl_link_by_name(struct rtnl *rtnl, const char *name, struct rt_link *ret, struct err *err);
/* Creates a VXLAN device in external (collect-metadata) mode, down. -EEXIST, -EADDRINUSE as they come:
 * the text says whether the name or the UDP port is taken. */
int rtnl_link_add_vxlan(struct rtnl *rtnl, const struct rt_link *link, struct err *err);
/* Brings mac, mtu, arp and up/down of an existing device to what `link` says. */
int rtnl_link_set(struct rtnl *rtnl, const struct rt_link *link, struct err *err);
int rtnl_link_del(struct rtnl *rtnl, int ifindex, struct err *err);
int rtnl_addr_add(struct rtnl *rtnl, const struct rt_addr *addr, struct err *err); /* replaces */
int rtnl_addr_del(struct rtnl *rtnl, const struct rt_addr *addr, struct err *err);
int rtnl_neigh_add(struct rtnl *rtnl, const struct rt_neigh *neigh,
		   struct err *err); /* replaces, permanent */
int rtnl_neigh_del(struct rtnl *rtnl, const struct rt_neigh *neigh, struct err *err);
int rtnl_rule_add(struct rtnl *rtnl, const struct rt_rule *rule,
		  struct err *err); /* -EEXIST if there */
/* Adds without looking whether it is there: the kernel's own look takes a rule with more selectors for
 * the same one, and a second copy is wanted while a plan works around that in deletions. */
int rtnl_rule_append(struct rtnl *rtnl, const struct rt_rule *rule, struct err *err);
/* Deletes the first rule that has at least these selectors and this protocol: the kernel takes an absent
 * selector as "any". plan.h orders its steps so that it is the right one. */
int rtnl_rule_del(struct rtnl *rtnl, const struct rt_rule *rule, struct err *err);

/*
 * Many routes in few system calls: messages are packed and acknowledged together. All are tried; the
 * first failure's text goes to `err`, *ret_failed counts the failures. 0 or the first failure's errno.
 * Replace means NLM_F_CREATE|NLM_F_REPLACE (same table, prefix, tos and metric).
 *
 * The kernel hashes next hops by protocol, scope, metric and device, but not by gateway or encapsulation:
 * routes that differ in these alone share one bucket that is searched for each new route. Give each far
 * end a metric of its own when there are many: 100,000 routes to 1,000 far ends took 4.8 s with one
 * metric and 0.6 s with 1,000; 20,000 to 20,000 took 36 s (6.18, fib_semantics.c).
 */
int rtnl_routes_replace(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
			size_t *ret_failed, struct err *err);
/* NLM_F_EXCL: a route with that key that is there already, of whatever protocol, is -EEXIST. */
int rtnl_routes_add(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
		    size_t *ret_failed, struct err *err);
int rtnl_routes_del(struct rtnl *rtnl, const struct rt_route *const *routes, size_t n,
		    size_t *ret_failed, struct err *err);

/*
 * Changes that others made. The watch has a socket of its own; messages caused by the port ids that were
 * given to rtnl_watch_ignore (our own requests) aren't reported. `on_change` gets each decoded object;
 * `on_overrun` says that messages were lost (ENOBUFS): everything must be read again. Neither may free
 * the watch.
 */
enum rt_kind { RT_LINK, RT_ADDR, RT_NEIGH, RT_ROUTE, RT_RULE };

struct rt_change {
	enum rt_kind kind;
	bool deleted;
	union {
		struct rt_link link;
		struct rt_addr addr;
		struct rt_neigh neigh;
		struct rt_route route;
		struct rt_rule rule;
	};
};

struct rtnl_watch;
struct rtnl_watch_ops {
	void (*on_change)(const struct rt_change *change, void *data);
	void (*on_overrun)(void *data);
};
struct rtnl_watch *rtnl_watch_new(struct loop *loop, const struct rtnl_watch_ops *ops, void *data,
				  struct err *err);
void rtnl_watch_ignore(struct rtnl_watch *watch, const struct rtnl *rtnl);
/*
 * Marks the present end of the queue. Until on_change has been called for what stands before it,
 * rtnl_watch_is_behind is true: those changes are older than whatever is read after the call.
 */
void rtnl_watch_barrier(struct rtnl_watch *watch);
bool rtnl_watch_is_behind(const struct rtnl_watch *watch);
void rtnl_watch_free(struct rtnl_watch *watch);

/*
 * The decoders, on their own so that they can be fuzzed: 0 and *ret, -ENOMSG when the message is of
 * another kind or family, -EBADMSG when it is malformed. They never read beyond nlh->nlmsg_len.
 */
int rtnl_decode(const struct nlmsghdr *nlh, struct rt_change *ret);
