// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define SLOTS_FIRST 64

uint32_t table_hash(uint32_t seed, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint32_t h = seed ^ UINT32_C(0x811c9dc5);

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * UINT32_C(0x01000193);
	return h;
}

/* FNV's low bits of short keys are not mixed well enough for linear probing; this is Murmur3's finaliser. */
static size_t home(const struct table *table, uint32_t hash)
{
	hash ^= hash >> 16;
	hash *= UINT32_C(0x85ebca6b);
	hash ^= hash >> 13;
	hash *= UINT32_C(0xc2b2ae35);
	hash ^= hash >> 16;
	return hash & (table->n_slots - 1);
}

struct table_item *table_find(const struct table *table, uint32_t hash,
			      bool (*same)(const struct table_item *item, const void *key),
			      const void *key)
{
	if (!table->n_slots)
		return NULL;
	for (size_t i = home(table, hash);; i = (i + 1) & (table->n_slots - 1)) {
		struct table_item *item = table->v[i];

		if (!item || (item->hash == hash && same(item, key)))
			return item;
	}
}

static void place(struct table *table, struct table_item *item)
{
	size_t i = home(table, item->hash);

	while (table->v[i])
		i = (i + 1) & (table->n_slots - 1);
	table->v[i] = item;
}

int table_reserve(struct table *table, size_t n)
{
	size_t n_slots = table->n_slots ? table->n_slots : SLOTS_FIRST;

	while (n_slots - n_slots / 8 < table->n + n)
		n_slots *= 2;
	if (n_slots == table->n_slots)
		return 0;

	struct table grown = { .v = calloc(n_slots, sizeof(*table->v)),
			       .n_slots = n_slots,
			       .n = table->n };
	if (!grown.v)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_slots; i++)
		if (table->v[i])
			place(&grown, table->v[i]);
	free(table->v);
	*table = grown;
	return 0;
}

void table_put(struct table *table, struct table_item *item)
{
	assert(table->n < table->n_slots);
	place(table, item);
	table->n++;
}

/* What follows without a gap may have come from here or from before, and moves up. */
void table_remove(struct table *table, const struct table_item *item)
{
	size_t mask = table->n_slots - 1;
	size_t hole = home(table, item->hash);

	while (table->v[hole] != item)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; table->v[i]; i = (i + 1) & mask) {
		size_t from = home(table, table->v[i]->hash);

		if (((i - from) & mask) >= ((i - hole) & mask)) {
			table->v[hole] = table->v[i];
			hole = i;
		}
	}
	table->v[hole] = NULL;
	table->n--;
}

void table_done(struct table *table)
{
	free(table->v);
	*table = (struct table){ .v = NULL };
}
