// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A walk doesn't stand in the way of what happens meanwhile. */
#include <signal.h>

#include <netinet/in.h>

#include "cmocka_all.h"
#include "two_gateways.h"

/* Of one walk more than queue and sockets keep back by themselves; and what a walk may be ahead of who is told. */
enum { MANY = 60000, AHEAD_MAX = 8192, PASSES = 100 };

static bool knows_each_other(struct two *two)
{
	return two->shared[A]->sender.links[0].complete;
}

static bool has_told(struct two *two)
{
	return two->shared[A]->sender.told > 0;
}

static bool all_is_there(struct two *two)
{
	return two->shared[A]->sender.links[0].complete && two_agree(two, E1);
}

/*
 * B takes nothing for a while. What is told then stands before the next event, wherever it is: in A's queue or in the
 * sockets. A's loop comes round at least once for each wish, in which it could read hundreds.
 */
static void a_walk_waits_for_who_is_told(void **state)
{
	struct two *two = *state;

	for (unsigned i = 0; i < MANY; i++) {
		const struct ct_flow flow = two_flow(A, E1, IPPROTO_TCP, i);

		two_put(two, A, CT_FLOW_NEW, &flow);
	}
	two_flush(two, A);
	two->shared[A]->wish.owns[E1] = false;
	two->shared[A]->times.hang = DEADLINE_MS;
	two_start(two, A);
	two_start(two, B);
	two_wait(two, knows_each_other, "they know each other");
	two_kill(two, B, SIGSTOP);
	two->shared[A]->wish.owns[E1] = true;
	two_wish(two, A);
	two_wait(two, has_told, "the walk has begun");
	for (int i = 0; i < PASSES; i++)
		two_wish(two, A);
	assert_in_range(two->shared[A]->sender.told, 1, AHEAD_MAX);
	two_kill(two, B, SIGCONT);
	two_wait(two, all_is_there, "all is there");
	assert_int_equal(two_count(two, B, E1), MANY);
	assert_int_equal(two->shared[A]->sender.links[0].connections, 1);
	/* What B writes is no event for B, else it would lose some of its own. */
	assert_int_equal(two->shared[B]->sender.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { with_two(a_walk_waits_for_who_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
