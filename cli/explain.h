// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct cli;
struct cli_options;
struct control_node;

/* The result of `explain` as text: the answer first, then the steps that led to it. */
void explain_print(FILE *out, const struct control_node *explanation);

/* Whether the argument is an identifier or a name rather than an address; and its page, or with --list: all there are. */
bool explain_is_message(const char *text);
int explain_message(const struct cli *cli, const struct cli_options *options, const char *word);
