// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside netlink/ only: the two halves of the plan. */
#pragma once

#include "netlink/plan.h"

/* Adds a step. -ENOMEM. The plan has no more room than NET_PLAN_STEPS_MAX steps: then -E2BIG. */
#define NET_PLAN_STEPS_MAX (8u << 20)
int net_plan_add(struct net_plan *plan, const struct net_op *op);

/* The steps for the rules: all additions, then all deletions. -ENOMEM. */
int plan_rules(const struct rt_rules *desired, const struct rt_rules *observed,
	       struct net_plan *plan);

/* Whether the deletion of one of the rules would take it and no other one, whatever their order. */
bool plan_rule_is_single(const struct rt_rule *rule, const struct rt_rules *among);
