// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/told.h"

#include <stdlib.h>

#include "nat/ct.h"

enum { SIZE_MIN = 1024 };

/* The last step of SplitMix64. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t told_hash(const struct ct_tuple *tuple, uint64_t egress)
{
	uint64_t addresses = (uint64_t)tuple->src.v << 32 | tuple->dst.v;
	uint64_t rest = (uint64_t)tuple->src_port << 48 | (uint64_t)tuple->dst_port << 32 |
			(uint64_t)tuple->protocol << 16 | (uint64_t)tuple->icmp_type << 8 |
			tuple->icmp_code;
	uint64_t hash = mix(mix(mix(egress) + addresses) + rest);

	return hash ? hash : 1; /* 0 is an empty slot */
}

/* Its slot, or the empty one where it would be. There always is an empty one. */
static size_t find(const uint64_t *slots, size_t size, uint64_t hash)
{
	size_t i = (size_t)hash & (size - 1);

	while (slots[i] && slots[i] != hash)
		i = (i + 1) & (size - 1);
	return i;
}

static bool grow(struct told *told)
{
	size_t size = told->size ? told->size * 2 : SIZE_MIN;
	uint64_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < told->size; i++) {
		if (told->slots[i])
			slots[find(slots, size, told->slots[i])] = told->slots[i];
	}
	free(told->slots);
	told->slots = slots;
	told->size = size;
	return true;
}

void told_add(struct told *told, uint64_t hash)
{
	size_t i;

	if (told_has(told, hash))
		return;
	if (told->n >= told->max || (told->n >= told->size / 4 * 3 && !grow(told))) {
		told->full = true;
		return;
	}
	i = find(told->slots, told->size, hash);
	told->slots[i] = hash;
	told->n++;
}

bool told_has(const struct told *told, uint64_t hash)
{
	return told->size && told->slots[find(told->slots, told->size, hash)] == hash;
}

void told_reset(struct told *told)
{
	free(told->slots);
	*told = (struct told){ .max = told->max };
}
