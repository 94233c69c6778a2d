// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An egress IP goes from one gateway to the other, and its connections have been there before. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/mono.h"
#include "two_gateways.h"

static void put(struct two *two, enum gateway gateway, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		const struct ct_flow flow =
			two_flow(gateway, E1, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i);

		two_put(two, gateway, CT_FLOW_NEW, &flow);
	}
	two_flush(two, gateway);
}

static bool b_may_take_over(struct two *two)
{
	return two->shared[A]->sent[E1] && two->shared[B]->complete[E1] && two_agree(two, E1);
}

static bool a_may_take_over(struct two *two)
{
	return two->shared[B]->sent[E1] && two->shared[A]->complete[E1] && two_agree(two, E1);
}

/* `from` stops first, and believes in nobody until it hears of the new one. */
static void hand_over(struct two *two, enum gateway from, enum gateway to)
{
	two->shared[from]->wish.owns[E1] = false;
	two->shared[from]->wish.believes[E1] = from;
	two_wish(two, from);
	two->shared[to]->wish.owns[E1] = true;
	two->shared[to]->wish.believes[E1] = to;
	two_wish(two, to);
	two->shared[from]->wish.believes[E1] = to;
	two_wish(two, from);
}

static void start_both(struct two *two)
{
	two_start(two, A);
	two_start(two, B);
	two_wait(two, b_may_take_over, "B has all");
}

static void a_planned_takeover_loses_nothing(void **state)
{
	struct two *two = *state;

	put(two, A, 0, 1000);
	start_both(two);
	assert_false(two->shared[A]->complete[E1]);
	assert_false(two->shared[B]->sent[E1]);
	put(two, A, 1000, 2000);
	two_wait(two, b_may_take_over, "B has the later ones");
	assert_int_equal(two_count(two, B, E1), 2000);
	hand_over(two, A, B);
	assert_int_equal(two_count(two, B, E1), 2000);
	put(two, B, 2000, 3000);
	two_wait(two, a_may_take_over, "A has all");
	assert_int_equal(two_count(two, A, E1), 3000);
	hand_over(two, B, A);
	put(two, A, 3000, 3100);
	two_wait(two, b_may_take_over, "B has all again");
	assert_int_equal(two_count(two, A, E1), 3100);
	assert_int_equal(two_count(two, B, E1), 3100);
	assert_true(two->shared[A]->changes > 0);
	assert_true(two->shared[B]->changes > 0);
}

static bool b_has_told_all(struct two *two)
{
	return two->shared[B]->sent[E1];
}

/* B tells all before A believes him, and then nothing happens that he could tell. */
static void a_quiet_egress_ip_goes_over_too(void **state)
{
	struct two *two = *state;

	put(two, A, 0, 10);
	start_both(two);
	two->shared[A]->wish.owns[E1] = false;
	two_wish(two, A);
	two->shared[B]->wish.owns[E1] = true;
	two->shared[B]->wish.believes[E1] = B;
	two_wish(two, B);
	two_wait(two, b_has_told_all, "B has told all");
	assert_false(two->shared[A]->complete[E1]);
	two->shared[A]->wish.believes[E1] = B;
	two_wish(two, A);
	two_wait(two, a_may_take_over, "A has all");
	assert_int_equal(two_count(two, A, E1), 10);
	assert_int_equal(two_count(two, B, E1), 10);
}

static bool b_has_lost_sight(struct two *two)
{
	return !two->shared[B]->complete[E1];
}

static void who_died_takes_his_connections_back_later(void **state)
{
	struct two *two = *state;

	put(two, A, 0, 1000);
	start_both(two);
	put(two, A, 1000, 1100);
	two_wait(two, b_may_take_over, "B has the later ones");
	two_kill(two, A, SIGKILL);
	two_wait(two, b_has_lost_sight, "B knows");
	assert_int_equal(two_count(two, B, E1), 1100);
	two->shared[B]->wish.owns[E1] = true;
	two->shared[B]->wish.believes[E1] = B;
	two_wish(two, B);
	put(two, B, 1100, 1200);
	two->shared[A]->wish.owns[E1] = false;
	two->shared[A]->wish.believes[E1] = B;
	two_start(two, A);
	two_wait(two, a_may_take_over, "A has all");
	assert_int_equal(two_count(two, A, E1), 1200);
	assert_int_equal(two_count(two, B, E1), 1200);
}

static bool a_is_behind(struct two *two)
{
	return !two->shared[A]->sent[E1];
}

static void what_is_not_acknowledged_is_not_sent(void **state)
{
	struct two *two = *state;

	two->shared[A]->times.hang = DEADLINE_MS;
	start_both(two);
	two_kill(two, B, SIGSTOP);
	put(two, A, 0, 100);
	two_wait(two, a_is_behind, "A waits");
	two_kill(two, B, SIGCONT);
	two_wait(two, b_may_take_over, "B has all");
	assert_int_equal(two_count(two, B, E1), 100);
}

static bool b_has_ignored(struct two *two)
{
	return !strstr(two->shared[B]->report, "\"ignored\":0,");
}

/* Two carry it for a moment, and B still believes in A. */
static void who_carries_it_takes_nothing(void **state)
{
	const struct ct_flow ended = two_flow(A, E1, IPPROTO_TCP, 1);
	struct two *two = *state;

	put(two, A, 0, 10);
	start_both(two);
	assert_false(b_has_ignored(two));
	two->shared[B]->wish.owns[E1] = true;
	two_wish(two, B);
	two_put(two, A, CT_FLOW_GONE, &ended);
	two_flush(two, A);
	two_wait(two, b_has_ignored, "A's word for it");
	assert_int_equal(two_count(two, A, E1), 9);
	assert_int_equal(two_count(two, B, E1), 10);
}

static bool a_is_linked(struct two *two)
{
	return strstr(two->shared[A]->report, "\"mode\":\"send\"") &&
	       strstr(two->shared[A]->report, "\"name\":\"gw-b\",\"linked\":true,\"complete\":true,"
					      "\"unacknowledged\":0,");
}

static bool b_tells_what_it_took(struct two *two)
{
	const char *report = two->shared[B]->report;

	return strstr(report, "{\"name\":\"egress/one\",\"mode\":\"receive\",\"from\":\"gw-a\","
			      "\"linked\":true,\"complete\":true,\"heard_seconds_ago\":") &&
	       strstr(report, "\"swept\":1,") && strstr(report, "\"entries\":{\"created\":10,") &&
	       strstr(report, "\"removed\":1,") && strstr(report, "\"refused\":0}");
}

/* What B had of it before goes. */
static void each_says_how_it_stands(void **state)
{
	const struct ct_flow stale = two_flow(B, E1, IPPROTO_TCP, 77);
	struct two *two = *state;

	two_put(two, B, CT_FLOW_NEW, &stale);
	two_flush(two, B);
	put(two, A, 0, 10);
	start_both(two);
	two_wait(two, a_is_linked, "A's report");
	two_wait(two, b_tells_what_it_took, "B's report");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_two(a_planned_takeover_loses_nothing),
		with_two(a_quiet_egress_ip_goes_over_too),
		with_two(who_died_takes_his_connections_back_later),
		with_two(what_is_not_acknowledged_is_not_sent),
		with_two(who_carries_it_takes_nothing),
		with_two(each_says_how_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
