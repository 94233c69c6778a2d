// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what was counted in the last quarter of an hour, five seconds by five seconds, and in the last day, minute by minute.
 * Memory is fixed. A row has what was added since the row before, so that a rate is that by the time between; what
 * couldn't be read, or began anew meanwhile, isn't known in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"

enum { SAMPLES_STEP_MS = 5000, SAMPLES_RECENT = 180, SAMPLES_MINUTES = 1440 };

enum samples_number {
	/* Counters. */
	SAMPLES_POD_SENT_BYTES, /* through the tunnel */
	SAMPLES_POD_SENT_PACKETS,
	SAMPLES_POD_RECEIVED_BYTES,
	SAMPLES_POD_RECEIVED_PACKETS,
	SAMPLES_UPLINK_SENT_BYTES,
	SAMPLES_UPLINK_SENT_PACKETS,
	SAMPLES_UPLINK_RECEIVED_BYTES,
	SAMPLES_UPLINK_RECEIVED_PACKETS,
	SAMPLES_NEW,     /* connections that were given an egress IP */
	SAMPLES_DROPPED, /* packets, by the gateway's rules */
	/* As it is. */
	SAMPLES_CONNECTIONS, /* in the host's table of connections */
	SAMPLES_NUMBERS,
};
extern const char *const samples_names[SAMPLES_NUMBERS];
#define SAMPLES_BIT(number) (1u << (number))

struct samples_reading {
	struct mono at;
	int64_t unix_ms;
	unsigned known; /* bits */
	uint64_t v[SAMPLES_NUMBERS];
};

struct samples_row {
	int64_t unix_ms; /* its end */
	uint32_t ms;     /* since the row before */
	unsigned known;
	uint64_t v[SAMPLES_NUMBERS];
};

struct samples_ring {
	struct samples_row *v;
	size_t size, n, next;
};
struct samples {
	struct samples_row recent_rows[SAMPLES_RECENT], minute_rows[SAMPLES_MINUTES];
	struct samples_ring recent, minutes;
	struct samples_reading last; /* at 0: none yet */
	struct samples_row minute;   /* that has begun */
};

void samples_init(struct samples *samples);
/* The first one says only where counting begins. */
void samples_add(struct samples *samples, const struct samples_reading *reading);
/* The i-th of ring.n, the oldest first. */
const struct samples_row *samples_row(const struct samples_ring *ring, size_t i);
