// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/pool.h"

#include <stdint.h>
#include <string.h>

#include "unit.h"

enum { MANY = 3000 };

static bool is_filled(const unsigned char *object, size_t size, unsigned char with)
{
	for (size_t i = 0; i < size; i++)
		if (object[i] != with)
			return false;
	return true;
}

static size_t size_of(size_t i)
{
	return 1 + i * 37 % (POOL_OBJECT_MAX + 50);
}

/* Both ways: packed, and as the build has it. */
static void objects_are_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct pool pool = { .always_packs = packed };
		unsigned char **objects = test_calloc(MANY, sizeof(*objects));

		for (size_t round = 0; round < 3; round++) {
			for (size_t i = 0; i < MANY; i++) {
				if (objects[i])
					continue;
				objects[i] = pool_get(&pool, size_of(i));
				assert_non_null(objects[i]);
				assert_int_equal((uintptr_t)objects[i] % 8, 0);
				assert_true(is_filled(objects[i], size_of(i), 0));
				memset(objects[i], (int)(1 + i % 255), size_of(i));
			}
			assert_int_equal(pool.n, MANY);
			for (size_t i = 0; i < MANY; i++)
				assert_true(is_filled(objects[i], size_of(i),
						      (unsigned char)(1 + i % 255)));
			for (size_t i = round; i < MANY; i += 2 + round) {
				pool_put(&pool, objects[i], size_of(i));
				objects[i] = NULL;
			}
		}
		for (size_t i = 0; i < MANY; i++)
			pool_put(&pool, objects[i], size_of(i));
		pool_done(&pool);
		assert_null(pool.blocks);
		test_free(objects);
	}
}

static void what_was_put_back_serves_the_next_of_its_size(void **state)
{
	struct pool pool = { .always_packs = true };

	(void)state;
	void *a = pool_get(&pool, 41), *b = pool_get(&pool, 48);
	assert_int_equal((char *)b - (char *)a, 48);
	pool_put(&pool, a, 41);
	assert_ptr_not_equal(pool_get(&pool, 40), a);
	assert_ptr_equal(pool_get(&pool, 47), a);
	pool_put(&pool, NULL, 8);
	assert_int_equal(pool.n, 3);
	pool_put(&pool, a, 47);
	pool_put(&pool, b, 48);
	pool_put(&pool, (char *)b + 48, 40);
	pool_done(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_aligned_and_apart),
		cmocka_unit_test(what_was_put_back_serves_the_next_of_its_size),
	};

	return cmocka_run_group_tests_name("base_pool", tests, NULL, NULL);
}
