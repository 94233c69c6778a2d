// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/spread.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "policy/events.h"
#include "policy/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static uint64_t weight(uint64_t seed, uint32_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		seed = hash_byte(seed, (uint8_t)(address >> shift));
	return hash_finish(seed);
}

/*
 * Each step of weight() maps different seeds to different numbers, so two weights are equal only
 * where the names' hashes are: no rule for a tie is needed.
 */
static size_t heaviest(const uint64_t *seeds, size_t n, uint32_t address)
{
	uint64_t highest = weight(seeds[0], address);
	size_t best = 0;

	for (size_t i = 1; i < n; i++) {
		uint64_t w = weight(seeds[i], address);

		if (w > highest) {
			highest = w;
			best = i;
		}
	}
	return best;
}

static void fill_seeds(const char *const *names, const unsigned *egress, size_t n, uint64_t *seeds)
{
	for (size_t i = 0; i < n; i++)
		seeds[i] = hash_name(HASH_START, names[egress[i]]);
}

size_t policy_rendezvous(const char *const *names, const unsigned *egress, size_t n,
			 struct ip4 source)
{
	uint64_t seeds[POLICY_EGRESS_MAX];

	assert(n >= 1 && n <= POLICY_EGRESS_MAX);
	fill_seeds(names, egress, n, seeds);
	return heaviest(seeds, n, source.v);
}

/* Ranges hold POLICY_SPREAD_MAX addresses at most, and single ones are far from 2^32: the count can't wrap. */
static int spread_range(const struct policy_spec *spec, const uint64_t *seeds,
			struct ip4_range pods, uint16_t rank, struct policy_events *events)
{
	uint32_t count = pods.last - pods.first + 1;
	struct ip4_range run = { .first = pods.first, .last = pods.first };
	unsigned chosen = spec->egress[heaviest(seeds, spec->n_egress, pods.first)];

	for (uint32_t i = 1; i < count; i++) {
		uint32_t address = pods.first + i;
		unsigned egress = spec->egress[heaviest(seeds, spec->n_egress, address)];

		if (egress != chosen) {
			int r = policy_events_add(events, run, rank, (uint8_t)chosen);
			if (r < 0)
				return r;
			run.first = address;
			chosen = egress;
		}
		run.last = address;
	}
	return policy_events_add(events, run, rank, (uint8_t)chosen);
}

int policy_spread_ranges(const struct ip4_prefix *v, size_t n, uint64_t *ret)
{
	CLEANUP(ip4_set_done) struct ip4_set set = { .v = NULL };
	CLEANUP(cleanup_free) struct ip4_prefix *ranges = calloc(n + 1, sizeof(*ranges));
	size_t n_ranges = 0;

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (v[i].len < 32)
			ranges[n_ranges++] = v[i];

	int r = ip4_set_from_prefixes(&set, ranges, n_ranges);
	if (r == 0)
		*ret = ip4_set_count(&set);
	return r;
}

int policy_spread(const struct policy_input *input, const struct policy_spec *spec,
		  const struct ip4_set *pods, uint16_t rank, struct policy_events *events)
{
	uint64_t seeds[POLICY_EGRESS_MAX] = { 0 };
	int r = policy_events_reserve(events, pods->n);

	fill_seeds(input->egress_names, spec->egress, spec->n_egress, seeds);
	for (size_t i = 0; r == 0 && i < pods->n; i++) {
		if (spec->n_egress == 0)
			r = policy_events_add(events, pods->v[i], rank, POLICY_EGRESS_NONE);
		else if (spec->n_egress == 1)
			r = policy_events_add(events, pods->v[i], rank, (uint8_t)spec->egress[0]);
		else
			r = spread_range(spec, seeds, pods->v[i], rank, events);
	}
	return r;
}
