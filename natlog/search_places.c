// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/search_places.h"

#include <stdlib.h>

static void swap(struct place *a, struct place *b)
{
	const struct place c = *a;

	*a = *b;
	*b = c;
}

static void sift_down(struct places *places)
{
	size_t i = 0, low;

	while ((low = 2 * i + 1) < places->n) {
		if (low + 1 < places->n && places->v[low + 1].order < places->v[low].order)
			low++;
		if (places->v[i].order <= places->v[low].order)
			return;
		swap(&places->v[i], &places->v[low]);
		i = low;
	}
}

static bool make_room(struct places *places)
{
	const size_t size = places->size ? 2 * places->size : 64;
	struct place *v;

	if (places->n < places->size)
		return true;
	v = reallocarray(places->v, size, sizeof(*v));
	if (!v)
		return false;
	places->v = v;
	places->size = size;
	return true;
}

bool places_put(struct places *places, struct place place)
{
	if (places->n == places->most) {
		places->is_cut = true;
		if (place.order > places->v[0].order) {
			places->v[0] = place;
			sift_down(places);
		}
		return true;
	}
	if (!make_room(places))
		return false;
	places->v[places->n] = place;
	for (size_t i = places->n++; i && places->v[i].order < places->v[(i - 1) / 2].order;
	     i = (i - 1) / 2)
		swap(&places->v[i], &places->v[(i - 1) / 2]);
	return true;
}

static int highest_first(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->order != y->order)
		return x->order > y->order ? -1 : 1;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->at > y->at ? -1 : x->at < y->at;
}

bool places_is_again(const struct places *places, size_t i)
{
	return i && places->v[i].file == places->v[i - 1].file &&
	       places->v[i].at == places->v[i - 1].at;
}

void places_sort(struct places *places)
{
	if (places->n)
		qsort(places->v, places->n, sizeof(*places->v), highest_first);
}
