// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/options.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

#define OPTION_COLUMN_MAX 28 /* help texts begin at most here */

/* The row with the name (of `length` bytes), or NULL. */
static const struct option_row *find_row(const struct option_row *rows, size_t n, const char *name,
					 size_t length)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
			return &rows[i];
	return NULL;
}

static void set_flag(const struct option_row *row, void *ret)
{
	*(bool *)((char *)ret + row->offset) = true;
}

static void set_value(const struct option_row *row, void *ret, const char *value)
{
	*(const char **)((char *)ret + row->offset) = value;
}

/*
 * One option, at arg; `next` is the argument behind it or NULL. Returns how many arguments it took (1, 2)
 * or -EINVAL. A value that begins with "--" must be written --name=value: far more often the value
 * was forgotten.
 */
static int take_option(const struct option_row *row, const char *equals, const char *next, void *ret,
		       struct err *err)
{
	if (!row->value) {
		if (equals)
			return err_set(err, -EINVAL, "option --%s takes no value", row->name);
		set_flag(row, ret);
		return 1;
	}
	if (equals) {
		set_value(row, ret, equals + 1);
		return 1;
	}
	if (!next || strncmp(next, "--", 2) == 0)
		return err_set(err, -EINVAL, "option --%s needs a value: --%s %s", row->name,
			       row->name, row->value);
	set_value(row, ret, next);
	return 2;
}

int options_parse(const struct option_row *rows, size_t n, int argc, char *const argv[], void *ret,
		  int *ret_rest, struct err *err)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		const bool is_short_help = strcmp(argv[i], "-h") == 0;
		const bool is_long = strncmp(argv[i], "--", 2) == 0;
		const char *const name = is_short_help ? "help" : argv[i] + 2;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		const char *const equals = is_long ? strchr(name, '=') : NULL;
		const size_t length = equals ? (size_t)(equals - name) : strlen(name);
		const struct option_row *const row =
			is_short_help || is_long ? find_row(rows, n, name, length) : NULL;
		if (!row)
			return err_set(err, -EINVAL, "unknown option '%s'", argv[i]);
		const int taken = take_option(row, equals, i + 1 < argc ? argv[i + 1] : NULL, ret, err);
		if (taken < 0)
			return taken;
		i += taken;
	}
	*ret_rest = i < argc ? i : argc;
	return 0;
}

/* "  -h, --help" or "      --config FILE" into buf; returns its width. */
static int format_row(const struct option_row *row, char *buf, size_t size)
{
	const char *const short_form = strcmp(row->name, "help") == 0 ? "-h, " : "    ";

	return snprintf(buf, size, "  %s--%s%s%s", short_form, row->name, row->value ? " " : "",
			row->value ? row->value : "");
}

void options_help(const struct option_row *rows, size_t n, FILE *out)
{
	int column = 0;

	for (size_t i = 0; i < n; i++) {
		const int width = format_row(&rows[i], NULL, 0);

		if (width > column && width <= OPTION_COLUMN_MAX)
			column = width;
	}
	for (size_t i = 0; i < n; i++) {
		char buf[128];

		format_row(&rows[i], buf, sizeof(buf));
		fprintf(out, "%-*s  %s\n", column, buf, rows[i].help);
	}
}
