// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/limiter.h"

#include <stdlib.h>

#include "gateway/table/tally.h"
#include "nat/ruleset.h"

struct limited {
	uint64_t key; /* address */
	bool is_wanted, is_told;
};

struct limiter {
	struct tally sources;
	size_t n; /* wanted */
};

struct limiter *limiter_new(uint64_t seed)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));

	if (limiter)
		limiter->sources = (struct tally){ .element = sizeof(struct limited),
						   .most = LIMITER_MAX,
						   .seed = seed };
	return limiter;
}

void limiter_free(struct limiter *limiter)
{
	if (!limiter)
		return;
	tally_done(&limiter->sources);
	free(limiter);
}

static uint32_t readmission(uint32_t limit)
{
	return limit - limit / 16;
}

bool limiter_judge(struct limiter *limiter, struct ip4 source, uint32_t connections, uint32_t limit)
{
	struct limited *one = tally_find(&limiter->sources, source.v);
	const bool was = one && one->is_wanted;
	const uint32_t bound = was ? readmission(limit) : limit;
	const bool is = limit && connections >= bound;

	if (is == was)
		return false;
	if (!one)
		one = tally_add(&limiter->sources, source.v);
	if (!one)
		return false;
	one->is_wanted = is;
	limiter->n += is ? 1 : SIZE_MAX;
	return true;
}

bool limiter_has(const struct limiter *limiter, struct ip4 source)
{
	const struct limited *one = tally_find(&limiter->sources, source.v);

	return one && one->is_wanted;
}

size_t limiter_count(const struct limiter *limiter)
{
	return limiter->n;
}

size_t limiter_places(const struct limiter *limiter)
{
	return limiter->sources.n;
}

struct ip4 limiter_at(const struct limiter *limiter, size_t i, bool *ret_limited)
{
	const struct limited *one = tally_at(&limiter->sources, i);

	*ret_limited = one->is_wanted;
	return (struct ip4){ (uint32_t)one->key };
}

void limiter_news(const struct limiter *limiter, struct limiter_news *ret)
{
	ret->n_add = ret->n_del = 0;
	for (size_t i = 0; i < limiter->sources.n; i++) {
		const struct limited *one = tally_at(&limiter->sources, i);
		const struct nat_elem elem = { .first = (uint32_t)one->key,
					       .last = (uint32_t)one->key };

		if (one->is_wanted && !one->is_told)
			ret->add[ret->n_add++] = elem;
		else if (!one->is_wanted && one->is_told)
			ret->del[ret->n_del++] = elem;
	}
}

void limiter_told(struct limiter *limiter)
{
	/* From the end: what takes the place of one that goes was looked at. */
	for (size_t i = limiter->sources.n; i-- > 0;) {
		struct limited *one = tally_at(&limiter->sources, i);

		one->is_told = one->is_wanted;
		if (!one->is_wanted)
			tally_remove(&limiter->sources, one);
	}
}
