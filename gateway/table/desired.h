// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what a gateway wants in its kernel, from configuration and compiled policies. The table and the
 * reasons for its rules stand in desired.c, the routing in routing.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/gateway.h"
#include "daemon/report.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"
#include "policy/policy.h"

struct blocks;
struct failover_facts;
struct inventory;
struct limiter;
struct native;
struct outside;
struct own;
struct pressure;

#define GATEWAY_TABLE "eipgw"
/* The set of private addresses whose egress IP the internet sees wrongly: for the next process, no rule asks it. */
#define GATEWAY_WRONG_SET "wrong"
/* The fence: private addresses with which nothing leaves, and the numbers of their egress IPs. */
#define GATEWAY_FENCED_SET "fenced"
#define GATEWAY_FENCED_MARK_SET "fenced_mark"
/* The numbers of those that go from one gateway to another now, so that this one may not know all connections. */
#define GATEWAY_SHARED_MARK_SET "shared_mark"

/* The map of who has ports of his own (blocks.h). */
#define GATEWAY_BLOCK_SET "block"

struct gateway_view {
	const struct gateway_config *config;
	const struct policy_result *policies;
	uint32_t tunnel_mtu;
	int uplink_ifindex;
	struct ip4 router; /* the default route's next hop on the uplink; v == 0: there is none */
	const struct own *own;         /* which egress IPs are ours now; NULL: all, as configured */
	struct ip4 address;            /* of the tunnel's end, if it isn't configured */
	const char *zone;              /* the availability zone; NULL or "": not known */
	const struct outside *outside; /* how the internet sees them; NULL: nobody asks */
	const struct failover_facts *failover; /* NULL: this gateway is alone */
	const struct native
		*native; /* whether native sources come here; NULL: somebody else's care */
	/* Whose policies they are. It knows which class an address has now, when the members of `policies` are older; then
	 * each of config->nodes lists single addresses. NULL: the members are all. */
	const struct inventory *inventory;
	/* Which egress IPs another gateway of the group translates to, one for each of config->egress_ips. NULL: this
	 * gateway is alone, and has no fence. */
	const bool *fenced;
	/* Which it translates beside another one, while they go from one to the other. NULL: none. */
	const bool *shared;
	const struct limiter *limiter;   /* who gets no new connection; NULL: nobody */
	const struct pressure *pressure; /* how short ports are; NULL: not known */
	const struct blocks *blocks;     /* who has which ports; NULL: nobody has any of his own */
};

/* The class of a source, and the rule that governs what it sends there; NULL: none. */
const struct policy_class *gateway_class_of(const struct gateway_view *view, struct ip4 source);
const struct policy_rule *gateway_rule_of(const struct gateway_view *view, struct ip4 source,
					  struct ip4 destination);

/* What an egress IP amounts to now, fenced or not. v == 0: it isn't available, and nothing leaves with it; so also for
 * POLICY_EGRESS_NONE. */
struct ip4 gateway_private(const struct gateway_view *view, size_t egress_index);
/* Another gateway translates to it. */
bool gateway_is_fenced(const struct gateway_view *view, size_t egress_index);
/* Pods' packets may leave with it: it's available and not fenced, and the internet doesn't see another address. */
bool gateway_serves(const struct gateway_view *view, size_t egress_index);
/* This host's own primary address, v == 0 if it isn't known yet. */
struct ip4 gateway_address(const struct gateway_view *view);
/* v == 0: not known yet. */
struct ip4 gateway_public(const struct gateway_view *view, size_t egress_index);

/* Sources get ports of their own. */
bool gateway_has_blocks(const struct gateway_view *view);

/* 0; -ENOMEM; -EINVAL when the policies don't fit. */
int gateway_describe_table(const struct gateway_view *view, struct nat_ruleset *ret);
int gateway_describe_routing(const struct gateway_view *view, struct net_desired *ret);

/* The way back to a pod, or to all that the prefix has, by the node that hosts it. */
struct rt_route gateway_pod_route(const struct gateway_view *view, struct ip4 node,
				  struct ip4_prefix pod);
/* The way to a node itself. False: it needs none of its own. */
bool gateway_node_route(const struct gateway_view *view, struct ip4 node, struct rt_route *ret);

/* The number that stands for a class of `policies` in the maps. */
uint32_t gateway_class_number(const struct policy_result *policies,
			      const struct policy_class *class);
/* The number that stands for an egress IP in packet and connection marks: its place in the list, from 1. */
uint32_t gateway_egress_mark(size_t egress_index);
/* The packet mark of what came through the tunnel from that node: its address as it stands in a packet. */
uint32_t gateway_node_mark(struct ip4 node);

/* The same of what came without a tunnel: nobody marks it. */
#define GATEWAY_NATIVE_MARK 0u

/* The counters and what they count. Ends with a NULL name. */
extern const struct report_counter gateway_counters[];
