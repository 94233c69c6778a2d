// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/stamp.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

#define NS INT64_C(1000000000)

static void a_time_is_written_in_utc_with_microseconds(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ -1, "1970-01-01T00:00:00.000000Z" },
		{ 951782399 * NS + 999999999, "2000-02-28T23:59:59.999999Z" },
		{ 951782400 * NS, "2000-02-29T00:00:00.000000Z" },
		{ 951868800 * NS, "2000-03-01T00:00:00.000000Z" },
		{ 1709164800 * NS + 1000, "2024-02-29T00:00:00.000001Z" },
		{ 1795939811 * NS + 123456789, "2026-11-29T08:10:11.123456Z" },
		{ 4107542400 * NS, "2100-03-01T00:00:00.000000Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775Z" },
	};
	char text[STAMP_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(stamp_format(rows[i].ns, text), rows[i].text);
}

/* The C library as a witness, for a day in each month of four centuries. */
static void every_month_is_as_the_c_library_has_it(void **state)
{
	char ours[STAMP_MAX], theirs[STAMP_MAX];
	struct tm tm;

	(void)state;
	for (int64_t s = 43200; s < 9214646400; s += 86400 * 29) {
		time_t at = (time_t)s;

		assert_non_null(gmtime_r(&at, &tm));
		assert_int_equal(strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000000Z", &tm),
				 STAMP_LENGTH);
		assert_string_equal(stamp_format(s * NS, ours), theirs);
	}
}

static void what_is_written_is_read_as_it_was(void **state)
{
	char text[STAMP_MAX];
	int64_t back;

	(void)state;
	for (int64_t ns = 0; ns < 9214646400 * NS - 86400 * NS * 71;
	     ns += 86400 * NS * 71 + 1234567000) {
		stamp_format(ns, text);
		assert_int_equal(stamp_parse(text, STAMP_LENGTH, &back), 0);
		assert_int_equal(back, ns);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"2026-11-29T08:10:11.123456",
		"2026-11-29T08:10:11.123456Z ",
		"2026-11-29 08:10:11.123456Z",
		"2026-13-01T00:00:00.000000Z",
		"2026-00-01T00:00:00.000000Z",
		"2026-02-29T00:00:00.000000Z",
		"2026-01-32T00:00:00.000000Z",
		"2026-01-01T24:00:00.000000Z",
		"2026-01-01T00:60:00.000000Z",
		"2026-01-01T00:00:60.000000Z",
		"1969-12-31T23:59:59.999999Z",
		"9999-01-01T00:00:00.000000Z",
		"2026-01-01T00:00:00.00000-Z",
		"2261-60-29T08:74:11.123456Z",
		"2261-12-99T99:99:99.999999Z",
	};
	int64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (stamp_parse(rows[i], strlen(rows[i]), &ns) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
	}
	assert_int_equal(ns, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_written_in_utc_with_microseconds),
		cmocka_unit_test(every_month_is_as_the_c_library_has_it),
		cmocka_unit_test(what_is_written_is_read_as_it_was),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
