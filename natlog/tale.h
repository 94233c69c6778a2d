// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what gateways tell each other of a connection's life, and what becomes of it in the end. Each one counts what passed it, in an
 * entry of its own kernel; the sum over all of them is the connection's. What one counted before in the same entry is in that
 * entry still, and not counted twice when the connection comes back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/history.h"
#include "natlog/book.h"

/* What the other gateways counted is added to what ours did. */
void tale_sum(const struct book_entry *entry, const char *gateway, struct ct_account *account);

/* account: what is counted here so far; NULL: nothing yet. False: nothing is known of who had it. */
bool tale_tell(const struct book *book, const char *gateway, const struct ct_flow *flow,
	       const struct ct_account *account, struct ct_tale *ret);
/* Who that is, as bytes that tale_take knows. How many; 0: nobody any more. */
size_t tale_who(const struct book *book, const char *gateway, uint32_t who, uint8_t *ret,
		size_t size);

enum tale_taken { TALE_TAKEN, TALE_NOT_HERE, TALE_BROKEN };
/* The connection is found by its tuple. */
enum tale_taken tale_take(struct book *book, const struct ct_flow *flow, const struct ct_tale *tale,
			  const uint8_t *who, size_t n);
