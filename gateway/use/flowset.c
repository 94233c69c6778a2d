// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/flowset.h"

#include <stdlib.h>
#include <string.h>

#include "nat/flow.h"

/* Growing moves a 64th of all at once. */
enum { SHARDS = 64, SHARD_SHIFT = 58, FIRST_SLOTS = 16 };
/* The two lowest bits of a place aren't the hash's. */
#define SEEN UINT64_C(1) /* equal to the set's parity: seen in this look */
#define CLOSING UINT64_C(2)
#define HASH (~(SEEN | CLOSING))

struct shard {
	uint64_t *v; /* 0: free */
	size_t n, size;
};

struct flowset {
	struct shard shards[SHARDS];
	size_t n, most;
	uint64_t seed[4];
	uint64_t parity;
};

struct flowset *flowset_new(size_t most, const uint64_t seed[static 4])
{
	struct flowset *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->most = most;
	memcpy(set->seed, seed, sizeof(set->seed));
	return set;
}

void flowset_free(struct flowset *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < SHARDS; i++)
		free(set->shards[i].v);
	free(set);
}

size_t flowset_count(const struct flowset *set)
{
	return set->n;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct flowset *set, const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->orig;
	uint64_t addresses = (uint64_t)t->src.v << 32 | t->dst.v;
	uint64_t ports = (uint64_t)t->src_port << 48 | (uint64_t)t->dst_port << 32 |
			 (uint64_t)t->protocol << 16 | (uint64_t)t->icmp_type << 8 | t->icmp_code;
	uint64_t hash = mix(addresses ^ set->seed[0], ports ^ set->seed[1]);

	hash = mix(hash ^ set->seed[2], flow->id ^ set->seed[3]) & HASH;
	return hash ? hash : ~HASH + 1;
}

static size_t home_of(const struct shard *shard, uint64_t place)
{
	return (place >> 2) & (shard->size - 1);
}

/* Where it is, or the free place where it would be. */
static size_t place_of(const struct shard *shard, uint64_t hash)
{
	size_t i = home_of(shard, hash);

	while (shard->v[i] && (shard->v[i] & HASH) != hash)
		i = (i + 1) & (shard->size - 1);
	return i;
}

static bool grow(struct shard *shard)
{
	struct shard larger = { .n = shard->n,
				.size = shard->size ? shard->size * 2 : FIRST_SLOTS };

	larger.v = calloc(larger.size, sizeof(*larger.v));
	if (!larger.v)
		return false;
	for (size_t i = 0; i < shard->size; i++) {
		if (shard->v[i])
			larger.v[place_of(&larger, shard->v[i] & HASH)] = shard->v[i];
	}
	free(shard->v);
	*shard = larger;
	return true;
}

/* What stands behind it, and would be looked for from here on, moves up. */
static void free_place(struct flowset *set, struct shard *shard, size_t hole)
{
	const size_t mask = shard->size - 1;

	for (size_t i = (hole + 1) & mask; shard->v[i]; i = (i + 1) & mask) {
		if (((i - home_of(shard, shard->v[i])) & mask) < ((i - hole) & mask))
			continue;
		shard->v[hole] = shard->v[i];
		hole = i;
	}
	shard->v[hole] = 0;
	shard->n--;
	set->n--;
}

static struct flowset_state state_of(const struct flowset *set, uint64_t place)
{
	return (struct flowset_state){ .was_there = place,
				       .was_seen = place && (place & SEEN) == set->parity,
				       .was_closing = place & CLOSING };
}

bool flowset_see(struct flowset *set, const struct ct_flow *flow, bool is_closing,
		 struct flowset_state *ret)
{
	const uint64_t hash = hash_of(set, flow);
	struct shard *shard = &set->shards[hash >> SHARD_SHIFT];
	size_t i = shard->size ? place_of(shard, hash) : 0;

	*ret = state_of(set, shard->size ? shard->v[i] : 0);
	if (!ret->was_there) {
		if (set->n >= set->most || (shard->n >= shard->size / 4 * 3 && !grow(shard)))
			return false;
		i = place_of(shard, hash);
		shard->n++;
		set->n++;
	}
	shard->v[i] = hash | set->parity | (is_closing ? CLOSING : 0);
	return true;
}

struct flowset_state flowset_remove(struct flowset *set, const struct ct_flow *flow)
{
	const uint64_t hash = hash_of(set, flow);
	struct shard *shard = &set->shards[hash >> SHARD_SHIFT];
	size_t i = shard->size ? place_of(shard, hash) : 0;
	const struct flowset_state state = state_of(set, shard->size ? shard->v[i] : 0);

	if (state.was_there)
		free_place(set, shard, i);
	return state;
}

void flowset_look_begin(struct flowset *set)
{
	set->parity ^= SEEN;
}

void flowset_look_end(struct flowset *set)
{
	for (size_t s = 0; s < SHARDS; s++) {
		struct shard *shard = &set->shards[s];

		/* What moves up into a place that became free is judged there. */
		for (size_t i = 0; i < shard->size; i++) {
			while (shard->v[i] && (shard->v[i] & SEEN) != set->parity)
				free_place(set, shard, i);
		}
	}
}

/* Else the next look would take what this one hasn't seen for seen. */
void flowset_look_cancel(struct flowset *set)
{
	for (size_t s = 0; s < SHARDS; s++) {
		struct shard *shard = &set->shards[s];

		for (size_t i = 0; i < shard->size; i++) {
			if (shard->v[i])
				shard->v[i] = (shard->v[i] & ~SEEN) | set->parity;
		}
	}
}
