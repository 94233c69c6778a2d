// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Finds an item of an array by its name, in constant time. The array belongs to somebody else and may
 * move; the index only holds positions. Items begin with their name and are never removed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct nat_index {
	uint32_t *slots; /* position + 1; 0: free. At most half of them are taken */
	size_t n_slots, used;
};

#define NAT_INDEX_NONE SIZE_MAX

/* Enters the item at `position`. 0 or -ENOMEM: the index is as before. */
int nat_index_add(struct nat_index *index, const void *items, size_t item_size, size_t position);
/* The position of the item of that name that was entered first, or NAT_INDEX_NONE. */
size_t nat_index_find(const struct nat_index *index, const void *items, size_t item_size,
		      const char *name);
void nat_index_done(struct nat_index *index);
