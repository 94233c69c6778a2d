// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/loop.h"

#include "loop_fixture.h"

static void a_timer_expires_once_and_not_early(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_non_null(f->timer);
	assert_false(loop_timer_is_armed(f->timer));
	const struct mono begin = mono_now();
	assert_int_equal(loop_timer_arm_ms(f->timer, 20), 0);
	assert_true(loop_timer_is_armed(f->timer));
	assert_int_equal(f->calls, 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls, 1);
	assert_true(mono_diff_ms(f->when, begin) >= 20);
	assert_false(f->was_armed);
	assert_false(loop_timer_is_armed(f->timer));
}

static void on_timer_count(void *data)
{
	struct loop_fixture *const f = data;

	f->calls2++;
}

static void a_disarmed_timer_does_not_expire(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_count, f);
	assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);
	loop_timer_disarm(f->timer2);
	loop_timer_disarm(f->timer2);
	assert_false(loop_timer_is_armed(f->timer2));
	assert_int_equal(loop_timer_arm_ms(f->timer, 10), 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls2, 0);
}

static void on_timer_once(void *data)
{
	struct loop_fixture *const f = data;

	assert_int_equal(f->calls, 0); /* the late one hasn't come */
	f->calls2++;
	if (f->calls2 < 3)
		assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);
}

static void a_late_timer_comes_when_nothing_else_is_due(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_once, f);
	loop_timer_make_late(f->timer);
	assert_int_equal(loop_timer_arm_ms(f->timer, 0), 0);
	assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls, 1);
	assert_int_equal(f->calls2, 3);
}

static void arming_again_moves_the_timer(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	const struct mono begin = mono_now();
	assert_int_equal(loop_timer_arm_ms(f->timer, 1), 0);
	assert_int_equal(loop_timer_arm_ms(f->timer, 40), 0);
	loop_fixture_run(f);
	assert_true(mono_diff_ms(f->when, begin) >= 40);

	assert_int_equal(loop_timer_arm_ms(f->timer, LOOP_FIXTURE_DEADLINE_MS * 10), 0);
	assert_int_equal(loop_timer_arm_ms(f->timer, -5), 0);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 2);
}

static void a_very_long_timer_neither_fires_nor_fails(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_count, f);
	assert_int_equal(loop_timer_arm_ms(f->timer2, INT64_MAX), 0);
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls2, 0);
	assert_true(loop_timer_is_armed(f->timer2));
}

static void on_timer_arm_after_work(void *data)
{
	struct loop_fixture *const f = data;
	const struct mono begin = mono_now();

	while (mono_diff_ms(mono_now(), begin) < 30)
		;
	f->when = mono_now();
	assert_int_equal(loop_timer_arm_ms(f->timer, 20), 0);
}

static void on_timer_measure(void *data)
{
	struct loop_fixture *const f = data;

	f->calls = (int)mono_diff_ms(mono_now(), f->when);
	loop_stop(f->loop);
}

static void a_timer_counts_from_when_it_is_armed_not_from_when_the_callback_began(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, on_timer_measure, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_arm_after_work, f);
	assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);

	loop_fixture_run(f);

	assert_true(f->calls >= 20);
}

static void on_timer_free_itself(void *data)
{
	struct loop_fixture *const f = data;

	f->calls++;
	loop_timer_free(f->timer2);
	f->timer2 = NULL;
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
}

static void a_timer_may_free_itself(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_free_itself, f);
	assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls, 2);
}

static void on_timer_rearm(void *data)
{
	struct loop_fixture *const f = data;

	if (++f->calls == 5)
		loop_stop(f->loop);
	else
		assert_int_equal(loop_timer_arm_ms(f->timer, 0), 0);
	f->was_armed = loop_timer_is_armed(f->timer);
}

static void a_timer_may_arm_itself_again(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, on_timer_rearm, f);
	assert_int_equal(loop_timer_arm_ms(f->timer, 0), 0);

	loop_fixture_run(f);

	assert_int_equal(f->calls, 5);
	assert_false(f->was_armed);
}

static void on_timer_kill_the_other(void *data)
{
	struct loop_fixture *const f = data;

	f->calls++;
	loop_timer_free(f->timer2);
	f->timer2 = NULL;
	loop_timer_free(f->timer);
	f->timer = NULL;
	loop_stop(f->loop);
}

static void a_source_may_free_another_that_is_due_in_the_same_pass(void **state)
{
	struct loop_fixture *const f = *state;

	f->timer = loop_timer_new(f->loop, on_timer_kill_the_other, f);
	f->timer2 = loop_timer_new(f->loop, on_timer_kill_the_other, f);
	assert_int_equal(loop_timer_arm_ms(f->timer, 0), 0);
	assert_int_equal(loop_timer_arm_ms(f->timer2, 0), 0);

	loop_fixture_run(f);
	assert_int_equal(f->calls, 1);

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 2);
}

static void a_stop_before_the_run_is_not_forgotten(void **state)
{
	struct loop_fixture *const f = *state;

	loop_stop(f->loop);
	loop_fixture_run(f);

	f->timer = loop_timer_new(f->loop, loop_fixture_on_timer_stop, f);
	assert_int_equal(loop_timer_arm_ms(f->timer, 5), 0);
	loop_fixture_run(f);
	assert_int_equal(f->calls, 1);
}

static void nothing_is_freed_without_complaint(void **state)
{
	(void)state;
	loop_free(NULL);
	loop_io_free(NULL);
	loop_timer_free(NULL);
	loop_signal_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_loop(a_timer_expires_once_and_not_early),
		on_a_loop(a_disarmed_timer_does_not_expire),
		on_a_loop(a_late_timer_comes_when_nothing_else_is_due),
		on_a_loop(arming_again_moves_the_timer),
		on_a_loop(a_very_long_timer_neither_fires_nor_fails),
		on_a_loop(a_timer_counts_from_when_it_is_armed_not_from_when_the_callback_began),
		on_a_loop(a_timer_may_free_itself),
		on_a_loop(a_timer_may_arm_itself_again),
		on_a_loop(a_source_may_free_another_that_is_due_in_the_same_pass),
		on_a_loop(a_stop_before_the_run_is_not_forgotten),
		cmocka_unit_test(nothing_is_freed_without_complaint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
