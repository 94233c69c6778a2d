// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Ends the tracked connections that are wrong for what is wanted now: of all sources, or only of those whose class
 * changed, which costs little. Looking through a large table takes time, so while sources change all the time it is
 * done for several of them together: at once after a quiet time, later than a second never. Few sources are looked for one by
 * one, and the loop serves what came in between.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "nat/ct.h"

struct ending;
struct err;
struct loop;

struct ending_ops {
	/* True: the entry must go. As things are when it is called. */
	bool (*is_stale)(const struct ct_entry *entry, void *data);
	/* It depends on who answers, too, and not only on who opened the connection. */
	bool by_answer;
};

struct ending *ending_new(struct loop *loop, const struct ending_ops *ops, void *data,
			  struct err *err);
void ending_free(struct ending *ending); /* NULL is fine */

/* The source's class changed, and the kernel has it. Soon. */
void ending_note(struct ending *ending, struct ip4 source);
/* Anything may have changed: now. */
void ending_all(struct ending *ending);
uint64_t ending_count(const struct ending *ending); /* connections ended so far */
