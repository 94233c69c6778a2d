// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

static bool set(struct names *names, uint32_t number, const char *text)
{
	return names_set(names, number, (const uint8_t *)text, strlen(text));
}

static bool is(const struct names *names, uint32_t number, const char *text)
{
	const struct name *name = names_get(names, number);

	return name && name->n == strlen(text) && memcmp(name->bytes, text, name->n) == 0;
}

static void a_number_means_what_was_said_last(void **state)
{
	struct names names = { 0 };

	(void)state;
	assert_null(names_get(&names, 0));
	assert_true(set(&names, 0, "a"));
	assert_true(set(&names, 1000, "b"));
	assert_true(set(&names, 0, "another"));
	assert_true(is(&names, 0, "another"));
	assert_true(is(&names, 1000, "b"));
	assert_null(names_get(&names, 999));
	assert_null(names_get(&names, UINT32_MAX));
	assert_int_equal(names.bytes, strlen("another") + 1);
	names_done(&names);
}

static void what_has_no_room_means_nothing(void **state)
{
	const size_t n = 32u << 20;
	CLEANUP(cleanup_free) uint8_t *bytes = calloc(1, n);
	struct names names = { 0 };

	(void)state;
	assert_non_null(bytes);
	assert_false(set(&names, NAMES_MAX, "x"));
	assert_true(set(&names, NAMES_MAX - 1, "x"));
	for (uint32_t i = 1; i < NAMES_BYTES_MAX / n; i++)
		assert_true(names_set(&names, i, bytes, n));
	assert_false(names_set(&names, 7000, bytes, n));
	assert_null(names_get(&names, 7000));
	/* Not what it was before, either. */
	assert_true(set(&names, 0, "old"));
	assert_false(names_set(&names, 0, bytes, n));
	assert_null(names_get(&names, 0));
	names_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_means_what_was_said_last),
		cmocka_unit_test(what_has_no_room_means_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
