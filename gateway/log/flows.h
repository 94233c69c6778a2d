// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * For `eipgw flows` and `eipgw whois`: the connections that are translated now. A million of them aren't looked at in one pass of
 * the loop, nor sent in one answer: a first request begins a walk through the kernel's table, and the next ones, which name the
 * walk, get what was found since. While nobody asks it stands still, and after a while it is forgotten.
 */
#pragma once

struct control_args;
struct control_out;
struct err;
struct flowlog;
struct flows;
struct loop;

/* Both outlive it. NULL: out of memory. */
struct flows *flows_new(struct loop *loop, struct flowlog *flowlog);
void flows_free(struct flows *flows); /* NULL is fine */

/* The control command: flow_filter.h's arguments, or "walk" as the last answer named it. 0; -errno with the reason. */
int flows_answer(struct flows *flows, const struct control_args *args, struct control_out *out,
		 struct err *err);
