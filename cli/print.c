// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/print.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "control/control.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 12

void print_text(FILE *out, const char *text)
{
	CLEANUP(cleanup_free) char *copy = strdup(text);

	if (!copy) {
		fputs("(out of memory)", out);
		return;
	}
	text_mask_controls(copy, strlen(copy));
	fputs(copy, out);
}

void print_duration(FILE *out, long long seconds)
{
	static const struct {
		long long seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
		i++;
	fprintf(out, "%lld %s", seconds / units[i].seconds, units[i].name);
	if (i + 1 < ARRAY_SIZE(units))
		fprintf(out, " %lld %s", seconds % units[i].seconds / units[i + 1].seconds,
			units[i + 1].name);
}

void print_bytes(FILE *out, long long bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	size_t i = 0;
	long long whole = bytes, tenths = 0;

	for (; whole >= 1000 && i + 1 < ARRAY_SIZE(units); i++) {
		tenths = whole % 1000 / 100;
		whole /= 1000;
	}
	if (i == 0)
		fprintf(out, "%lld B", whole);
	else
		fprintf(out, "%lld.%lld %s", whole, tenths, units[i]);
}

/* "a, b, c" of the strings in an array. */
static void write_list(FILE *out, const struct control_node *list)
{
	for (size_t i = 0; i < control_size(list); i++)
		fprintf(out, "%s%s", i ? ", " : "", control_text(control_at(list, i), NULL));
}

/* "5120-5375" */
static void write_ports(FILE *out, const struct control_node *ports)
{
	fprintf(out, "%lld-%lld", control_number(ports, "first_port"),
		control_number(ports, "last_port"));
}

FILE *print_cell_begin(struct print_cell *cell)
{
	*cell = (struct print_cell){ 0 };
	cell->out = open_memstream(&cell->text, &cell->length);
	return cell->out;
}

char *print_cell_end(struct print_cell *cell)
{
	if (ftell(cell->out) == 0)
		fputc('-', cell->out);
	/* A buffer that couldn't grow is told by the stream's flag; closing what is left may succeed. */
	const bool is_cut = ferror(cell->out) != 0;
	if (fclose(cell->out) != 0 || is_cut) {
		free(cell->text);
		return NULL;
	}
	text_mask_controls(cell->text, cell->length);
	return cell->text;
}

/* What stands in the table; never empty. NULL: out of memory. Caller frees. */
static char *cell_text(const struct control_node *row, const struct print_column *column)
{
	struct print_cell cell;
	FILE *out = print_cell_begin(&cell);

	if (!out)
		return NULL;
	if (column->kind == PRINT_TEXT)
		fputs(control_text(row, column->key), out);
	else if (column->kind == PRINT_LIST)
		write_list(out, control_get(row, column->key));
	else if (!control_get(row, column->key))
		fputc('-', out);
	else if (column->kind == PRINT_PORTS)
		write_ports(out, control_get(row, column->key));
	else if (column->kind == PRINT_SECONDS)
		print_duration(out, control_number(row, column->key));
	else if (column->kind == PRINT_BYTES)
		print_bytes(out, control_number(row, column->key));
	else if (column->kind == PRINT_PERCENT)
		fprintf(out, "%lld %%", control_number(row, column->key));
	else if (column->kind == PRINT_FLAG)
		fputs(control_flag(row, column->key) ? "yes" : "no", out);
	else
		fprintf(out, "%lld", control_number(row, column->key));
	return print_cell_end(&cell);
}

static bool is_present(const struct control_node *rows, const struct print_column *column)
{
	for (size_t i = 0; i < control_size(rows); i++)
		if (control_get(control_at(rows, i), column->key))
			return true;
	return false;
}

static int column_width(const struct control_node *rows, const struct print_column *column)
{
	size_t width = strlen(column->title);

	for (size_t i = 0; i < control_size(rows); i++) {
		CLEANUP(cleanup_free) char *text = cell_text(control_at(rows, i), column);
		size_t length = text ? strlen(text) : 0;

		if (length > width)
			width = length;
	}
	return (int)width;
}

static bool is_right(enum print_kind kind)
{
	return kind == PRINT_NUMBER || kind == PRINT_BYTES || kind == PRINT_PERCENT;
}

static void put_padded(FILE *out, const char *text, enum print_kind kind, int width)
{
	fprintf(out, "  %*s", is_right(kind) ? width : -width, text);
}

/* The last column isn't padded, unless it is of numbers, which are. */
static void print_row(FILE *out, const struct control_node *row, const struct print_column *columns,
		      const int *widths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(cleanup_free) char *text = row ? cell_text(row, &columns[i]) : NULL;
		bool padded = i + 1 < n || is_right(columns[i].kind);

		put_padded(out, row ? (text ? text : "?") : columns[i].title, columns[i].kind,
			   padded ? widths[i] : 0);
	}
	fputc('\n', out);
}

void print_table(FILE *out, const char *heading, const struct control_node *rows,
		 const struct print_column *columns, size_t n_columns)
{
	struct print_column shown[COLUMNS_MAX];
	int widths[COLUMNS_MAX];
	size_t n = 0;

	if (control_size(rows) == 0)
		return;
	for (size_t i = 0; i < n_columns && n < COLUMNS_MAX; i++) {
		if (!is_present(rows, &columns[i]))
			continue;
		shown[n] = columns[i];
		widths[n++] = column_width(rows, &columns[i]);
	}
	fprintf(out, "\n%s\n", heading);
	print_row(out, NULL, shown, widths, n);
	for (size_t i = 0; i < control_size(rows); i++)
		print_row(out, control_at(rows, i), shown, widths, n);
}
