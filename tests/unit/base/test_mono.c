// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/mono.h"

#include <time.h>

#include "unit.h"

static void time_does_not_run_backwards_and_is_the_monotonic_clock(void **state)
{
	struct timespec ts;

	(void)state;
	const struct mono before = mono_now();
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	const struct mono after = mono_now();
	const int64_t ns = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;

	assert_true(before.ns <= ns);
	assert_true(ns <= after.ns);
}

static void a_difference_is_rounded_towards_zero(void **state)
{
	const struct mono zero = { 0 };

	(void)state;
	assert_int_equal(mono_diff_ms((struct mono){ 1999999 }, zero), 1);
	assert_int_equal(mono_diff_ms(zero, (struct mono){ 1999999 }), -1);
	assert_int_equal(mono_diff_ms((struct mono){ 999999 }, zero), 0);
	assert_int_equal(mono_diff_ms(zero, (struct mono){ 999999 }), 0);
	assert_int_equal(mono_diff_ms((struct mono){ 5000000 }, (struct mono){ 2000000 }), 3);
}

static void adding_and_subtracting_agree(void **state)
{
	const struct mono t = { 123456789 };

	(void)state;
	assert_int_equal(mono_diff_ms(mono_add_ms(t, 1500), t), 1500);
	assert_int_equal(mono_diff_ms(mono_add_ms(t, -1500), t), -1500);
	assert_true(mono_add_ms(t, 1).ns == 124456789);
}

static void never_is_a_very_late_time_and_not_an_overflow(void **state)
{
	const struct mono t = { 5 };

	(void)state;
	assert_true(mono_add_ms(t, INT64_MAX).ns == INT64_MAX);
	assert_true(mono_add_ms(t, INT64_MIN).ns == INT64_MIN);
	assert_true(mono_add_ms((struct mono){ INT64_MAX }, 1).ns == INT64_MAX);
	assert_true(mono_diff_ms((struct mono){ INT64_MAX }, (struct mono){ -1 }) ==
		    INT64_MAX / 1000000);
	assert_true(mono_diff_ms((struct mono){ INT64_MIN }, (struct mono){ 1 }) ==
		    INT64_MIN / 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_does_not_run_backwards_and_is_the_monotonic_clock),
		cmocka_unit_test(a_difference_is_rounded_towards_zero),
		cmocka_unit_test(adding_and_subtracting_agree),
		cmocka_unit_test(never_is_a_very_late_time_and_not_an_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
