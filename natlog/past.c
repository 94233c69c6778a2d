// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/past.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_SIZE = 16 };

struct past_cell {
	struct ct_stint stint;
	uint32_t next; /* of its list, or of what is free */
};

static bool grow(struct past *past)
{
	size_t size = past->size ? past->size * 2 : FIRST_SIZE;
	struct past_cell *v = reallocarray(past->v, size, sizeof(*v));

	if (!v)
		return false;
	past->v = v;
	past->size = size;
	return true;
}

/* 0: no memory. */
static uint32_t take_cell(struct past *past)
{
	const uint32_t number = past->free;

	if (number) {
		past->free = past->v[number - 1].next;
		return number;
	}
	if (past->n == past->size && !grow(past))
		return 0;
	return (uint32_t)++past->n;
}

uint32_t past_put(struct past *past, const struct ct_stint *stints, size_t n)
{
	uint32_t first = 0;

	for (size_t i = n; i-- > 0;) {
		const uint32_t number = take_cell(past);

		if (!number) {
			past_drop(past, first);
			return 0;
		}
		past->v[number - 1] = (struct past_cell){ stints[i], first };
		first = number;
	}
	return first;
}

void past_drop(struct past *past, uint32_t number)
{
	while (number) {
		const uint32_t next = past->v[number - 1].next;

		past->v[number - 1].next = past->free;
		past->free = number;
		number = next;
	}
}

size_t past_get(const struct past *past, uint32_t number, struct ct_stint ret[static CT_STINTS_MAX])
{
	size_t n = 0;

	for (; number && n < CT_STINTS_MAX; number = past->v[number - 1].next)
		ret[n++] = past->v[number - 1].stint;
	return n;
}

void past_done(struct past *past)
{
	free(past->v);
	*past = (struct past){ 0 };
}
