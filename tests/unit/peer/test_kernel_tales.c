// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Lives of flows go with them, to who knows of them. */
#include <stdlib.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "two_gateways.h"

enum { SOME = 1000 };

static void put(struct two *two, enum ct_flow_change change, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		const struct ct_flow flow = two_flow(A, E1, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i);

		two_put(two, A, change, &flow);
	}
	two_flush(two, A);
}

static unsigned wanted;

static bool has_lives(struct two *two)
{
	return two->shared[B]->lives >= wanted;
}

static bool agree(struct two *two)
{
	return two_agree(two, E1) && two->shared[A]->sender.links[0].complete;
}

static void expect(struct two *two, unsigned more, const char *what)
{
	wanted += more;
	two_wait(two, has_lives, what);
	assert_int_equal(two->shared[B]->lives, wanted);
	assert_int_equal(two->shared[B]->wrong, 0);
}

static void start(struct two *two)
{
	wanted = 0;
	two->shared[A]->lives_known = two->shared[B]->lives_known = 5000;
	put(two, CT_FLOW_NEW, 0, SOME);
	two_start(two, A);
	two_start(two, B);
	two_wait(two, agree, "all flows");
}

/* TCP that is there already when somebody listens is told as such by a walk, and by an event when it begins. */
static void each_life_is_told_behind_its_flow(void **state)
{
	struct two *two = *state;

	start(two);
	expect(two, SOME, "the lives of what was there");
	for (unsigned i = SOME; i < 2 * SOME; i++) {
		const struct ct_flow flow = two_flow(A, E1, IPPROTO_UDP, i);

		two_put(two, A, CT_FLOW_NEW, &flow);
	}
	two_flush(two, A);
	expect(two, SOME, "those of what began");
	assert_int_equal(two->shared[A]->sender.links[0].overflows, 0);
	assert_int_equal(two->shared[B]->receiver.broken, 0);
}

static void of_whom_nothing_is_known_nothing_is_told(void **state)
{
	struct two *two = *state;

	start(two);
	expect(two, SOME, "the lives of what was there");
	for (unsigned i = 4999; i < 5010; i++) {
		const struct ct_flow flow = two_flow(A, E1, IPPROTO_UDP, i);

		two_put(two, A, CT_FLOW_NEW, &flow);
	}
	two_flush(two, A);
	two_wait(two, agree, "all flows");
	expect(two, 1, "one");
}

static void before_an_egress_ip_goes_all_lives_are_told_once_more(void **state)
{
	struct two *two = *state;

	start(two);
	expect(two, SOME, "the lives of what was there");
	two->shared[A]->wish.leaves[E1] = true;
	two_wish(two, A);
	expect(two, SOME, "the last word");
	/* It stays after all, and goes another time. */
	two->shared[A]->wish.leaves[E1] = false;
	two_wish(two, A);
	two->shared[A]->wish.leaves[E1] = true;
	two_wish(two, A);
	expect(two, SOME, "the last word again");
}

static unsigned refreshes;

static bool has_refreshed(struct two *two)
{
	return two->shared[A]->sender.refreshes >= refreshes;
}

static unsigned after_refreshes(struct two *two, unsigned n)
{
	refreshes = (unsigned)two->shared[A]->sender.refreshes + n;
	two_wait(two, has_refreshed, "refreshes");
	return two->shared[B]->lives;
}

/* Both translate from then on, and what is counted here is counted there, too. */
static void after_the_last_word_nothing_is_said_of_what_is_counted(void **state)
{
	struct two *two = *state;
	unsigned before;

	two->shared[A]->times.refresh = 100;
	start(two);
	before = after_refreshes(two, 2);
	assert_true(after_refreshes(two, 2) > before);
	two->shared[A]->wish.leaves[E1] = true;
	two_wish(two, A);
	before = after_refreshes(two, 3);
	assert_int_equal(after_refreshes(two, 3), before);
	const struct ct_flow young = two_flow(A, E1, IPPROTO_UDP, SOME + 1);

	two_put(two, A, CT_FLOW_NEW, &young);
	two_flush(two, A);
	wanted = before;
	expect(two, 1, "what begins");
}

/* A number that is given again means somebody else. */
static void who_has_another_serial_is_told_of_anew(void **state)
{
	struct two *two = *state;

	start(two);
	expect(two, SOME, "the lives of what was there");
	two->shared[A]->serial = two->shared[B]->serial = 7;
	two->shared[A]->wish.leaves[E1] = true;
	two_wish(two, A);
	expect(two, SOME, "with other names");
}

static void a_gateway_of_the_first_version_is_told_of_flows_alone(void **state)
{
	struct two *two = *state;

	for (enum gateway old = A; old < GATEWAYS; old++) {
		two->shared[old]->version = 1;
		two->shared[!old]->version = 0;
		start(two);
		put(two, CT_FLOW_GONE, 0, 10);
		two_wait(two, agree, "a change");
		two->shared[A]->wish.leaves[E1] = true;
		two_wish(two, A);
		put(two, CT_FLOW_NEW, 0, 10);
		two_wait(two, agree, "another one");
		assert_int_equal(two->shared[B]->lives, 0);
		assert_int_equal(two->shared[B]->receiver.broken, 0);
		assert_int_equal(two->shared[A]->sender.links[0].connections, 1);
		two->shared[A]->wish.leaves[E1] = false;
		two_quit(two, A);
		two_quit(two, B);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_two(each_life_is_told_behind_its_flow),
		with_two(of_whom_nothing_is_known_nothing_is_told),
		with_two(before_an_egress_ip_goes_all_lives_are_told_once_more),
		with_two(after_the_last_word_nothing_is_said_of_what_is_counted),
		with_two(who_has_another_serial_is_told_of_anew),
		with_two(a_gateway_of_the_first_version_is_told_of_flows_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
