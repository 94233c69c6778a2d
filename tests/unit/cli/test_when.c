// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Times as people paste them. */
#include "cli/when.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "natlog/stamp.h"

#define NS INT64_C(1000000000)
#define NOW "2026-11-29T14:10:00.000000Z"

static int64_t ns_of(const char *stamp)
{
	int64_t ns;

	if (stamp_parse(stamp, strlen(stamp), &ns))
		fail_msg("%s is no stamp", stamp);
	return ns;
}

static const struct {
	const char *text, *from;
	int64_t lasts_ns;
} times[] = {
	{ "2026-11-29T14:03:12Z", "2026-11-29T14:03:12.000000Z", NS },
	{ "2026-11-29T14:03:12", "2026-11-29T14:03:12.000000Z", NS },
	{ "2026-11-29 14:03:12", "2026-11-29T14:03:12.000000Z", NS },
	{ "2026-11-29 14:03:12 UTC", "2026-11-29T14:03:12.000000Z", NS },
	{ "2026-11-29T14:03:12.5Z", "2026-11-29T14:03:12.500000Z", NS / 10 },
	{ "2026-11-29 14:03:12,123", "2026-11-29T14:03:12.123000Z", NS / 1000 },
	{ "2026-11-29T14:03:12.123456Z", "2026-11-29T14:03:12.123456Z", 1000 },
	{ "2026-11-29T14:03:12.123456000Z", "2026-11-29T14:03:12.123456Z", 1 },
	{ "2026-11-29T14:03:12+01:00", "2026-11-29T13:03:12.000000Z", NS },
	{ "2026-11-29T14:03:12-0530", "2026-11-29T19:33:12.000000Z", NS },
	{ "2026-11-29 14:03:12 +01", "2026-11-29T13:03:12.000000Z", NS },
	{ "2026-11-29 14:03", "2026-11-29T14:03:00.000000Z", 60 * NS },
	{ "2026-11-29T14:03Z", "2026-11-29T14:03:00.000000Z", 60 * NS },
	{ "2026/11/29 14:03:12", "2026-11-29T14:03:12.000000Z", NS },
	{ "Sun, 29 Nov 2026 14:03:12 +0000", "2026-11-29T14:03:12.000000Z", NS },
	{ "Sun, 29 Nov 2026 14:03:12 GMT", "2026-11-29T14:03:12.000000Z", NS },
	{ "29 Nov 2026 14:03:12 -0100", "2026-11-29T15:03:12.000000Z", NS },
	{ "Sun Nov 29 14:03:12 UTC 2026", "2026-11-29T14:03:12.000000Z", NS },
	{ "Sun Nov  1 14:03:12 2026", "2026-11-01T14:03:12.000000Z", NS },
	{ "Sun 29 Nov 2026 14:03:12", "2026-11-29T14:03:12.000000Z", NS },
	{ "29/Nov/2026:14:03:12 +0000", "2026-11-29T14:03:12.000000Z", NS },
	{ "Nov 29 14:03:12", "2026-11-29T14:03:12.000000Z", NS },
	{ "Dec 31 23:59:59", "2025-12-31T23:59:59.000000Z", NS },
	{ "1795960992", "2026-11-29T14:03:12.000000Z", NS },
	{ "1795960992.25", "2026-11-29T14:03:12.250000Z", NS / 100 },
	{ "1795960992123", "2026-11-29T14:03:12.123000Z", NS / 1000 },
	{ "1795960992123456", "2026-11-29T14:03:12.123456Z", 1000 },
	{ "1795960992123456000", "2026-11-29T14:03:12.123456Z", 1 },
	{ "now", NOW, 1 },
	{ "-5m", "2026-11-29T14:05:00.000000Z", 1 },
	{ "-1h30m", "2026-11-29T12:40:00.000000Z", 1 },
	{ "-2d", "2026-11-27T14:10:00.000000Z", 1 },
	{ "-90s", "2026-11-29T14:08:30.000000Z", 1 },
	{ "2024-02-29 00:00:00", "2024-02-29T00:00:00.000000Z", NS },
};

static void each_form_is_the_moment_that_it_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct err err = ERR_NULL;
		struct when when;

		if (when_parse(times[i].text, ns_of(NOW), &when, &err))
			fail_msg("%s", err.text);
		if (when.from_ns != ns_of(times[i].from) ||
		    when.to_ns - when.from_ns != times[i].lasts_ns - 1)
			fail_msg("%s: %lld for %lld", times[i].text, (long long)when.from_ns,
				 (long long)(when.to_ns - when.from_ns));
	}
}

static const char *const wrong[] = {
	"",
	"yesterday",
	"2026-11-29",
	"2026-02-29 00:00:00",
	"2026-11-31 00:00:00",
	"2026-13-01 00:00:00",
	"2026-11-29 24:00:00",
	"2026-11-29 14:60:00",
	"2026-11-29 14:03:60",
	"2026-11-29T14:03:12Zx",
	"2026-11-29T14:03:12+25:00",
	"2026-11-29T14:03:12+",
	"2026-11-29T1:03:12Z",
	"1969-12-31 23:59:59",
	"9999-01-01 00:00:00",
	"Sun Foo 29 14:03:12 UTC 2026",
	"12",
	"12345678901234567890",
	"1795960992.",
	"1795960992.1234567890",
	"9999999999999999999",
	"99999999999.123456789",
	"-",
	"-5",
	"-5x",
	"-m",
	"-99999999d",
	"+5m",
};

static void anything_else_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct err err = ERR_NULL;
		struct when when;

		if (when_parse(wrong[i], ns_of(NOW), &when, &err) == 0)
			fail_msg("'%s' is taken", wrong[i]);
		assert_non_null(strstr(err.text, "is no time"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_the_moment_that_it_means),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
