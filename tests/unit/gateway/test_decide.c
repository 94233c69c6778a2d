// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One member, event by event: what test_decide_explore.c can't see from outside. Times are milliseconds. */
#include "gateway/group/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { ME, OTHER, THIRD, N };

static struct decide d;
static struct decide_orders orders;

static struct mono at(int64_t ms)
{
	return (struct mono){ (100000 + ms) * INT64_C(1000000) };
}

static void tell(int64_t ms, struct decide_event event)
{
	decide_event(&d, &event, at(ms), &orders);
}

static void tick(int64_t ms)
{
	tell(ms, (struct decide_event){ .kind = DECIDE_TICK });
}

static void lease(int64_t ms, int holder, uint64_t mark, int64_t until_ms)
{
	tell(ms, (struct decide_event){
			 .kind = DECIDE_LEASE,
			 .lease = { .is_free = holder == DECIDE_NOBODY,
				    .holder = holder,
				    .mark = mark,
				    .until = until_ms ? at(until_ms) : (struct mono){ 0 },
				    .transitions = (int64_t)mark } });
}

static void failed(int64_t ms)
{
	tell(ms, (struct decide_event){ .kind = DECIDE_LEASE_FAILED });
}

static void ec2(int64_t ms, enum decide_ec2 what, int who)
{
	tell(ms, (struct decide_event){ .kind = DECIDE_EC2, .ec2 = what, .who = who });
}

static void kernel(int64_t ms, bool is_ready, bool translating)
{
	tell(ms, (struct decide_event){
			 .kind = DECIDE_KERNEL, .is_ready = is_ready, .translating = translating });
}

static void plan(int64_t ms, int who, int turn)
{
	tell(ms, (struct decide_event){ .kind = DECIDE_PLAN, .who = who, .turn = turn });
}

static void hear(int64_t ms, int who, struct decide_beat beat)
{
	tell(ms, (struct decide_event){ .kind = DECIDE_BEAT, .who = who, .beat = beat });
}

static struct decide_beat beat(uint64_t seq, enum decide_role role)
{
	return (struct decide_beat){ .boot = 7,
				     .seq = seq,
				     .role = role,
				     .to = DECIDE_NOBODY,
				     .holder = DECIDE_NOBODY,
				     .transitions = -1,
				     .hears_you = true,
				     .is_ready = true };
}

static void expect(enum decide_state state, enum decide_ask ask)
{
	if (d.state != state)
		fail_msg("%s (%s) instead of %s", decide_state_names[d.state], d.reason,
			 decide_state_names[state]);
	assert_int_equal(orders.ask, ask);
}

static void begin(void)
{
	decide_init(&d, ME, N, at(0));
	tick(0);
	expect(DECIDE_STARTING, DECIDE_ASK_LOOK);
	plan(0, OTHER, 0);
	kernel(0, true, false);
}

/* Another one has it, and is heard. */
static void begin_standby(void)
{
	begin();
	lease(10, OTHER, 1, 0);
	expect(DECIDE_STANDBY, DECIDE_ASK_LOOK);
	lease(20, OTHER, 1, 0);
	hear(20, OTHER, beat(1, DECIDE_ROLE_ACTIVE));
}

static void begin_active(void)
{
	begin();
	plan(0, ME, 0);
	lease(10, DECIDE_NOBODY, 0, 0);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TRY);
	lease(20, ME, 1, 10010);
	expect(DECIDE_TAKING, DECIDE_ASK_NONE);
	assert_true(orders.verify && orders.say && decide_claims(&d));
	assert_true(decide_translates(&d, at(20)));
	ec2(30, DECIDE_EC2_MINE, ME);
	expect(DECIDE_ACTIVE, DECIDE_ASK_NONE);
	assert_false(decide_claims(&d));
	assert_int_equal(decide_replicates(&d, at(30)), DECIDE_REPLICATE_SEND);
}

static void a_silent_holder_is_looked_at_and_taken_from_if_nothing_changes(void **state)
{
	(void)state;
	begin_standby();
	tick(319);
	expect(DECIDE_STANDBY, DECIDE_ASK_NONE);
	tick(320);
	expect(DECIDE_SUSPECT, DECIDE_ASK_LOOK);
	lease(330, OTHER, 1, 0);
	tick(579);
	expect(DECIDE_SUSPECT, DECIDE_ASK_NONE);
	tick(580);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TAKE);
	/* He lives: it was refused. Nothing is tried for a while. */
	lease(590, OTHER, 2, 0);
	expect(DECIDE_STANDBY, DECIDE_ASK_LOOK);
	lease(600, OTHER, 2, 0);
	for (int64_t ms = 600; ms < 5590; ms += 10) {
		tick(ms);
		assert_int_equal(d.state, DECIDE_STANDBY);
		if (orders.ask == DECIDE_ASK_LOOK)
			lease(ms, OTHER, 2, 0);
	}
	tick(5590);
	assert_int_equal(d.state, DECIDE_SUSPECT);
}

static void who_knows_nothing_of_us_has_time_to_renew(void **state)
{
	(void)state;
	begin();
	lease(10, OTHER, 1, 0);
	lease(20, OTHER, 1, 0);
	tick(310);
	expect(DECIDE_SUSPECT, DECIDE_ASK_LOOK);
	lease(320, OTHER, 1, 0);
	tick(4819);
	expect(DECIDE_SUSPECT, DECIDE_ASK_NONE);
	tick(4820);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TAKE);
}

static void later_turns_wait_longer(void **state)
{
	(void)state;
	begin_standby();
	plan(30, THIRD, 2);
	tick(320);
	lease(330, OTHER, 1, 0);
	tick(330 + DECIDE_SILENT_MS + 2 * DECIDE_TURN_MS - 1);
	expect(DECIDE_SUSPECT, DECIDE_ASK_NONE);
	tick(330 + DECIDE_SILENT_MS + 2 * DECIDE_TURN_MS);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TAKE);
}

static void without_the_api_nothing_is_taken(void **state)
{
	(void)state;
	begin_standby();
	tick(320);
	expect(DECIDE_SUSPECT, DECIDE_ASK_LOOK);
	failed(1820);
	for (int64_t ms = 2000; ms < 20000; ms += 50) {
		tick(ms);
		assert_int_equal(d.state, DECIDE_SUSPECT);
		if (orders.ask == DECIDE_ASK_LOOK)
			failed(ms);
	}
}

static void a_strangers_lease_must_expire(void **state)
{
	(void)state;
	begin();
	lease(10, DECIDE_STRANGER, 1, 0);
	lease(20, DECIDE_STRANGER, 1, 0);
	tick(60000);
	expect(DECIDE_STANDBY, DECIDE_ASK_LOOK);
	tell(60010, (struct decide_event){
			    .kind = DECIDE_LEASE,
			    .lease = { .is_free = true, .holder = DECIDE_STRANGER, .mark = 1 } });
	expect(DECIDE_CLAIMING, DECIDE_ASK_TRY);
}

/* Heartbeats that don't count. */
static const struct stale {
	uint64_t boot, seq;
	bool counts;
} stales[] = {
	/* Again; out of order; the next one. */
	{ 8, 10, false },
	{ 8, 9, false },
	{ 8, 11, true },
	/* Of the process before; of the next one. */
	{ 7, 99, false },
	{ 9, 1, true },
};

static void only_new_heartbeats_are_signs_of_life(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stales); i++) {
		struct decide_beat b = beat(5, DECIDE_ROLE_ACTIVE);

		begin_standby();
		b.boot = 8;
		b.seq = 10;
		hear(200, OTHER, b);
		b.boot = stales[i].boot;
		b.seq = stales[i].seq;
		hear(490, OTHER, b);
		tick(510);
		assert_int_equal(decide_hears(&d, OTHER, at(510)), stales[i].counts);
	}
	hear(600, N, beat(1, DECIDE_ROLE_ACTIVE));
	hear(600, -1, beat(1, DECIDE_ROLE_ACTIVE));
	hear(600, ME, beat(1, DECIDE_ROLE_ACTIVE));
}

static void the_lease_is_renewed_in_time_and_often_while_somebody_doubts(void **state)
{
	struct decide_beat deaf = beat(2, DECIDE_ROLE_NONE);
	unsigned asks = 0;

	(void)state;
	begin_active();
	hear(2000, OTHER, beat(1, DECIDE_ROLE_NONE));
	tick(2009);
	expect(DECIDE_ACTIVE, DECIDE_ASK_NONE);
	tick(2010);
	expect(DECIDE_ACTIVE, DECIDE_ASK_TRY);
	lease(2020, ME, 2, 12010);
	deaf.hears_you = false;
	for (int64_t ms = 2200; ms < 6000; ms += 10) {
		if (ms == 2200)
			hear(ms, OTHER, deaf);
		else
			tick(ms);
		asks += orders.ask == DECIDE_ASK_TRY;
		if (orders.ask == DECIDE_ASK_TRY)
			lease(ms, ME, 3 + asks, ms + 10000);
	}
	assert_in_range(asks, DECIDE_SIGNS_MS / DECIDE_SIGN_MS,
			DECIDE_SIGNS_MS / DECIDE_SIGN_MS + 3);
}

static void who_cant_renew_stops_before_others_may_begin(void **state)
{
	(void)state;
	begin_active();
	kernel(40, true, true);
	failed(3000);
	tick(9009);
	assert_true(decide_translates(&d, at(9009)));
	assert_int_equal(d.state, DECIDE_ACTIVE);
	/* Also before anybody tells it anything. */
	assert_false(decide_translates(&d, at(9010)));
	tick(9010);
	assert_int_equal(d.state, DECIDE_FENCED);
	tick(60000);
	assert_int_equal(d.state, DECIDE_FENCED);
	kernel(60010, true, false);
	assert_int_equal(d.state, DECIDE_STANDBY);
}

static void who_cant_renew_goes_on_while_ec2_says_so(void **state)
{
	(void)state;
	begin_active();
	failed(3000);
	assert_true(orders.verify);
	ec2(3100, DECIDE_EC2_MINE, ME);
	ec2(8000, DECIDE_EC2_MINE, ME);
	tick(9010);
	assert_int_equal(d.state, DECIDE_ALONE);
	assert_true(decide_translates(&d, at(9010)));
	ec2(12000, DECIDE_EC2_SILENT, 0);
	tick(15999);
	assert_int_equal(d.state, DECIDE_ALONE);
	tick(16000);
	assert_int_equal(d.state, DECIDE_FENCED);
}

static void ec2s_word_from_before_the_outage_doesnt_count(void **state)
{
	(void)state;
	begin_active();
	ec2(2999, DECIDE_EC2_MINE, ME);
	failed(3000);
	assert_true(orders.verify);
	tick(9010);
	assert_int_equal(d.state, DECIDE_FENCED);
}

/* What a member that is heard can say to one who has no API. */
static const struct word {
	enum decide_role role;
	int holder;
	int64_t transitions;
	bool stops;
} words[] = {
	{ DECIDE_ROLE_NONE, ME, 1, false },
	{ DECIDE_ROLE_NONE, OTHER, 1, false }, /* not newer than what we know ourselves */
	{ DECIDE_ROLE_NONE, THIRD, 2, true },
	{ DECIDE_ROLE_NONE, DECIDE_STRANGER, 2, true },
	{ DECIDE_ROLE_NONE, ME, 2, false },
	{ DECIDE_ROLE_TAKING, DECIDE_NOBODY, -1, true },
	{ DECIDE_ROLE_ACTIVE, DECIDE_NOBODY, -1, true },
};

static void who_is_alone_believes_the_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct decide_beat b = beat(1, words[i].role);

		begin_active();
		kernel(40, true, true);
		failed(3000);
		ec2(8000, DECIDE_EC2_MINE, ME);
		tick(9010);
		assert_int_equal(d.state, DECIDE_ALONE);
		b.holder = words[i].holder;
		b.transitions = words[i].transitions;
		hear(9100, OTHER, b);
		assert_int_equal(d.state, words[i].stops ? DECIDE_FENCED : DECIDE_ALONE);
	}
}

static void after_a_sleep_nothing_is_believed(void **state)
{
	(void)state;
	begin_active();
	kernel(40, true, true);
	tell(100, (struct decide_event){ .kind = DECIDE_SUSPENDED });
	expect(DECIDE_FENCED, DECIDE_ASK_LOOK);
	assert_false(decide_translates(&d, at(100)));
	kernel(110, true, false);
	assert_int_equal(d.state, DECIDE_STANDBY);
	/* Nobody noticed. */
	lease(120, ME, 1, 0);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TRY);
	lease(130, ME, 2, 10130);
	assert_int_equal(d.state, DECIDE_TAKING);
	/* EC2's word from before doesn't count. */
	tick(140);
	assert_int_equal(d.state, DECIDE_TAKING);
}

static void an_old_word_of_ec2_makes_nobody_active(void **state)
{
	(void)state;
	begin_active();
	lease(2000, OTHER, 2, 0);
	kernel(2010, true, false);
	expect(DECIDE_STANDBY, DECIDE_ASK_LOOK);
	lease(2020, DECIDE_NOBODY, 3, 0);
	expect(DECIDE_CLAIMING, DECIDE_ASK_TRY);
	lease(2030, ME, 4, 12030);
	assert_int_equal(d.state, DECIDE_TAKING);
	ec2(2100, DECIDE_EC2_MINE, ME);
	assert_int_equal(d.state, DECIDE_ACTIVE);
}

static void what_ec2_refuses_is_left_to_another_one_if_there_is_one(void **state)
{
	(void)state;
	for (int is_there = 0; is_there < 2; is_there++) {
		begin();
		lease(10, DECIDE_NOBODY, 0, 0);
		lease(20, ME, 1, 100000);
		ec2(1000, DECIDE_EC2_REFUSED, 0);
		ec2(5000, DECIDE_EC2_REFUSED, 0);
		tick(10900);
		assert_int_equal(d.state, DECIDE_TAKING);
		hear(10950, OTHER, beat((uint64_t)is_there, DECIDE_ROLE_NONE));
		if (!is_there)
			d.peers[OTHER].beat.is_ready = false;
		tick(11000);
		assert_int_equal(d.state, is_there ? DECIDE_FENCED : DECIDE_TAKING);
	}
	lease(11010, ME, 2, 100000);
	expect(DECIDE_FENCED, DECIDE_ASK_LOOK);
	lease(11015, ME, 2, 100000);
	kernel(11020, true, false);
	expect(DECIDE_STANDBY, DECIDE_ASK_RELEASE);
	lease(14010, DECIDE_NOBODY, 3, 0);
	/* Not before the others had their time. */
	for (int64_t ms = 14010; ms < 50000 && orders.ask != DECIDE_ASK_TRY; ms += 50) {
		if (orders.ask == DECIDE_ASK_LOOK)
			lease(ms, DECIDE_NOBODY, 3, 0);
		else
			tick(ms);
	}
	expect(DECIDE_CLAIMING, DECIDE_ASK_TRY);
	assert_int_equal(mono_diff_ms(d.since, at(11000)) / 100, DECIDE_GIVE_UP_MS / 100);
}

static void who_goes_lets_go_what_nobody_took(void **state)
{
	(void)state;
	begin();
	tell(5, (struct decide_event){ .kind = DECIDE_DRAIN, .on = true });
	lease(10, ME, 1, 0);
	expect(DECIDE_STANDBY, DECIDE_ASK_RELEASE);
	lease(20, DECIDE_NOBODY, 2, 0);
	tick(5000);
	expect(DECIDE_STANDBY, DECIDE_ASK_LOOK);
}

static void who_goes_and_is_the_last_stays(void **state)
{
	(void)state;
	begin_active();
	tell(40, (struct decide_event){ .kind = DECIDE_DRAIN, .on = true });
	assert_int_equal(d.state, DECIDE_ACTIVE);
	hear(50, OTHER, beat(1, DECIDE_ROLE_NONE));
	assert_int_equal(d.state, DECIDE_HANDING_OVER);
	assert_int_equal(d.to, OTHER);
	/* He dies before he has it. */
	tick(400);
	assert_int_equal(d.state, DECIDE_ACTIVE);
	assert_true(decide_translates(&d, at(400)));
}

/* A restart: what the Lease and the kernel say. */
static const struct restart {
	int holder;
	bool translating;
	enum decide_state state;
	enum decide_ask ask;
	bool goes_on;
} restarts[] = {
	{ ME, true, DECIDE_STARTING, DECIDE_ASK_TRY, true },
	{ ME, false, DECIDE_CLAIMING, DECIDE_ASK_TRY, false },
	{ OTHER, true, DECIDE_FENCED, DECIDE_ASK_LOOK, false },
	{ OTHER, false, DECIDE_STANDBY, DECIDE_ASK_LOOK, false },
	{ DECIDE_STRANGER, true, DECIDE_FENCED, DECIDE_ASK_LOOK, false },
	{ DECIDE_NOBODY, true, DECIDE_FENCED, DECIDE_ASK_LOOK, false },
	{ DECIDE_NOBODY, false, DECIDE_CLAIMING, DECIDE_ASK_TRY, false },
};

static void a_restart_takes_up_what_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(restarts); i++) {
		begin();
		kernel(5, true, restarts[i].translating);
		lease(10, restarts[i].holder, 1, 0);
		expect(restarts[i].state, restarts[i].ask);
		assert_int_equal(decide_translates(&d, at(10)), restarts[i].goes_on);
	}
}

static void without_an_answer_a_restarted_kernel_stops_after_a_while(void **state)
{
	(void)state;
	begin();
	kernel(5, true, true);
	failed(1500);
	tick(2999);
	assert_true(decide_translates(&d, at(2999)));
	tick(3000);
	assert_int_equal(d.state, DECIDE_FENCED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_holder_is_looked_at_and_taken_from_if_nothing_changes),
		cmocka_unit_test(who_knows_nothing_of_us_has_time_to_renew),
		cmocka_unit_test(later_turns_wait_longer),
		cmocka_unit_test(without_the_api_nothing_is_taken),
		cmocka_unit_test(a_strangers_lease_must_expire),
		cmocka_unit_test(only_new_heartbeats_are_signs_of_life),
		cmocka_unit_test(the_lease_is_renewed_in_time_and_often_while_somebody_doubts),
		cmocka_unit_test(who_cant_renew_stops_before_others_may_begin),
		cmocka_unit_test(who_cant_renew_goes_on_while_ec2_says_so),
		cmocka_unit_test(ec2s_word_from_before_the_outage_doesnt_count),
		cmocka_unit_test(who_is_alone_believes_the_others),
		cmocka_unit_test(after_a_sleep_nothing_is_believed),
		cmocka_unit_test(an_old_word_of_ec2_makes_nobody_active),
		cmocka_unit_test(what_ec2_refuses_is_left_to_another_one_if_there_is_one),
		cmocka_unit_test(who_goes_lets_go_what_nobody_took),
		cmocka_unit_test(who_goes_and_is_the_last_stays),
		cmocka_unit_test(a_restart_takes_up_what_is_there),
		cmocka_unit_test(without_an_answer_a_restarted_kernel_stops_after_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
