// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "peer/wire.h"

static void numbers_and_texts_come_back(void **state)
{
	uint8_t bytes[64];
	struct wire_out out = { .at = bytes, .end = bytes + sizeof(bytes) };
	char text[6];

	(void)state;
	for (size_t n = 1; n <= 8; n++)
		wire_put(&out, UINT64_C(0x8182838485868788), n);
	wire_put_text(&out, "hello");
	assert_false(out.failed);
	assert_int_equal(out.at - bytes, 36 + 6);
	struct wire_in in = { .at = bytes, .end = out.at };

	for (size_t n = 1; n <= 8; n++)
		assert_true(wire_get(&in, n) ==
			    (UINT64_C(0x8182838485868788) & UINT64_MAX >> (64 - 8 * n)));
	wire_get_text(&in, text, sizeof(text));
	assert_string_equal(text, "hello");
	assert_true(wire_is_done(&in));
}

static void what_has_no_room_fails_the_whole(void **state)
{
	uint8_t bytes[4] = { 0, 0, 0, 0xee };
	struct wire_out out = { .at = bytes, .end = bytes + 3 };
	char longest[257];

	(void)state;
	wire_put(&out, 1, 4);
	assert_true(out.failed);
	wire_put(&out, 1, 1); /* would have */
	assert_ptr_equal(out.at, bytes);
	assert_int_equal(bytes[3], 0xee);

	uint8_t plenty[512];

	out = (struct wire_out){ .at = plenty, .end = plenty + sizeof(plenty) };
	memset(longest, 'x', sizeof(longest) - 1);
	longest[256] = '\0';
	wire_put_text(&out, longest + 1);
	assert_false(out.failed);
	wire_put_text(&out, longest);
	assert_true(out.failed);
}

static void what_is_missing_or_left_isnt_done(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3 };
	struct wire_in in = { .at = bytes, .end = bytes + 3 };

	(void)state;
	assert_int_equal(wire_get(&in, 2), 0x0102);
	assert_false(wire_is_done(&in));
	assert_int_equal(wire_get(&in, 2), 0);
	assert_true(in.failed);
	assert_int_equal(wire_get(&in, 1), 0); /* would have been there */
	assert_false(wire_is_done(&in));
}

static void a_text_is_printable_and_fits(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool good;
	} rows[] = {
		{ "\x04"
		  "abcd",
		  5, true },
		{ "\x05"
		  "abcde",
		  6, false },
		{ "\x00", 1, false },
		{ "\x03"
		  "a b",
		  4, false },
		{ "\x03"
		  "a\0b",
		  4, false },
		{ "\x03"
		  "a\x7f"
		  "b",
		  4, false },
		{ "\x02"
		  "\xc3\xa4",
		  3, false },
		{ "\x04"
		  "abc",
		  4, false },
		{ "", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
		struct wire_in in = { .at = bytes, .end = bytes + rows[i].length };
		char text[5];

		wire_get_text(&in, text, sizeof(text));
		assert_int_equal(wire_is_done(&in), rows[i].good);
		assert_string_equal(text, rows[i].good ? "abcd" : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_texts_come_back),
		cmocka_unit_test(what_has_no_room_fails_the_whole),
		cmocka_unit_test(what_is_missing_or_left_isnt_done),
		cmocka_unit_test(a_text_is_printable_and_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
