// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/seed.h"

#include "unit.h"

static void no_two_are_alike_and_none_is_0(void **state)
{
	uint64_t seen[64];
	(void)state;

	for (int i = 0; i < 64; i++) {
		seen[i] = seed_guessable();
		assert_int_not_equal(seen[i], 0);
		for (int k = 0; k < i; k++)
			assert_true(seen[i] != seen[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_two_are_alike_and_none_is_0) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
