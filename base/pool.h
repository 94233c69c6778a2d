// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Many small objects that live long. From the heap, each has a header and is rounded to 16 bytes, and what came and went
 * between them stays as holes. Here they stand side by side in blocks of their own, in steps of 8 bytes. What is put back
 * serves the next object of its size; a block is kept until the pool is done.
 *
 * Where the address sanitizer is compiled in, each object is from the heap all the same, so that it is watched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define POOL_OBJECT_MAX 512 /* bytes; what is larger comes from the heap */

struct pool {              /* zeroed: empty */
	bool always_packs; /* also under the sanitizer; for the pool's own test */
	struct pool_block *blocks;
	size_t left; /* bytes at the end of the newest block */
	struct pool_free *free[POOL_OBJECT_MAX / 8 + 1];
	size_t n; /* objects that are out */
};

/* Zeroed, and aligned for pointers and 64-bit numbers. NULL: no memory. */
void *pool_get(struct pool *pool, size_t size);
/* `size` as it was asked for. NULL is fine. */
void pool_put(struct pool *pool, void *object, size_t size);
/* All objects must have been put back. */
void pool_done(struct pool *pool);
