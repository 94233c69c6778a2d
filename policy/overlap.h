// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Which policies have a destination in common: a symmetric bit matrix, filled by one sweep over all
 * destinations. Together with the set of policies that are open at a source, also bits, it answers
 * "does a policy that opens here overlap one that is open" in 16 words, whatever the sizes of the
 * lists.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "policy/policy.h"

#define POLICY_WORDS (POLICY_MAX / 64)
#define POLICY_RANK_NONE UINT16_MAX

struct policy_bits { /* a set of ranks */
	uint64_t w[POLICY_WORDS];
};

struct policy_overlap {
	struct policy_bits *rows; /* one for each rank */
};

static inline void policy_bits_set(struct policy_bits *bits, uint16_t rank)
{
	bits->w[rank / 64] |= UINT64_C(1) << rank % 64;
}

static inline void policy_bits_clear(struct policy_bits *bits, uint16_t rank)
{
	bits->w[rank / 64] &= ~(UINT64_C(1) << rank % 64);
}

/* `at_rank[k]` are the effective destinations of the policy of rank k. -ENOMEM. */
int policy_overlap_init(struct policy_overlap *overlap, const struct ip4_set *const *at_rank,
			size_t n);
/*
 * The lowest rank among `open` that has a destination in common with `rank`, or POLICY_RANK_NONE.
 */
uint16_t policy_overlap_find(const struct policy_overlap *overlap, uint16_t rank,
			     const struct policy_bits *open);
void policy_overlap_done(struct policy_overlap *overlap);
