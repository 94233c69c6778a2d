// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/sorted.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *at(const struct sorted *array, size_t i)
{
	return (const char *)array->v + i * array->size;
}

/* The first place from `from` on whose member isn't before `member`. */
static size_t find_place(const struct sorted *array, size_t from, const void *member)
{
	size_t low = from, high = array->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (array->compare(at(array, middle), member) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has_at(const struct sorted *array, size_t place, const void *member)
{
	return place < array->n && array->compare(at(array, place), member) == 0;
}

static bool is_again(const struct sorted *array, size_t i)
{
	return i > 0 && array->compare(at(array, i - 1), at(array, i)) == 0;
}

/* Each of `del` is there, and none of `add` but what goes. */
static int check(const struct sorted *array, const struct sorted *del, const struct sorted *add)
{
	for (size_t i = 0; i < del->n; i++) {
		if (is_again(del, i) ||
		    !has_at(array, find_place(array, 0, at(del, i)), at(del, i)))
			return -ENOENT;
	}
	for (size_t i = 0; i < add->n; i++) {
		const void *member = at(add, i);

		if (is_again(add, i) || (has_at(array, find_place(array, 0, member), member) &&
					 !has_at(del, find_place(del, 0, member), member)))
			return -EEXIST;
	}
	return 0;
}

static void move(struct sorted *array, size_t to, size_t from, size_t n)
{
	if (n)
		memmove((char *)array->v + to * array->size, at(array, from), n * array->size);
}

/* From the front, so that each member is moved once. */
static void take_out(struct sorted *array, const struct sorted *del)
{
	size_t place = del->n ? find_place(array, 0, at(del, 0)) : array->n, to = place;

	for (size_t i = 0; i < del->n; i++) {
		size_t next = i + 1 < del->n ? find_place(array, place + 1, at(del, i + 1)) :
					       array->n;

		move(array, to, place + 1, next - place - 1);
		to += next - place - 1;
		place = next;
	}
	array->n = to;
}

/* Likewise, from the back. */
static void put_in(struct sorted *array, const struct sorted *add)
{
	struct sorted left = *array;

	for (size_t i = add->n; i-- > 0;) {
		size_t place = find_place(&left, 0, at(add, i));

		move(array, place + i + 1, place, left.n - place);
		memcpy((char *)array->v + (place + i) * array->size, at(add, i), array->size);
		left.n = place;
	}
	array->n += add->n;
}

int sorted_change(struct sorted *array, const struct sorted *del, const struct sorted *add)
{
	int rc = check(array, del, add);

	if (rc)
		return rc;
	if (add->n > del->n) {
		void *v = reallocarray(array->v, array->n + add->n - del->n, array->size);

		if (!v)
			return -ENOMEM;
		array->v = v;
	}
	take_out(array, del);
	put_in(array, add);
	return 0;
}
