// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An egress IP that isn't this gateway's to claim: prepared, looked at, and left where it is. */
#include "own_fixture.h"

#include <string.h>

#include "awsapi/action.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"

static void begin_shared(struct own *own)
{
	begin_bank(own);
	own_share(own);
}

static void expect_where(const struct own *own, enum own_spot spot, double seconds)
{
	const struct own_where where = own_where(own, 0);

	assert_int_equal(where.spot, spot);
	assert_int_equal(where.at.ns, at(seconds).ns);
}

/* What EC2 says, and what comes of it when nothing may be claimed. */
static const struct {
	const char *mine, *there, *there_ip;
	enum own_step_kind step;
	const char *private; /* own_private afterwards */
	enum own_spot spot;
	const char *reason;
	const char *configured;
	enum own_state state;
} firsts[] = {
	{ "10.0.1.200 10.0.1.201", OTHER, "10.0.1.77", OWN_STEP_NONE, "10.0.1.201", OWN_ELSEWHERE,
	  "203.0.113.100 is with 10.0.1.77 on eni-other; 10.0.1.201 is kept for it here", NULL,
	  OWN_STANDBY },
	{ "10.0.1.200 10.0.1.201", NULL, NULL, OWN_STEP_NONE, "10.0.1.201", OWN_NOWHERE,
	  "203.0.113.100 is associated with nothing; 10.0.1.201 is kept for it", NULL,
	  OWN_STANDBY },
	/* A restart where it is: it stays, and is known to be here. */
	{ "10.0.1.200 10.0.1.201 10.0.1.202=100", MINE, "10.0.1.202", OWN_STEP_NONE, "10.0.1.202",
	  OWN_MINE, "203.0.113.100 is associated with 10.0.1.202 on eni-mine, until another", NULL,
	  OWN_STANDBY },
	/* One answer is older than the other. */
	{ "10.0.1.200 10.0.1.201", MINE, "10.0.1.201", OWN_STEP_NONE, "10.0.1.201", OWN_MINE,
	  "is associated with 10.0.1.201", NULL, OWN_STANDBY },
	/* On the primary address this host would answer. */
	{ "10.0.1.200=100 10.0.1.201", MINE, "10.0.1.200", OWN_STEP_NONE, "10.0.1.201",
	  OWN_ELSEWHERE, "is with 10.0.1.200 on eni-mine; 10.0.1.201 is kept", NULL, OWN_STANDBY },
	/* Assigned ahead of time. */
	{ "10.0.1.200", OTHER, "10.0.1.77", OWN_STEP_ASSIGN, NULL, OWN_ELSEWHERE,
	  "a private address for 203.0.113.100 is being assigned", NULL, OWN_STANDBY },
	/* Never one with another Elastic IP. */
	{ "10.0.1.200 10.0.1.201=7", OTHER, "10.0.1.77", OWN_STEP_ASSIGN, NULL, OWN_ELSEWHERE,
	  "being assigned", NULL, OWN_STANDBY },
	{ "10.0.1.200 10.0.1.201=7 10.0.1.202", OTHER, "10.0.1.77", OWN_STEP_NONE, "10.0.1.202",
	  OWN_ELSEWHERE, "10.0.1.202 is kept", NULL, OWN_STANDBY },
	{ "10.0.1.200 10.0.1.201=7 10.0.1.202", OTHER, "10.0.1.77", OWN_STEP_NONE, NULL,
	  OWN_ELSEWHERE, "10.0.1.201 carries another Elastic IP", "10.0.1.201", OWN_BLOCKED },
};

static void what_may_not_be_claimed_is_prepared_and_left_where_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		CLEANUP(own_done) struct own own;
		struct own_wanted wanted = want("bank", BANK);

		print_message("row %zu\n", i);
		wanted.private_ip = ip(firsts[i].configured);
		begin(&own, 1, wanted, wanted);
		own_share(&own);
		expect(&own, 0, OWN_UNKNOWN, "");
		assert_int_equal(own_private(&own, 0).v, 0);
		see_mine(&own, 0, firsts[i].mine);
		expect_step(see_address(&own, 0, 0, AT(BANK, firsts[i].there, firsts[i].there_ip)),
			    firsts[i].step, NULL);
		expect(&own, 0, firsts[i].state, firsts[i].reason);
		expect_where(&own, firsts[i].spot, 0);
		assert_int_equal(own_private(&own, 0).v, ip(firsts[i].private).v);
		assert_true(own_is_decided(&own));
		assert_int_equal(own_all_held(&own), firsts[i].private != NULL);
		assert_int_equal(own_next_takeover(&own), 1);
	}
}

static void without_a_group_nothing_is_given_ahead_of_time(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	own_allow(&own, 0, false, at(0));
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	expect(&own, 0, OWN_STANDBY, "");
	assert_false(own_all_held(&own));
}

static void ec2_is_asked_every_ten_seconds_and_a_move_is_no_theft(void **state)
{
	static const struct {
		const char *there, *there_ip;
		enum own_spot spot;
	} rows[] = { { OTHER, "10.0.1.77", OWN_ELSEWHERE },
		     { THIRD, "10.0.1.99", OWN_ELSEWHERE },
		     { NULL, NULL, OWN_NOWHERE },
		     { MINE, "10.0.1.201", OWN_MINE },
		     { OTHER, "10.0.1.77", OWN_ELSEWHERE } };
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_shared(&own);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const double s = 10.0 * (double)i;
		const uint64_t news = own.news;

		assert_int_equal(own_next_ms(&own, at(s)), 0);
		see_mine(&own, s,
			 rows[i].spot == OWN_MINE ? "10.0.1.200 10.0.1.201=100" :
						    "10.0.1.200 10.0.1.201");
		assert_true(own_wants_look(&own, 0, at(s)));
		expect_step(see_address(&own, s, 0, AT(BANK, rows[i].there, rows[i].there_ip)),
			    OWN_STEP_NONE, NULL);
		expect(&own, 0, OWN_STANDBY, "");
		expect_where(&own, rows[i].spot, s);
		assert_true(own.news > news);
		assert_int_equal(own_next_ms(&own, at(s)), OWN_VERIFY_MS);
		assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
	}
}

static void what_is_held_and_may_not_be_any_more_stays_until_another_takes_it(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	own.shared = true;
	own_allow(&own, 0, false, at(1));
	expect(&own, 0, OWN_STANDBY,
	       "203.0.113.100 is associated with 10.0.1.201 on eni-mine, until");
	expect_where(&own, OWN_MINE, 0);
	see_mine(&own, 11, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(&own, 11, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE, NULL);
	expect_where(&own, OWN_MINE, 11);
	see_mine(&own, 21, "10.0.1.200 10.0.1.201");
	expect(&own, 0, OWN_STANDBY, "");
	expect_step(see_address(&own, 21, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	expect(&own, 0, OWN_STANDBY, "is with 10.0.1.77 on eni-other");
	expect_where(&own, OWN_ELSEWHERE, 21);
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
	/* And comes back to the same address, though another would be first now. */
	see_mine(&own, 22, "10.0.1.200 10.0.1.199 10.0.1.201");
	own_allow(&own, 0, true, at(22));
	expect_step(own_take_over(&own, 0, at(22)), OWN_STEP_ASSOCIATE, "10.0.1.201");
}

static void a_kept_address_that_another_elastic_ip_got_is_left_to_it(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_shared(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201 10.0.1.202");
	see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	see_mine(&own, 10, "10.0.1.200 10.0.1.201=7 10.0.1.202");
	assert_int_equal(own_private(&own, 0).v, 0);
	own_allow(&own, 0, true, at(10));
	assert_int_equal(own_next_takeover(&own), 1);
	own_allow(&own, 0, false, at(10));
	expect_step(see_address(&own, 10, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE, NULL);
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.202").v);
}

/* What a failure does to an egress IP in standby. */
static const struct {
	const struct aws_action *action;
	enum http_class class;
	const char *code;
	enum own_state state;
	const char *reason;
	bool is_kept;
} failures[] = {
	{ &ec2_action_describe_interfaces, HTTP_CLASS_THROTTLED, "RequestLimitExceeded",
	  OWN_STANDBY, "it isn't known where it is now: Describe", true },
	{ &ec2_action_describe_addresses, HTTP_CLASS_RETRY, "InternalError", OWN_STANDBY,
	  "it isn't known where", true },
	{ &ec2_action_describe_addresses, HTTP_CLASS_PERMANENT, "UnauthorizedOperation",
	  OWN_STANDBY, "lacks ec2:DescribeAddresses", true },
	{ &ec2_action_assign_private_address, HTTP_CLASS_RETRY, "InternalError", OWN_STANDBY,
	  "InternalError", true },
	{ &ec2_action_assign_private_address, HTTP_CLASS_PERMANENT, "PrivateIpAddressLimitExceeded",
	  OWN_BLOCKED, "eni-mine has no room", true },
	{ &ec2_action_describe_addresses, HTTP_CLASS_NOT_FOUND, "InvalidAllocationID.NotFound",
	  OWN_BLOCKED, "there is no Elastic IP eipalloc-100", false },
};

static void a_failure_keeps_what_is_prepared_and_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		CLEANUP(own_done) struct own own;

		print_message("row %zu\n", i);
		begin_shared(&own);
		see_mine(&own, 0, "10.0.1.200 10.0.1.201");
		see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
		const uint64_t news = own.news;

		fail_call(&own, 1, 0, failures[i].action,
			  WITH(failures[i].class, failures[i].code));
		expect(&own, 0, failures[i].state, failures[i].reason);
		assert_int_equal(own_private(&own, 0).v != 0, failures[i].is_kept);
		assert_true(own.news > news);
		assert_int_equal(own_where(&own, 0).failed_at.ns, at(1).ns);
		assert_int_equal(own_where(&own, 0).spot, OWN_ELSEWHERE);
		assert_false(own_where(&own, 0).is_refused);
		see_mine(&own, 12, "10.0.1.200 10.0.1.201");
		see_address(&own, 12, 0, AT(BANK, OTHER, "10.0.1.77"));
		expect(&own, 0, OWN_STANDBY, "is with 10.0.1.77");
		assert_int_equal(own_where(&own, 0).failed_at.ns, 0);
	}
}

static void in_standby_the_question_is_about_what_was_found_first(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted tagged = { .name = "bank", .tag = "Name=bank" };
	struct aws_request request;

	(void)state;
	begin(&own, 1, tagged, tagged);
	own_share(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	assert_int_equal(own_request_look(&own, 0, &request), 0);
	assert_non_null(strstr(request.params.text, "AllocationId.1=eipalloc-100"));
	aws_request_done(&request);
}

static void questions_can_be_brought_forward_but_not_beyond_one_a_second(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_shared(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	own_verify(&own, at(0.2));
	assert_int_equal(own_next_ms(&own, at(0.2)), 800);
	assert_true(own_wants_look(&own, 0, at(1)));
	own_verify(&own, at(5));
	assert_int_equal(own_next_ms(&own, at(5)), 0);
	/* What asked for patience gets it. */
	struct aws_failure failure = { .class = HTTP_CLASS_THROTTLED, .retry_after_ms = 60000 };

	own_see_failure(&own, OWN_ALL, &ec2_action_describe_interfaces, &failure, at(5));
	own_verify(&own, at(6));
	assert_int_equal(own_next_ms(&own, at(6)), 59000);
}

static void a_new_configuration_keeps_what_may_be_claimed_and_nothing_else(void **state)
{
	CLEANUP(own_done) struct own old, same, other;

	(void)state;
	begin_shared(&old);
	own_allow(&old, 0, true, at(0));
	see_mine(&old, 0, "10.0.1.200 10.0.1.201=100 10.0.1.202");
	see_address(&old, 0, 0, AT(BANK, MINE, "10.0.1.201"));
	expect(&old, 0, OWN_HELD, "");

	begin(&same, 2, want("bank", BANK), want("mail", MAIL));
	own_share(&same);
	own_adopt(&same, &old);
	expect(&same, 0, OWN_HELD, "");
	expect_step(see_address(&same, 1, 1, AT(MAIL, NULL, NULL)), OWN_STEP_NONE, NULL);
	expect(&same, 1, OWN_STANDBY, "10.0.1.202 is kept for it");

	/* Another Elastic IP by the same name is another one. */
	begin(&other, 1, want("bank", MAIL), want("mail", MAIL));
	own_share(&other);
	own_adopt(&other, &old);
	expect_step(see_address(&other, 1, 0, AT(MAIL, NULL, NULL)), OWN_STEP_NONE, NULL);
	expect(&other, 0, OWN_STANDBY, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_not_be_claimed_is_prepared_and_left_where_it_is),
		cmocka_unit_test(without_a_group_nothing_is_given_ahead_of_time),
		cmocka_unit_test(ec2_is_asked_every_ten_seconds_and_a_move_is_no_theft),
		cmocka_unit_test(what_is_held_and_may_not_be_any_more_stays_until_another_takes_it),
		cmocka_unit_test(a_kept_address_that_another_elastic_ip_got_is_left_to_it),
		cmocka_unit_test(a_failure_keeps_what_is_prepared_and_is_told),
		cmocka_unit_test(in_standby_the_question_is_about_what_was_found_first),
		cmocka_unit_test(questions_can_be_brought_forward_but_not_beyond_one_a_second),
		cmocka_unit_test(a_new_configuration_keeps_what_may_be_claimed_and_nothing_else),
	};

	return cmocka_run_group_tests_name("own standby", tests, NULL, NULL);
}
