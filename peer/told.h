// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which flows were told of: a set of their 64-bit hashes with a ceiling. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_tuple;

struct told {
	uint64_t *slots;
	size_t n, size; /* size: 0 or a power of two */
	size_t max;     /* of n */
	bool full;      /* something was left out, for want of room or memory */
};

/* Of a flow's original tuple and the number of its egress IP. */
uint64_t told_hash(const struct ct_tuple *tuple, uint64_t egress);
void told_add(struct told *told, uint64_t hash);
bool told_has(const struct told *told, uint64_t hash);
void told_reset(struct told *told); /* empty again, without memory; `max` stays */
