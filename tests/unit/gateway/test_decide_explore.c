// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Members with everything that can break, in many orders: all orders of a few faults, and thousands of long random ones.
 * EXPLORE_SEED=N repeats one of them; EXPLORE_TELL=1 tells what happens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_world.h"

enum { SCHEDULES = 3000, THEFT_MS = 11000, HEAL_MS = 20000, STILL_MS = 5000 };

static uint32_t reached[DECIDE_STATE_COUNT];

static bool is_at_peace(const struct world *w)
{
	return world_is_settled(w) && w->now_ms - w->changed_at_ms >= STILL_MS;
}

/* All is healed; true once one of them is it and nothing has moved for a while. */
static bool find_peace(struct world *w, int64_t ms)
{
	world_break(w, WORLD_HEAL, 0);
	for (const int64_t end = w->now_ms + ms; w->now_ms < end && !is_at_peace(w);)
		world_step(w);
	return is_at_peace(w);
}

static void expect_peace(struct world *w, const char *what)
{
	/* Twice: the second one is a reload for those who have noticed a theft only then. */
	const bool is_found = find_peace(w, THEFT_MS) || find_peace(w, HEAL_MS);

	for (size_t i = 0; i < DECIDE_STATE_COUNT; i++)
		reached[i] |= w->reached[i];
	if (w->broken[0])
		fail_msg("%s: %s", what, w->broken);
	if (!is_found)
		fail_msg("%s: no peace: %s %s %s, EIP at %d, Lease %s", what,
			 decide_state_names[w->m[0].d.state], decide_state_names[w->m[1].d.state],
			 decide_state_names[w->m[2].d.state], w->eip, w->lease.holder);
}

static void run_random(uint64_t seed)
{
	static struct world w;
	char what[64];

	snprintf(what, sizeof(what), "EXPLORE_SEED=%llu", (unsigned long long)seed);
	world_init(&w, 2 + (int)(seed % 2), seed);
	w.tells = getenv("EXPLORE_TELL");
	world_run(&w, 2000);
	for (int i = 0; i < 14; i++) {
		/* Not as two arguments, whose order is the compiler's: a seed is the same schedule on each architecture. */
		const enum world_fault fault =
			(enum world_fault)world_random(&w, WORLD_FAULT_COUNT);

		world_break(&w, fault, (int)world_random(&w, 6));
		world_run(&w, (int64_t)world_random(&w, 4) == 0 ? (int64_t)world_random(&w, 15000) :
								  (int64_t)world_random(&w, 1500));
	}
	expect_peace(&w, what);
}

static void in_any_order_of_faults_the_promises_hold(void **state)
{
	const char *const seed = getenv("EXPLORE_SEED");

	(void)state;
	if (seed) {
		run_random(strtoull(seed, NULL, 10));
		return;
	}
	for (uint64_t i = 0; i < SCHEDULES; i++)
		run_random(i);
}

/* Three faults, with a long and a short time in between; of one member, and the last one of the other. */
static void all_orders_of_three_faults_end_in_peace(void **state)
{
	static struct world w;
	char what[128];

	(void)state;
	for (int i = 0; i < WORLD_HEAL * WORLD_HEAL * WORLD_HEAL; i++) {
		const int faults[] = { i % WORLD_HEAL, i / WORLD_HEAL % WORLD_HEAL,
				       i / WORLD_HEAL / WORLD_HEAL };

		snprintf(what, sizeof(what), "%s, %s, %s", world_fault_names[faults[0]],
			 world_fault_names[faults[1]], world_fault_names[faults[2]]);
		world_init(&w, 2, (uint64_t)i);
		w.tells = getenv("EXPLORE_TELL");
		world_settle(&w, 5000);
		const int active = w.eip >= 0 ? w.eip : 0;

		world_break(&w, (enum world_fault)faults[0], active);
		world_run(&w, 450);
		world_break(&w, (enum world_fault)faults[1], active);
		world_run(&w, 3000);
		world_break(&w, (enum world_fault)faults[2], active + 1);
		world_run(&w, 1000);
		expect_peace(&w, what);
	}
}

static void begin(struct world *w, int n, uint64_t seed)
{
	world_init(w, n, seed);
	w->tells = getenv("EXPLORE_TELL");
	assert_int_not_equal(world_settle(w, 5000), -1);
	/* Heartbeats both ways, and the signs of life of the beginning are over. */
	world_run(w, 5000);
	w->takeovers = 0;
}

static void a_dead_holder_is_replaced_within_a_second(void **state)
{
	static const enum world_fault deaths[] = { WORLD_KILL, WORLD_POWER_OFF, WORLD_SLEEP };
	static struct world w;
	int64_t longest = 0;

	(void)state;
	for (uint64_t i = 0; i < 300; i++) {
		begin(&w, 2 + (int)(i % 2), i);
		world_run(&w, (int64_t)i * WORLD_STEP_MS);
		world_break(&w, deaths[i % 3], w.eip);
		const int64_t ms = world_wait_carried(&w, 20000);

		assert_in_range(ms, 300, 1000);
		if (ms > longest)
			longest = ms;
		expect_peace(&w, "after a death");
		assert_int_equal(w.takeovers, 1);
	}
	printf("the longest take-over took %lld ms, with EC2 answering at once\n",
	       (long long)longest);
}

static void who_is_cut_off_from_the_others_keeps_it(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		begin(&w, 2, i);
		const int active = w.eip;

		world_run(&w, (int64_t)i * WORLD_STEP_MS);
		world_break(&w, i % 3 ? WORLD_CUT_ONE : WORLD_CUT,
			    i % 3 == 1 ? active : active + 1);
		world_run(&w, 40000);
		assert_int_equal(w.eip, active);
		assert_int_equal(w.takeovers, 0);
		expect_peace(&w, "after a cut");
		assert_int_equal(w.takeovers, 0);
	}
}

static void without_the_api_all_goes_on(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t i = 0; i < 50; i++) {
		begin(&w, 2, i);
		const int active = w.eip;

		world_run(&w, (int64_t)i * WORLD_STEP_MS);
		world_break(&w, WORLD_API_GONE, 0);
		for (int step = 0; step < 4000; step++) {
			/* Its daemon may be restarted meanwhile: the kernel goes on. */
			if (i % 2 && step == 2000)
				world_break(&w, WORLD_RESTART, active);
			world_step(&w);
			assert_true(w.m[active].translating);
			assert_false(w.m[!active].translating);
		}
		assert_int_equal(w.m[active].d.state, DECIDE_ALONE);
		expect_peace(&w, "after an outage");
		assert_int_equal(w.eip, active);
	}
}

static void a_planned_change_has_no_gap(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		begin(&w, 2, i);
		const int active = w.eip;
		int64_t both_ms = 0, before_ms = 0;

		w.ec2_ms = i % 2 ? 6000 : 0;
		world_break(&w, i % 3 ? WORLD_DRAIN : WORLD_PLAN, i % 3 ? active : !active);
		for (int64_t ms = 0; ms < 15000; ms += WORLD_STEP_MS) {
			world_step(&w);
			/* Whoever has the address translates for it, and also who has just had it, or is about to. */
			assert_in_range(w.eip, 0, 1);
			assert_true(w.m[w.eip].translating);
			both_ms = w.m[0].translating && w.m[1].translating ?
					  both_ms + WORLD_STEP_MS :
					  both_ms;
			if (w.eip != active && !before_ms)
				before_ms = both_ms;
		}
		assert_in_range(before_ms, DECIDE_PREPARE_MS, 15000);
		assert_in_range(both_ms - before_ms, DECIDE_LINGER_MS, 15000);
		assert_int_equal(w.eip, !active);
		assert_true(world_is_settled(&w));
		assert_int_equal(w.takeovers, 1);
		assert_string_equal(w.broken, "");
	}
}

static void who_loses_the_api_alone_is_replaced_and_stops_by_hearing_so(void **state)
{
	static struct world w;

	(void)state;
	for (uint64_t i = 0; i < 50; i++) {
		begin(&w, 2, i);
		const int active = w.eip;

		world_break(&w, WORLD_API_AWAY, active);
		world_run(&w, 20000);
		assert_int_equal(w.eip, !active);
		assert_int_equal(w.m[active].d.state, DECIDE_STANDBY);
		assert_int_equal(w.takeovers, 1);
		assert_string_equal(w.broken, "");
	}
}

static void what_a_person_moved_isnt_fought_for(void **state)
{
	static struct world w;

	(void)state;
	begin(&w, 2, 1);
	world_break(&w, WORLD_EIP_TAKEN, 0);
	world_run(&w, 60000);
	assert_int_equal(w.eip, DECIDE_STRANGER);
	assert_int_equal(w.takeovers, 0);
	assert_false(w.m[0].translating || w.m[1].translating);
	expect_peace(&w, "after a reload");
}

/* After all others. */
static void every_legal_change_was_reached(void **state)
{
	(void)state;
	for (unsigned from = 0; from < DECIDE_STATE_COUNT; from++) {
		for (unsigned to = 0; to < DECIDE_STATE_COUNT; to++) {
			if ((decide_legal[from] & ~reached[from]) & UINT32_C(1) << to)
				fail_msg("never from %s to %s", decide_state_names[from],
					 decide_state_names[to]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_holder_is_replaced_within_a_second),
		cmocka_unit_test(who_is_cut_off_from_the_others_keeps_it),
		cmocka_unit_test(without_the_api_all_goes_on),
		cmocka_unit_test(a_planned_change_has_no_gap),
		cmocka_unit_test(who_loses_the_api_alone_is_replaced_and_stops_by_hearing_so),
		cmocka_unit_test(what_a_person_moved_isnt_fought_for),
		cmocka_unit_test(in_any_order_of_faults_the_promises_hold),
		cmocka_unit_test(all_orders_of_three_faults_end_in_peace),
		cmocka_unit_test(every_legal_change_was_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
