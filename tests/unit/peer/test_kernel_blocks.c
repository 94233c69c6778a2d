// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has which ports is known to who knows of blocks, and to nobody else. */
#include <string.h>

#include <netinet/in.h>

#include "cmocka_all.h"
#include "two_gateways.h"

static void give(struct two *two, enum gateway gateway, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		two->shared[gateway]->wish.has_block[gateway == A ? E1 : E2][i] = true;
}

static void take_back(struct two *two, unsigned from, unsigned to)
{
	memset(&two->shared[A]->wish.has_block[E1][from], false, to - from);
}

static bool know(struct two *two)
{
	return memcmp(two->shared[B]->has_block[E1], two->shared[A]->wish.has_block[E1], SOURCES) ==
		       0 &&
	       memcmp(two->shared[A]->has_block[E2], two->shared[B]->wish.has_block[E2], SOURCES) ==
		       0;
}

/* Everything, flows too: so nothing is on its way any more. */
static bool are_done(struct two *two)
{
	return two->shared[A]->sender.links[0].complete &&
	       two->shared[B]->sender.links[0].complete &&
	       two->shared[A]->sender.links[0].sent ==
		       two->shared[A]->sender.links[0].acknowledged &&
	       two_agree(two, E1);
}

static void start(struct two *two)
{
	two_start(two, A);
	two_start(two, B);
	two_wait(two, are_done, "all");
}

static void all_are_told_and_then_what_changes(void **state)
{
	struct two *two = *state;

	give(two, A, 0, SOURCES);
	give(two, B, 7, 9);
	start(two);
	assert_true(know(two));
	assert_int_equal(two->shared[B]->states, 1);
	assert_true(two->shared[B]->words > 2);

	take_back(two, 10, 2000);
	two_wish(two, A);
	two_wait(two, know, "what was given back");
	give(two, A, 5, 1500);
	take_back(two, 2000, 2100);
	two_wish(two, A);
	two_wait(two, know, "both");
	assert_int_equal(two->shared[B]->states, 1);
	assert_int_equal(two->shared[B]->wrong, 0);
	assert_int_equal(two->shared[B]->receiver.broken, 0);
}

static bool all_came_again(struct two *two)
{
	return two->shared[B]->states == 2;
}

static void all_are_told_again_when_they_are_others(void **state)
{
	struct two *two = *state;

	give(two, A, 0, 100);
	start(two);
	/* What nobody told of goes. */
	two->shared[B]->has_block[E1][2000] = true;
	two->shared[A]->wish.told++;
	two_wish(two, A);
	two_wait(two, all_came_again, "all");
	assert_true(know(two));
	assert_int_equal(two->shared[B]->receiver.broken, 0);
}

static void a_new_process_is_told_all(void **state)
{
	struct two *two = *state;

	give(two, A, 100, 1300);
	start(two);
	for (enum gateway g = A; g < GATEWAYS; g++) {
		two_kill(two, g, 9);
		two->shared[B]->has_block[E1][2000] = true;
		two->shared[B]->states = 0;
		two_start(two, g);
		two_wait(two, know, "all");
		assert_true(two->shared[B]->states > 0);
	}
}

static bool is_ignored(struct two *two)
{
	return two->shared[B]->receiver.ignored > 0;
}

static void who_is_not_the_owner_tells_nothing_until_he_is(void **state)
{
	struct two *two = *state;

	give(two, A, 0, 1200);
	two->shared[B]->wish.believes[E1] = (enum gateway)NOBODY;
	two_start(two, A);
	two_start(two, B);
	two_wait(two, is_ignored, "a word");
	take_back(two, 0, 10);
	two_wish(two, A);
	assert_int_equal(two->shared[B]->words, 0);
	two->shared[B]->wish.believes[E1] = A;
	two_wish(two, B);
	two_wait(two, know, "all, from the beginning");
}

static bool a_follows(struct two *two)
{
	return memcmp(two->shared[A]->has_block[E1], two->shared[B]->wish.has_block[E1], SOURCES) ==
	       0;
}

/* As an egress IP goes from A to B. */
static void the_next_owner_is_heard(void **state)
{
	struct two *two = *state;

	give(two, A, 0, 1200);
	start(two);
	memset(&two->shared[B]->wish.has_block[E1][3], true, 1600);
	for (enum gateway g = A; g < GATEWAYS; g++) {
		two->shared[g]->wish.owns[E1] = g == B;
		two->shared[g]->wish.believes[E1] = B;
		two_wish(two, g);
	}
	two_wait(two, a_follows, "all of the new owner's");
	two->shared[B]->wish.has_block[E1][3] = false;
	two_wish(two, B);
	two_wait(two, a_follows, "a change");
	assert_int_equal(two->shared[A]->wrong, 0);
}

static void an_older_gateway_is_told_nothing_that_it_does_not_know(void **state)
{
	struct two *two = *state;

	for (unsigned i = 0; i < 4; i++) {
		const enum gateway old = i % 2 ? B : A;
		const unsigned version = 1 + i / 2;
		const struct ct_flow flow = two_flow(A, E1, IPPROTO_UDP, i);

		two->shared[B]->lives = 0;
		two->shared[A]->lives_known = two->shared[B]->lives_known = 5000;
		two->shared[old]->version = version;
		two->shared[!old]->version = 0;
		give(two, A, 0, 10);
		give(two, B, 0, 10);
		start(two);
		give(two, A, 10, 20);
		two_wish(two, A);
		two->shared[A]->wish.told++;
		two_wish(two, A);
		two_put(two, A, CT_FLOW_NEW, &flow);
		two_flush(two, A);
		two_wait(two, are_done, "a flow");
		assert_int_equal(two->shared[A]->words + two->shared[B]->words, 0);
		assert_int_equal(two->shared[A]->receiver.broken, 0);
		assert_int_equal(two->shared[B]->receiver.broken, 0);
		assert_int_equal(two->shared[A]->sender.links[0].connections, 1);
		/* Lives are of the second. */
		assert_int_equal(two->shared[B]->lives > 0, version == 2);
		two_quit(two, A);
		two_quit(two, B);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_two(all_are_told_and_then_what_changes),
		with_two(all_are_told_again_when_they_are_others),
		with_two(a_new_process_is_told_all),
		with_two(who_is_not_the_owner_tells_nothing_until_he_is),
		with_two(the_next_owner_is_heard),
		with_two(an_older_gateway_is_told_nothing_that_it_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
