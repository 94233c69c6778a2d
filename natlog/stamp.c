// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/stamp.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

enum { LAST_YEAR = 2261 }; /* the last whole one that fits into 64 bits of nanoseconds */

/* 'd' stands for a digit. */
static const char form[STAMP_MAX] = "dddd-dd-ddTdd:dd:dd.ddddddZ";

int64_t stamp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void put_digits(char *at, int n, int64_t value)
{
	for (int i = n - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

/*
 * The date of a day since 1970, in the proleptic Gregorian calendar. Counted in eras of 400 years that begin on the first of
 * March, so that a leap day is the last of its year. gmtime_r would do, at five times the cost.
 */
static void put_date(char *at, int64_t day)
{
	int64_t d = day + 719468, era = d / 146097, of_era = d % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153; /* 0: March */

	put_digits(at, 4, era * 400 + year + (month >= 10));
	put_digits(at + 5, 2, month < 10 ? month + 3 : month - 9);
	put_digits(at + 8, 2, of_year - (153 * month + 2) / 5 + 1);
}

const char *stamp_format(int64_t ns, char buf[static STAMP_MAX])
{
	int64_t s = ns < 0 ? 0 : ns / NS_PER_S, rest = ns < 0 ? 0 : ns % NS_PER_S;

	memcpy(buf, form, STAMP_MAX);
	put_date(buf, s / 86400);
	s %= 86400;
	put_digits(buf + 11, 2, s / 3600);
	put_digits(buf + 14, 2, s / 60 % 60);
	put_digits(buf + 17, 2, s % 60);
	put_digits(buf + 20, 6, rest / 1000);
	return buf;
}

static int64_t number(const char *at, int n)
{
	int64_t value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (at[i] - '0');
	return value;
}

static int64_t day_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return y / 400 * 146097 + y % 400 * 365 + y % 400 / 4 - y % 400 / 100 + (153 * m + 2) / 5 +
	       day - 1 - 719468;
}

int stamp_parse(const char *text, size_t length, int64_t *ret_ns)
{
	char again[STAMP_MAX];
	int64_t ns;

	if (length != STAMP_LENGTH)
		return -EINVAL;
	for (size_t i = 0; i < STAMP_LENGTH; i++) {
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return -EINVAL;
	}
	/* So much that nothing overflows; the rest is seen below. */
	if (number(text, 4) < 1970 || number(text, 4) > LAST_YEAR || number(text + 5, 2) > 12 ||
	    number(text + 5, 2) < 1)
		return -EINVAL;
	ns = day_of(number(text, 4), number(text + 5, 2), number(text + 8, 2)) * 86400 * NS_PER_S;
	ns += (number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 + number(text + 17, 2)) *
	      NS_PER_S;
	ns += number(text + 20, 6) * 1000;
	/* What is no date or time of day is written otherwise. */
	if (memcmp(stamp_format(ns, again), text, STAMP_LENGTH) != 0)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}
