// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * When an egress IP is the gateway's. A test is a list of answers and moments; after each the state, the step
 * and a part of the reason are compared.
 */
#include "gateway/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "awsapi/action.h"
#include "awsapi/failure.h"
#include "base/cleanup.h"

#define MINE "eni-mine"
#define OTHER "eni-other"
#define THIRD "eni-third"

static struct ip4 ip(const char *text)
{
	struct ip4 address = { 0 };

	if (text)
		assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static struct mono at(double seconds)
{
	return (struct mono){ .ns = (int64_t)((seconds + 1000) * 1e9) };
}

enum { BANK = 100, MAIL }; /* 203.0.113.N, eipalloc-N */

static struct own_wanted want(const char *name, int eip)
{
	struct own_wanted wanted = { .name = "" };

	snprintf(wanted.name, sizeof(wanted.name), "%s", name);
	snprintf(wanted.allocation_id, sizeof(wanted.allocation_id), "eipalloc-%d", eip);
	return wanted;
}

/* "10.0.1.201=100": the address carries that Elastic IP; the first one is the primary. */
static void see_mine(struct own *own, double seconds, const char *text)
{
	struct aws_private_address addresses[8] = { 0 };
	struct aws_interface interface = { .id = MINE, .addresses = { addresses, 0 } };
	char copy[256], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		struct aws_private_address *a = &addresses[interface.addresses.n++];
		char *eip = strchr(word, '=');

		if (eip) {
			*eip++ = '\0';
			a->public_ip.v = ip("203.0.113.0").v + (uint32_t)strtoul(eip, NULL, 10);
			snprintf(a->allocation_id, sizeof(a->allocation_id), "eipalloc-%s", eip);
		}
		a->address = ip(word);
		a->primary = interface.addresses.n == 1;
	}
	own_see_interface(own, &interface, at(seconds));
}

static struct own_step see_address(struct own *own, double seconds, size_t i, int eip,
				   const char *interface, const char *private)
{
	struct aws_address address = { .public_ip = { ip("203.0.113.0").v + (uint32_t)eip },
				       .private_ip = ip(private) };
	const struct aws_addresses answer = { &address, 1 };

	snprintf(address.allocation_id, sizeof(address.allocation_id), "eipalloc-%d", eip);
	snprintf(address.network_interface_id, sizeof(address.network_interface_id), "%s",
		 interface ? interface : "");
	return own_see_addresses(own, i, &answer, at(seconds));
}

static void fail_call(struct own *own, double seconds, size_t i, const struct aws_action *action,
		      enum http_class class, const char *code)
{
	struct aws_failure failure = { .class = class, .retry_after_ms = -1, .date_sec = -1 };

	snprintf(failure.code, sizeof(failure.code), "%s", code);
	snprintf(failure.text, sizeof(failure.text), "%s: %s: message", action->name, code);
	own_see_failure(own, i, action, &failure, at(seconds));
}

static void expect(const struct own *own, size_t i, enum own_state state, const char *reason)
{
	if (own->v[i].state != state || !strstr(own->v[i].reason, reason))
		fail_msg("%s is %s (%s), expected %s (%s)", own->v[i].wanted.name,
			 own_state_names[own->v[i].state], own->v[i].reason, own_state_names[state],
			 reason);
	assert_int_equal(own_private(own, i).v != 0, state == OWN_HELD);
}

static void expect_step(struct own_step step, enum own_step_kind kind, const char *private)
{
	assert_int_equal(step.kind, kind);
	assert_int_equal(step.private_ip.v, ip(private).v);
}

static void begin(struct own *own, size_t n, struct own_wanted a, struct own_wanted b)
{
	const struct own_wanted wanted[] = { a, b };

	assert_int_equal(own_init(own, wanted, n, 1), 0);
}

static void begin_bank(struct own *own)
{
	begin(own, 1, want("bank", BANK), (struct own_wanted){ .name = "" });
}

/* Claimed by us at second 0, from eni-other, and confirmed at second 2. */
static void begin_claimed(struct own *own)
{
	begin_bank(own);
	see_mine(own, 0, "10.0.1.200 10.0.1.201");
	expect_step(see_address(own, 0, 0, BANK, OTHER, "10.0.1.77"), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	own_see_associated(own, 0, at(0));
	see_mine(own, 2, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(own, 2, 0, BANK, MINE, "10.0.1.201"), OWN_STEP_NONE, NULL);
	expect(own, 0, OWN_HELD, "203.0.113.100 is associated with 10.0.1.201 on eni-mine");
}

static void begin_found(struct own *own)
{
	begin_bank(own);
	see_mine(own, 0, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(own, 0, 0, BANK, MINE, "10.0.1.201"), OWN_STEP_NONE, NULL);
	expect(own, 0, OWN_HELD, "is associated");
}

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
		expect_step(see_address(&own, 0, 0, BANK, f->there, f->there_ip), f->step,
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
	expect_step(see_address(&own, 20, 0, BANK, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.201");
	expect(&own, 0, OWN_CLAIMING, "");
}

static void a_claim_is_held_only_once_both_answers_show_it_and_is_not_repeated(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	expect_step(see_address(&own, 0, 0, BANK, OTHER, "10.0.1.77"), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
	own_see_associated(&own, 0, at(0));
	for (int s = 1; s < 30; s++) {
		see_mine(&own, s, "10.0.1.200 10.0.1.201");
		expect_step(see_address(&own, s, 0, BANK, OTHER, "10.0.1.77"), OWN_STEP_NONE, NULL);
		expect(&own, 0, OWN_CLAIMING, "doesn't show it yet");
	}
	expect_step(see_address(&own, 31, 0, BANK, OTHER, "10.0.1.77"), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
}

static void an_assigned_address_is_waited_for_and_then_used(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200");
	expect_step(see_address(&own, 0, 0, BANK, NULL, NULL), OWN_STEP_ASSIGN, NULL);
	own_see_assigned(&own, 0, ip("10.0.1.210"), at(0));
	see_mine(&own, 1, "10.0.1.200");
	expect_step(see_address(&own, 1, 0, BANK, NULL, NULL), OWN_STEP_NONE, NULL);
	see_mine(&own, 2, "10.0.1.200 10.0.1.210");
	expect_step(see_address(&own, 2, 0, BANK, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.210");
}

static void after_a_doubtful_assignment_no_second_address_is_asked_for(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200");
	expect_step(see_address(&own, 0, 0, BANK, NULL, NULL), OWN_STEP_ASSIGN, NULL);
	fail_call(&own, 0, 0, &ec2_action_assign_private_address, HTTP_CLASS_RETRY, "");
	see_mine(&own, 5, "10.0.1.200");
	expect_step(see_address(&own, 5, 0, BANK, NULL, NULL), OWN_STEP_NONE, NULL);
	see_mine(&own, 6, "10.0.1.200 10.0.1.210");
	expect_step(see_address(&own, 6, 0, BANK, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.210");
}

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
		expect_step(see_address(&own, 2, 0, BANK, THIRD, "10.0.1.99"), OWN_STEP_NONE, NULL);
		expect(&own, 0, OWN_LOST, "moved 203.0.113.100 to 10.0.1.99 on eni-third");
		expect_step(see_address(&own, 12, 0, BANK, NULL, NULL), OWN_STEP_NONE, NULL);
		expect(&own, 0, OWN_LOST, "disassociated 203.0.113.100");
		see_mine(&own, 20, "10.0.1.200 10.0.1.201=100");
		expect_step(see_address(&own, 20, 0, BANK, MINE, "10.0.1.201"), OWN_STEP_NONE,
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
			see_address(&own, s, 0, BANK, s % 3 ? OTHER : NULL,
				    s % 3 ? "10.0.1.77" : NULL);
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
	see_address(&moved, 3, 0, BANK, THIRD, "10.0.1.99");
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
	see_address(&own, 0, 0, BANK, OTHER, "10.0.1.77");
	fail_call(&own, 0, 0, &ec2_action_associate_address, HTTP_CLASS_RETRY, "");
	expect(&own, 0, OWN_CLAIMING, "AssociateAddress");
	see_mine(&own, 2, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(&own, 2, 0, BANK, MINE, "10.0.1.201"), OWN_STEP_NONE, NULL);
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
		see_address(&claiming, 0, 0, BANK, NULL, NULL);
		fail_call(&claiming, 0, 0, failures[i].action, failures[i].class, failures[i].code);
		expect(&claiming, 0, failures[i].claiming, failures[i].reason);
		assert_false(own_wants_look(&claiming, 0, at(0.9)));

		begin_found(&held);
		fail_call(&held, 1, OWN_ALL, failures[i].action, failures[i].class,
			  failures[i].code);
		expect(&held, 0, OWN_HELD, "203.0.113.100 stays, but can't be verified");
		expect(&held, 0, OWN_HELD, failures[i].reason);
		see_mine(&held, 5000, "10.0.1.200 10.0.1.201=100");
		expect(&held, 0, OWN_HELD, "is associated with");
	}
}

static void what_is_blocked_is_looked_at_again_and_claimed_when_it_can_be(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_bank(&own);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201");
	see_address(&own, 0, 0, BANK, NULL, NULL);
	fail_call(&own, 0, 0, &ec2_action_associate_address, HTTP_CLASS_PERMANENT,
		  "UnauthorizedOperation");
	assert_true(own_next_ms(&own, at(0)) <= OWN_VERIFY_MS);
	assert_true(own_wants_look(&own, 0, at(11)));
	see_mine(&own, 11, "10.0.1.200 10.0.1.201");
	expect_step(see_address(&own, 11, 0, BANK, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.201");
	expect(&own, 0, OWN_CLAIMING, "");
}

static void a_released_address_is_lost(void **state)
{
	CLEANUP(own_done) struct own own;

	(void)state;
	begin_found(&own);
	fail_call(&own, 1, 0, &ec2_action_describe_addresses, HTTP_CLASS_NOT_FOUND,
		  "InvalidAllocationID.NotFound");
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
		fail_call(&own, i, OWN_ALL, &ec2_action_describe_interfaces, HTTP_CLASS_RETRY, "");
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

static void two_egress_ips_never_share_a_private_address(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted mail = want("mail", MAIL);

	(void)state;
	begin(&own, 2, want("bank", BANK), mail);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201 10.0.1.202");
	expect_step(see_address(&own, 0, 0, BANK, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.201");
	expect_step(see_address(&own, 0, 1, MAIL, NULL, NULL), OWN_STEP_ASSOCIATE, "10.0.1.202");
	own_done(&own);

	/* Not the one that the configuration gives another either, even before that one is claimed. */
	mail.private_ip = ip("10.0.1.201");
	begin(&own, 2, want("bank", BANK), mail);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201=100");
	expect_step(see_address(&own, 0, 0, BANK, MINE, "10.0.1.201"), OWN_STEP_ASSIGN, NULL);
	expect_step(see_address(&own, 0, 1, MAIL, NULL, NULL), OWN_STEP_NONE, NULL);
	expect(&own, 1, OWN_BLOCKED, "carries another Elastic IP, 203.0.113.100");
}

static void one_elastic_ip_by_two_names_belongs_to_the_first(void **state)
{
	CLEANUP(own_done) struct own own;
	struct own_wanted tagged = { .name = "mail", .tag = "a=b" };

	(void)state;
	begin(&own, 2, want("bank", BANK), tagged);
	see_mine(&own, 0, "10.0.1.200 10.0.1.201 10.0.1.202");
	see_address(&own, 0, 0, BANK, NULL, NULL);
	expect_step(see_address(&own, 0, 1, BANK, NULL, NULL), OWN_STEP_NONE, NULL);
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
	expect_step(see_address(&other, 2, 0, BANK, OTHER, "10.0.1.77"), OWN_STEP_ASSOCIATE,
		    "10.0.1.201");
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
		cmocka_unit_test(drift_of_what_is_held_loses_it_at_once_and_for_good),
		cmocka_unit_test(old_answers_after_an_own_claim_are_no_drift),
		cmocka_unit_test(what_no_old_answer_can_show_is_drift_right_after_a_claim_too),
		cmocka_unit_test(a_claim_that_seemed_to_fail_settles_like_one_that_did_not),
		cmocka_unit_test(a_failure_never_takes_away_what_is_held_and_says_what_is_missing),
		cmocka_unit_test(what_is_blocked_is_looked_at_again_and_claimed_when_it_can_be),
		cmocka_unit_test(a_released_address_is_lost),
		cmocka_unit_test(failures_back_off_to_ten_seconds_and_obey_what_is_asked),
		cmocka_unit_test(two_egress_ips_never_share_a_private_address),
		cmocka_unit_test(one_elastic_ip_by_two_names_belongs_to_the_first),
		cmocka_unit_test(metadata_that_differ_for_a_minute_are_told_and_change_nothing),
		cmocka_unit_test(
			a_reload_keeps_what_is_wanted_as_before_and_claims_again_what_was_lost),
	};

	return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
