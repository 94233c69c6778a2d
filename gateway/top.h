// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The control command `top`: who uses most of the egress IPs now (usage.h), with names. */
#pragma once

struct control_args;
struct control_out;
struct err;
struct gateway_view;
struct traffic;

/*
 * Arguments: `sort`, what pods are sorted by: "connections" (the default), "bytes" or "new"; `limit`, how many pods and
 * destinations are told at most (default 20, at most TOP_MAX). 0; -EINVAL with a sentence.
 */
#define TOP_MAX 1000
int top_report(const struct gateway_view *view, struct traffic *traffic,
	       const struct control_args *args, struct control_out *out, struct err *err);
