// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: how many connections a source may have, and the rules that refuse it more. Only for desired.c and who counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/table/desired.h"

/* The set of sources that get no new connection (limiter.h), and where their first packets go. */
#define LIMITS_SET "limited"
#define LIMITS_CHAIN "over_limit"
/* Of each policy that has a limit: what was refused by it. */
#define LIMITS_COUNTER_FORMAT "limited_%s"

/* Of policies that say nothing the gateway's word counts; of several that do, the smallest. 0: any number. */
uint32_t limits_of(const struct gateway_view *view, const struct policy_class *class);
/* The smallest of all; 0: there is none. */
uint32_t limits_smallest(const struct gateway_view *view);

/* Set, chain and counters; none where nothing is limited. */
void limits_describe(const struct gateway_view *view, struct nat_ruleset *rs);
/* The first rule of a class chain, if the class has a limit. */
void limits_add_rule(const struct gateway_view *view, const struct policy_class *class,
		     struct nat_ruleset *rs, size_t chain);
