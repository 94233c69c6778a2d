// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: equal ones once, counted, each with a small number; and as bytes, for files and other gateways. */
#pragma once

#include <stdbool.h>
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
	uint32_t made; /* how many ever, round and round */
	uint64_t seed;
	size_t most;
};

/* Its number, one more user; 0: too many, or no memory. All strings are copied. */
uint32_t who_take(struct who_table *table, const struct natlog_who *who);
uint32_t who_take_again(struct who_table *table,
			uint32_t number); /* likewise, of one that is there; 0 for 0 */
void who_give(struct who_table *table, uint32_t number); /* one less; 0 is fine */
/* NULL for 0. */
const struct natlog_who *who_of(const struct who_table *table, uint32_t number);
/* Numbers are given again; this tells the one from the other. 0 for 0. */
uint32_t who_serial(const struct who_table *table, uint32_t number);
size_t who_count(const struct who_table *table);
void who_done(struct who_table *table);

#define WHO_BYTES_MAX 2048

/* How many; 0: they don't fit. */
size_t who_pack(const struct natlog_who *who, uint8_t *ret, size_t size);
/* `ret` points into the bytes. False: they weren't packed by who_pack. */
bool who_unpack(const uint8_t *bytes, size_t n, struct natlog_who *ret);
