// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: the steps from what a table is known to be to what it should be now, if only elements of sets come and go: without
 * a look at the kernel, which costs more than the change.
 */
#pragma once

#include "nat/plan.h"

enum nat_between_code { NAT_PLAN_MORE = 1 };
/* 0; NAT_PLAN_MORE: chains, counters or the sets themselves differ, too, and *ret is unset; -ENOMEM. */
int nat_plan_between(const struct nat_ruleset *was, const struct nat_ruleset *is,
		     struct nat_plan *ret);
