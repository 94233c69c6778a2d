// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/stamp.h"

#define NS_PER_S INT64_C(1000000000)
#define DAY_S 86400

/*
 * Y year, M month, b its name, D day, a its name, h m s with a fraction, z zone, if there is one. A blank is one or more; what
 * else stands here must stand there.
 */
static const char *const forms[] = {
	"Y-M-DTh:m:sz",                                      /* RFC 3339 */
	"Y-M-D h:m:sz",                                      /* date --rfc-3339, databases */
	"Y-M-DTh:mz",      "Y-M-D h:mz",     "Y/M/D h:m:sz", /* nginx's error log */
	"a, D b Y h:m:sz",                                   /* date -R, mail, HTTP */
	"D b Y h:m:sz",    "a b D h:m:sz Y",                 /* date */
	"a D b Y h:m:sz",  "D/b/Y:h:m:sz",                   /* Apache, nginx */
	"b D h:m:sz", /* syslog: of the year that lies behind us */
};

struct parts {
	int year, month, day, hour, minute, second;
	int64_t rest_ns, lasts_ns;
	int offset_s;
	bool has_year;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(const char **at, int least, int most, int *ret)
{
	int n = 0;

	for (*ret = 0; n < most && is_digit(**at); n++)
		*ret = *ret * 10 + (*(*at)++ - '0');
	return n >= least;
}

/* Its place in a list of names with three letters each, from 1; 0: it isn't there. Longer names are fine. */
static int take_name(const char **at, const char *names)
{
	int found = 0;

	for (int i = 0; names[3 * i]; i++) {
		if (strncasecmp(*at, names + 3 * i, 3) == 0)
			found = i + 1;
	}
	while (found && ((**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z')))
		(*at)++;
	return found;
}

static bool take_second(const char **at, struct parts *parts)
{
	int64_t unit = NS_PER_S;

	if (!take_digits(at, 2, 2, &parts->second))
		return false;
	if ((**at == '.' || **at == ',') && is_digit((*at)[1])) {
		for ((*at)++; is_digit(**at); (*at)++) {
			unit /= 10;
			parts->rest_ns += unit * (**at - '0');
		}
	}
	parts->lasts_ns = unit ? unit : 1;
	return true;
}

static bool take_word(const char **at, const char *word)
{
	const size_t n = strlen(word);

	if (strncasecmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

/* Whatever isn't one is left to who comes next. */
static bool take_zone(const char **at, struct parts *parts)
{
	const char *from = *at;
	int sign, hours, minutes = 0;

	while (**at == ' ')
		(*at)++;
	if (take_word(at, "UTC") || take_word(at, "GMT") || take_word(at, "Z"))
		return true;
	if (**at != '+' && **at != '-') {
		*at = from;
		return true;
	}
	sign = *(*at)++ == '-' ? -1 : 1;
	if (!take_digits(at, 2, 2, &hours))
		return false;
	if (**at == ':')
		(*at)++;
	if (is_digit(**at) && !take_digits(at, 2, 2, &minutes))
		return false;
	parts->offset_s = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

static bool take_blanks(const char **at)
{
	const char *from = *at;

	while (**at == ' ')
		(*at)++;
	return *at != from;
}

static bool take_part(const char **at, char what, struct parts *parts)
{
	switch (what) {
	case 'Y':
		parts->has_year = true;
		return take_digits(at, 4, 4, &parts->year);
	case 'M':
		return take_digits(at, 2, 2, &parts->month);
	case 'b':
		parts->month = take_name(at, "JanFebMarAprMayJunJulAugSepOctNovDec");
		return parts->month;
	case 'D':
		return take_digits(at, 1, 2, &parts->day);
	case 'a':
		return take_name(at, "MonTueWedThuFriSatSun");
	case 'h':
		return take_digits(at, 2, 2, &parts->hour);
	case 'm':
		parts->lasts_ns = 60 * NS_PER_S;
		return take_digits(at, 2, 2, &parts->minute);
	case 's':
		return take_second(at, parts);
	case 'z':
		return take_zone(at, parts);
	case ' ':
		return take_blanks(at);
	default:
		return *(*at)++ == what;
	}
}

static bool take_form(const char *text, const char *form, struct parts *ret)
{
	*ret = (struct parts){ 0 };
	for (; *form; form++) {
		if (!take_part(&text, *form, ret))
			return false;
	}
	(void)take_blanks(&text);
	return !*text;
}

/* Whether there is such a day and time is for the parser of the log's own times to say. */
static int in_year(const struct parts *parts, int year, int64_t *ret_ns)
{
	char text[STAMP_MAX + 48]; /* whatever the numbers were */
	const int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.000000Z", year,
			       parts->month, parts->day, parts->hour, parts->minute, parts->second);

	if (stamp_parse(text, (size_t)n, ret_ns))
		return -EINVAL;
	*ret_ns += parts->rest_ns - parts->offset_s * NS_PER_S;
	return 0;
}

static int from_parts(const struct parts *parts, int64_t now_ns, struct when *ret)
{
	char stamp[STAMP_MAX];
	const char *at = stamp_format(now_ns, stamp);
	int year = parts->year;

	if (!parts->has_year)
		(void)take_digits(&at, 4, 4, &year);
	/* "Dec 31" read on the first of January. */
	if (in_year(parts, year, &ret->from_ns) ||
	    (!parts->has_year && ret->from_ns > now_ns + DAY_S * NS_PER_S &&
	     in_year(parts, year - 1, &ret->from_ns)))
		return -EINVAL;
	ret->to_ns = ret->from_ns + parts->lasts_ns - 1;
	return ret->from_ns < 0 ? -EINVAL : 0;
}

/* ---- numbers */

static bool add_digit(int64_t *value, char digit)
{
	return !__builtin_mul_overflow(*value, 10, value) &&
	       !__builtin_add_overflow(*value, digit - '0', value);
}

/* A fraction of seconds; it reads as that of "00.123". */
static bool take_fraction(const char *text, int64_t *value, int64_t *ret_unit)
{
	struct parts parts = { 0 };
	char second[16];
	const char *at = second;

	if (strlen(text) < 2 || strlen(text) > 10)
		return false;
	snprintf(second, sizeof(second), "00%s", text);
	if (!take_second(&at, &parts) || *at)
		return false;
	*ret_unit = parts.lasts_ns;
	return !__builtin_mul_overflow(*value, NS_PER_S / *ret_unit, value) &&
	       !__builtin_add_overflow(*value, parts.rest_ns / *ret_unit, value);
}

/* 1795960992, with a fraction, or in smaller units, by how long it is. */
static int from_number(const char *text, struct when *ret)
{
	int64_t value = 0, unit = NS_PER_S;
	int n = 0;

	for (; is_digit(text[n]); n++) {
		if (!add_digit(&value, text[n]))
			return -EINVAL;
	}
	for (int digits = 11; digits < n; digits += 3)
		unit /= 1000;
	if (n < 9 || unit == 0 ||
	    (text[n] && (unit != NS_PER_S || !take_fraction(text + n, &value, &unit))) ||
	    __builtin_mul_overflow(value, unit, &ret->from_ns) ||
	    __builtin_add_overflow(ret->from_ns, unit - 1, &ret->to_ns))
		return -EINVAL;
	return 0;
}

static int64_t unit_of(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return DAY_S;
	default:
		return 0;
	}
}

/* -5m, -1h30m, -2d */
static int from_ago(const char *text, int64_t now_ns, struct when *ret)
{
	int64_t ago_s = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		int value;

		if (!take_digits(&text, 1, 8, &value) || unit_of(*text) == 0)
			return -EINVAL;
		ago_s += value * unit_of(*text++);
		if (ago_s >= now_ns / NS_PER_S)
			return -EINVAL;
	}
	ret->from_ns = ret->to_ns = now_ns - ago_s * NS_PER_S;
	return 0;
}

static int parse(const char *text, int64_t now_ns, struct when *ret)
{
	struct parts parts;
	size_t digits = 0;

	while (is_digit(text[digits]))
		digits++;
	if (strcmp(text, "now") == 0) {
		ret->from_ns = ret->to_ns = now_ns;
		return 0;
	}
	if (text[0] == '-')
		return from_ago(text + 1, now_ns, ret);
	if (digits && (!text[digits] || text[digits] == '.' || text[digits] == ','))
		return from_number(text, ret);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (take_form(text, forms[i], &parts))
			return from_parts(&parts, now_ns, ret);
	}
	return -EINVAL;
}

int when_parse(const char *text, int64_t now_ns, struct when *ret, struct err *err)
{
	if (parse(text, now_ns, ret))
		return err_set(err, -EINVAL,
			       "'%.60s' is no time, such as 2026-11-29T14:03:12Z, \"2026-11-29 "
			       "14:03:12 +0100\", 1795961000, or -5m",
			       text);
	return 0;
}
