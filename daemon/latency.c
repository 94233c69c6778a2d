// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/latency.h"

#include <stdlib.h>
#include <string.h>

const uint32_t latency_bounds_us[LATENCY_BOUNDS] = { 250,    500,     1000,    2500,    5000,
						     10000,  25000,   50000,   100000,  250000,
						     500000, 1000000, 2500000, 10000000 };

void latency_wait(struct latency *latency, struct mono arrived)
{
	size_t n = latency->n_waiting;

	/* What came in one piece arrived together. */
	if (n && (n == LATENCY_ARRIVALS || latency->waiting[n - 1].at.ns == arrived.ns)) {
		latency->waiting[n - 1].n++;
		return;
	}
	latency->waiting[n].at = arrived;
	latency->waiting[n].n = 1;
	latency->n_waiting++;
}

static uint32_t microseconds(struct mono from, struct mono to)
{
	int64_t us = (to.ns - from.ns) / 1000;

	if (us < 0)
		return 0;
	return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static size_t find_bucket(uint32_t us)
{
	size_t i = 0;

	while (i < LATENCY_BOUNDS && us > latency_bounds_us[i])
		i++;
	return i;
}

void latency_done(struct latency *latency, struct mono now)
{
	for (size_t i = 0; i < latency->n_waiting; i++) {
		uint32_t us = microseconds(latency->waiting[i].at, now);

		latency->histogram[find_bucket(us)] += latency->waiting[i].n;
		latency->sum_us += (uint64_t)us * latency->waiting[i].n;
		for (uint32_t k = 0; k < latency->waiting[i].n; k++)
			latency->us[latency->count++ % LATENCY_KEPT] = us;
	}
	latency->n_waiting = 0;
}

void latency_forget(struct latency *latency)
{
	latency->n_waiting = 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void latency_summarise(const struct latency *latency, struct latency_summary *ret)
{
	size_t n = latency->count < LATENCY_KEPT ? (size_t)latency->count : LATENCY_KEPT;
	uint32_t sorted[LATENCY_KEPT];

	*ret = (struct latency_summary){ .count = latency->count, .sum_us = latency->sum_us };
	memcpy(ret->histogram, latency->histogram, sizeof(ret->histogram));
	if (!n)
		return;
	memcpy(sorted, latency->us, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	/* The smallest that so many per cent don't exceed. */
	ret->p50 = sorted[(n * 50 + 99) / 100 - 1];
	ret->p99 = sorted[(n * 99 + 99) / 100 - 1];
	ret->max = sorted[n - 1];
}
