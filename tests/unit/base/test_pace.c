// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/pace.h"

#include "base/cleanup.h"
#include "unit.h"

static const struct pace fresh = { .gap_ms = 2, .every_ms = 10, .burst = 5 };

static struct mono at_ms(int64_t ms)
{
	return (struct mono){ .ns = 1000000000 + ms * 1000000 };
}

/* Done as soon as allowed from `from` on, `n` times: the moment of the last one. */
static int64_t do_eagerly(struct pace *pace, int64_t from, int n)
{
	for (int i = 0; i < n; i++) {
		from += pace_wait_ms(pace, at_ms(from));
		assert_int_equal(pace_wait_ms(pace, at_ms(from)), 0);
		pace_done(pace, at_ms(from));
	}
	return from;
}

static void the_first_after_a_quiet_time_is_at_once(void **state)
{
	struct pace pace = fresh;

	(void)state;
	assert_int_equal(pace_wait_ms(&pace, at_ms(0)), 0);
	pace_done(&pace, at_ms(0));
	assert_int_equal(pace_wait_ms(&pace, at_ms(0)), 2);
	assert_int_equal(pace_wait_ms(&pace, at_ms(1)), 1);
	assert_int_equal(pace_wait_ms(&pace, at_ms(2)), 0);
}

static void what_comes_no_faster_than_it_is_paid_for_never_waits(void **state)
{
	struct pace pace = fresh;

	(void)state;
	for (int64_t ms = 0; ms < 10000; ms += 10) {
		assert_int_equal(pace_wait_ms(&pace, at_ms(ms)), 0);
		pace_done(&pace, at_ms(ms));
	}
}

static void a_burst_is_quick_and_then_it_is_spread(void **state)
{
	struct pace pace = fresh;

	(void)state;
	/* 0, 2, 4, 6, 8, and the debt of 50 ms allows the next one at 10. */
	assert_int_equal(do_eagerly(&pace, 0, 6), 10);
	assert_int_equal(do_eagerly(&pace, 10, 100), 1010);
	/* All is paid for after a pause. */
	assert_int_equal(do_eagerly(&pace, 5000, 6), 5010);
}

static void a_part_of_a_millisecond_is_waited_for(void **state)
{
	struct pace pace = fresh;

	(void)state;
	pace_done(&pace, at_ms(0));
	assert_int_equal(pace_wait_ms(&pace, (struct mono){ at_ms(2).ns - 1 }), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_after_a_quiet_time_is_at_once),
		cmocka_unit_test(what_comes_no_faster_than_it_is_paid_for_never_waits),
		cmocka_unit_test(a_burst_is_quick_and_then_it_is_spread),
		cmocka_unit_test(a_part_of_a_millisecond_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
