// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Printing what came from a daemon: control characters never reach the terminal. */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct control_node;

enum print_kind {
	PRINT_TEXT,
	PRINT_NUMBER,
	PRINT_SECONDS,
	PRINT_LIST, /* of strings */
	PRINT_BYTES,
	PRINT_PERCENT,
	PRINT_PORTS, /* of an object with first_port and last_port */
	PRINT_FLAG
};

struct print_column {
	const char *title;
	const char *key;
	enum print_kind kind;
};

void print_text(FILE *out, const char *text);
/* "12 s", "3 min 12 s", "4 h 3 min", "2 d 5 h". */
void print_duration(FILE *out, long long seconds);
/* "12 B", "3.4 kB", "5.6 MB". */
void print_bytes(FILE *out, long long bytes);
/* A cell of a table: what is written to `out` in between; never empty. */
struct print_cell {
	FILE *out;
	char *text;
	size_t length;
};
FILE *print_cell_begin(struct print_cell *cell); /* cell->out; NULL: out of memory */
char *print_cell_end(struct print_cell *cell);   /* NULL: out of memory. Caller frees. */
/*
 * An array of objects as a table under a heading. Columns that no row has are left out, single
 * values that are missing or empty are "-". Nothing at all for an empty or missing array.
 */
void print_table(FILE *out, const char *heading, const struct control_node *rows,
		 const struct print_column *columns, size_t n_columns);
