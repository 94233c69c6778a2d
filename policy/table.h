// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A hash table of objects that somebody else owns. Each object begins with a struct table_item; the table
 * knows nothing else of it. Open addressing; 11 to 21 bytes per object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_item {
	uint32_t hash; /* doesn't change while the item is in a table */
};

struct table {
	struct table_item **v; /* to walk: n_slots places, many of them NULL */
	size_t n_slots;        /* 0 or a power of two */
	size_t n;
};

/* FNV-1a over `size` bytes. `seed`: the hash of what comes before, 0 to begin with. */
uint32_t table_hash(uint32_t seed, const void *bytes, size_t size);

/* The item with that hash for which same(item, key) holds, or NULL. */
struct table_item *table_find(const struct table *table, uint32_t hash,
			      bool (*same)(const struct table_item *item, const void *key),
			      const void *key);
/* Makes room for `n` items more: as many calls of table_put can't fail then. -ENOMEM. */
int table_reserve(struct table *table, size_t n);
/* The item isn't in the table yet, and there is room. */
void table_put(struct table *table, struct table_item *item);
/* The item is in the table. Walkers beware: other items change their place. */
void table_remove(struct table *table, const struct table_item *item);
/* Frees the table, not the items. */
void table_done(struct table *table);
