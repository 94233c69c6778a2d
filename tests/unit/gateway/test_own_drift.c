// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What becomes of an egress IP that is held: drift, failures, reloads. */
#include "own_fixture.h"

#include <string.h>

#include "awsapi/action.h"
#include "base/cleanup.h"

static void drift_of_what_is_held_loses_it_at_once_and_for_good(void **state)
{
	static const struct {
		const char *mine, *reason;
	} rows[] = {
		{ "10.0.1.200 10.0.1.201", "somebody took 203.0.113.100 away" },
		{ "10.0.1.200", "somebody took 203.0.113.100 away" },
		{ "10.0.1.200=100 10.0.1.201", "somebody took 203.0.113.100 away" },
		{ "10.0.1.200 10.0.1.201=7", "somebody associated 203.0.113.7 with 10.0.1.201" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(own_done) struct own own;

		begin_found(&own);
		see_mine(&own, 1, rows[i].mine);
		expect(&own, 0, OWN_LOST, rows[i].reason);
		/* It says where it went, and doesn't take it back, not even when it's free or here again. */
		assert_true(own_wants_look(&own, 0, at(1)) || i == 3);
		expect_step(see_address(&own, 2, 0, AT(BANK, THIRD, "10.0.1.99")), OWN_STEP_NONE,
			    NULL);
		expect(&own, 0, OWN_LOST, "moved 203.0.113.100 to 10.0.1.99 on eni-third");
		expect_step(see_address(&own, 12, 0, AT(BANK, NULL, NULL)), OWN_STEP_NONE, NULL);
		expect(&own, 0, OWN_LOST, "disassociated 203.0.113.100");
		see_mine(&own, 20, "10.0.1.200 10.0.1.201=100");
		expect_step(see_address(&own, 20, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE,
			    NULL);
		expect(&own, 0, OWN_LOST, "");
		assert_false(own_all_held(&own));
	}
}

static void old_answers_after_an_own_claim_are_no_drift(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_claimed(&own);
	for (int s = 3; s < 30; s++) {
		see_mine(&own, s, s % 2 ? "10.0.1.200 10.0.1.201" : "10.0.1.200 10.0.1.201=100");
		assert_int_equal(own_wants_look(&own, 0, at(s)), s % 2);
		if (s % 2)
			see_address(&own, s, 0,
				    AT(BANK, s % 3 ? OTHER : NULL, s % 3 ? "10.0.1.77" : NULL));
		expect(&own, 0, OWN_HELD, "");
	}
	see_mine(&own, 31, "10.0.1.200 10.0.1.201");
	expect(&own, 0, OWN_LOST, "took 203.0.113.100 away");
}

static void what_no_old_answer_can_show_is_drift_right_after_a_claim_too(void **state)
{
	CLEANUP(own_done) struct own moved, displaced;

	(void)state;
	begin_claimed(&moved);
	see_mine(&moved, 3, "10.0.1.200 10.0.1.201");
	expect(&moved, 0, OWN_HELD, "");
	see_address(&moved, 3, 0, AT(BANK, THIRD, "10.0.1.99"));
	expect(&moved, 0, OWN_LOST, "moved 203.0.113.100 to 10.0.1.99 on eni-third");

	begin_claimed(&displaced);
	see_mine(&displaced, 3, "10.0.1.200 10.0.1.201=7");
	expect(&displaced, 0, OWN_LOST, "associated 203.0.113.7");
}

static void a_claim_that_seemed_to_fail_settles_like_one_that_did_not(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77"));
	fail_call(&own, 0, 0, &ec2_action_associate_address, WITH(HTTP_CLASS_RETRY, ""));
	expect(&own, 0, OWN_CLAIMING, "AssociateAddress");
	see_mine(&own, 2, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(&own, 2, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_NONE, NULL);
	expect(&own, 0, OWN_HELD, "");
	see_mine(&own, 3, "10.0.1.200 10.0.1.201");
	expect(&own, 0, OWN_HELD, "");
}

/* Which state a failure leads to, by class, before and after it's held. */
static const struct {
	const struct aws_action *action;
	enum http_class class;
	const char *code;
	enum own_state claiming; /* what CLAIMING becomes */
	const char *reason;
} failures[] = {
	{ &ec2_action_describe_interfaces, HTTP_CLASS_THROTTLED, "RequestLimitExceeded",
	  OWN_CLAIMING, "RequestLimitExceeded" },
	{ &ec2_action_describe_addresses, HTTP_CLASS_RETRY, "InternalError", OWN_CLAIMING,
	  "InternalError" },
	{ &ec2_action_describe_addresses, HTTP_CLASS_CREDENTIALS, "RequestExpired", OWN_CLAIMING,
	  "RequestExpired" },
	{ &ec2_action_associate_address, HTTP_CLASS_PERMANENT, "UnauthorizedOperation", OWN_BLOCKED,
	  "lacks ec2:AssociateAddress" },
	{ &ec2_action_describe_addresses, HTTP_CLASS_PERMANENT, "UnauthorizedOperation",
	  OWN_BLOCKED, "lacks ec2:DescribeAddresses" },
	{ &ec2_action_assign_private_address, HTTP_CLASS_PERMANENT, "PrivateIpAddressLimitExceeded",
	  OWN_BLOCKED, "eni-mine has no room for another private address" },
	{ &ec2_action_assign_private_address, HTTP_CLASS_PERMANENT,
	  "InsufficientFreeAddressesInSubnet", OWN_BLOCKED, "no free address" },
	{ &ec2_action_associate_address, HTTP_CLASS_CONFLICT, "Resource.AlreadyAssociated",
	  OWN_BLOCKED, "Resource.AlreadyAssociated" },
	{ &ec2_action_describe_interfaces, HTTP_CLASS_NOT_FOUND,
	  "InvalidNetworkInterfaceID.NotFound", OWN_BLOCKED, "InvalidNetworkInterfaceID.NotFound" },
};

static void a_failure_never_takes_away_what_is_held_and_says_what_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		CLEANUP(own_done) struct own claiming, held;

		print_message("row %zu\n", i);
		begin_bank(&claiming);
		see_mine(&claiming, 0, "10.0.1.200");
		see_address(&claiming, 0, 0, AT(BANK, NULL, NULL));
		fail_call(&claiming, 0, 0, failures[i].action,
			  WITH(failures[i].class, failures[i].code));
		expect(&claiming, 0, failures[i].claiming, failures[i].reason);
		assert_false(own_wants_look(&claiming, 0, at(0.9)));

		begin_found(&held);
		fail_call(&held, 1, OWN_ALL, failures[i].action,
			  WITH(failures[i].class, failures[i].code));
		expect(&held, 0, OWN_HELD, "203.0.113.100 stays, but can't be verified");
		expect(&held, 0, OWN_HELD, failures[i].reason);
		see_mine(&held, 5000, "10.0.1.200 10.0.1.201=100");
		expect(&held, 0, OWN_HELD, "is associated with");
	}
}

static void a_denial_names_the_action_and_the_resource(void **state)
{
	struct aws_failure failure = {
		.class = HTTP_CLASS_PERMANENT,
		.code = "UnauthorizedOperation",
		.text = "AssociateAddress: UnauthorizedOperation: You are not authorized to perform "
			"this operation. User: arn:aws:sts::1:assumed-role/r/i is not authorized to "
			"perform: ec2:AssociateAddress on resource: arn:aws:ec2:x:1:elastic-ip/e "
			"because no identity-based policy allows the ec2:AssociateAddress action",
		.retry_after_ms = -1,
		.date_sec = -1,
	};
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, NULL, NULL));
	own_see_failure(&own, 0, &ec2_action_associate_address, &failure, at(0));
	expect(&own, 0, OWN_BLOCKED,
	       "the policy of the credentials lacks ec2:AssociateAddress on "
	       "arn:aws:ec2:x:1:elastic-ip/e; add it, or the tags that it asks for");
}

static void what_is_blocked_is_looked_at_again_and_claimed_when_it_can_be(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, NULL, NULL));
	fail_call(&own, 0, 0, &ec2_action_associate_address,
		  WITH(HTTP_CLASS_PERMANENT, "UnauthorizedOperation"));
	assert_true(own_next_ms(&own, at(0)) <= OWN_VERIFY_MS);
	assert_true(own_wants_look(&own, 0, at(11)));
	see_mine(&own, 11, "10.0.1.200 10.0.1.201");
	expect_step(see_address(&own, 11, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	expect(&own, 0, OWN_CLAIMING, "");
}

static void a_released_address_is_lost(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	fail_call(&own, 1, 0, &ec2_action_describe_addresses,
		  WITH(HTTP_CLASS_NOT_FOUND, "InvalidAllocationID.NotFound"));
	expect(&own, 0, OWN_LOST, "203.0.113.100 was released");
}

static void failures_back_off_to_ten_seconds_and_obey_what_is_asked(void **state)
{
	CLEANUP(own_done) struct own own;
	struct aws_failure failure = { .class = HTTP_CLASS_THROTTLED, .retry_after_ms = 60000 };
	int64_t longest = 0;

	(void)state;
	begin_found(&own);
	for (int i = 0; i < 200; i++) {
		fail_call(&own, i, OWN_ALL, &ec2_action_describe_interfaces,
			  WITH(HTTP_CLASS_RETRY, ""));
		int64_t ms = own_next_ms(&own, at(i));

		assert_in_range(ms, OWN_CLAIM_MS, OWN_VERIFY_MS);
		longest = ms > longest ? ms : longest;
	}
	assert_true(longest > 5000);
	own_see_failure(&own, OWN_ALL, &ec2_action_describe_interfaces, &failure, at(200));
	assert_int_equal(own_next_ms(&own, at(200)), 60000);
	see_mine(&own, 300, "10.0.1.200 10.0.1.201=100");
	assert_int_equal(own_next_ms(&own, at(300)), OWN_VERIFY_MS);
	assert_int_equal(own_next_ms(&own, at(900)), 0);
}

static void nothing_is_asked_while_the_interface_cannot_be_asked_about(void **state)
{
	CLEANUP(own_done) struct own own;
	struct aws_failure failure = { .class = HTTP_CLASS_THROTTLED, .retry_after_ms = 60000 };

	(void)state;
	begin_bank(&own);
	assert_int_equal(own_next_ms(&own, at(0)), 0);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, AT(BANK, NULL, NULL));
	own_see_associated(&own, 0, at(0));
	assert_int_equal(own_next_ms(&own, at(0)), OWN_CLAIM_MS);
	own_see_failure(&own, OWN_ALL, &ec2_action_describe_interfaces, &failure, at(1));
	assert_int_equal(own_next_ms(&own, at(1)), 60000);
}

/* The request, as the form that is sent. */
static void expect_request(int rc, struct aws_request *request, const char *form)
{
	assert_int_equal(rc, 0);
	if (!strstr(request->params.text, form))
		fail_msg("%s, expected %s", request->params.text, form);
	aws_request_done(request);
}

static void questions_and_steps_become_requests(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted tagged = { .name = "mail", .tag = "Name=a=b" };
	struct own_wanted public = { .name = "post", .public_ip = ip("203.0.113.5") };
	struct aws_request request;

	(void)state;
	begin(&own, 2, tagged, public);
	expect_request(own_request_look(&own, 0, &request), &request,
		       "Filter.1.Name=tag%3AName&Filter.1.Value.1=a%3Db");
	expect_request(own_request_look(&own, 1, &request), &request, "PublicIp.1=203.0.113.5");
	see_mine(&own, 0, "10.0.1.200 10.0.1.201=100");
	expect_request(own_request_step(&own, 0, (struct own_step){ OWN_STEP_ASSIGN }, &request),
		       &request, "NetworkInterfaceId=eni-mine&SecondaryPrivateIpAddressCount=1");
	see_address(&own, 0, 0, AT(BANK, MINE, "10.0.1.201"));
	expect(&own, 0, OWN_HELD, "");
	expect_request(own_request_look(&own, 0, &request), &request,
		       "AllocationId.1=eipalloc-100");
	expect_request(own_request_step(&own, 0,
					(struct own_step){ OWN_STEP_ASSOCIATE, ip("10.0.1.201") },
					&request),
		       &request,
		       "AllocationId=eipalloc-100&NetworkInterfaceId=eni-mine"
		       "&PrivateIpAddress=10.0.1.201&AllowReassociation=true");
}

static void two_egress_ips_never_share_a_private_address(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted mail = want("mail", MAIL);

	(void)state;
	begin(&own, 2, want("bank", BANK), mail);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201 10.0.1.202");
	expect_step(see_address(&own, 0, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	expect_step(see_address(&own, 0, 1, AT(MAIL, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.202");
	own_done(&own);

	/* Not the one that the configuration gives another either, even before that one is claimed. */
	mail.private_ip = ip("10.0.1.201");
	begin(&own, 2, want("bank", BANK), mail);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(&own, 0, 0, AT(BANK, MINE, "10.0.1.201")), OWN_STEP_ASSIGN, NULL);
	expect_step(see_address(&own, 0, 1, AT(MAIL, NULL, NULL)), OWN_STEP_NONE, NULL);
	expect(&own, 1, OWN_BLOCKED, "carries another Elastic IP, 203.0.113.100");
}

static void one_elastic_ip_by_two_names_belongs_to_the_first(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted tagged = { .name = "mail", .tag = "a=b" };

	(void)state;
	begin(&own, 2, want("bank", BANK), tagged);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201 10.0.1.202");
	see_address(&own, 0, 0, AT(BANK, NULL, NULL));
	expect_step(see_address(&own, 0, 1, AT(BANK, NULL, NULL)), OWN_STEP_NONE, NULL);
	expect(&own, 1, OWN_BLOCKED, "Elastic IP with the tag a=b is that of egress IP bank too");
}

static void metadata_that_differ_for_a_minute_are_told_and_change_nothing(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	own_see_metadata(&own, 0, false, at(0));
	own_see_metadata(&own, 0, false, at(60));
	expect(&own, 0, OWN_HELD, "is associated with 10.0.1.201 on");
	own_see_metadata(&own, 0, false, at(61));
	expect(&own, 0, OWN_HELD, "the instance's metadata don't");
	own_see_metadata(&own, 0, true, at(62));
	expect(&own, 0, OWN_HELD, "is associated with 10.0.1.201 on");
	own_see_metadata(&own, 0, false, at(70));
	own_see_metadata(&own, 0, false, at(100));
	expect(&own, 0, OWN_HELD, "is associated with 10.0.1.201 on");
}

static void a_reload_keeps_what_is_wanted_as_before_and_claims_again_what_was_lost(void **state)
{
	CLEANUP(own_done) struct own old, same, other;
	struct own_wanted mail = want("mail", MAIL);

	(void)state;
	begin_found(&old);
	begin(&same, 1, want("bank", BANK), mail);
	own_adopt(&same, &old);
	expect(&same, 0, OWN_HELD, "");

	mail.private_ip = ip("10.0.1.201");
	begin(&other, 2, want("bank", BANK), mail);
	own_adopt(&other, &old);
	expect(&other, 0, OWN_UNKNOWN, "");
	own_done(&other);

	see_mine(&old, 1, "10.0.1.200 10.0.1.201");
	expect(&old, 0, OWN_LOST, "");
	begin(&other, 1, want("bank", BANK), mail);
	own_adopt(&other, &old);
	expect(&other, 0, OWN_UNKNOWN, "");
	expect_step(see_address(&other, 2, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drift_of_what_is_held_loses_it_at_once_and_for_good),
		cmocka_unit_test(old_answers_after_an_own_claim_are_no_drift),
		cmocka_unit_test(what_no_old_answer_can_show_is_drift_right_after_a_claim_too),
		cmocka_unit_test(a_claim_that_seemed_to_fail_settles_like_one_that_did_not),
		cmocka_unit_test(a_failure_never_takes_away_what_is_held_and_says_what_is_missing),
		cmocka_unit_test(a_denial_names_the_action_and_the_resource),
		cmocka_unit_test(what_is_blocked_is_looked_at_again_and_claimed_when_it_can_be),
		cmocka_unit_test(a_released_address_is_lost),
		cmocka_unit_test(failures_back_off_to_ten_seconds_and_obey_what_is_asked),
		cmocka_unit_test(nothing_is_asked_while_the_interface_cannot_be_asked_about),
		cmocka_unit_test(questions_and_steps_become_requests),
		cmocka_unit_test(two_egress_ips_never_share_a_private_address),
		cmocka_unit_test(one_elastic_ip_by_two_names_belongs_to_the_first),
		cmocka_unit_test(metadata_that_differ_for_a_minute_are_told_and_change_nothing),
		cmocka_unit_test(
			a_reload_keeps_what_is_wanted_as_before_and_claims_again_what_was_lost),
	};

	return cmocka_run_group_tests_name("own drift", tests, NULL, NULL);
}
