// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sorted.h"
#include "unit.h"

static int compare(const void *pa, const void *pb)
{
	const int *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

static struct sorted list(const int *v, size_t n)
{
	struct sorted sorted = { .n = n, .size = sizeof(*v), .compare = compare };

	sorted.v = calloc(n + 1, sizeof(*v));
	assert_non_null(sorted.v);
	if (n)
		memcpy(sorted.v, v, n * sizeof(*v));
	return sorted;
}

struct row {
	const char *name;
	int before[4], del[4], add[4], after[6]; /* end with 0 */
	int rc;
};

static const struct row rows[] = {
	{ "nothing", { 1, 2 }, { 0 }, { 0 }, { 1, 2 }, 0 },
	{ "from nothing", { 0 }, { 0 }, { 5, 7 }, { 5, 7 }, 0 },
	{ "to nothing", { 5, 7 }, { 5, 7 }, { 0 }, { 0 }, 0 },
	{ "first and last", { 2, 3, 4 }, { 2, 4 }, { 1, 5 }, { 1, 3, 5 }, 0 },
	{ "neighbours", { 2, 4 }, { 2 }, { 3 }, { 3, 4 }, 0 },
	{ "out and in again", { 2, 4 }, { 4 }, { 4 }, { 2, 4 }, 0 },
	{ "one that isn't there", { 2, 4 }, { 3 }, { 1 }, { 2, 4 }, -ENOENT },
	{ "beyond the end", { 2, 4 }, { 9 }, { 0 }, { 2, 4 }, -ENOENT },
	{ "one twice out", { 2, 4 }, { 2, 2 }, { 0 }, { 2, 4 }, -ENOENT },
	{ "one twice in", { 2, 4 }, { 0 }, { 3, 3 }, { 2, 4 }, -EEXIST },
	{ "one that is there", { 2, 4 }, { 2 }, { 4 }, { 2, 4 }, -EEXIST },
};

static size_t length(const int *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

static void a_change_takes_out_and_puts_in_or_does_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct sorted array = list(row->before, length(row->before));
		struct sorted del = list(row->del, length(row->del));
		struct sorted add = list(row->add, length(row->add));

		print_message("%s\n", row->name);
		assert_int_equal(sorted_change(&array, &del, &add), row->rc);
		assert_int_equal(array.n, length(row->after));
		assert_memory_equal(array.v, row->after, array.n * sizeof(int));
		free(array.v);
		free(del.v);
		free(add.v);
	}
}

enum { UNIVERSE = 60, TURNS = 2000 };

/* Each member of the universe is in the array or not: what a change makes of it is known without it. */
static void any_change_gives_the_set_that_it_should(void **state)
{
	bool is_in[UNIVERSE] = { false };
	struct sorted array = list(NULL, 0);
	unsigned seed = 20261128;

	(void)state;
	for (int turn = 0; turn < TURNS; turn++) {
		int del_v[UNIVERSE], add_v[UNIVERSE], *v;
		size_t n_del = 0, n_add = 0, n = 0;

		for (int i = 0; i < UNIVERSE; i++) {
			if (rand_r(&seed) % 8)
				continue;
			if (is_in[i])
				del_v[n_del++] = i;
			else
				add_v[n_add++] = i;
			is_in[i] = !is_in[i];
		}
		struct sorted del = list(del_v, n_del), add = list(add_v, n_add);

		assert_int_equal(sorted_change(&array, &del, &add), 0);
		free(del.v);
		free(add.v);
		v = array.v;
		for (int i = 0; i < UNIVERSE; i++) {
			if (is_in[i])
				assert_int_equal(v[n++], i);
		}
		assert_int_equal(array.n, n);
	}
	free(array.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_takes_out_and_puts_in_or_does_nothing),
		cmocka_unit_test(any_change_gives_the_set_that_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
