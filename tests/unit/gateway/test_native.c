// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* How VPC routing is made to lead to the gateway, and lost. A test is a list of answers and moments. */
#include "gateway/own/native.h"

#include <stdio.h>
#include <string.h>

#include "awsapi/action.h"
#include "awsapi/requests.h"
#include "base/cleanup.h"
#include "own_fixture.h"

#define SUBNET "subnet-mine"

enum { CHECK, FIRST, SECOND };

/* The one route of interest of a table; target NULL: there is none; kind: which element names the target. */
struct seen {
	const char *target, *kind, *subnet;
};
#define TO(...) ((struct seen){ __VA_ARGS__ })

static void begin_tables(struct native *native, size_t n, const char *destination)
{
	static char ids[2][CONFIG_NAME_MAX] = { "rtb-1", "rtb-2" };
	static struct ip4_prefix source;
	struct gateway_native wanted = { .source_cidrs = { &source, 1 },
					 .route_tables = { ids, n } };

	snprintf(wanted.destination_cidr, sizeof(wanted.destination_cidr), "%s", destination);
	assert_int_equal(native_init(native, &wanted, 1), 0);
}

static void see_check(struct native *native, double seconds, bool on)
{
	struct aws_interface interface = { .id = MINE,
					   .subnet_id = SUBNET,
					   .source_dest_check = on };

	native_see_interface(native, &interface, at(seconds));
}

static void see_routes(struct native *native, double seconds, size_t n, const struct seen *seen)
{
	struct aws_route routes[2][2] = { 0 };
	struct aws_route_table tables[2] = { { .id = "rtb-2" }, { .id = "rtb-1" } };
	struct aws_id subnets[2] = { 0 };
	const struct aws_route_tables answer = { tables, 2 };

	for (size_t i = 0; i < 2; i++) {
		struct aws_route_table *table = &tables[1 - i];
		struct aws_route *route = &routes[i][1];
		const struct seen *what = &seen[i < n ? i : 0];
		const char *kind = what->kind ? what->kind : "eni";

		table->routes = (struct aws_routes){ routes[i], what->target ? 2 : 1 };
		table->subnets = (struct aws_ids){ &subnets[i], 1 };
		snprintf(subnets[i].text, AWS_ID_MAX, "%s", what->subnet ? what->subnet : "");
		snprintf(routes[i][0].destination, IP4_PREFIX_TEXT_MAX, "10.0.0.0/16");
		snprintf(routes[i][0].gateway_id, AWS_ID_MAX, "local");
		snprintf(route->destination, IP4_PREFIX_TEXT_MAX, "0.0.0.0/0");
		snprintf(route->state, sizeof(route->state), "%s",
			 strcmp(kind, "gone") ? "active" : "blackhole");
		char *id = strcmp(kind, "gateway") == 0 ? route->gateway_id :
			   strcmp(kind, "nat") == 0     ? route->nat_gateway_id :
							  route->network_interface_id;

		if (what->target && strcmp(kind, "other") != 0)
			snprintf(id, AWS_ID_MAX, "%s", what->target);
	}
	native_see_tables(native, &answer, at(seconds));
}

static void see_route(struct native *native, double seconds, struct seen seen)
{
	see_routes(native, seconds, 1, &seen);
}

static void expect_point(const struct native *native, size_t i, enum own_state state,
			 const char *reason)
{
	const struct native_point *p = &native->v[i];

	if (p->state != state || !strstr(p->reason, reason))
		fail_msg("point %zu is %s (%s), expected %s (%s)", i, own_state_names[p->state],
			 p->reason, own_state_names[state], reason);
}

static void fail_point(struct native *native, double seconds, size_t i, enum http_class class,
		       const char *code)
{
	struct aws_failure failure = { .class = class, .retry_after_ms = -1, .date_sec = -1 };
	const struct aws_action *action = i == NATIVE_TABLES ? &ec2_action_describe_route_tables :
					  i == NATIVE_INTERFACE ? &ec2_action_describe_interfaces :
					  i == CHECK            ? &ec2_action_modify_interface :
								  &ec2_action_replace_route;

	snprintf(failure.code, sizeof(failure.code), "%s", code);
	snprintf(failure.text, sizeof(failure.text), "%s: %s: message", action->name, code);
	native_see_failure(native, i, action, &failure, at(seconds));
}

static size_t next_change(const struct native *native, double seconds)
{
	return native_next_change(native, at(seconds));
}

/* The check was found off, and the route here. */
static void begin_found_native(struct native *native)
{
	begin_tables(native, 1, "0.0.0.0/0");
	see_check(native, 0, false);
	see_route(native, 0, TO(MINE));
	expect_point(native, CHECK, OWN_HELD, "it is off for eni-mine");
	expect_point(native, FIRST, OWN_HELD, "it leads to eni-mine");
}

/* Both changed by us at second 0, and seen so at second 2. The route was eni-other's. */
static void begin_changed(struct native *native)
{
	begin_tables(native, 1, "0.0.0.0/0");
	see_check(native, -2, true);
	native_see_changed(native, CHECK, at(-2));
	see_check(native, 0, false);
	see_route(native, 0, TO(OTHER));
	assert_int_equal(next_change(native, 0), FIRST);
	native_see_changed(native, FIRST, at(0));
	see_check(native, 2, false);
	see_route(native, 2, TO(MINE));
	assert_true(native_all_held(native));
}

static void without_native_sources_there_is_nothing_to_do(void **state)
{
	CLEANUP(native_done) struct native native;
	const struct gateway_native wanted = { .destination_cidr = "0.0.0.0/0" };

	(void)state;
	assert_int_equal(native_init(&native, &wanted, 1), 0);
	see_check(&native, 0, true);
	fail_point(&native, 0, NATIVE_INTERFACE, HTTP_CLASS_RETRY, "");
	assert_true(native_all_held(&native));
	assert_false(native_wants_look(&native, at(0)));
	assert_int_equal(next_change(&native, 0), native.n);
	assert_true(native_next_ms(&native, true, at(0)) == INT64_MAX);
}

static void what_is_right_already_is_held_without_a_call(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_found_native(&native);
	assert_true(native_all_held(&native));
	assert_int_equal(next_change(&native, 0), native.n);
	assert_int_equal(native_next_ms(&native, true, at(0)), OWN_VERIFY_MS);
}

static void the_check_goes_first_and_the_routes_once_it_is_seen_off(void **state)
{
	CLEANUP(native_done) struct native native;
	struct aws_request request;
	char name[NATIVE_NAME_MAX];

	(void)state;
	begin_tables(&native, 2, "0.0.0.0/0");
	see_check(&native, 0, true);
	see_routes(&native, 0, 2, (struct seen[]){ TO(OTHER), TO(MINE) });
	expect_point(&native, CHECK, OWN_CLAIMING, "it is on for eni-mine");
	expect_point(&native, FIRST, OWN_CLAIMING, "it leads to eni-other");
	expect_point(&native, SECOND, OWN_HELD, "it leads to eni-mine");
	assert_int_equal(native_next_ms(&native, false, at(0)), OWN_VERIFY_MS);
	assert_int_equal(native_next_ms(&native, true, at(0)), 0);
	assert_int_equal(next_change(&native, 0), CHECK);
	assert_int_equal(native_request_change(&native, CHECK, &request), 0);
	assert_non_null(strstr(request.params.text, "SourceDestCheck.Value=false"));
	aws_request_done(&request);
	native_see_changed(&native, CHECK, at(0));
	assert_int_equal(next_change(&native, 0), native.n);
	assert_int_equal(native_next_ms(&native, true, at(0)), OWN_CLAIM_MS);
	see_check(&native, 1, true);
	expect_point(&native, CHECK, OWN_CLAIMING, "doesn't show it yet");
	assert_int_equal(next_change(&native, 1), native.n);
	see_check(&native, 2, false);
	assert_int_equal(next_change(&native, 2), FIRST);
	assert_string_equal(native_name(&native, FIRST, name), "route 0.0.0.0/0 of rtb-1");
	assert_int_equal(native_request_change(&native, FIRST, &request), 0);
	assert_non_null(strstr(request.params.text, "NetworkInterfaceId=eni-mine"));
	aws_request_done(&request);
	native_see_changed(&native, FIRST, at(2));
	for (int s = 3; s < 32; s++) {
		see_routes(&native, s, 2, (struct seen[]){ TO(OTHER), TO(MINE) });
		expect_point(&native, FIRST, OWN_CLAIMING, "doesn't show it yet");
		assert_int_equal(next_change(&native, s), native.n);
	}
	see_routes(&native, 33, 2, (struct seen[]){ TO(OTHER), TO(MINE) });
	assert_int_equal(next_change(&native, 33), FIRST);
}

/* What a table shows at first, and whether its route is taken. */
static const struct first {
	struct seen seen;
	enum own_state state;
	const char *reason;
	bool due;
} firsts[] = {
	{ { MINE }, OWN_HELD, "it leads to eni-mine", false },
	{ { MINE, "gone" }, OWN_HELD, "it leads to eni-mine", false },
	{ { OTHER }, OWN_CLAIMING, "it leads to eni-other", true },
	{ { OTHER, "gone" }, OWN_CLAIMING, "it leads to eni-other, which is gone", true },
	{ { "nat-1", "nat" }, OWN_CLAIMING, "it leads to nat-1", true },
	{ { "", "other" }, OWN_CLAIMING, "it leads to something else", true },
	{ { NULL }, OWN_BLOCKED, "it doesn't exist; create it once, leading to eni-mine", false },
	{ { "igw-1", "gateway" }, OWN_BLOCKED, "rtb-1 is a public subnet's", false },
	{ { "local", "gateway" }, OWN_BLOCKED, "is the VPC's own", false },
	{ { OTHER, NULL, SUBNET }, OWN_BLOCKED, "own subnet subnet-mine", false },
	{ { MINE, NULL, SUBNET }, OWN_BLOCKED, "own subnet subnet-mine", false },
	{ { OTHER, NULL, "subnet-9" }, OWN_CLAIMING, "it leads to eni-other", true },
};

static void the_first_answer_decides_about_a_route(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		const struct first *f = &firsts[i];
		CLEANUP(native_done) struct native native;

		print_message("row %zu\n", i);
		begin_tables(&native, 1, "0.0.0.0/0");
		expect_point(&native, FIRST, OWN_UNKNOWN, "hasn't been asked");
		see_check(&native, 0, false);
		see_route(&native, 0, f->seen);
		expect_point(&native, FIRST, f->state, f->reason);
		assert_int_equal(next_change(&native, 0), f->due ? FIRST : native.n);
	}
}

static void what_blocks_a_route_is_looked_at_again(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_tables(&native, 2, "0.0.0.0/0");
	see_check(&native, 0, false);
	native_see_tables(&native, &(struct aws_route_tables){ NULL, 0 }, at(0));
	expect_point(&native, FIRST, OWN_BLOCKED, "there is no route table rtb-1");
	see_routes(&native, 10, 2, (struct seen[]){ TO(NULL), TO(MINE) });
	expect_point(&native, FIRST, OWN_BLOCKED, "it doesn't exist");
	see_routes(&native, 20, 2, (struct seen[]){ TO(OTHER), TO(MINE) });
	expect_point(&native, FIRST, OWN_CLAIMING, "it leads to eni-other");
	assert_int_equal(next_change(&native, 20), FIRST);
}

static void only_the_configured_destination_counts(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_tables(&native, 1, "198.51.100.0/24");
	see_check(&native, 0, false);
	see_route(&native, 0, TO(MINE));
	expect_point(&native, FIRST, OWN_BLOCKED, "it doesn't exist");
}

/* What was found here, and is then seen otherwise. */
static const struct drift {
	struct seen seen;
	const char *reason;
} drifts[] = {
	{ { OTHER }, "somebody made it lead to eni-other; a reload takes it back" },
	{ { "nat-1", "nat" }, "somebody made it lead to nat-1" },
	{ { NULL }, "somebody deleted it" },
};

static void a_route_that_somebody_takes_is_lost_and_not_fought_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(drifts); i++) {
		CLEANUP(native_done) struct native native, next;

		begin_found_native(&native);
		see_route(&native, 10, drifts[i].seen);
		expect_point(&native, FIRST, OWN_LOST, drifts[i].reason);
		for (int s = 20; s < 200; s += 10) {
			see_check(&native, s, false);
			see_route(&native, s, drifts[i].seen);
			expect_point(&native, FIRST, OWN_LOST, drifts[i].reason);
			assert_int_equal(next_change(&native, s), native.n);
		}
		/* A reload is a person's word. */
		begin_tables(&next, 1, "0.0.0.0/0");
		native_adopt(&next, &native);
		expect_point(&next, CHECK, OWN_HELD, "");
		expect_point(&next, FIRST, OWN_UNKNOWN, "");
		see_route(&next, 200, TO(OTHER));
		assert_int_equal(next_change(&next, 200), FIRST);
	}
}

static void a_deleted_table_is_lost(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_found_native(&native);
	native_see_tables(&native, &(struct aws_route_tables){ NULL, 0 }, at(10));
	expect_point(&native, FIRST, OWN_LOST, "somebody deleted the route table");
}

static void a_check_that_somebody_turns_on_is_lost_and_not_fought_for(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_found_native(&native);
	see_check(&native, 10, true);
	expect_point(&native, CHECK, OWN_LOST, "somebody turned it on again for eni-mine");
	assert_int_equal(next_change(&native, 10), native.n);
	see_check(&native, 20, false);
	expect_point(&native, CHECK, OWN_HELD, "it is off");
}

static void what_is_given_back_is_held(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_found_native(&native);
	see_route(&native, 10, TO(OTHER));
	see_route(&native, 20, TO(MINE));
	expect_point(&native, FIRST, OWN_HELD, "it leads to eni-mine");
}

static void an_answer_older_than_our_change_is_no_drift(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_changed(&native);
	see_check(&native, 12, true);
	see_route(&native, 12, TO(OTHER));
	assert_true(native_all_held(&native));
	see_check(&native, 40, true);
	see_route(&native, 40, TO(OTHER));
	expect_point(&native, CHECK, OWN_LOST, "");
	expect_point(&native, FIRST, OWN_LOST, "");
}

static void a_third_target_is_drift_at_once(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_changed(&native);
	see_route(&native, 3, TO(THIRD));
	expect_point(&native, FIRST, OWN_LOST, "somebody made it lead to eni-third");
}

static void a_refused_change_blocks_in_one_line_and_is_tried_again(void **state)
{
	CLEANUP(native_done) struct native native;
	double s = 0;

	(void)state;
	begin_tables(&native, 1, "0.0.0.0/0");
	see_check(&native, 0, true);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(next_change(&native, s), CHECK);
		fail_point(&native, s, CHECK, HTTP_CLASS_PERMANENT, "UnauthorizedOperation");
		expect_point(&native, CHECK, OWN_BLOCKED,
			     "lacks ec2:ModifyNetworkInterfaceAttribute; add it");
		assert_int_equal(next_change(&native, s), native.n);
		s += 11;
		see_check(&native, s, true);
		expect_point(&native, CHECK, OWN_BLOCKED, "lacks ec2:Modify");
	}
	native_see_changed(&native, CHECK, at(s));
	expect_point(&native, CHECK, OWN_CLAIMING, "doesn't show it yet");
	see_check(&native, s + 1, false);
	see_route(&native, s + 1, TO(OTHER));
	fail_point(&native, s + 1, FIRST, HTTP_CLASS_PERMANENT, "UnauthorizedOperation");
	expect_point(&native, FIRST, OWN_BLOCKED, "lacks ec2:ReplaceRoute; add it");
	assert_int_equal(native_next_ms(&native, true, at(s + 1)) <= OWN_VERIFY_MS, true);
}

static void a_doubtful_failure_may_have_had_its_effect(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_tables(&native, 1, "0.0.0.0/0");
	see_check(&native, 0, false);
	see_route(&native, 0, TO(OTHER));
	fail_point(&native, 0, FIRST, HTTP_CLASS_RETRY, "InternalError");
	expect_point(&native, FIRST, OWN_CLAIMING, "InternalError");
	assert_int_equal(next_change(&native, 5), native.n); /* not before it was looked at */
	assert_true(native_wants_look(&native, at(5)));
	see_route(&native, 1, TO(THIRD));
	expect_point(&native, FIRST, OWN_CLAIMING, "InternalError");
	see_route(&native, 2, TO(MINE));
	expect_point(&native, FIRST, OWN_HELD, "");
	see_route(&native, 3, TO(THIRD)); /* where it led last before ours */
	expect_point(&native, FIRST, OWN_HELD, "");
}

/* Else a gateway that lost its egress IP would ask EC2 without a pause. */
static void what_may_not_be_changed_now_is_waited_for_in_peace(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_tables(&native, 1, "0.0.0.0/0");
	see_check(&native, 0, true);
	see_route(&native, 0, TO(OTHER));
	fail_point(&native, 0, CHECK, HTTP_CLASS_RETRY, "InternalError");
	assert_true(native_next_ms(&native, false, at(0)) >= OWN_CLAIM_MS);
	see_check(&native, 20, true);
	see_route(&native, 20, TO(OTHER));
	assert_int_equal(native_next_ms(&native, false, at(20)), OWN_VERIFY_MS);
	assert_int_equal(native_next_ms(&native, true, at(20)), 0);
}

static void an_outage_takes_nothing_away(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_found_native(&native);
	fail_point(&native, 10, NATIVE_INTERFACE, HTTP_CLASS_RETRY, "InternalError");
	fail_point(&native, 10, NATIVE_TABLES, HTTP_CLASS_PERMANENT, "UnauthorizedOperation");
	expect_point(&native, CHECK, OWN_HELD, "it stays, but can't be verified: Describe");
	expect_point(&native, FIRST, OWN_HELD, "lacks ec2:DescribeRouteTables");
	see_check(&native, 30, false);
	see_route(&native, 30, TO(MINE));
	expect_point(&native, CHECK, OWN_HELD, "it is off");
	expect_point(&native, FIRST, OWN_HELD, "it leads to");
}

static void what_cannot_be_looked_at_is_not_changed(void **state)
{
	CLEANUP(native_done) struct native native;

	(void)state;
	begin_tables(&native, 1, "0.0.0.0/0");
	fail_point(&native, 0, NATIVE_INTERFACE, HTTP_CLASS_THROTTLED, "RequestLimitExceeded");
	expect_point(&native, CHECK, OWN_UNKNOWN, "RequestLimitExceeded");
	expect_point(&native, FIRST, OWN_UNKNOWN, "RequestLimitExceeded");
	see_check(&native, 10, false);
	see_route(&native, 10, TO(OTHER));
	assert_int_equal(next_change(&native, 10), FIRST);
	fail_point(&native, 20, NATIVE_TABLES, HTTP_CLASS_RETRY, "InternalError");
	assert_int_equal(next_change(&native, 20), native.n);
	assert_false(native_wants_look(&native, at(20)));
	assert_true(native_wants_look(&native, at(31)));
}

static void another_destination_begins_anew(void **state)
{
	CLEANUP(native_done) struct native native, next;

	(void)state;
	begin_found_native(&native);
	begin_tables(&next, 2, "198.51.100.0/24");
	native_adopt(&next, &native);
	expect_point(&next, CHECK, OWN_HELD, "");
	expect_point(&next, FIRST, OWN_UNKNOWN, "");
	expect_point(&next, SECOND, OWN_UNKNOWN, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_native_sources_there_is_nothing_to_do),
		cmocka_unit_test(what_is_right_already_is_held_without_a_call),
		cmocka_unit_test(the_check_goes_first_and_the_routes_once_it_is_seen_off),
		cmocka_unit_test(the_first_answer_decides_about_a_route),
		cmocka_unit_test(what_blocks_a_route_is_looked_at_again),
		cmocka_unit_test(only_the_configured_destination_counts),
		cmocka_unit_test(a_route_that_somebody_takes_is_lost_and_not_fought_for),
		cmocka_unit_test(a_deleted_table_is_lost),
		cmocka_unit_test(a_check_that_somebody_turns_on_is_lost_and_not_fought_for),
		cmocka_unit_test(what_is_given_back_is_held),
		cmocka_unit_test(an_answer_older_than_our_change_is_no_drift),
		cmocka_unit_test(a_third_target_is_drift_at_once),
		cmocka_unit_test(a_refused_change_blocks_in_one_line_and_is_tried_again),
		cmocka_unit_test(a_doubtful_failure_may_have_had_its_effect),
		cmocka_unit_test(what_may_not_be_changed_now_is_waited_for_in_peace),
		cmocka_unit_test(an_outage_takes_nothing_away),
		cmocka_unit_test(what_cannot_be_looked_at_is_not_changed),
		cmocka_unit_test(another_destination_begins_anew),
	};

	return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
