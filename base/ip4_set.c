// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Sets of addresses as sorted ranges. Each operation is one sweep over its operands that hands ranges, in
 * ascending order of their first address, to `append`, which keeps the result disjoint and not adjacent.
 */
#include "base/ip4.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

void ip4_set_done(struct ip4_set *set)
{
	free(set->v);
	*set = (struct ip4_set){ 0 };
}

/* Adds a range that doesn't begin before the last one that was added. There must be room in v. */
static void append(struct ip4_range *v, size_t *n, struct ip4_range r)
{
	/* r.first - 1 can't wrap when the last range begins before or at r.first and doesn't hold it. */
	if (*n > 0 && (r.first <= v[*n - 1].last || r.first - 1 == v[*n - 1].last)) {
		if (r.last > v[*n - 1].last)
			v[*n - 1].last = r.last;
		return;
	}
	v[(*n)++] = r;
}

/* Gives back the room that merging left; the ranges stay where they are when that fails. */
static struct ip4_range *shrink(struct ip4_range *v, size_t n, size_t n_allocated)
{
	if (n == 0) {
		free(v);
		return NULL;
	}
	if (n == n_allocated)
		return v;
	struct ip4_range *const smaller = realloc(v, n * sizeof(*v));
	return smaller ? smaller : v;
}

static int compare_first(const void *a, const void *b)
{
	const uint32_t x = ((const struct ip4_range *)a)->first;
	const uint32_t y = ((const struct ip4_range *)b)->first;

	return (x > y) - (x < y);
}

static bool is_sorted(const struct ip4_range *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i].first < v[i - 1].first)
			return false;
	return true;
}

/* Takes the array, sorts and merges it in place, and puts it in the place of the old ranges. */
static void adopt(struct ip4_set *set, struct ip4_range *v, size_t n)
{
	size_t merged = 0;

	/* Lists from files and dumps are mostly sorted already; qsort would copy them. */
	if (!is_sorted(v, n))
		qsort(v, n, sizeof(*v), compare_first);
	for (size_t i = 0; i < n; i++)
		append(v, &merged, v[i]);
	free(set->v);
	set->v = shrink(v, merged, n);
	set->n = merged;
}

int ip4_set_from_ranges(struct ip4_set *set, const struct ip4_range *ranges, size_t n)
{
	if (n == 0) {
		ip4_set_done(set);
		return 0;
	}
	struct ip4_range *const v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		assert(ranges[i].first <= ranges[i].last);
		v[i] = ranges[i];
	}
	adopt(set, v, n);
	return 0;
}

int ip4_set_from_prefixes(struct ip4_set *set, const struct ip4_prefix *prefixes, size_t n)
{
	if (n == 0) {
		ip4_set_done(set);
		return 0;
	}
	struct ip4_range *const v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = ip4_prefix_range(prefixes[i]);
	adopt(set, v, n);
	return 0;
}

/* What is left of `r` without b's ranges from *j on; moves *j over ranges that end before r does. */
static void subtract_from_range(struct ip4_range r, const struct ip4_set *b, size_t *j,
				struct ip4_set *out)
{
	while (*j < b->n && b->v[*j].first <= r.last) {
		const struct ip4_range hole = b->v[*j];

		if (hole.first > r.first)
			append(out->v, &out->n, (struct ip4_range){ r.first, hole.first - 1 });
		if (hole.last >= r.last)
			return; /* it may reach into the next range of a: *j stays */
		if (hole.last >= r.first)
			r.first = hole.last + 1;
		(*j)++;
	}
	append(out->v, &out->n, r);
}

int ip4_set_subtract(const struct ip4_set *a, const struct ip4_set *b, struct ip4_set *ret)
{
	const size_t max = a->n + b->n; /* each hole splits at most one range */
	struct ip4_set out = { 0 };
	size_t j = 0;

	assert(!ret->v && ret->n == 0);
	if (a->n == 0)
		return 0;
	out.v = calloc(max, sizeof(*out.v));
	if (!out.v)
		return -ENOMEM;
	for (size_t i = 0; i < a->n; i++)
		subtract_from_range(a->v[i], b, &j, &out);
	ret->v = shrink(out.v, out.n, max);
	ret->n = out.n;
	return 0;
}

int ip4_set_union(const struct ip4_set *a, const struct ip4_set *b, struct ip4_set *ret)
{
	const size_t max = a->n + b->n;
	size_t i = 0;
	size_t j = 0;
	size_t n = 0;

	assert(!ret->v && ret->n == 0);
	if (max == 0)
		return 0;
	struct ip4_range *const v = calloc(max, sizeof(*v));
	if (!v)
		return -ENOMEM;
	while (i < a->n || j < b->n) {
		const bool from_a = j == b->n || (i < a->n && a->v[i].first <= b->v[j].first);

		append(v, &n, from_a ? a->v[i++] : b->v[j++]);
	}
	ret->v = shrink(v, n, max);
	ret->n = n;
	return 0;
}

bool ip4_set_contains(const struct ip4_set *set, struct ip4 addr)
{
	size_t low = 0;
	size_t high = set->n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (addr.v > set->v[middle].last)
			low = middle + 1;
		else if (addr.v < set->v[middle].first)
			high = middle;
		else
			return true;
	}
	return false;
}

bool ip4_set_intersects(const struct ip4_set *a, const struct ip4_set *b, struct ip4 *ret_common)
{
	size_t i = 0;
	size_t j = 0;

	while (i < a->n && j < b->n) {
		if (a->v[i].last < b->v[j].first) {
			i++;
		} else if (b->v[j].last < a->v[i].first) {
			j++;
		} else {
			if (ret_common)
				ret_common->v = a->v[i].first > b->v[j].first ? a->v[i].first :
										b->v[j].first;
			return true;
		}
	}
	return false;
}

bool ip4_set_equal(const struct ip4_set *a, const struct ip4_set *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].first != b->v[i].first || a->v[i].last != b->v[i].last)
			return false;
	return true;
}

uint64_t ip4_set_count(const struct ip4_set *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->v[i].last - set->v[i].first + 1;
	return count;
}
