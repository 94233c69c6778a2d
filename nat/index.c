// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 16 };

/* FNV-1a. Names come from our configuration or from root: nobody gains by making them collide. */
static size_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h;
}

static const char *name_at(const void *items, size_t item_size, size_t position)
{
	return (const char *)items + position * item_size;
}

/* The slot that holds the name, or the free one where it belongs. Open addressing, one step at a time. */
static size_t probe(const struct nat_index *index, const void *items, size_t item_size,
		    const char *name)
{
	size_t mask = index->n_slots - 1;
	size_t slot = hash(name) & mask;

	while (index->slots[slot] &&
	       strcmp(name_at(items, item_size, index->slots[slot] - 1), name) != 0)
		slot = (slot + 1) & mask;
	return slot;
}

static int make_room(struct nat_index *index, const void *items, size_t item_size)
{
	struct nat_index bigger = { .used = index->used };

	if ((index->used + 1) * 2 <= index->n_slots)
		return 0;
	bigger.n_slots = index->n_slots ? index->n_slots * 2 : SLOTS_MIN;
	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->n_slots; i++) {
		if (!index->slots[i])
			continue;
		const char *name = name_at(items, item_size, index->slots[i] - 1);

		bigger.slots[probe(&bigger, items, item_size, name)] = index->slots[i];
	}
	free(index->slots);
	*index = bigger;
	return 0;
}

int nat_index_add(struct nat_index *index, const void *items, size_t item_size, size_t position)
{
	int rc = make_room(index, items, item_size);
	size_t slot;

	if (rc)
		return rc;
	slot = probe(index, items, item_size, name_at(items, item_size, position));
	if (index->slots[slot])
		return 0; /* the first of that name stays the one that is found */
	index->slots[slot] = (uint32_t)position + 1;
	index->used++;
	return 0;
}

size_t nat_index_find(const struct nat_index *index, const void *items, size_t item_size,
		      const char *name)
{
	size_t slot;

	if (!index->used)
		return NAT_INDEX_NONE;
	slot = probe(index, items, item_size, name);
	return index->slots[slot] ? index->slots[slot] - 1 : NAT_INDEX_NONE;
}

void nat_index_done(struct nat_index *index)
{
	free(index->slots);
	*index = (struct nat_index){ 0 };
}
