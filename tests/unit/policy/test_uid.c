// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/uid.h"

#include "base/cleanup.h"
#include "cmocka_all.h"

static void only_what_comes_back_as_the_same_text_is_packed(void **state)
{
	static const struct {
		const char *text;
		bool packs;
	} rows[] = {
		{ "01234567-89ab-cdef-0f1e-2d3c4b5a6978", true },
		{ "00000000-0000-0000-0000-000000000000", true },
		{ "ffffffff-ffff-ffff-ffff-ffffffffffff", true },
		{ "", false },
		{ "1", false },
		{ "01234567-89AB-cdef-0f1e-2d3c4b5a6978", false },
		{ "01234567-89ab-cdef-0f1e-2d3c4b5a697", false },
		{ "01234567-89ab-cdef-0f1e-2d3c4b5a69780", false },
		{ "0123456789ab-cdef-0f1e-2d3c4b5a6978-", false },
		{ "01234567089ab-cdef-0f1e-2d3c4b5a6978", false },
		{ "01234567-89ab-cdef-0f1e-2d3c4b5a697g", false },
		{ "01234567-89ab-cdef-0f1e-2d3c4b5a697-", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t packed[UID_BYTES];
		char buf[UID_TEXT];

		assert_int_equal(uid_pack(rows[i].text, packed), rows[i].packs);
		if (rows[i].packs)
			assert_string_equal(uid_format(packed, buf), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_comes_back_as_the_same_text_is_packed),
	};

	return cmocka_run_group_tests_name("policy_uid", tests, NULL, NULL);
}
