// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/options.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

#define OPTION_COLUMN_MAX 28 /* help texts begin at most here */

/* The row with the name (of `length` bytes), or NULL. */
static const struct option_row *find_row(const struct option_table *table, const char *name,
					 size_t length)
{
	for (size_t i = 0; i < table->n_rows; i++)
		if (strlen(table->rows[i].name) == length &&
		    memcmp(table->rows[i].name, name, length) == 0)
			return &table->rows[i];
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
 * Stores one option; `equals` is where its '=' stands and `next` the argument behind it, or NULL. Returns
 * how many arguments it took or -EINVAL. A value that begins with "--" must be written --name=value: far
 * more often the value was forgotten.
 */
static int take_option(const struct option_row *row, const char *equals, const char *next,
		       void *ret, struct err *err)
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

/* The row that `arg` ("--name", "--name=value", "-h") means, or NULL; *ret_equals as above. */
static const struct option_row *find_option(const struct option_table *table, const char *arg,
					    const char **ret_equals)
{
	*ret_equals = NULL;
	if (strcmp(arg, "-h") == 0)
		return find_row(table, "help", strlen("help"));
	if (strncmp(arg, "--", 2) != 0)
		return NULL;
	const char *const name = arg + 2;
	*ret_equals = strchr(name, '=');
	return find_row(table, name, *ret_equals ? (size_t)(*ret_equals - name) : strlen(name));
}

int options_parse(const struct option_table *table, int argc, char *const argv[], void *ret,
		  struct err *err)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		const char *equals;

		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		const struct option_row *const row = find_option(table, argv[i], &equals);
		if (!row)
			return err_set(err, -EINVAL, "unknown option '%s'", argv[i]);
		const int taken =
			take_option(row, equals, i + 1 < argc ? argv[i + 1] : NULL, ret, err);
		if (taken < 0)
			return taken;
		i += taken;
	}
	return i < argc ? i : argc;
}

/* "  -h, --help" or "      --config FILE" into buf; returns its width. */
static int format_row(const struct option_row *row, char *buf, size_t size)
{
	const char *const short_form = strcmp(row->name, "help") == 0 ? "-h, " : "    ";

	return snprintf(buf, size, "  %s--%s%s%s", short_form, row->name, row->value ? " " : "",
			row->value ? row->value : "");
}

void options_help(const struct option_table *table, FILE *out)
{
	int column = 0;

	for (size_t i = 0; i < table->n_rows; i++) {
		const int width = format_row(&table->rows[i], NULL, 0);

		if (width > column && width <= OPTION_COLUMN_MAX)
			column = width;
	}
	for (size_t i = 0; i < table->n_rows; i++) {
		char buf[128];

		format_row(&table->rows[i], buf, sizeof(buf));
		fprintf(out, "%-*s  %s\n", column, buf, table->rows[i].help);
	}
}
