// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/timestamp.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

static void times_are_read_as_aws_writes_them(void **state)
{
	static const struct {
		const char *text;
		int64_t sec; /* -1: refused */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-03-01T00:00:00Z", 59 * 86400 },
		{ "1972-03-01T00:00:00Z", 790 * 86400 },
		{ "2000-02-29T12:00:00Z", 951825600 },
		{ "2026-11-23T04:05:06Z", 1795406706 },
		{ "2026-11-23T04:05:06.789Z", 1795406706 },
		{ "2026-11-23T05:05:06+01:00", 1795406706 },
		{ "2026-11-22T22:35:06-05:30", 1795406706 },
		{ "2100-03-01T00:00:00Z", 4107542400 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2015-06-30T23:59:60Z", 1435708800 },
		{ "", -1 },
		{ "2026-11-23", -1 },
		{ "2026-11-23T04:05:06", -1 },
		{ "2026-11-23 04:05:06Z", -1 },
		{ "2026-11-23T04:05:06Zx", -1 },
		{ "2026-11-23T04:05:06.Z", -1 },
		{ "2026-11-23T04:05Z", -1 },
		{ "2026-13-01T00:00:00Z", -1 },
		{ "2026-00-01T00:00:00Z", -1 },
		{ "2026-02-29T00:00:00Z", -1 },
		{ "2100-02-29T00:00:00Z", -1 },
		{ "2026-01-01T24:00:00Z", -1 },
		{ "2026-01-01T00:60:00Z", -1 },
		{ "2026-01-01T00:00:61Z", -1 },
		{ "2026-01-01T00:00:00+24:00", -1 },
		{ "2026-01-01T00:00:00+0100", -1 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "-026-01-01T00:00:00Z", -1 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t sec = -1;
		const int r = timestamp_parse(rows[i].text, &sec);
		if (sec != rows[i].sec || (r == 0) != (rows[i].sec >= 0))
			fail_msg("%s: %d, %lld", rows[i].text, r, (long long)sec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_as_aws_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
