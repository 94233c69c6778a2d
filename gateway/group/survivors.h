// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * How many connections were here, ahead of time, when an egress IP was taken over: they go on. Those of its connections that
 * weren't are answered with a RST when they send (the counter unknown_reset). The kernel's table is walked in small pieces
 * after the take-over, so those that were opened in the meantime count, too.
 */
#pragma once

#include <stdint.h>

#include "base/ip4.h"

struct loop;
struct survivors;

struct survivors *survivors_new(struct loop *loop); /* NULL: out of memory */
void survivors_free(struct survivors *survivors);   /* NULL is fine */
/* Of the egress IP that this address carries here; soon. */
void survivors_count(struct survivors *survivors, struct ip4 address);
uint64_t survivors_total(const struct survivors *survivors);
