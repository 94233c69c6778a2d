// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * eipgw, the command line: a table of commands, each of which asks the daemon of this host or AWS
 * and prints the answer as text for people or as JSON for programs.
 */
#pragma once

#include <stdio.h>

struct cli {
	FILE *out;
	FILE *err;
	const char *name;           /* how it was called, for --help; NULL: "eipgw" */
	const char *const *sockets; /* tried in this order without --socket; ends with NULL */
	/* Read without --config, if they are there; NULL: none. */
	const char *gateway_config, *node_config;
	const char *boot_state; /* a line that says why there may be no daemon; NULL: none */
};

/* The whole program; returns its exit code (base/options.h). */
int cli_main(const struct cli *cli, int argc, char *const argv[]);
