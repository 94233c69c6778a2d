// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what a gateway wants in its kernel, from configuration and compiled policies. The table and the
 * reasons for its rules stand in desired.c, the routing in routing.c.
 */
#pragma once

#include <stdint.h>

#include "daemon/report.h"
#include "gateway/config.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"
#include "policy/policy.h"

struct own;

#define GATEWAY_TABLE "eipgw"

struct gateway_view {
	const struct gateway_config *config;
	const struct policy_result *policies;
	uint32_t tunnel_mtu;
	int uplink_ifindex;
	struct ip4 router; /* the default route's next hop on the uplink; v == 0: there is none */
	const struct own *own; /* which egress IPs are ours now; NULL: all, as configured */
	struct ip4 address;    /* of the tunnel's end, if it isn't configured */
};

/* What an egress IP amounts to now. v == 0: it isn't available, and nothing leaves with it. */
struct ip4 gateway_private(const struct gateway_view *view, size_t egress_index);
/* v == 0: not known yet. */
struct ip4 gateway_public(const struct gateway_view *view, size_t egress_index);

/* 0; -ENOMEM; -EINVAL when the policies don't fit. */
int gateway_describe_table(const struct gateway_view *view, struct nat_ruleset *ret);
int gateway_describe_routing(const struct gateway_view *view, struct net_desired *ret);

/* The number that stands for an egress IP in packet and connection marks: its place in the list, from 1. */
uint32_t gateway_egress_mark(size_t egress_index);
/* The packet mark of what came through the tunnel from that node: its address as it stands in a packet. */
uint32_t gateway_node_mark(struct ip4 node);

/* The counters and what they count. Ends with a NULL name. */
extern const struct report_counter gateway_counters[];
