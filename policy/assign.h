// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which member of a group should carry which egress IP. What somebody carries stays with him for as long as he is
 * ready, so that members who come and go move nothing but what must: his own when he goes, and, when one came and has
 * settled, one egress IP after the other from whoever has two more than he. Of equally loaded members the egress IP's
 * rendezvous decides (policy.h), so that all who know the same say the same; who knows something else is stopped by the
 * Lease.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define POLICY_CARRIERS_MAX 32 /* members of a group */
#define POLICY_CARRIER_NONE POLICY_CARRIERS_MAX

struct policy_carrier {
	const char *name;
	bool ready; /* can carry: heard, not draining, not broken */
	bool settled; /* has been so for a while: egress IPs may be moved to him although they have a carrier */
};

struct policy_carried {
	const char *name;
	size_t carrier; /* index of who has it now, or POLICY_CARRIER_NONE */
};

struct policy_group {
	const struct policy_carrier *carriers; /* names differ */
	size_t n_carriers;                     /* at most POLICY_CARRIERS_MAX */
	const struct policy_carried *egress;
	size_t n_egress; /* at most POLICY_EGRESS_MAX */
};

/* Who should carry each: indexes, in the order of group->egress; POLICY_CARRIER_NONE where nobody is ready. */
void policy_assign(const struct policy_group *group, size_t *ret);
/*
 * In which turn a member should try to take over an egress IP that has no ready carrier: 0 is first. One that isn't
 * ready: POLICY_CARRIER_NONE.
 */
size_t policy_assign_turn(const struct policy_group *group, size_t egress, size_t carrier);
