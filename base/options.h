// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Command-line options from a table (long options only, plus -h); the manual is checked against the table.
 * Also the exit codes that all programs share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;

enum exit_code {
	EXIT_OK = 0,
	EXIT_RUNTIME = 1,   /* something failed while running */
	EXIT_USAGE = 2,     /* the command line is wrong */
	EXIT_CONFIG = 3,    /* the configuration is wrong; also --check-config */
	EXIT_PLATFORM = 4,  /* not root, or the kernel lacks something */
	EXIT_NO_DAEMON = 5, /* the CLI found no daemon that answers */
};

struct option_row {
	const char *name;  /* without the dashes */
	const char *value; /* what --help calls the value; NULL: a flag */
	size_t offset; /* of a `const char *` (with value) or a `bool` (flag) in the options struct */
	const char *help;
};

struct option_table {
	const struct option_row *rows;
	size_t n_rows;
};

/*
 * Fills the struct at `ret` (which holds the defaults on entry). Returns the index in argv of the first
 * argument that is no option (argc when there is none; "--" ends the options), or -EINVAL with a
 * sentence in `err`. A value stands behind a blank or '='; of equal options the last one counts.
 */
int options_parse(const struct option_table *table, int argc, char *const argv[], void *ret,
		  struct err *err);
/* A line for each row. */
void options_help(const struct option_table *table, FILE *out);
