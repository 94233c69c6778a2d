// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/events.h"

#include "policy/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define EGRESS_BITS 7
#define RANK_BITS 10
#define OPEN_SHIFT (EGRESS_BITS + RANK_BITS)
#define ADDRESS_SHIFT (OPEN_SHIFT + 1)

static_assert(POLICY_EGRESS_NONE < 1 << EGRESS_BITS, "an egress index fits its bits");
static_assert(POLICY_MAX <= 1 << RANK_BITS, "a rank fits its bits");

static uint64_t pack(uint64_t at, bool open, uint16_t rank, uint8_t egress)
{
	return at << ADDRESS_SHIFT | (uint64_t)open << OPEN_SHIFT | (uint64_t)rank << EGRESS_BITS |
	       egress;
}

struct policy_event policy_events_at(const struct policy_events *events, size_t index)
{
	uint64_t v = events->v[index];

	return (struct policy_event){
		.at = v >> ADDRESS_SHIFT,
		.open = v >> OPEN_SHIFT & 1,
		.rank = v >> EGRESS_BITS & ((1 << RANK_BITS) - 1),
		.egress = v & ((1 << EGRESS_BITS) - 1),
	};
}

int policy_events_reserve(struct policy_events *events, size_t n)
{
	if (events->capacity - events->n >= 2 * n)
		return 0;

	size_t capacity = events->capacity * 2;
	if (capacity < events->n + 2 * n)
		capacity = events->n + 2 * n;

	uint64_t *v = reallocarray(events->v, capacity, sizeof(*v));
	if (!v)
		return -ENOMEM;
	events->v = v;
	events->capacity = capacity;
	return 0;
}

int policy_events_add(struct policy_events *events, struct ip4_range range, uint16_t rank,
		      uint8_t egress)
{
	int r = policy_events_reserve(events, 1);
	if (r < 0)
		return r;

	events->v[events->n++] = pack(range.first, true, rank, egress);
	events->v[events->n++] = pack((uint64_t)range.last + 1, false, rank, egress);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void policy_events_sort(struct policy_events *events)
{
	if (events->n)
		qsort(events->v, events->n, sizeof(*events->v), compare);
}

void policy_events_done(struct policy_events *events)
{
	free(events->v);
	*events = POLICY_EVENTS_NULL;
}
