// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { ALL = (1 << SAMPLES_NUMBERS) - 1, BIT_NEW = 1 << SAMPLES_NEW };

static int make(void **state)
{
	struct samples *samples = malloc(sizeof(*samples));

	if (samples)
		samples_init(samples);
	*state = samples;
	return samples ? 0 : -1;
}

static int drop(void **state)
{
	free(*state);
	return 0;
}

/* The i-th reading, five seconds after the one before: all counters grow by `step` each time. */
static struct samples_reading reading(int64_t i, uint64_t step)
{
	struct samples_reading r = { .at = { (i + 1) * SAMPLES_STEP_MS * INT64_C(1000000) },
				     .unix_ms = 1000000 + i * SAMPLES_STEP_MS,
				     .known = ALL };

	for (size_t j = 0; j < SAMPLES_NUMBERS; j++)
		r.v[j] = 7 + step * (uint64_t)i;
	return r;
}

static void add(struct samples *samples, struct samples_reading r)
{
	samples_add(samples, &r);
}

static void a_row_is_what_was_added_since_the_one_before(void **state)
{
	struct samples *samples = *state;

	add(samples, reading(0, 10));
	assert_int_equal(samples->recent.n, 0);
	add(samples, reading(1, 10));

	assert_int_equal(samples->recent.n, 1);
	const struct samples_row *row = samples_row(&samples->recent, 0);
	assert_int_equal(row->ms, SAMPLES_STEP_MS);
	assert_int_equal(row->unix_ms, 1000000 + SAMPLES_STEP_MS);
	assert_int_equal(row->known, ALL);
	assert_int_equal(row->v[SAMPLES_NEW], 10);
	assert_int_equal(row->v[SAMPLES_CONNECTIONS], 17); /* as it is */
}

static void what_could_not_be_read_or_began_anew_is_not_known(void **state)
{
	struct samples *samples = *state;
	struct samples_reading unread = reading(1, 10), anew = reading(3, 10);

	unread.known &= ~(unsigned)BIT_NEW;
	anew.v[SAMPLES_NEW] = 3; /* its table was made again */
	add(samples, reading(0, 10));
	add(samples, unread);
	add(samples, reading(2, 10));
	add(samples, anew);
	add(samples, reading(4, 10));

	static const bool known[] = { false, false, false, true };
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const unsigned is = samples_row(&samples->recent, i)->known;

		assert_int_equal(!!(is & BIT_NEW), known[i]);
		assert_int_equal(is | BIT_NEW, ALL);
	}
}

static void minutes_are_the_sum_of_their_readings(void **state)
{
	struct samples *samples = *state;

	for (int i = 0; i <= 24; i++)
		add(samples, reading(i, 10));

	assert_int_equal(samples->minutes.n, 2);
	const struct samples_row *row = samples_row(&samples->minutes, 1);
	assert_int_equal(row->ms, 60000);
	assert_int_equal(row->v[SAMPLES_NEW], 120);
	assert_int_equal(row->v[SAMPLES_CONNECTIONS], 7 + 240);
	assert_int_equal(row->unix_ms, 1000000 + 120000);
}

static void a_minute_of_which_a_part_is_not_known_is_not_known(void **state)
{
	struct samples *samples = *state;

	for (int i = 0; i <= 24; i++) {
		struct samples_reading r = reading(i, 10);

		if (i == 5)
			r.known &= ~(unsigned)BIT_NEW;
		add(samples, r);
	}

	assert_false(samples_row(&samples->minutes, 0)->known & BIT_NEW);
	assert_int_equal(samples_row(&samples->minutes, 1)->known, ALL);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
	struct samples *samples = *state;
	const int n = SAMPLES_MINUTES * 12 + 36;

	for (int i = 0; i <= n; i++)
		add(samples, reading(i, 1));

	assert_int_equal(samples->recent.n, SAMPLES_RECENT);
	assert_int_equal(samples->minutes.n, SAMPLES_MINUTES);
	for (size_t i = 0; i < SAMPLES_RECENT; i++)
		assert_int_equal(samples_row(&samples->recent, i)->unix_ms,
				 1000000 + (n - SAMPLES_RECENT + 1 + (int64_t)i) * SAMPLES_STEP_MS);
	assert_int_equal(samples_row(&samples->minutes, 0)->unix_ms, 1000000 + 4 * 60000);
	assert_int_equal(samples_row(&samples->minutes, SAMPLES_MINUTES - 1)->unix_ms,
			 1000000 + n * INT64_C(5000));
}

static void a_reading_without_time_between_adds_nothing(void **state)
{
	struct samples *samples = *state;

	add(samples, reading(1, 10));
	add(samples, reading(1, 10));

	assert_int_equal(samples->recent.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_is_what_was_added_since_the_one_before, make,
						drop),
		cmocka_unit_test_setup_teardown(what_could_not_be_read_or_began_anew_is_not_known,
						make, drop),
		cmocka_unit_test_setup_teardown(minutes_are_the_sum_of_their_readings, make, drop),
		cmocka_unit_test_setup_teardown(a_minute_of_which_a_part_is_not_known_is_not_known,
						make, drop),
		cmocka_unit_test_setup_teardown(the_oldest_go_when_there_are_too_many, make, drop),
		cmocka_unit_test_setup_teardown(a_reading_without_time_between_adds_nothing, make,
						drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
