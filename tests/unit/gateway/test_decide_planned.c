// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A planned change, as each of the two members sees it. Times are milliseconds. */
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
static uint64_t n_beats;

static struct mono at(int64_t ms)
{
	return (struct mono){ (100000 + ms) * INT64_C(1000000) };
}

static void tell(int64_t ms, struct decide_event event)
{
	decide_event(&d, &event, at(ms), &orders);
}

static void lease(int64_t ms, int holder, int64_t until_ms)
{
	static uint64_t mark;

	mark++;
	tell(ms, (struct decide_event){ .kind = DECIDE_LEASE,
					.lease = { .holder = holder,
						   .mark = mark,
						   .until = at(until_ms),
						   .transitions = (int64_t)mark } });
}

/* He says so, ten times a second: nothing else happens meanwhile. */
static void hear_until(int64_t from_ms, int64_t to_ms, enum decide_role role, int to)
{
	for (int64_t ms = from_ms; ms <= to_ms; ms += 100)
		tell(ms, (struct decide_event){ .kind = DECIDE_BEAT,
						.who = OTHER,
						.beat = { .boot = 7,
							  .seq = ++n_beats,
							  .role = role,
							  .to = to,
							  .holder = OTHER,
							  .transitions = -1,
							  .hears_you = true,
							  .is_ready = true } });
}

static void expect(enum decide_state state, int64_t ms, bool translates, int partner)
{
	if (d.state != state)
		fail_msg("at %lld: %s (%s) instead of %s", (long long)ms,
			 decide_state_names[d.state], d.reason, decide_state_names[state]);
	assert_int_equal(decide_translates(&d, at(ms)), translates);
	assert_int_equal(decide_partner(&d, at(ms)), partner);
}

static void begin(int holder)
{
	n_beats = 0;
	decide_init(&d, ME, N, at(0));
	tell(0, (struct decide_event){ .kind = DECIDE_PLAN, .who = holder, .turn = 0 });
	tell(0, (struct decide_event){ .kind = DECIDE_KERNEL, .is_ready = true });
	tell(0, (struct decide_event){ .kind = DECIDE_REPLICA, .on = true });
	lease(10, holder, 100000);
}

/* The other one has it, and hands it over to us from 100 on. */
static void begin_offered(void)
{
	begin(OTHER);
	lease(20, OTHER, 100000);
	hear_until(20, 20, DECIDE_ROLE_ACTIVE, DECIDE_NOBODY);
	expect(DECIDE_STANDBY, 20, false, DECIDE_NOBODY);
	hear_until(100, 100, DECIDE_ROLE_HANDING_OVER, ME);
	expect(DECIDE_PREPARING, 100, true, OTHER);
	assert_true(orders.say && !decide_claims(&d));
}

static void begin_claiming(void)
{
	begin_offered();
	hear_until(200, 1000, DECIDE_ROLE_HANDING_OVER, ME);
	assert_int_equal(d.state, DECIDE_PREPARING);
	hear_until(1095, 1095, DECIDE_ROLE_HANDING_OVER, ME);
	assert_int_equal(orders.ask, DECIDE_ASK_NONE);
	hear_until(1100, 1100, DECIDE_ROLE_HANDING_OVER, ME);
	/* Just before it's taken it's looked at: he renews it. */
	expect(DECIDE_PREPARING, 1100, true, OTHER);
	assert_int_equal(orders.ask, DECIDE_ASK_LOOK);
	lease(1100, OTHER, 100000);
	expect(DECIDE_CLAIMING, 1100, true, OTHER);
	assert_int_equal(orders.ask, DECIDE_ASK_TAKE);
}

static void who_takes_it_translates_long_before_he_claims_and_learns_until_after(void **state)
{
	(void)state;
	begin_claiming();
	assert_int_equal(decide_replicates(&d, at(1100)), DECIDE_REPLICATE_RECEIVE);
	assert_int_equal(decide_carrier(&d, at(1100)), OTHER);
	lease(1150, ME, 11150);
	expect(DECIDE_TAKING, 1150, true, OTHER);
	assert_true(decide_claims(&d));
	assert_int_equal(decide_carrier(&d, at(1150)), ME);
	/* The last connections are still told by him. */
	assert_int_equal(decide_replicates(&d, at(1150)), DECIDE_REPLICATE_RECEIVE);
	assert_int_equal(decide_teller(&d, at(1150)), OTHER);
	tell(1190, (struct decide_event){ .kind = DECIDE_EC2, .ec2 = DECIDE_EC2_MINE, .who = ME });
	expect(DECIDE_ACTIVE, 1190, true, OTHER);
	assert_false(decide_claims(&d));
	hear_until(1200, 1190 + DECIDE_LINGER_MS - 1, DECIDE_ROLE_HANDING_OVER, ME);
	expect(DECIDE_ACTIVE, 1190 + DECIDE_LINGER_MS - 1, true, OTHER);
	assert_int_equal(decide_teller(&d, at(1190 + DECIDE_LINGER_MS - 1)), OTHER);
	expect(DECIDE_ACTIVE, 1190 + DECIDE_LINGER_MS, true, DECIDE_NOBODY);
	assert_int_equal(decide_replicates(&d, at(1190 + DECIDE_LINGER_MS)), DECIDE_REPLICATE_SEND);
	assert_int_equal(decide_teller(&d, at(1190 + DECIDE_LINGER_MS)), ME);
}

/* What ends it before the Lease is ours, in each of the two states: and then we stop. */
static const struct end {
	const char *what;
	enum decide_role role;
	int to;
	bool silent, drains;
} ends[] = {
	{ "he keeps it", DECIDE_ROLE_ACTIVE, DECIDE_NOBODY, false, false },
	{ "it goes to another one", DECIDE_ROLE_HANDING_OVER, THIRD, false, false },
	{ "he falls silent", DECIDE_ROLE_NONE, DECIDE_NOBODY, true, false },
	{ "we go ourselves", DECIDE_ROLE_HANDING_OVER, ME, false, true },
};

static void who_prepares_stops_when_it_comes_to_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const struct end *const end = &ends[i];

		begin_offered();
		if (!end->silent)
			hear_until(200, 200, end->role, end->to);
		if (end->drains)
			tell(210, (struct decide_event){ .kind = DECIDE_DRAIN, .on = true });
		tell(450, (struct decide_event){ .kind = DECIDE_TICK });
		if (d.state != DECIDE_FENCED)
			fail_msg("%s: %s", end->what, decide_state_names[d.state]);
		assert_false(decide_translates(&d, at(450)));
		/* And only when the kernel has, anything else. */
		tell(460, (struct decide_event){ .kind = DECIDE_KERNEL, .is_ready = true });
		assert_int_equal(d.state, DECIDE_STANDBY);
		assert_int_equal(d.from, DECIDE_NOBODY);
	}
}

static void a_lease_that_does_not_come_ends_it_too(void **state)
{
	(void)state;
	begin_claiming();
	lease(1150, THIRD, 100000);
	expect(DECIDE_FENCED, 1150, false, DECIDE_NOBODY);
	/* But for him who renewed it meanwhile: then nothing stops, and it's tried again. */
	begin_claiming();
	lease(1150, OTHER, 100000);
	expect(DECIDE_PREPARING, 1150, true, OTHER);
	begin_claiming();
	tell(1150, (struct decide_event){ .kind = DECIDE_LEASE_FAILED });
	expect(DECIDE_FENCED, 1150, false, DECIDE_NOBODY);
	/* While it's asked for, he falls silent: the kernel stops, and goes on with the Lease. */
	begin_claiming();
	assert_true(decide_translates(&d, at(1399)));
	assert_false(decide_translates(&d, at(1400)));
	lease(1450, ME, 11450);
	expect(DECIDE_TAKING, 1450, true, DECIDE_NOBODY);
	assert_int_equal(decide_replicates(&d, at(1450)), DECIDE_REPLICATE_SEND);
}

/* We have it, and drain. */
static void begin_handing_over(void)
{
	begin(ME);
	lease(20, ME, 100000);
	tell(30, (struct decide_event){ .kind = DECIDE_EC2, .ec2 = DECIDE_EC2_MINE, .who = ME });
	assert_int_equal(d.state, DECIDE_ACTIVE);
	tell(40, (struct decide_event){ .kind = DECIDE_DRAIN, .on = true });
	hear_until(50, 50, DECIDE_ROLE_NONE, DECIDE_NOBODY);
	expect(DECIDE_HANDING_OVER, 50, true, OTHER);
	hear_until(100, 1100, DECIDE_ROLE_NONE, DECIDE_NOBODY);
	hear_until(1150, 1150, DECIDE_ROLE_TAKING, DECIDE_NOBODY);
	expect(DECIDE_HANDING_OVER, 1150, true, OTHER);
	hear_until(1190, 1190, DECIDE_ROLE_ACTIVE, DECIDE_NOBODY);
	expect(DECIDE_HANDING_OVER, 1190, true, OTHER);
}

static void who_gives_it_goes_on_for_a_while(void **state)
{
	const int64_t end_ms = 1190 + DECIDE_LINGER_MS;

	(void)state;
	begin_handing_over();
	/* He isn't ready to take over any more, since he has it: no reason to think that nobody took it. */
	d.peers[OTHER].beat.is_ready = false;
	lease(1200, OTHER, 100000);
	hear_until(1290, end_ms - 1, DECIDE_ROLE_ACTIVE, DECIDE_NOBODY);
	expect(DECIDE_HANDING_OVER, end_ms - 1, true, OTHER);
	assert_int_equal(decide_replicates(&d, at(end_ms - 1)), DECIDE_REPLICATE_SEND);
	tell(end_ms, (struct decide_event){ .kind = DECIDE_TICK });
	expect(DECIDE_FENCED, end_ms, false, DECIDE_NOBODY);
}

static void who_gives_it_stops_at_once_when_the_other_one_dies_with_it(void **state)
{
	(void)state;
	begin_handing_over();
	tell(1489, (struct decide_event){ .kind = DECIDE_TICK });
	expect(DECIDE_HANDING_OVER, 1489, true, OTHER);
	tell(1490, (struct decide_event){ .kind = DECIDE_TICK });
	expect(DECIDE_FENCED, 1490, false, DECIDE_NOBODY);
}

static void nothing_goes_on_while_it_is_still_coming(void **state)
{
	(void)state;
	begin_claiming();
	lease(1150, ME, 100000);
	tell(1190, (struct decide_event){ .kind = DECIDE_EC2, .ec2 = DECIDE_EC2_MINE, .who = ME });
	/* It should be his again. */
	hear_until(1200, 1200, DECIDE_ROLE_HANDING_OVER, ME);
	tell(1210, (struct decide_event){ .kind = DECIDE_PLAN, .who = OTHER, .turn = 1 });
	expect(DECIDE_ACTIVE, 1210, true, OTHER);
	hear_until(1300, 1300, DECIDE_ROLE_NONE, DECIDE_NOBODY);
	assert_int_equal(d.state, DECIDE_HANDING_OVER);
	assert_int_equal(d.to, OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			who_takes_it_translates_long_before_he_claims_and_learns_until_after),
		cmocka_unit_test(who_prepares_stops_when_it_comes_to_nothing),
		cmocka_unit_test(a_lease_that_does_not_come_ends_it_too),
		cmocka_unit_test(who_gives_it_goes_on_for_a_while),
		cmocka_unit_test(who_gives_it_stops_at_once_when_the_other_one_dies_with_it),
		cmocka_unit_test(nothing_goes_on_while_it_is_still_coming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
