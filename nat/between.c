// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/between.h"

#include <string.h>

#include "nat/observe.h"

/* Shared with `rs`, for the time of a comparison. */
static struct nat_ruleset only_sets(const struct nat_ruleset *rs)
{
	struct nat_ruleset sets = *rs;

	sets.chains = NULL;
	sets.n_chains = 0;
	sets.counters = NULL;
	sets.n_counters = 0;
	sets.flowtable = (struct nat_flowtable){ 0 };
	return sets;
}

int nat_plan_between(const struct nat_ruleset *was, const struct nat_ruleset *is,
		     struct nat_plan *ret)
{
	const struct nat_ruleset wanted = only_sets(is);
	const struct nat_observed seen = { .has_table = true, .sets = only_sets(was) };

	if (!nat_ruleset_same_shape(was, is))
		return NAT_PLAN_MORE;
	return nat_plan_compute(&wanted, &seen, ret);
}
