// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A small world of random objects, and the rules of inventory.h for it, written down naively. Everything that its
 * objects point to lives until objects_done.
 */
#pragma once

#include "objects.h"

enum { SPACES = 3, PODS = 8, POLICIES = 5, ADDRESSES = 16 };
#define WORLD_BASE 0x0a000000u /* 10.0.0.0/28 */

/* What there is now; a uid of NULL is nothing. */
struct world {
	struct inventory_pod pods[SPACES * PODS];
	struct inventory_namespace spaces[SPACES];
	struct inventory_policy policies[POLICIES];
	struct inventory_egress egress[4];
	size_t n_egress;
	unsigned uids;
};

extern const char *const world_spaces[SPACES];
extern const struct inventory_egress world_egress[4];

void world_seed(uint64_t seed);
uint32_t world_random(uint32_t n); /* below n */
/* The object is changed, or made again. `index` is its place in the world. */
void world_pod(struct world *w, struct inventory_pod *pod, size_t index);
void world_policy(struct world *w, struct inventory_policy *policy, size_t index);

/* NULL: not known. */
const struct inventory_namespace *naive_space(const struct world *w,
					      const struct inventory_pod *pod);
const struct inventory_pod *naive_owner(const struct world *w, uint32_t address);
/* The policies of an address: bit i is policy i. */
unsigned naive_bits(const struct world *w, uint32_t address, bool *contested);
/* Which of them governs the destination. NULL: none. */
const struct inventory_policy *naive_policy(const struct world *w, unsigned bits,
					    uint32_t destination);
/* "GATEWAY/NAME" or "none". */
const char *naive_egress(const struct world *w, const struct inventory_policy *policy,
			 uint32_t address);
