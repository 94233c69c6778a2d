// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A policy's sources as intervals of the sweep. With one egress IP an interval is a range of pods
 * as it stands; with several each address chooses, and an interval is a run of addresses that chose
 * the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct policy_events;
struct policy_input;
struct policy_spec;

/*
 * How many addresses the prefixes have that are more than one address each; what several have counts once.
 * -ENOMEM.
 */
int policy_spread_ranges(const struct ip4_prefix *v, size_t n, uint64_t *ret);
/* Adds the intervals of all ranges of `pods`. -ENOMEM. */
int policy_spread(const struct policy_input *input, const struct policy_spec *spec,
		  const struct ip4_set *pods, uint16_t rank, struct policy_events *events);
