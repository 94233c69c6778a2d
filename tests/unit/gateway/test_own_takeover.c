// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An egress IP in standby that may be claimed again, in all orders of answers and changes of mind. */
#include "own_fixture.h"

#include <string.h>

#include "awsapi/action.h"
#include "base/cleanup.h"

#define FREE "10.0.1.200 10.0.1.201"
#define HERE "10.0.1.200 10.0.1.201=100"

static void begin_standby(struct own *own, const char *mine)
{
	begin_bank(own);
	own_share(own);
	see_mine(own, 0, mine);
	see_address(own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	expect(own, 0, OWN_STANDBY, "");
}

/* Allowed at second 5, and the call is under way. */
static void begin_taking(struct own *own)
{
	begin_standby(own, FREE);
	own_allow(own, 0, true, at(5));
	assert_int_equal(own_next_takeover(own), 0);
	expect_step(own_take_over(own, 0, at(5)), OWN_STEP_ASSOCIATE, "10.0.1.201");
	assert_int_equal(own_next_takeover(own), 1);
	expect(own, 0, OWN_CLAIMING, "203.0.113.100 is being associated with 10.0.1.201");
}

static void a_takeover_is_one_call_and_the_address_was_there_all_the_time(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_taking(&own);
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
	/* While the call is under way nothing else is asked or called. */
	assert_false(own_wants_look(&own, 0, at(60)));
	assert_int_equal(own_next_ms(&own, at(6)), 4000);
	own_see_associated(&own, 0, at(5.1));
	assert_int_equal(own_where(&own, 0).spot, OWN_MINE);
	assert_int_equal(own_where(&own, 0).at.ns, at(5.1).ns);
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
	assert_int_equal(own_next_ms(&own, at(5.1)), OWN_CLAIM_MS);
	see_mine(&own, 6.1, HERE);
	expect_step(see_address(&own, 6.1, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE, NULL);
	expect(&own, 0, OWN_HELD, "is associated");
}

static void an_answer_from_before_the_call_changes_nothing(void **state)
{
	CLEANUP(own_done) struct own during, after;

	(void)state;
	begin_taking(&during);
	see_mine(&during, 5.1, FREE);
	expect_step(see_address(&during, 5.1, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE,
		    NULL);
	expect(&during, 0, OWN_CLAIMING, "is being associated");

	begin_taking(&after);
	own_see_associated(&after, 0, at(5.1));
	expect_step(see_address(&after, 5.2, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	expect(&after, 0, OWN_CLAIMING, "doesn't show it yet");
	assert_int_equal(own_where(&after, 0).spot, OWN_MINE);
}

/* Old answers in each order, until they can't be old any more. */
static void old_answers_after_a_takeover_neither_lose_it_nor_call_twice(void **state)
{
	static const struct where old[] = { { BANK, OTHER, "10.0.1.77" },
					    { BANK, NULL, NULL },
					    { BANK, THIRD, "10.0.1.99" } };

	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		CLEANUP(own_done) struct own own;

		begin_taking(&own);
		own_see_associated(&own, 0, at(5));
		for (unsigned s = 6; s < 35; s++) {
			bool is_old = s % 2 == order;
			const struct where where = is_old ? old[s % ARRAY_SIZE(old)] :
							    AT(BANK, MINE, "10.0.1.201");

			see_mine(&own, s, is_old ? FREE : HERE);
			if (own_wants_look(&own, 0, at(s)))
				expect_step(see_address(&own, s, 0, where), OWN_STEP_NONE, NULL);
			assert_true(own.v[0].state == OWN_HELD || own.v[0].state == OWN_CLAIMING);
			assert_int_equal(own_where(&own, 0).spot, OWN_MINE);
			assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
		}
		expect(&own, 0, OWN_HELD, "");
		see_mine(&own, 36, FREE);
		expect(&own, 0, OWN_LOST, "took 203.0.113.100 away");
		see_address(&own, 36, 0, AT(BANK, THIRD, "10.0.1.99"));
		expect(&own, 0, OWN_LOST, "moved 203.0.113.100 to 10.0.1.99 on eni-third");
		assert_int_equal(own_where(&own, 0).spot, OWN_ELSEWHERE);
		assert_int_equal(own_private(&own, 0).v, 0);
	}
}

static void what_was_lost_is_claimed_only_after_a_no_and_a_yes(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	own.shared = true;
	see_mine(&own, 1, FREE);
	expect(&own, 0, OWN_LOST, "");
	own_allow(&own, 0, true, at(1));
	expect(&own, 0, OWN_LOST, "");
	own_allow(&own, 0, false, at(2));
	expect(&own, 0, OWN_STANDBY, "");
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
	own_allow(&own, 0, true, at(3));
	assert_int_equal(own_next_takeover(&own), 0);
}

static void allowed_while_the_address_is_being_assigned_it_is_claimed_by_the_round(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_standby(&own, "10.0.1.200");
	own_allow(&own, 0, true, at(0.1));
	assert_int_equal(own_next_takeover(&own), 1);
	expect(&own, 0, OWN_CLAIMING, "");
	own_see_assigned(&own, 0, ip("10.0.1.210"), at(0.2));
	expect(&own, 0, OWN_CLAIMING, "was assigned");
	assert_int_equal(own_private(&own, 0).v, 0);
	see_mine(&own, 1, "10.0.1.200");
	expect_step(see_address(&own, 1, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	see_mine(&own, 2, "10.0.1.200 10.0.1.210");
	assert_int_equal(own_next_takeover(&own), 1);
	expect_step(see_address(&own, 2, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.210");
}

static void an_assigned_address_is_kept_in_standby(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_standby(&own, "10.0.1.200");
	own_see_assigned(&own, 0, ip("10.0.1.210"), at(0));
	expect(&own, 0, OWN_STANDBY, "was assigned");
	see_mine(&own, 1, "10.0.1.200");
	expect_step(see_address(&own, 1, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	see_mine(&own, 2, "10.0.1.200 10.0.1.205 10.0.1.210");
	expect_step(see_address(&own, 2, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.210").v);
}

static void not_allowed_any_more_while_the_call_is_under_way(void **state)
{
	CLEANUP(own_done) struct own given_up, late;
	const struct own_step step = { OWN_STEP_ASSOCIATE, ip("10.0.1.201") };

	(void)state;
	begin_taking(&given_up);
	assert_false(own_may_step(&given_up, 0, step));
	own_allow(&given_up, 0, false, at(6));
	own_see_cancelled(&given_up, 0, at(6));
	expect(&given_up, 0, OWN_STANDBY, "isn't this gateway's");
	assert_int_equal(own_next_takeover(&given_up), 1);
	assert_false(own_may_step(&given_up, 0, step));
	see_mine(&given_up, 10, HERE);
	expect_step(see_address(&given_up, 10, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE,
		    NULL);
	expect(&given_up, 0, OWN_STANDBY, "until another gateway takes it");
	assert_int_equal(own_where(&given_up, 0).spot, OWN_MINE);

	/* The answer had come already. */
	begin_taking(&late);
	own_allow(&late, 0, false, at(6));
	own_see_associated(&late, 0, at(6));
	expect(&late, 0, OWN_STANDBY, "doesn't show it yet");
	see_mine(&late, 7, FREE);
	expect_step(see_address(&late, 7, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	expect(&late, 0, OWN_STANDBY, "");
	assert_int_equal(own_where(&late, 0).spot, OWN_MINE);
	/* And when it can't be old any more, it counts. */
	see_mine(&late, 40, FREE);
	see_address(&late, 40, 0, AT(BANK, OTHER, "10.0.1.77"));
	assert_int_equal(own_where(&late, 0).spot, OWN_ELSEWHERE);
}

static void given_up_for_a_new_configuration_it_is_due_again(void **state)
{
	CLEANUP(own_done) struct own own, next;

	(void)state;
	begin_taking(&own);
	own_see_cancelled(&own, 0, at(5.1));
	begin_bank(&next);
	own_share(&next);
	own_adopt(&next, &own);
	assert_int_equal(own_next_takeover(&next), 0);
	expect_step(own_take_over(&next, 0, at(5.1)), OWN_STEP_ASSOCIATE, "10.0.1.201");
}

static void twice_yes_is_once(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_taking(&own);
	own_allow(&own, 0, true, at(5.1));
	assert_int_equal(own_next_takeover(&own), 1);
	own_see_associated(&own, 0, at(5.1));
	own_allow(&own, 0, true, at(5.2));
	assert_int_equal(own_next_takeover(&own), 1);
}

static void a_no_that_is_repeated_asks_for_nothing(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_standby(&own, FREE);
	own_allow(&own, 0, false, at(5));
	assert_int_equal(own_next_ms(&own, at(5)), 5000);
}

static void an_address_that_another_got_meanwhile_is_not_taken(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_standby(&own, FREE);
	own_allow(&own, 0, true, at(5));
	see_mine(&own, 5, "10.0.1.200 10.0.1.201=7");
	assert_int_equal(own_next_takeover(&own), 1);
	expect_step(see_address(&own, 5, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSIGN, NULL);
}

static void a_round_that_is_first_leaves_nothing_due(void **state)
{
	CLEANUP(own_done) struct own claimed, here;

	(void)state;
	begin_standby(&claimed, FREE);
	own_allow(&claimed, 0, true, at(5));
	expect_step(see_address(&claimed, 5, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	assert_int_equal(own_next_takeover(&claimed), 1);

	begin_standby(&here, FREE);
	own_allow(&here, 0, true, at(5));
	see_mine(&here, 5, HERE);
	see_address(&here, 5, 0, AT(BANK, MINE, "10.0.1.201"));
	expect(&here, 0, OWN_HELD, "");
	assert_int_equal(own_next_takeover(&here), 1);
}

/* How the call can fail, and what is due then. */
static const struct {
	enum http_class class;
	const char *code;
	enum own_state state;
	bool is_refused;
} failures[] = {
	{ HTTP_CLASS_THROTTLED, "RequestLimitExceeded", OWN_CLAIMING, false },
	{ HTTP_CLASS_RETRY, "InternalError", OWN_CLAIMING, false },
	{ HTTP_CLASS_CREDENTIALS, "RequestExpired", OWN_CLAIMING, false },
	{ HTTP_CLASS_PERMANENT, "UnauthorizedOperation", OWN_BLOCKED, true },
	{ HTTP_CLASS_NOT_FOUND, "InvalidAllocationID.NotFound", OWN_BLOCKED, true },
	{ HTTP_CLASS_CONFLICT, "Resource.AlreadyAssociated", OWN_BLOCKED, true },
};

static void a_takeover_that_failed_is_told_and_goes_on_with_the_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		CLEANUP(own_done) struct own own;

		print_message("row %zu\n", i);
		begin_taking(&own);
		fail_call(&own, 6, 0, &ec2_action_associate_address,
			  WITH(failures[i].class, failures[i].code));
		expect(&own, 0, failures[i].state, "");
		assert_int_equal(own_where(&own, 0).is_refused, failures[i].is_refused);
		assert_int_equal(own_where(&own, 0).failed_at.ns, at(6).ns);
		assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
		assert_int_equal(own_next_takeover(&own), 1);
		assert_false(own_wants_look(&own, 0, at(6.9)));
		assert_true(own_wants_look(&own, 0, at(16)));
		see_mine(&own, 16, FREE);
		expect_step(see_address(&own, 16, 0, AT(BANK, OTHER, "10.0.1.77")),
			    OWN_STEP_ASSOCIATE, "10.0.1.201");
		/* Refused, and no more allowed: prepared as before. */
		own_allow(&own, 0, false, at(17));
		own_see_cancelled(&own, 0, at(17));
		expect(&own, 0, OWN_STANDBY, "");
		assert_false(own_where(&own, 0).is_refused);
	}
}

static void the_second_takeover_in_a_row_can_fail_too(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_taking(&own);
	own_see_associated(&own, 0, at(5));
	own_allow(&own, 0, false, at(6));
	own_allow(&own, 0, true, at(7));
	own_take_over(&own, 0, at(7));
	fail_call(&own, 8, 0, &ec2_action_associate_address, WITH(HTTP_CLASS_RETRY, ""));
	see_mine(&own, 18, FREE);
	expect_step(see_address(&own, 18, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
}

/* One of the attempts before the last may have had its effect. */
static void a_takeover_that_seemed_to_fail_settles_like_one_that_did_not(void **state)
{
	CLEANUP(own_done) struct own failed, given_up;

	(void)state;
	begin_taking(&failed);
	fail_call(&failed, 6, 0, &ec2_action_associate_address,
		  WITH(HTTP_CLASS_THROTTLED, "RequestLimitExceeded"));
	see_mine(&failed, 9, HERE);
	see_address(&failed, 9, 0, AT(BANK, MINE, "10.0.1.201"));
	expect(&failed, 0, OWN_HELD, "");
	see_mine(&failed, 10, FREE);
	expect(&failed, 0, OWN_HELD, "");

	begin_taking(&given_up);
	own_allow(&given_up, 0, false, at(40));
	own_see_cancelled(&given_up, 0, at(40));
	see_mine(&given_up, 41, HERE);
	see_address(&given_up, 41, 0, AT(BANK, MINE, "10.0.1.201"));
	see_mine(&given_up, 51, FREE);
	see_address(&given_up, 51, 0, AT(BANK, OTHER, "10.0.1.77"));
	assert_int_equal(own_where(&given_up, 0).spot, OWN_MINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_takeover_is_one_call_and_the_address_was_there_all_the_time),
		cmocka_unit_test(an_answer_from_before_the_call_changes_nothing),
		cmocka_unit_test(old_answers_after_a_takeover_neither_lose_it_nor_call_twice),
		cmocka_unit_test(what_was_lost_is_claimed_only_after_a_no_and_a_yes),
		cmocka_unit_test(
			allowed_while_the_address_is_being_assigned_it_is_claimed_by_the_round),
		cmocka_unit_test(an_assigned_address_is_kept_in_standby),
		cmocka_unit_test(not_allowed_any_more_while_the_call_is_under_way),
		cmocka_unit_test(given_up_for_a_new_configuration_it_is_due_again),
		cmocka_unit_test(twice_yes_is_once),
		cmocka_unit_test(a_no_that_is_repeated_asks_for_nothing),
		cmocka_unit_test(an_address_that_another_got_meanwhile_is_not_taken),
		cmocka_unit_test(a_round_that_is_first_leaves_nothing_due),
		cmocka_unit_test(the_second_takeover_in_a_row_can_fail_too),
		cmocka_unit_test(a_takeover_that_seemed_to_fail_settles_like_one_that_did_not),
		cmocka_unit_test(a_takeover_that_failed_is_told_and_goes_on_with_the_round),
	};

	return cmocka_run_group_tests_name("own takeover", tests, NULL, NULL);
}
