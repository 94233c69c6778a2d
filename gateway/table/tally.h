// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: things that are found by a number of 64 bits, and looked through one after another. They lie side by side; the last one
 * takes the place of one that goes, so pointers are good until the next tally_add or tally_remove.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally {
	size_t element; /* bytes of a thing; the first 8 are its key */
	size_t most;
	uint64_t seed; /* secret: else somebody could choose keys that meet in one place */
	/* Inside: */
	unsigned char *v;
	size_t n, capacity;
	uint32_t *index; /* 1 + place in v; 0: free */
	size_t slots;    /* a power of two */
};

void tally_done(struct tally *tally);
void *tally_find(const struct tally *tally, uint64_t key);
/* The one of that key; a new one has zeroes behind its key. NULL: there are `most`, or there is no memory. */
void *tally_add(struct tally *tally, uint64_t key);
void tally_remove(struct tally *tally, void *thing);
void *tally_at(const struct tally *tally, size_t i); /* i < n */

/* The first `most` of all, in the order of `is_before`, one behind the other into ret. How many there are. */
struct tally_order {
	bool (*is_before)(const void *a, const void *b);
	size_t most;
};
size_t tally_best(const struct tally *tally, const struct tally_order *best, void *ret);
