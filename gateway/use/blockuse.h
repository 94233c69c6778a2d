// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: how much of the blocks of ports (blocks.h) is in use. What is counted are a source's connections with the egress IP
 * (usage.h), whatever their destination. A port serves one connection to each destination, so this is an upper bound of what any
 * one of them takes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "gateway/table/blocks.h"
#include "policy/policy.h"

struct usage;

/* blocks_numbers, but nobody waits for a block of an egress IP that another gateway serves: that one knows. */
struct blocks_numbers blockuse_numbers(const struct blocks *blocks, unsigned egress,
				       struct mono now);
uint32_t blockuse_free(const struct blocks_numbers *numbers); /* neither given nor resting */

/* So many connections may have nearly all ports of the block (PRESSURE_FULL). */
bool blockuse_is_full(const struct block *block, uint32_t connections);

/* Of one egress IP. */
struct blockuse {
	uint32_t full;   /* sources whose block is */
	uint64_t shared; /* connections of sources that have no block */
};
/* O(sources). ret has a place for each egress IP. */
void blockuse_read(const struct blocks *blocks, const struct usage *usage,
		   struct blockuse ret[static POLICY_EGRESS_MAX]);
/* A first packet may find no port although its destination has some left: a block is full, or what all others share. */
bool blockuse_is_short(const struct blocks *blocks, const struct blockuse *use);
