// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/tally.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64 };

void tally_done(struct tally *tally)
{
	free(tally->v);
	free(tally->index);
	tally->v = NULL;
	tally->index = NULL;
	tally->n = tally->capacity = tally->slots = 0;
}

void *tally_at(const struct tally *tally, size_t i)
{
	return tally->v + i * tally->element;
}

static uint64_t key_at(const struct tally *tally, size_t i)
{
	uint64_t key;

	memcpy(&key, tally_at(tally, i), sizeof(key));
	return key;
}

static size_t home_of(const struct tally *tally, uint64_t key)
{
	unsigned __int128 product =
		(unsigned __int128)(key ^ tally->seed) * UINT64_C(0x9e3779b97f4a7c15);

	return ((uint64_t)product ^ (uint64_t)(product >> 64)) & (tally->slots - 1);
}

/* Where it is, or the free slot where it would be. There are slots. */
static size_t slot_of(const struct tally *tally, uint64_t key)
{
	size_t i = home_of(tally, key);

	while (tally->index[i] && key_at(tally, tally->index[i] - 1) != key)
		i = (i + 1) & (tally->slots - 1);
	return i;
}

void *tally_find(const struct tally *tally, uint64_t key)
{
	uint32_t place = tally->slots ? tally->index[slot_of(tally, key)] : 0;

	return place ? tally_at(tally, place - 1) : NULL;
}

static bool widen(struct tally *tally)
{
	size_t slots = tally->slots ? tally->slots * 2 : FIRST_SLOTS;
	uint32_t *index = calloc(slots, sizeof(*index));

	if (!index)
		return false;
	free(tally->index);
	tally->index = index;
	tally->slots = slots;
	for (size_t i = 0; i < tally->n; i++)
		index[slot_of(tally, key_at(tally, i))] = (uint32_t)i + 1;
	return true;
}

static bool grow(struct tally *tally)
{
	size_t capacity = tally->capacity ? tally->capacity + tally->capacity / 2 : FIRST_SLOTS;
	unsigned char *v;

	if (capacity > tally->most)
		capacity = tally->most;
	v = realloc(tally->v, capacity * tally->element);
	if (!v)
		return false;
	tally->v = v;
	tally->capacity = capacity;
	return true;
}

void *tally_add(struct tally *tally, uint64_t key)
{
	void *thing = tally_find(tally, key);

	if (thing)
		return thing;
	if (tally->n >= tally->most || (tally->n == tally->capacity && !grow(tally)) ||
	    (tally->n >= tally->slots / 4 * 3 && !widen(tally)))
		return NULL;
	thing = tally_at(tally, tally->n++);
	memset(thing, 0, tally->element);
	memcpy(thing, &key, sizeof(key));
	/* Its key is in place, so the search ends at the free slot. */
	tally->index[slot_of(tally, key)] = (uint32_t)tally->n;
	return thing;
}

/* What stands behind it, and would be looked for from here on, moves up. */
static void free_slot(struct tally *tally, size_t hole)
{
	const size_t mask = tally->slots - 1;

	for (size_t i = (hole + 1) & mask; tally->index[i]; i = (i + 1) & mask) {
		size_t home = home_of(tally, key_at(tally, tally->index[i] - 1));

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		tally->index[hole] = tally->index[i];
		hole = i;
	}
	tally->index[hole] = 0;
}

void tally_remove(struct tally *tally, void *thing)
{
	size_t place = (size_t)((unsigned char *)thing - tally->v) / tally->element;
	size_t last = tally->n - 1;

	free_slot(tally, slot_of(tally, key_at(tally, place)));
	if (place != last) {
		tally->index[slot_of(tally, key_at(tally, last))] = (uint32_t)place + 1;
		memcpy(thing, tally_at(tally, last), tally->element);
	}
	tally->n--;
}

/* Those kept are in order; what comes before the last one pushes it out. */
size_t tally_best(const struct tally *tally, const struct tally_order *best, void *ret)
{
	const size_t size = tally->element;
	unsigned char *kept = ret;
	size_t n = 0;

	for (size_t i = 0; best->most && i < tally->n; i++) {
		const void *one = tally_at(tally, i);
		size_t at = n;

		if (n == best->most && !best->is_before(one, kept + (n - 1) * size))
			continue;
		while (at && best->is_before(one, kept + (at - 1) * size))
			at--;
		n += n < best->most;
		memmove(kept + (at + 1) * size, kept + at * size, (n - 1 - at) * size);
		memcpy(kept + at * size, one, size);
	}
	return n;
}
