// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/latency.h"

#include <string.h>

#include "cmocka_all.h"

static struct mono at_us(int64_t us)
{
	return (struct mono){ .ns = us * 1000 };
}

static void expect(const struct latency *latency, struct latency_summary expected)
{
	struct latency_summary summary;

	latency_summarise(latency, &summary);
	assert_int_equal(summary.count, expected.count);
	assert_int_equal(summary.p50, expected.p50);
	assert_int_equal(summary.p99, expected.p99);
	assert_int_equal(summary.max, expected.max);
}

static void each_event_counts_from_its_own_arrival(void **state)
{
	static struct latency latency;

	(void)state;
	expect(&latency, (struct latency_summary){ 0 });
	for (int64_t i = 1; i <= 50; i++) {
		latency_wait(&latency, at_us(10000 - 2 * i));
		latency_wait(&latency, at_us(10000 - 2 * i));
	}
	latency_done(&latency, at_us(10000));
	latency_done(&latency, at_us(20000)); /* nobody waits */
	expect(&latency, (struct latency_summary){ 100, 50, 100, 100 });
}

static void what_changed_nothing_is_not_counted(void **state)
{
	static struct latency latency;

	(void)state;
	latency_wait(&latency, at_us(1));
	latency_forget(&latency);
	latency_wait(&latency, at_us(5));
	latency_done(&latency, at_us(8));
	expect(&latency, (struct latency_summary){ 1, 3, 3, 3 });
}

/* Too many arrivals are taken for older than they are, and none is lost. */
static void more_than_can_be_told_apart_are_counted_all(void **state)
{
	static struct latency latency;

	(void)state;
	for (int64_t i = 0; i < 1000; i++)
		latency_wait(&latency, at_us(i));
	latency_done(&latency, at_us(1000));
	expect(&latency, (struct latency_summary){ 1000, 937, 990, 1000 });
}

static void old_ones_are_forgotten(void **state)
{
	static struct latency latency;

	(void)state;
	latency_wait(&latency, at_us(0));
	latency_done(&latency, at_us(1000000));
	expect(&latency, (struct latency_summary){ 1, 1000000, 1000000, 1000000 });
	for (int i = 0; i < LATENCY_KEPT; i++)
		latency_wait(&latency, at_us(0));
	latency_done(&latency, at_us(7));
	expect(&latency, (struct latency_summary){ LATENCY_KEPT + 1, 7, 7, 7 });
}

static void time_that_runs_backwards_is_no_time(void **state)
{
	static struct latency latency;

	(void)state;
	latency_wait(&latency, at_us(5));
	latency_done(&latency, at_us(4));
	expect(&latency, (struct latency_summary){ 1, 0, 0, 0 });
}

/* Unlike those that are kept, it forgets nothing. A bound belongs to the bucket below it. */
static void the_histogram_has_all_that_ever_were(void **state)
{
	static struct latency latency;
	struct latency_summary summary;
	uint64_t sum = 0, count = 0;

	(void)state;
	for (size_t i = 0; i < LATENCY_BOUNDS; i++) {
		for (uint32_t k = 0; k <= 1; k++) {
			latency_wait(&latency, at_us(0));
			latency_done(&latency, at_us(latency_bounds_us[i] + k));
			sum += latency_bounds_us[i] + k;
		}
	}
	for (int i = 0; i < 2 * LATENCY_KEPT; i++)
		latency_wait(&latency, at_us(0));
	latency_done(&latency, at_us(1));
	latency_summarise(&latency, &summary);

	assert_int_equal(summary.histogram[0], 1 + 2 * LATENCY_KEPT);
	for (size_t i = 1; i < LATENCY_BOUNDS; i++)
		assert_int_equal(summary.histogram[i], 2);
	assert_int_equal(summary.histogram[LATENCY_BOUNDS], 1);
	for (size_t i = 0; i <= LATENCY_BOUNDS; i++)
		count += summary.histogram[i];
	assert_int_equal(count, summary.count);
	assert_int_equal(summary.sum_us, sum + 2 * LATENCY_KEPT);
	for (size_t i = 1; i < LATENCY_BOUNDS; i++)
		assert_true(latency_bounds_us[i] > latency_bounds_us[i - 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_event_counts_from_its_own_arrival),
		cmocka_unit_test(what_changed_nothing_is_not_counted),
		cmocka_unit_test(more_than_can_be_told_apart_are_counted_all),
		cmocka_unit_test(old_ones_are_forgotten),
		cmocka_unit_test(the_histogram_has_all_that_ever_were),
		cmocka_unit_test(time_that_runs_backwards_is_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
