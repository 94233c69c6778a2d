// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The connection table of another network namespace. Failures end the program. */
#pragma once

#include <stdio.h>

struct connections;
struct ct_flow;

/* *ret_device_stats: /proc/net/dev of that namespace. */
struct connections *connections_open(const char *netns_path, FILE **ret_device_stats);
void connections_close(struct connections *connections);

long connections_count(const struct connections *connections); /* all of them */
long connections_assured(
	const struct connections *connections); /* that saw packets both ways for long enough */
/* Made there, as if all had begun with packets. */
void connections_put(const struct connections *connections, const struct ct_flow *flow);
void connections_put_end(const struct connections *connections);
void connections_flush(const struct connections *connections);
