// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Flows of one gateway in the kernel of another. */
#include <signal.h>
#include <stdlib.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/mono.h"
#include "cmocka_all.h"
#include "two_gateways.h"

#define MANY 100000

static void put_now(struct two *two, enum gateway gateway, enum ct_flow_change change,
		    const struct ct_flow *flow)
{
	two_put(two, gateway, change, flow);
	two_flush(two, gateway);
}

static void put_many(struct two *two, enum ct_flow_change change, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		const struct ct_flow flow = two_flow(A, E1, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, i);

		two_put(two, A, change, &flow);
	}
	two_flush(two, A);
}

static bool agree(struct two *two)
{
	return two_agree(two, E1) && two_agree(two, E2);
}

/* B has said that all is there. */
static bool is_complete(struct two *two)
{
	return two->shared[A]->sender.links[0].complete;
}

static bool has_swept(struct two *two)
{
	return two->shared[B]->receiver.sweeps > 0;
}

static void start_both(struct two *two)
{
	two_start(two, A);
	two_start(two, B);
	two_wait(two, is_complete, "complete");
	two_wait(two, has_swept, "a sweep");
}

static void a_flow_is_there_with_the_own_address_and_the_same_port(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct two *two = *state;
	struct ct_flow seen;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		const struct ct_flow before = two_flow(A, E1, protocols[i], 1);

		put_now(two, A, CT_FLOW_NEW, &before);
	}
	start_both(two);
	assert_int_equal(two_count(two, B, E1), 3);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		const struct ct_flow after = two_flow(A, E1, protocols[i], 2);

		put_now(two, A, CT_FLOW_NEW, &after);
	}
	two_wait(two, agree, "six flows");
	assert_int_equal(two_count(two, B, E1), 6);
	const struct ct_flow udp = two_flow(A, E1, IPPROTO_UDP, 2);

	assert_true(two_find(two, B, &udp, &seen));
	assert_int_equal(seen.nat.v, two_address(B, E1).v);
	assert_int_equal(seen.nat_port, udp.nat_port);
	assert_int_equal(seen.mark, two_mark(B, E1));
	assert_in_range(seen.timeout_s, udp.timeout_s + RECEIVER_GRACE_S - 20,
			udp.timeout_s + RECEIVER_GRACE_S);
}

static void what_becomes_of_a_flow_becomes_of_its_copy(void **state)
{
	static const uint8_t states[] = { TCP_CONNTRACK_FIN_WAIT, TCP_CONNTRACK_CLOSE_WAIT,
					  TCP_CONNTRACK_LAST_ACK };
	struct two *two = *state;
	struct ct_flow tcp = two_flow(A, E1, IPPROTO_TCP, 1), seen;
	const struct ct_flow udp = two_flow(A, E1, IPPROTO_UDP, 1);

	start_both(two);
	tcp.tcp_state = TCP_CONNTRACK_SYN_RECV;
	tcp.status = IPS_SEEN_REPLY;
	put_now(two, A, CT_FLOW_NEW, &tcp);
	put_now(two, A, CT_FLOW_NEW, &udp);
	two_wait(two, agree, "born");
	assert_int_equal(two_count(two, B, E1), 2);
	tcp.status |= IPS_ASSURED;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		tcp.tcp_state = states[i];
		put_now(two, A, CT_FLOW_IS, &tcp);
		two_wait(two, agree, "changed");
		assert_true(two_find(two, B, &tcp, &seen));
		assert_int_equal(seen.tcp_state, states[i]);
	}
	put_now(two, A, CT_FLOW_GONE, &udp);
	two_wait(two, agree, "gone");
	assert_int_equal(two_count(two, B, E1), 1);
	put_now(two, A, CT_FLOW_GONE, &tcp);
	two_wait(two, agree, "gone");
	assert_int_equal(two_count(two, B, E1), 0);
}

static bool b_has_one(struct two *two)
{
	return two_count(two, B, E1) == 1;
}

static bool b_has_the_other(struct two *two)
{
	const struct ct_flow other = two_flow(A, E1, IPPROTO_UDP, 10);
	struct ct_flow seen;

	return two_find(two, B, &other, &seen);
}

/* The last flow shows that those before it were told, or never will be. */
static void what_has_not_begun_or_has_ended_is_not_carried_on(void **state)
{
	static const uint8_t states[] = { TCP_CONNTRACK_SYN_SENT, TCP_CONNTRACK_TIME_WAIT,
					  TCP_CONNTRACK_CLOSE };
	struct two *two = *state;
	struct ct_flow last = two_flow(A, E1, IPPROTO_TCP, 9), seen;

	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
			struct ct_flow flow = two_flow(A, E1, IPPROTO_TCP, round * 4 + (unsigned)i);

			flow.tcp_state = states[i];
			put_now(two, A, CT_FLOW_NEW, &flow);
		}
		if (round == 0)
			start_both(two);
	}
	put_now(two, A, CT_FLOW_NEW, &last);
	two_wait(two, b_has_one, "the last flow");
	assert_true(two_find(two, B, &last, &seen));
	last.tcp_state = TCP_CONNTRACK_TIME_WAIT;
	put_now(two, A, CT_FLOW_IS, &last);
	last = two_flow(A, E1, IPPROTO_UDP, 10);
	put_now(two, A, CT_FLOW_NEW, &last);
	two_wait(two, b_has_the_other, "one for the other");
	assert_int_equal(two_count(two, B, E1), 1);
	assert_int_equal(two->shared[B]->receiver.broken, 0);
}

static void a_new_standby_gets_all_of_a_hundred_thousand(void **state)
{
	struct two *two = *state;
	struct mono start;

	put_many(two, CT_FLOW_NEW, 0, MANY);
	start = mono_now();
	start_both(two);
	print_message("%d flows in %lld ms\n", MANY, (long long)mono_diff_ms(mono_now(), start));
	assert_int_equal(two_count(two, B, E1), MANY);
	assert_true(agree(two));
	assert_int_equal(two->shared[B]->writer.refused, 0);
	assert_int_equal(two->shared[A]->sender.links[0].overflows, 0);
}

static bool has_lost(struct two *two)
{
	return two->shared[A]->sender.lost > 0;
}

/* A doesn't read what its kernel tells until that is more than the socket takes. */
static void what_was_lost_in_an_overrun_is_made_good(void **state)
{
	struct two *two = *state;

	put_many(two, CT_FLOW_NEW, 0, 1000);
	start_both(two);
	two_kill(two, A, SIGSTOP);
	for (int i = 0; i < 3; i++) {
		put_many(two, CT_FLOW_NEW, 1000, 20000);
		put_many(two, CT_FLOW_GONE, 1000, 20000);
	}
	put_many(two, CT_FLOW_NEW, 20000, 21000);
	put_many(two, CT_FLOW_GONE, 0, 500); /* nobody will ever tell */
	two_kill(two, A, SIGCONT);
	two_wait(two, has_lost, "an overrun");
	two_wait(two, agree, "made good");
	assert_int_equal(two_count(two, B, E1), 1500);
}

static bool was_dropped(struct two *two)
{
	return !two->shared[A]->sender.links[0].linked;
}

/* Meanwhile A lives on: it answers the test's wishes. */
static void who_hangs_is_dropped_and_told_all_again(void **state)
{
	struct two *two = *state;

	two->shared[A]->times.hang = 1500;
	put_many(two, CT_FLOW_NEW, 0, 1000);
	start_both(two);
	two_kill(two, B, SIGSTOP);
	put_many(two, CT_FLOW_NEW, 1000, 2000);
	put_many(two, CT_FLOW_GONE, 0, 500);
	two_wish(two, A);
	two_wait(two, was_dropped, "dropped");
	put_many(two, CT_FLOW_GONE, 500, 600);
	two_wish(two, A);
	two_kill(two, B, SIGCONT);
	two_wait(two, agree, "told again");
	assert_int_equal(two_count(two, B, E1), 1400);
	assert_true(two->shared[A]->sender.links[0].connections > 1);
}

static bool has_overflown(struct two *two)
{
	return two->shared[A]->sender.links[0].overflows > 0;
}

/* B takes nothing while more changes than queue and sockets hold; whichever ends it, the queue or the patience, all is made good. */
static void what_had_no_room_is_made_good(void **state)
{
	struct two *two = *state;

	put_many(two, CT_FLOW_NEW, 0, 1000);
	start_both(two);
	two_kill(two, B, SIGSTOP);
	for (int i = 0; i < 40 && !has_overflown(two) && !was_dropped(two); i++) {
		put_many(two, CT_FLOW_NEW, 1000, 11000);
		put_many(two, CT_FLOW_GONE, 1000, 11000);
		two_wish(two, A);
	}
	put_many(two, CT_FLOW_GONE, 0, 500);
	two_kill(two, B, SIGCONT);
	two_wait(two, agree, "made good");
	assert_int_equal(two_count(two, B, E1), 500);
}

static void what_nobody_told_of_goes_and_nothing_else(void **state)
{
	struct two *two = *state;
	const struct ct_flow stale = two_flow(B, E1, IPPROTO_TCP, 1),
			     live = two_flow(A, E1, IPPROTO_TCP, 2),
			     own = two_flow(B, E2, IPPROTO_TCP, 3);
	struct ct_flow copy = two_flow(B, E1, IPPROTO_TCP, 2),
		       foreign = two_flow(B, E1, IPPROTO_TCP, 4), seen;

	foreign.nat.v = 0x0a0002fa;
	put_now(two, B, CT_FLOW_NEW, &stale);
	put_now(two, B, CT_FLOW_NEW, &copy);
	put_now(two, B, CT_FLOW_NEW, &own);
	put_now(two, B, CT_FLOW_NEW, &foreign);
	put_now(two, A, CT_FLOW_NEW, &live);
	start_both(two);
	two_wait(two, agree, "swept");
	assert_int_equal(two->shared[B]->receiver.swept, 1);
	assert_false(two_find(two, B, &stale, &seen));
	assert_true(two_find(two, B, &copy, &seen));
	assert_true(two_find(two, B, &own, &seen));
	/* It was there until now. */
	put_now(two, B, CT_FLOW_GONE, &foreign);
	assert_int_equal(ct_writer_stats(two->traffic[B]).removed, 1);
}

static bool has_ignored(struct two *two)
{
	return two->shared[B]->receiver.ignored > 0;
}

static bool has_ignored_flows(struct two *two)
{
	return two->shared[B]->receiver.ignored >= 3;
}

/* Two owners for a while: B takes nothing of A's, and loses none of its own. */
static void who_owns_it_himself_takes_nothing(void **state)
{
	struct two *two = *state;
	const struct ct_flow mine = two_flow(B, E1, IPPROTO_TCP, 1),
			     same = two_flow(A, E1, IPPROTO_TCP, 1),
			     other = two_flow(A, E1, IPPROTO_TCP, 2);
	struct ct_flow seen;

	two->shared[B]->wish.owns[E1] = true;
	put_now(two, B, CT_FLOW_NEW, &mine);
	two_start(two, A);
	two_start(two, B);
	two_wait(two, has_ignored, "ignored");
	put_now(two, A, CT_FLOW_NEW, &other);
	put_now(two, A, CT_FLOW_NEW, &same);
	put_now(two, A, CT_FLOW_GONE, &same);
	two_wait(two, has_ignored_flows, "ignored");
	assert_int_equal(two_count(two, B, E1), 1);
	assert_true(two_find(two, B, &mine, &seen));
	/* It gives way. */
	two->shared[B]->wish.owns[E1] = false;
	two_wish(two, B);
	put_now(two, A, CT_FLOW_IS, &other); /* something happens */
	two_wait(two, agree, "A's flows");
	assert_int_equal(two_count(two, B, E1), 1);
	assert_true(two_find(two, B, &other, &seen));
}

/* B learns late who the owner is, and then nothing happens that A could tell. */
static void who_is_not_the_owner_is_not_believed_until_he_is(void **state)
{
	struct two *two = *state;
	const struct ct_flow only = two_flow(A, E1, IPPROTO_TCP, 1);

	two->shared[B]->wish.believes[E1] = (enum gateway)NOBODY;
	put_now(two, A, CT_FLOW_NEW, &only);
	two_start(two, A);
	two_start(two, B);
	two_wait(two, has_ignored_flows, "ignored");
	assert_int_equal(two_count(two, B, E1), 0);
	two->shared[B]->wish.believes[E1] = A;
	two_wish(two, B);
	two_wait(two, agree, "the flow");
	assert_int_equal(two_count(two, B, E1), 1);
}

static bool has_yielded(struct two *two)
{
	return two->shared[B]->writer.yielded > 0;
}

/* A pod that moved from A's egress IP to B's own: the same tuple lives here, and A's end of it isn't its end. */
static void what_is_ours_stays_whatever_others_tell(void **state)
{
	struct two *two = *state;
	const struct ct_flow old = two_flow(A, E1, IPPROTO_UDP, 1),
			     now = two_flow(B, E2, IPPROTO_UDP, 1),
			     last = two_flow(A, E1, IPPROTO_UDP, 2);
	struct ct_flow seen;

	put_now(two, B, CT_FLOW_NEW, &now);
	start_both(two);
	put_now(two, A, CT_FLOW_NEW, &old);
	two_wait(two, has_yielded, "the old one");
	put_now(two, A, CT_FLOW_GONE, &old);
	put_now(two, A, CT_FLOW_NEW, &last);
	two_wait(two, b_has_one, "the last");
	assert_int_equal(two->shared[B]->writer.evicted, 0);
	assert_true(two_find(two, B, &now, &seen));
	assert_int_equal(seen.nat.v, now.nat.v);
	assert_int_equal(seen.mark, now.mark);
}

static bool b_is_complete(struct two *two)
{
	return two->shared[B]->sender.links[0].complete;
}

static bool is_told_by_b(struct two *two)
{
	const struct receiver_egress_status *status = &two->shared[A]->receiver.egresses[E1];

	return status->complete && status->linked;
}

/* E1 goes from A to B and back, with the flows that it has by then. */
static void ownership_goes_over_and_back(void **state)
{
	struct two *two = *state;

	put_many(two, CT_FLOW_NEW, 0, 1000);
	start_both(two);
	assert_true(agree(two));
	for (enum gateway owner = B;; owner = A) {
		for (enum gateway g = A; g < GATEWAYS; g++) {
			two->shared[g]->wish.owns[E1] = false;
			two->shared[g]->wish.believes[E1] = owner;
			two_wish(two, g);
		}
		two->shared[owner]->wish.owns[E1] = true;
		two_wish(two, owner);
		for (unsigned i = 2000; i < 2010; i++) {
			const struct ct_flow flow =
				two_flow(owner, E1, IPPROTO_TCP, i + 100 * owner);

			put_now(two, owner, CT_FLOW_NEW, &flow);
		}
		two_wait(two, owner == A ? is_complete : b_is_complete, "complete");
		if (owner == B)
			two_wait(two, is_told_by_b, "told by B");
		two_wait(two, agree, "over");
		if (owner == A)
			break;
	}
	assert_int_equal(two_count(two, A, E1), 1020);
}

static void each_may_be_restarted(void **state)
{
	struct two *two = *state;
	const struct ct_flow e2 = two_flow(B, E2, IPPROTO_TCP, 77000);

	put_many(two, CT_FLOW_NEW, 0, 1000);
	put_now(two, B, CT_FLOW_NEW, &e2);
	start_both(two);
	two_kill(two, B, SIGKILL);
	put_many(two, CT_FLOW_NEW, 1000, 1100);
	put_many(two, CT_FLOW_GONE, 0, 100);
	two_start(two, B);
	two_wait(two, agree, "the standby is back");
	two_kill(two, A, SIGKILL);
	put_many(two, CT_FLOW_NEW, 1100, 1200);
	put_many(two, CT_FLOW_GONE, 100, 200);
	two_start(two, A);
	two_wait(two, agree, "the owner is back");
	assert_int_equal(two_count(two, B, E1), 1000);
	assert_int_equal(two_count(two, A, E2), 1);
}

static bool udp_is_fresh(struct two *two)
{
	const struct ct_flow udp = two_flow(A, E1, IPPROTO_UDP, 1);
	struct ct_flow seen;

	return two_find(two, B, &udp, &seen) && seen.timeout_s > udp.timeout_s;
}

/* Its packets put its end off there, and no event tells so. */
static void what_lives_on_in_silence_is_refreshed(void **state)
{
	struct two *two = *state;
	const struct ct_flow udp = two_flow(A, E1, IPPROTO_UDP, 1),
			     tcp = two_flow(A, E1, IPPROTO_TCP, 1);
	struct ct_flow copy, seen;

	two->shared[A]->times.refresh = 300;
	put_now(two, A, CT_FLOW_NEW, &udp);
	put_now(two, A, CT_FLOW_NEW, &tcp);
	start_both(two);
	two_wait(two, agree, "there");
	copy = two_flow(B, E1, IPPROTO_UDP, 1);
	copy.timeout_s = 50;
	put_now(two, B, CT_FLOW_IS, &copy);
	copy = two_flow(B, E1, IPPROTO_TCP, 1);
	copy.timeout_s = 5000;
	put_now(two, B, CT_FLOW_IS, &copy);
	two_wait(two, udp_is_fresh, "refreshed");
	/* What lives for days needs none. */
	assert_true(two_find(two, B, &tcp, &seen));
	assert_in_range(seen.timeout_s, 4000, 5000);
	assert_true(two->shared[A]->sender.refreshes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_two(a_flow_is_there_with_the_own_address_and_the_same_port),
		with_two(what_becomes_of_a_flow_becomes_of_its_copy),
		with_two(what_has_not_begun_or_has_ended_is_not_carried_on),
		with_two(a_new_standby_gets_all_of_a_hundred_thousand),
		with_two(what_was_lost_in_an_overrun_is_made_good),
		with_two(who_hangs_is_dropped_and_told_all_again),
		with_two(what_had_no_room_is_made_good),
		with_two(what_nobody_told_of_goes_and_nothing_else),
		with_two(who_owns_it_himself_takes_nothing),
		with_two(who_is_not_the_owner_is_not_believed_until_he_is),
		with_two(what_is_ours_stays_whatever_others_tell),
		with_two(ownership_goes_over_and_back),
		with_two(each_may_be_restarted),
		with_two(what_lives_on_in_silence_is_refreshed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
