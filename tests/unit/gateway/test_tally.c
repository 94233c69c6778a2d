// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"

struct thing {
	uint64_t key;
	uint32_t number;
};

enum { KEYS = 3000, STEPS = 60000 };

static void what_is_found_is_what_was_added_and_not_removed(void **state)
{
	struct tally tally = { .element = sizeof(struct thing), .most = KEYS, .seed = 77 };
	uint32_t *wanted = calloc(KEYS, sizeof(*wanted)); /* 0: not there */
	size_t n = 0;

	(void)state;
	assert_non_null(wanted);
	for (uint32_t step = 1; step <= STEPS; step++) {
		/* Not the same again for a long time; half of the steps remove what is there. */
		const uint32_t key = step * 2654435761u % KEYS;
		struct thing *thing = tally_find(&tally, key);

		assert_int_equal(!thing, !wanted[key]);
		if (thing && step % 3) {
			assert_int_equal(thing->number, wanted[key]);
			tally_remove(&tally, thing);
			wanted[key] = 0;
			n--;
		} else {
			thing = tally_add(&tally, key);
			assert_non_null(thing);
			assert_int_equal(thing->number, wanted[key]);
			n += !wanted[key];
			thing->number = wanted[key] = step;
		}
		assert_int_equal(tally.n, n);
	}
	for (uint64_t key = 0; key < KEYS; key++) {
		const struct thing *thing = tally_find(&tally, key);

		assert_int_equal(thing ? thing->number : 0, wanted[key]);
	}
	tally_done(&tally);
	free(wanted);
}

static void no_more_are_taken_than_its_ceiling(void **state)
{
	struct tally tally = { .element = sizeof(struct thing), .most = 100 };

	(void)state;
	for (uint64_t key = 0; key < 100; key++)
		assert_non_null(tally_add(&tally, key << 32));
	assert_null(tally_add(&tally, 12345));
	assert_non_null(tally_add(&tally, 0)); /* it's there */
	tally_remove(&tally, tally_find(&tally, 0));
	assert_non_null(tally_add(&tally, 12345));
	tally_done(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_found_is_what_was_added_and_not_removed),
		cmocka_unit_test(no_more_are_taken_than_its_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
