// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: equal ones once, counted, each with a small number. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "natlog/record.h"

struct who_table {           /* zeroed: empty */
	struct who_item **v; /* by number - 1; NULL: free */
	size_t n, size;
	uint32_t *slots; /* numbers, by hash; 0: free. At most half of them are taken */
	size_t n_slots;
	uint32_t *free; /* numbers */
	size_t n_free;
	uint64_t seed;
	size_t most;
};

/* Its number, one more user; 0: too many, or no memory. All strings are copied. */
uint32_t who_take(struct who_table *table, const struct natlog_who *who);
void who_give(struct who_table *table, uint32_t number); /* one less; 0 is fine */
/* NULL for 0. */
const struct natlog_who *who_of(const struct who_table *table, uint32_t number);
size_t who_count(const struct who_table *table);
void who_done(struct who_table *table);
