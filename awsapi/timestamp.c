// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "awsapi/timestamp.h"

#include <errno.h>
#include <stdbool.h>

#define DAY_SEC 86400

/* Reads exactly `n` digits and moves *text behind them. -1: something else stands there. */
static int take_digits(const char **text, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		const char c = (*text)[0];
		if (c < '0' || c > '9')
			return -1;
		value = value * 10 + (c - '0');
		(*text)++;
	}
	return value;
}

static bool take_char(const char **text, char c)
{
	if ((*text)[0] != c)
		return false;
	(*text)++;
	return true;
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01. */
static int64_t days_before(int year, int month, int day)
{
	const int past = year - 1;
	int64_t days = 365LL * (year - 1970) + (past / 4 - past / 100 + past / 400) - 477;

	for (int m = 1; m < month; m++)
		days += days_of_month(year, m);
	return days + day - 1;
}

/* "Z" or "+HH:MM" at the end; seconds that the text's clock is ahead. */
static int take_offset(const char **text, int64_t *ret_sec)
{
	int64_t sign = 1;

	*ret_sec = 0;
	if (take_char(text, 'Z'))
		return 0;
	if (take_char(text, '-'))
		sign = -1;
	else if (!take_char(text, '+'))
		return -EINVAL;
	const int hours = take_digits(text, 2);
	const bool colon = take_char(text, ':');
	const int minutes = take_digits(text, 2);
	if (hours < 0 || hours > 23 || !colon || minutes < 0 || minutes > 59)
		return -EINVAL;
	*ret_sec = sign * (hours * 3600 + minutes * 60);
	return 0;
}

static int take_date(const char **text, int64_t *ret_days)
{
	const int year = take_digits(text, 4);
	const bool first = take_char(text, '-');
	const int month = take_digits(text, 2);
	const bool second = take_char(text, '-');
	const int day = take_digits(text, 2);

	if (!first || !second || year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month))
		return -EINVAL;
	*ret_days = days_before(year, month, day);
	return 0;
}

/* 60 seconds are a leap second, and count as the next minute's first. */
static int take_time(const char **text, int64_t *ret_sec)
{
	const int hour = take_digits(text, 2);
	const bool first = take_char(text, ':');
	const int minute = take_digits(text, 2);
	const bool second = take_char(text, ':');
	const int sec = take_digits(text, 2);

	if (!first || !second || hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 ||
	    sec > 60)
		return -EINVAL;
	*ret_sec = hour * 3600 + minute * 60 + sec;
	return 0;
}

int timestamp_parse(const char *text, int64_t *ret_sec)
{
	int64_t days, sec, offset;

	if (take_date(&text, &days) < 0 || !take_char(&text, 'T') || take_time(&text, &sec) < 0)
		return -EINVAL;
	if (take_char(&text, '.')) {
		if (take_digits(&text, 1) < 0)
			return -EINVAL;
		while (text[0] >= '0' && text[0] <= '9')
			text++;
	}
	if (take_offset(&text, &offset) < 0 || text[0] != '\0')
		return -EINVAL;
	*ret_sec = days * DAY_SEC + sec - offset;
	return 0;
}
