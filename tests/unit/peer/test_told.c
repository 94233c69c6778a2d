// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <netinet/in.h>

#include "cmocka_all.h"
#include "nat/ct.h"
#include "peer/told.h"

#define MANY 100000

static struct ct_tuple tuple_of(unsigned n)
{
	return (struct ct_tuple){ .src = { 0x0a000000u + n / 1000 },
				  .dst = { 0xc0000201u },
				  .src_port = (uint16_t)(n % 1000),
				  .dst_port = 443,
				  .protocol = IPPROTO_TCP };
}

static void what_was_told_is_known_and_nothing_else(void **state)
{
	struct told told = { .max = MANY };

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		const struct ct_tuple tuple = tuple_of(i);

		told_add(&told, told_hash(&tuple, 1));
		told_add(&told, told_hash(&tuple, 1));
	}
	assert_int_equal(told.n, MANY);
	assert_false(told.full);
	for (unsigned i = 0; i < MANY; i++) {
		const struct ct_tuple tuple = tuple_of(i), other = tuple_of(i + MANY);

		assert_true(told_has(&told, told_hash(&tuple, 1)));
		assert_false(told_has(&told, told_hash(&tuple, 2)));
		assert_false(told_has(&told, told_hash(&other, 1)));
	}
	told_reset(&told);
	assert_int_equal(told.n, 0);
	assert_int_equal(told.max, MANY);
	told_reset(&told);
}

static void what_has_no_room_is_said_to_be_missing(void **state)
{
	struct told told = { .max = 10 };

	(void)state;
	for (uint64_t i = 1; i <= 10; i++)
		told_add(&told, i);
	assert_false(told.full);
	told_add(&told, 5);
	assert_false(told.full);
	told_add(&told, 11);
	assert_true(told.full);
	assert_false(told_has(&told, 11));
	assert_true(told_has(&told, 10));
	told_reset(&told);
	assert_false(told.full);
}

static void each_part_of_a_tuple_counts(void **state)
{
	const struct ct_tuple tuple = tuple_of(5);
	struct ct_tuple others[] = { tuple, tuple, tuple, tuple, tuple, tuple, tuple };

	(void)state;
	others[0].src.v++;
	others[1].dst.v++;
	others[2].src_port++;
	others[3].dst_port++;
	others[4].protocol++;
	others[5].icmp_type++;
	others[6].icmp_code++;
	for (size_t i = 0; i < 7; i++)
		assert_true(told_hash(&tuple, 1) != told_hash(&others[i], 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_told_is_known_and_nothing_else),
		cmocka_unit_test(what_has_no_room_is_said_to_be_missing),
		cmocka_unit_test(each_part_of_a_tuple_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
