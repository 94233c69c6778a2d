// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/destinations.h"

#include <stdio.h>

#include "policy/policy.h"

void destinations_name(char buf[static NAT_NAME_MAX], const struct policy_result *policies,
		       size_t policy)
{
	snprintf(buf, NAT_NAME_MAX, "dst_%s", policies->names[policy]);
}

void destinations_add(struct nat_ruleset *rs, const struct policy_result *policies)
{
	char name[NAT_NAME_MAX];

	for (size_t i = 0; i < policies->n_policies; i++) {
		const struct ip4_set *set = &policies->destinations[i];

		destinations_name(name, policies, i);
		size_t index = nat_set_add(rs, name, NAT_SET_RANGE, 0);

		for (size_t j = 0; j < set->n; j++)
			nat_elem_add(rs, index,
				     (struct nat_elem){ .first = set->v[j].first,
							.last = set->v[j].last });
	}
}
