// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/flow_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/print.h"
#include "control/control.h"
#include "natlog/stamp.h"

#define NS_PER_S INT64_C(1000000000)

enum { NAME_LEAST = 16, GAP = 2 };

typedef void (*cell_fn)(FILE *out, const struct control_node *row);

const char *flow_name(const struct control_node *row, char buf[static FLOW_NAME_MAX])
{
	const struct control_node *pod = control_get(row, "pod");

	if (control_text(pod, "name")[0])
		snprintf(buf, FLOW_NAME_MAX, "%s/%s", control_text(pod, "namespace"),
			 control_text(pod, "name"));
	else
		snprintf(buf, FLOW_NAME_MAX, "%s", control_text(pod, "address"));
	return buf;
}

static void put_name(FILE *out, const struct control_node *row)
{
	char name[FLOW_NAME_MAX];

	fputs(flow_name(row, name), out);
}

static void put_protocol(FILE *out, const struct control_node *row)
{
	fputs(control_text(row, "protocol"), out);
}

/* Its port, or what ICMP has instead. */
static void put_port(FILE *out, const struct control_node *end)
{
	if (control_get(end, "port"))
		fprintf(out, ":%lld", control_number(end, "port"));
	else if (control_get(end, "id"))
		fprintf(out, " id %lld", control_number(end, "id"));
	else if (control_get(end, "icmp_type"))
		fprintf(out, " type %lld", control_number(end, "icmp_type"));
}

static void put_egress(FILE *out, const struct control_node *row)
{
	const struct control_node *egress = control_get(row, "egress");
	const char *public = control_text(egress, "public");

	fputs(public[0] ? public : control_text(egress, "private"), out);
	put_port(out, egress);
}

static void put_destination(FILE *out, const struct control_node *row)
{
	const struct control_node *destination = control_get(row, "destination");

	fputs(control_text(destination, "address"), out);
	put_port(out, destination);
}

static void put_state(FILE *out, const struct control_node *row)
{
	fputs(control_text(row, "state"), out);
}

static void put_traffic(FILE *out, const struct control_node *traffic)
{
	if (traffic)
		print_bytes(out, control_number(traffic, "bytes"));
}

static void put_sent(FILE *out, const struct control_node *row)
{
	put_traffic(out, control_get(row, "sent"));
}

static void put_received(FILE *out, const struct control_node *row)
{
	put_traffic(out, control_get(row, "received"));
}

static void put_age(FILE *out, const struct control_node *row)
{
	const char *start = control_text(row, "start");
	int64_t ns;

	if (stamp_parse(start, strlen(start), &ns) == 0)
		print_duration(out, (stamp_now_ns() - ns) / NS_PER_S);
}

static void put_policy(FILE *out, const struct control_node *row)
{
	fputs(control_text(row, "policy"), out);
}

static void put_node(FILE *out, const struct control_node *row)
{
	fputs(control_text(control_get(row, "pod"), "node"), out);
}

static void put_attribution(FILE *out, const struct control_node *row)
{
	fputs(control_text(row, "attribution"), out);
}

/* `rank`: the highest goes first when it's too wide; 0 stays. */
static const struct column {
	const char *title;
	cell_fn put;
	bool is_right;
	unsigned rank;
} columns[] = {
	{ "POD", put_name, false, 0 },
	{ "PROTOCOL", put_protocol, false, 1 },
	{ "EGRESS", put_egress, false, 0 },
	{ "DESTINATION", put_destination, false, 0 },
	{ "STATE", put_state, false, 2 },
	{ "SENT", put_sent, true, 4 },
	{ "RECEIVED", put_received, true, 3 },
	{ "AGE", put_age, true, 5 },
	{ "POLICY", put_policy, false, 6 },
	{ "NODE", put_node, false, 7 },
	{ "KNOWN SINCE", put_attribution, false, 8 },
};

enum { COLUMNS = ARRAY_SIZE(columns), RANKS = 8 };

struct table {
	const struct control_node *const *rows;
	size_t n;
	size_t widths[COLUMNS]; /* 0: left out */
};

/* Never empty. NULL: out of memory. Caller frees. */
static char *cell(const struct control_node *row, const struct column *column)
{
	struct print_cell cell;

	if (!print_cell_begin(&cell))
		return NULL;
	column->put(cell.out, row);
	return print_cell_end(&cell);
}

static size_t width_of(const struct table *table, const struct column *column)
{
	size_t width = strlen(column->title);

	for (size_t i = 0; i < table->n; i++) {
		CLEANUP(cleanup_free) char *text = cell(table->rows[i], column);
		const size_t length = text ? strlen(text) : 0;

		if (length > width)
			width = length;
	}
	return width;
}

static size_t total(const struct table *table)
{
	size_t width = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		width += table->widths[i] ? table->widths[i] + (width ? GAP : 0) : 0;
	return width;
}

static void fit(struct table *table, size_t width)
{
	for (unsigned rank = RANKS; rank && total(table) > width; rank--) {
		for (size_t i = 0; i < COLUMNS; i++) {
			if (columns[i].rank == rank)
				table->widths[i] = 0;
		}
	}
	const size_t much = total(table);

	if (much > width && table->widths[0] > NAME_LEAST) {
		const size_t less = much - width;
		const size_t most = table->widths[0] - NAME_LEAST;

		table->widths[0] -= less < most ? less : most;
	}
}

/* The end of a name tells pods of one Deployment apart, so the middle is left out. */
static void put_cut(FILE *out, const char *text, size_t width)
{
	const size_t n = strlen(text), tail = width / 2;

	if (n <= width)
		fprintf(out, "%-*s", (int)width, text);
	else
		fprintf(out, "%.*s~%s", (int)(width - tail - 1), text, text + n - tail);
}

static void put_cell(FILE *out, const struct column *column, const char *text, size_t width,
		     bool is_last)
{
	if (column->is_right)
		fprintf(out, "%*s", (int)width, text);
	else if (is_last)
		fputs(text, out);
	else
		put_cut(out, text, width);
}

/* NULL: the titles. */
static void put_row(FILE *out, const struct table *table, const struct control_node *row)
{
	size_t last = COLUMNS - 1;

	while (last && !table->widths[last])
		last--;
	for (size_t i = 0; i <= last; i++) {
		CLEANUP(cleanup_free) char *text = row ? cell(row, &columns[i]) : NULL;

		if (!table->widths[i])
			continue;
		put_cell(out, &columns[i], row ? (text ? text : "?") : columns[i].title,
			 table->widths[i], i == last);
		fprintf(out, "%*s", i == last ? 0 : GAP, "");
	}
	fputc('\n', out);
}

void flow_table_print(FILE *out, const struct control_node *const *rows, size_t n, size_t width)
{
	struct table table = { .rows = rows, .n = n };

	for (size_t i = 0; i < COLUMNS; i++)
		table.widths[i] = width_of(&table, &columns[i]);
	if (width)
		fit(&table, width);
	put_row(out, &table, NULL);
	for (size_t i = 0; i < n; i++)
		put_row(out, &table, rows[i]);
}
