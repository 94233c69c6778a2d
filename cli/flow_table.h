// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Connections as a table that fits the terminal: columns that matter less are left out, and the pod's name is cut, if it must be. */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct control_node;

/* Rows of the daemon's "flows". `width` 0: any. */
void flow_table_print(FILE *out, const struct control_node *const *rows, size_t n, size_t width);

/* "shop/pay-0", or the address if no pod is known. Returns `buf`. */
#define FLOW_NAME_MAX 512
const char *flow_name(const struct control_node *row, char buf[static FLOW_NAME_MAX]);
