// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* How an egress IP becomes the gateway's. A test is a list of answers and moments. */
#include "own_fixture.h"

#include <stdio.h>
#include <string.h>

#include "awsapi/action.h"
#include "base/cleanup.h"

static void what_is_here_already_is_held_without_a_call(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	assert_true(own_all_held(&own));
	assert_int_equal(own_private(&own, 0).v, ip("10.0.1.201").v);
}

/* What EC2 says at first, and what is to be called then. */
static const struct first {
	const char *mine;             /* addresses of my interface */
	const char *there, *there_ip; /* where the Elastic IP is */
	const char *configured;       /* private */
	enum own_step_kind step;
	const char *step_ip;
	enum own_state state;
	const char *reason;
} firsts[] = {
	/* Free, or somebody else's: a free secondary address takes it. */
	{ "10.0.1.200 10.0.1.201", NULL, NULL, NULL, OWN_STEP_ASSOCIATE, "10.0.1.201", OWN_CLAIMING,
	  "203.0.113.100 is being associated with 10.0.1.201" },
	{ "10.0.1.200 10.0.1.201", OTHER, "10.0.1.77", NULL, OWN_STEP_ASSOCIATE, "10.0.1.201",
	  OWN_CLAIMING, "being associated" },
	/* The same private address on another interface isn't here. */
	{ "10.0.1.200 10.0.1.201", OTHER, "10.0.1.201", NULL, OWN_STEP_ASSOCIATE, "10.0.1.201",
	  OWN_CLAIMING, "being associated" },
	/* None free. */
	{ "10.0.1.200", NULL, NULL, NULL, OWN_STEP_ASSIGN, NULL, OWN_CLAIMING, "being assigned" },
	{ "10.0.1.200 10.0.1.201=7", NULL, NULL, NULL, OWN_STEP_ASSIGN, NULL, OWN_CLAIMING,
	  "being assigned" },
	/* On the primary address this host would answer: it's moved. */
	{ "10.0.1.200=100 10.0.1.201", MINE, "10.0.1.200", NULL, OWN_STEP_ASSOCIATE, "10.0.1.201",
	  OWN_CLAIMING, "being associated" },
	{ "10.0.1.200=100", MINE, "10.0.1.200", NULL, OWN_STEP_ASSIGN, NULL, OWN_CLAIMING,
	  "being assigned" },
	/* A configured address. */
	{ "10.0.1.200 10.0.1.201 10.0.1.202", NULL, NULL, "10.0.1.202", OWN_STEP_ASSOCIATE,
	  "10.0.1.202", OWN_CLAIMING, "being associated" },
	{ "10.0.1.200 10.0.1.201", NULL, NULL, "10.0.1.202", OWN_STEP_ASSIGN, "10.0.1.202",
	  OWN_CLAIMING, "being assigned" },
	{ "10.0.1.200 10.0.1.201=100 10.0.1.202", MINE, "10.0.1.201", "10.0.1.202",
	  OWN_STEP_ASSOCIATE, "10.0.1.202", OWN_CLAIMING, "being associated" },
	{ "10.0.1.200 10.0.1.202=100", MINE, "10.0.1.202", "10.0.1.202", OWN_STEP_NONE, NULL,
	  OWN_HELD, "is associated" },
	{ "10.0.1.200 10.0.1.202=7", NULL, NULL, "10.0.1.202", OWN_STEP_NONE, NULL, OWN_BLOCKED,
	  "10.0.1.202 carries another Elastic IP, 203.0.113.7" },
	{ "10.0.1.200 10.0.1.202", NULL, NULL, "10.0.1.200", OWN_STEP_NONE, NULL, OWN_BLOCKED,
	  "10.0.1.200 is the primary address of eni-mine" },
	/* Where it is already goes before what comes first. */
	{ "10.0.1.200 10.0.1.201 10.0.1.202=100", MINE, "10.0.1.202", NULL, OWN_STEP_NONE, NULL,
	  OWN_HELD, "is associated with 10.0.1.202" },
	/* One answer is older than the other. */
	{ "10.0.1.200 10.0.1.201", MINE, "10.0.1.201", NULL, OWN_STEP_NONE, NULL, OWN_CLAIMING,
	  "don't agree" },
};

static void the_first_answers_decide_the_first_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		const struct first *f = &firsts[i];
		CLEANUP(own_done) struct own own;
		struct own_wanted wanted = want("bank", BANK);

		print_message("row %zu\n", i);
		wanted.private_ip = ip(f->configured);
		begin(&own, 1, wanted, wanted);
		expect(&own, 0, OWN_UNKNOWN, "hasn't been asked");
		assert_false(own_is_decided(&own));
		see_mine(&own, 0, f->mine);
		expect_step(see_address(&own, 0, 0, AT(BANK, f->there, f->there_ip)), f->step,
			    f->step_ip);
		expect(&own, 0, f->state, f->reason);
		assert_true(own_is_decided(&own));
	}
}

static void none_or_two_by_the_same_tag_block_and_say_so(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted wanted = { .name = "bank", .tag = "eipgw=bank" };
	struct aws_address two[2] = { { .allocation_id = "eipalloc-1" },
				      { .allocation_id = "eipalloc-2" } };

	(void)state;
	begin(&own, 1, wanted, wanted);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	expect_step(own_see_addresses(&own, 0, &(struct aws_addresses){ NULL, 0 }, at(0)),
		    OWN_STEP_NONE, NULL);
	expect(&own, 0, OWN_BLOCKED, "there is no Elastic IP with the tag eipgw=bank");
	own_see_addresses(&own, 0, &(struct aws_addresses){ two, 2 }, at(10));
	expect(&own, 0, OWN_BLOCKED, "more than one Elastic IP with the tag eipgw=bank");
	expect_step(see_address(&own, 20, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	expect(&own, 0, OWN_CLAIMING, "");
}

static void a_claim_is_held_only_once_both_answers_show_it_and_is_not_repeated(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	expect_step(see_address(&own, 0, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	own_see_associated(&own, 0, at(0));
	for (int s = 1; s < 30; s++) {
		see_mine(&own, s, "10.0.1.200 10.0.1.201");
		expect_step(see_address(&own, s, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_NONE,
			    NULL);
		expect(&own, 0, OWN_CLAIMING, "doesn't show it yet");
	}
	expect_step(see_address(&own, 31, 0, AT(BANK, OTHER, "10.0.1.77")), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
}

static void an_assigned_address_is_waited_for_and_then_used(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200");
	expect_step(see_address(&own, 0, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSIGN, NULL);
	own_see_assigned(&own, 0, ip("10.0.1.210"), at(0));
	see_mine(&own, 1, "10.0.1.200");
	expect_step(see_address(&own, 1, 0, AT(BANK, NULL, NULL)), OWN_STEP_NONE, NULL);
	see_mine(&own, 2, "10.0.1.200 10.0.1.205 10.0.1.210");
	expect_step(see_address(&own, 2, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.210");
}

static void after_a_doubtful_assignment_no_second_address_is_asked_for(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200");
	expect_step(see_address(&own, 0, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSIGN, NULL);
	fail_call(&own, 0, 0, &ec2_action_assign_private_address, WITH(HTTP_CLASS_RETRY, ""));
	see_mine(&own, 5, "10.0.1.200");
	expect_step(see_address(&own, 5, 0, AT(BANK, NULL, NULL)), OWN_STEP_NONE, NULL);
	see_mine(&own, 6, "10.0.1.200 10.0.1.210");
	expect_step(see_address(&own, 6, 0, AT(BANK, NULL, NULL)), OWN_STEP_ASSOCIATE,
		    "10.0.1.210");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_here_already_is_held_without_a_call),
		cmocka_unit_test(the_first_answers_decide_the_first_call),
		cmocka_unit_test(none_or_two_by_the_same_tag_block_and_say_so),
		cmocka_unit_test(
			a_claim_is_held_only_once_both_answers_show_it_and_is_not_repeated),
		cmocka_unit_test(an_assigned_address_is_waited_for_and_then_used),
		cmocka_unit_test(after_a_doubtful_assignment_no_second_address_is_asked_for),
	};

	return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
