// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which sources have as many connections as they may have, so that a new one is refused, and what of that the kernel's set
 * has to learn. Who has reached the limit is let in again a sixteenth below it, so that a pod at its limit doesn't cost a
 * transaction for each of its connections.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct limiter;
struct nat_elem;

/* As many as the kernel's set holds; what is beyond isn't limited. */
#define LIMITER_MAX 16384

struct limiter *limiter_new(uint64_t seed); /* NULL: no memory */
void limiter_free(struct limiter *limiter);

/* The source has so many of so many; limit 0: of any number. True: the kernel has something to learn. */
bool limiter_judge(struct limiter *limiter, struct ip4 source, uint32_t connections,
		   uint32_t limit);
bool limiter_has(const struct limiter *limiter, struct ip4 source);
size_t limiter_count(const struct limiter *limiter);
/* Of those that are limited, or were until the kernel learnt of it. i < limiter_places. */
size_t limiter_places(const struct limiter *limiter);
struct ip4 limiter_at(const struct limiter *limiter, size_t i, bool *ret_limited);

/* What the kernel's set lacks, and what it has too much: each with room for limiter_places. */
struct limiter_news {
	struct nat_elem *add, *del;
	size_t n_add, n_del;
};
void limiter_news(const struct limiter *limiter, struct limiter_news *ret);
/* The kernel has it all. */
void limiter_told(struct limiter *limiter);
