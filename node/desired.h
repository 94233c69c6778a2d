// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what a node wants in its kernel, from configuration, compiled policies, lanes and local pods.
 * The table and the reasons for each of its rules stand in desired.c.
 */
#pragma once

#include <stdint.h>

#include "daemon/report.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"
#include "node/config.h"
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
	const struct lanes *lanes;
	const struct pods *pods;
	uint32_t tunnel_mtu;
};

/* 0; -ENOMEM; -EINVAL when the policies don't fit (nat_ruleset_finish). */
int node_describe_table(const struct node_view *view, struct nat_ruleset *ret);
/*
 * The last table before there is none: it drops connections that were in the tunnel, so that they can't show
 * the pod's own address between the end of steering and their own.
 */
int node_describe_parting(const struct node_config *config, struct nat_ruleset *ret);
int node_describe_routing(const struct node_view *view, struct net_desired *ret);

/* The counters and what they count. Ends with a NULL name. */
extern const struct report_counter node_counters[];
