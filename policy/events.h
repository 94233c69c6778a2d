// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The events of a sweep over the address space: a policy's interval opens, or closes behind its
 * last address. One event is one 64-bit number, so that sorting events is sorting numbers: by
 * address, closing before opening, then by rank (the policy's place among all names).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct policy_event {
	uint64_t at; /* up to 2^32: behind the last address of all */
	bool open;
	uint16_t rank;
	uint8_t egress; /* index of an egress IP or POLICY_EGRESS_NONE; 0 where it doesn't matter */
};

struct policy_events {
	uint64_t *v;
	size_t n;
	size_t capacity;
};

#define POLICY_EVENTS_NULL ((struct policy_events){ .v = NULL })

/* Adds the two events of an interval. -ENOMEM. */
int policy_events_add(struct policy_events *events, struct ip4_range range, uint16_t rank,
		      uint8_t egress);
/* Makes room for `n` intervals more. -ENOMEM. */
int policy_events_reserve(struct policy_events *events, size_t n);
void policy_events_sort(struct policy_events *events);
struct policy_event policy_events_at(const struct policy_events *events, size_t index);
void policy_events_done(struct policy_events *events);
