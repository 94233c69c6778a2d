// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * How long events take from their arrival until what follows from them is in the kernel. Pure: the last 4096 of them
 * are kept; of those that wait together with many others, some are taken as if they had arrived with the one before.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"

enum { LATENCY_KEPT = 4096, LATENCY_ARRIVALS = 64, LATENCY_BOUNDS = 14 };

extern const uint32_t latency_bounds_us[LATENCY_BOUNDS]; /* upper ones, inclusive; ascending */

struct latency {
	struct {
		struct mono at;
		uint32_t n;
	} waiting[LATENCY_ARRIVALS];
	size_t n_waiting;
	uint32_t us[LATENCY_KEPT];
	uint64_t count;                         /* ever done; the last of them are in `us` */
	uint64_t histogram[LATENCY_BOUNDS + 1]; /* of all that were ever done */
	uint64_t sum_us;                        /* likewise */
};

void latency_wait(struct latency *latency, struct mono arrived); /* one more event waits */
void latency_done(struct latency *latency, struct mono now);     /* for all that wait */
void latency_forget(struct latency *latency); /* those that wait changed nothing */

/* Of those that are kept; 0 without any. */
struct latency_summary {
	uint64_t count; /* ever */
	uint32_t p50, p99, max;
	uint64_t histogram[LATENCY_BOUNDS + 1], sum_us; /* ever */
};
void latency_summarise(const struct latency *latency, struct latency_summary *ret);
