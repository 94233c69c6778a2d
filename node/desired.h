// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what a node wants in its kernel, from configuration, compiled policies, lanes and local pods.
 * The table and the reasons for each of its rules stand in desired.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/node.h"
#include "daemon/report.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"
#include "node/pods.h"
#include "policy/lanes.h"
#include "policy/policy.h"

#define NODE_TABLE "eipgw_node"

/* Inside the mark's index bits: "from the tunnel, lane not known", and without the flag: "goes its normal
 * way, and that was decided here". */
#define NODE_INDEX_UNKNOWN 0x7f

struct node_view {
	const struct node_config *config;
	const struct policy_result *policies;
	/* struct node_egress, which `policies` speak of by index: the configuration's, or Kubernetes'. One whose
	 * gateway is 0 has none now: its packets end here. */
	const struct config_list *egress;
	/* More gateways whose tunnel packets are taken: the groups' members. While an egress IP goes from one to another, each of
	 * them may send before the node has heard of it. */
	const struct ip4 *gateways;
	size_t n_gateways;
	const struct lanes *lanes;
	bool can_copy; /* the kernel can; else nodes don't send to both while an egress IP moves */
	const struct pods *pods;
	uint32_t tunnel_mtu;
	bool strict;  /* pods that aren't known yet open no connection beyond the excluded ranges */
	bool strict6; /* nor over IPv6 */
};

/* 0; -ENOMEM; -EINVAL when the policies don't fit (nat_ruleset_finish). */
int node_describe_table(const struct node_view *view, struct nat_ruleset *ret);
/*
 * Where the configuration says who is selected, by IPv4 addresses: the routes to these say which device is a pod's, and
 * all IPv6 that comes out of it is its own. `configs`: of struct policy_config, which `policies` was compiled from.
 */
void node_mark_devices(struct pods *pods, const struct policy_result *policies,
		       const struct config_list *configs);
/* Whether one of them drops IPv6, so that a device that isn't known yet has to wait. */
bool node_is_dropping6(const struct config_list *configs);
/* The table of IPv6, see desired6.c. Of the view it needs configuration, pods and strict6. */
int node_describe_table6(const struct node_view *view, struct nat_ruleset *ret);
/*
 * The last table before there is none: it drops connections that were in the tunnel, so that they can't show
 * the pod's own address between the end of steering and their own.
 */
int node_describe_parting(const struct node_config *config, struct nat_ruleset *ret);
int node_describe_routing(const struct node_view *view, struct net_desired *ret);
/* The lane's second gateway as a next hop: its route leads into the tunnel to it. */
struct ip4 node_second_hop(unsigned lane);

/* The counters and what they count. Ends with a NULL name. */
extern const struct report_counter node_counters[], node_counters6[];

/* How the devices of pods are called, as nftables has it: "eni*", "vlan*". */
void node_name_pod_devices(const struct node_config *config, char ret[static 2][16]);
