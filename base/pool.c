// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The C library maps it by itself, zeroed; pages that nobody needed yet aren't there. */
enum { STEP = 8, BLOCK_BYTES = 256 << 10 };

#ifdef __SANITIZE_ADDRESS__
enum { IS_WATCHED = 1 };
#else
enum { IS_WATCHED = 0 };
#endif

struct pool_block {
	struct pool_block *next;
	char bytes[];
};

struct pool_free {
	struct pool_free *next;
};

static bool is_packed(const struct pool *pool, size_t size)
{
	return size <= POOL_OBJECT_MAX && (pool->always_packs || !IS_WATCHED);
}

static size_t round_up(size_t size)
{
	return size ? (size + STEP - 1) / STEP * STEP : STEP;
}

static void *take_again(struct pool_free **list, size_t size)
{
	struct pool_free *object = *list;

	*list = object->next;
	return memset(object, 0, size);
}

/* The end of a block, too short for this object, is given up. */
static void *take_new(struct pool *pool, size_t size)
{
	if (pool->left < size) {
		struct pool_block *block = calloc(1, BLOCK_BYTES);

		if (!block)
			return NULL;
		block->next = pool->blocks;
		pool->blocks = block;
		pool->left = BLOCK_BYTES - sizeof(*block);
	}
	pool->left -= size;
	return pool->blocks->bytes + (BLOCK_BYTES - sizeof(struct pool_block) - pool->left - size);
}

void *pool_get(struct pool *pool, size_t size)
{
	size_t whole = round_up(size);
	void *object;

	if (!is_packed(pool, size))
		object = calloc(1, whole);
	else if (pool->free[whole / STEP])
		object = take_again(&pool->free[whole / STEP], whole);
	else
		object = take_new(pool, whole);
	pool->n += object != NULL;
	return object;
}

void pool_put(struct pool *pool, void *object, size_t size)
{
	struct pool_free *put = object;

	if (!object)
		return;
	pool->n--;
	if (!is_packed(pool, size)) {
		free(object);
		return;
	}
	put->next = pool->free[round_up(size) / STEP];
	pool->free[round_up(size) / STEP] = put;
}

void pool_done(struct pool *pool)
{
	assert(pool->n == 0);
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;

		pool->blocks = block->next;
		free(block);
	}
	*pool = (struct pool){ .always_packs = pool->always_packs };
}
