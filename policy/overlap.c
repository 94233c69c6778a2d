// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/overlap.h"

#include "base/cleanup.h"
#include "policy/events.h"

#include <errno.h>
#include <stdlib.h>

static int collect(const struct ip4_set *const *at_rank, size_t n, struct policy_events *events)
{
	for (size_t rank = 0; rank < n; rank++) {
		const struct ip4_set *set = at_rank[rank];
		int r = policy_events_reserve(events, set->n);

		for (size_t i = 0; r == 0 && i < set->n; i++)
			r = policy_events_add(events, set->v[i], (uint16_t)rank, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whoever opens notes who is open; the others learn of it in mirror(). */
static void sweep(struct policy_bits *rows, const struct policy_events *events)
{
	struct policy_bits open = { .w = { 0 } };

	for (size_t i = 0; i < events->n; i++) {
		struct policy_event e = policy_events_at(events, i);

		if (!e.open) {
			policy_bits_clear(&open, e.rank);
			continue;
		}
		for (size_t w = 0; w < POLICY_WORDS; w++)
			rows[e.rank].w[w] |= open.w[w];
		policy_bits_set(&open, e.rank);
	}
}

static void mirror(struct policy_bits *rows, size_t n)
{
	for (size_t rank = 0; rank < n; rank++) {
		for (size_t w = 0; w < POLICY_WORDS; w++) {
			for (uint64_t left = rows[rank].w[w]; left; left &= left - 1) {
				size_t other = w * 64 + (size_t)__builtin_ctzll(left);

				policy_bits_set(&rows[other], (uint16_t)rank);
			}
		}
	}
}

int policy_overlap_init(struct policy_overlap *overlap, const struct ip4_set *const *at_rank,
			size_t n)
{
	CLEANUP(policy_events_done) struct policy_events events = POLICY_EVENTS_NULL;
	CLEANUP(cleanup_free) struct policy_bits *rows = calloc(n ? n : 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;

	int r = collect(at_rank, n, &events);
	if (r < 0)
		return r;
	policy_events_sort(&events);
	sweep(rows, &events);
	mirror(rows, n);

	overlap->rows = TAKE_PTR(rows);
	return 0;
}

uint16_t policy_overlap_find(const struct policy_overlap *overlap, uint16_t rank,
			     const struct policy_bits *open)
{
	for (size_t w = 0; w < POLICY_WORDS; w++) {
		uint64_t both = overlap->rows[rank].w[w] & open->w[w];

		if (both)
			return (uint16_t)(w * 64 + (size_t)__builtin_ctzll(both));
	}
	return POLICY_RANK_NONE;
}

void policy_overlap_done(struct policy_overlap *overlap)
{
	free(overlap->rows);
	overlap->rows = NULL;
}
