// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/publish_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/kinds.h"

enum { A = 0x0a0001c8, B = 0x0a0002c8, C = 0x0a0003c8 };

/* gw-b in a group of three, with two egress IPs. */
struct world {
	struct publish_memory memory;
	struct failover_member members[3];
	struct failover_egress egress[2];
	struct failover_facts facts;
	struct publish_egress seen[2];
	struct publish_input input;
	int64_t ms;
	struct publish_plan plan;
};

static void init(struct world *w)
{
	*w = (struct world){
		.members = { { "gw-b", { B }, .is_self = true },
			     { "gw-a", { A }, .is_heard = true },
			     { "gw-c", { C }, .is_heard = true } },
		.egress = { { .carrier = "gw-a" }, { .carrier = "gw-a" } },
		.seen = { { "bank", { A } }, { "mail", { A } } },
		.ms = 1000000,
	};
	w->facts = (struct failover_facts){ w->members, 3, w->egress, true, false, true };
	w->input = (struct publish_input){ &w->facts, w->seen, 2, { B }, true };
}

static const struct publish_plan *plan(struct world *w, int64_t later_ms)
{
	w->ms += later_ms;
	publish_plan(&w->memory, &w->input, mono_add_ms((struct mono){ 0 }, w->ms), &w->plan);
	return &w->plan;
}

static void carry(struct world *w, size_t i, bool here, const char *carrier)
{
	w->egress[i].translates = here;
	snprintf(w->egress[i].carrier, sizeof(w->egress[i].carrier), "%s", carrier);
}

static void who_carries_nothing_is_a_member_all_the_same(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	assert_int_equal(plan(&w, 0)->state, KUBE_MEMBER_STANDBY);
	assert_false(w.plan.is_held || w.plan.is_urgent || w.plan.is_doubted || w.plan.is_speaker);
	assert_int_equal(w.plan.entries[0], PUBLISH_NOTHING);
	assert_int_equal(w.plan.n_carried, 2);
	w.facts.is_ready = false;
	assert_int_equal(plan(&w, 0)->state, KUBE_MEMBER_NOT_READY);
	w.facts.is_draining = true;
	assert_int_equal(plan(&w, 0)->state, KUBE_MEMBER_DRAINING);
	/* Somebody has taken it out of the list. */
	w.input.is_listed = false;
	assert_true(plan(&w, 0)->is_doubted);
}

static void a_takeover_is_urgent_once(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	plan(&w, 0);
	carry(&w, 0, true, "gw-b");
	assert_true(plan(&w, 10)->is_urgent);
	assert_int_equal(w.plan.entries[0], PUBLISH_SELF);
	assert_int_equal(w.plan.state, KUBE_MEMBER_ACTIVE);
	w.seen[0].told.v = B;
	assert_false(plan(&w, 10)->is_urgent);
	assert_false(w.plan.is_doubted);
	/* A write of the other one that was late. */
	w.seen[0].told.v = A;
	assert_true(plan(&w, 10)->is_doubted);
	assert_false(w.plan.is_urgent);
	/* But it's his to write once we hand it over. */
	w.egress[0].handing_over = true;
	assert_false(plan(&w, 10)->is_doubted);
}

static void who_hands_over_names_the_other_one_until_he_is_seen(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 0, true, "gw-b");
	w.seen[0].told.v = B;
	plan(&w, 0);
	carry(&w, 0, false, "gw-c");
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_CARRIER);
	assert_int_equal(plan(&w, 30000)->entries[0], PUBLISH_CARRIER);
	assert_false(w.plan.is_held);
	w.seen[0].told.v = C;
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_NOTHING);
	w.seen[0].told.v = B; /* late news */
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_NOTHING);
}

static void nodes_are_told_of_both_before_anything_moves_and_each_names_who_has_it(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 0, true, "gw-b");
	w.seen[0].told.v = B;
	plan(&w, 0);
	w.egress[0].handing_over = true;
	snprintf(w.egress[0].partner, sizeof(w.egress[0].partner), "gw-c");
	assert_true(plan(&w, 10)->is_urgent);
	assert_int_equal(w.plan.entries[0], PUBLISH_SELF);
	assert_false(plan(&w, 10)->is_urgent);
	/* Late news of somebody else aren't it. */
	w.seen[0].told.v = A;
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_SELF);
	/* The other one has written himself: it's his from now on, while we still translate. */
	w.seen[0].told.v = C;
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_NOTHING);
	assert_int_equal(w.plan.n_carried, 2);
	/* He couldn't, after all. */
	w.egress[0].handing_over = false;
	w.egress[0].partner[0] = '\0';
	assert_int_equal(plan(&w, 10)->entries[0], PUBLISH_SELF);
	assert_true(w.plan.is_doubted);
}

static void who_stops_and_knows_of_nobody_writes_nothing_for_15_seconds(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 0, true, "gw-b");
	w.seen[0].told.v = B;
	plan(&w, 0);
	carry(&w, 0, false, "");
	assert_true(plan(&w, 10)->is_held);
	assert_int_equal(w.plan.next_ms, PUBLISH_ORPHAN_MS);
	assert_int_equal(w.plan.n_carried, 1);
	assert_true(plan(&w, PUBLISH_ORPHAN_MS - 1)->is_held);
	assert_int_equal(w.plan.entries[0], PUBLISH_LAST);
	/* That it's to be ours again doesn't carry it. */
	carry(&w, 0, false, "gw-b");
	assert_false(plan(&w, 1)->is_held);
	assert_int_equal(w.plan.entries[0], PUBLISH_NOTHING);
}

static void a_takeover_does_not_wait_for_what_nobody_carries(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 0, true, "gw-b");
	w.seen[0].told.v = B;
	plan(&w, 0);
	carry(&w, 0, false, "");
	assert_true(plan(&w, 10)->is_held);
	carry(&w, 1, true, "gw-b");
	assert_true(plan(&w, 10)->is_urgent);
	assert_false(w.plan.is_held);
	assert_int_equal(w.plan.entries[0], PUBLISH_NOTHING);
	assert_int_equal(w.plan.entries[1], PUBLISH_SELF);
}

static void the_first_live_member_speaks_and_marks_who_is_dead(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	plan(&w, 0);
	w.members[1].is_heard = false;
	assert_true(plan(&w, 10)->is_speaker);
	/* Not heard isn't dead: it may carry them. */
	assert_int_equal(w.plan.peers[1], PUBLISH_PEER_NOTHING);
	carry(&w, 0, true, "gw-b");
	carry(&w, 1, false, "gw-c");
	plan(&w, 10);
	assert_int_equal(w.plan.peers[1], PUBLISH_PEER_NOTHING);
	w.seen[0].told.v = B;
	assert_int_equal(plan(&w, 10)->peers[1], PUBLISH_PEER_NOTHING);
	w.seen[1].told.v = C;
	assert_int_equal(plan(&w, 10)->peers[1], PUBLISH_PEER_NOTHING);
	assert_int_equal(plan(&w, PUBLISH_ORPHAN_MS)->peers[1], PUBLISH_PEER_NOT_READY);
	assert_int_equal(w.plan.peers[2], PUBLISH_PEER_NOTHING);
	/* Who has been cut off from the API doesn't know what the other one has taken over meanwhile. */
	w.facts.is_current = false;
	assert_int_equal(plan(&w, 0)->peers[1], PUBLISH_PEER_NOTHING);
	w.facts.is_current = true;
	assert_int_equal(plan(&w, PUBLISH_DEAD_MS - PUBLISH_ORPHAN_MS - 50)->peers[1],
			 PUBLISH_PEER_NOT_READY);
	assert_int_equal(plan(&w, 100)->peers[1], PUBLISH_PEER_GONE);
	w.members[1].is_heard = true;
	assert_int_equal(plan(&w, 10)->peers[1], PUBLISH_PEER_NOTHING);
	assert_false(w.plan.is_speaker);
	w.members[1].is_heard = false;
	assert_int_equal(plan(&w, 10)->peers[1], PUBLISH_PEER_NOTHING);
	assert_int_equal(plan(&w, PUBLISH_ORPHAN_MS)->peers[1], PUBLISH_PEER_NOT_READY);
}

static void who_holds_the_lease_unheard_is_left_alone(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	w.members[1].is_heard = false;
	plan(&w, 0);
	assert_int_equal(plan(&w, 2 * PUBLISH_DEAD_MS)->peers[1], PUBLISH_PEER_NOTHING);
	/* Dead, and nobody takes over. */
	carry(&w, 0, false, "");
	carry(&w, 1, false, "");
	assert_int_equal(plan(&w, 10)->peers[1], PUBLISH_PEER_GONE);
	assert_int_equal(w.plan.n_carried, 0);
}

static void who_isnt_heard_has_the_time_to_come(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 0, true, "gw-b");
	carry(&w, 1, true, "gw-b");
	w.seen[0].told.v = w.seen[1].told.v = B;
	w.members[1].is_heard = false;
	assert_int_equal(plan(&w, 0)->peers[1], PUBLISH_PEER_NOTHING);
	assert_int_equal(plan(&w, PUBLISH_ORPHAN_MS)->peers[1], PUBLISH_PEER_NOT_READY);
}

static void egress_ips_are_known_by_their_names(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	carry(&w, 1, true, "gw-b");
	w.seen[1].told.v = B;
	plan(&w, 0);
	w.seen[0] = w.seen[1];
	w.egress[0] = w.egress[1];
	w.input.n = 1;
	assert_false(plan(&w, 10)->is_urgent);
	assert_int_equal(w.plan.entries[0], PUBLISH_SELF);
}

static void all_is_written_again_every_minute(void **state)
{
	struct world w;
	(void)state;

	init(&w);
	assert_int_equal(plan(&w, 0)->next_ms, PUBLISH_REFRESH_MS);
	assert_false(plan(&w, PUBLISH_REFRESH_MS - 1)->is_doubted);
	assert_true(plan(&w, 1)->is_doubted);
	assert_false(plan(&w, 1)->is_doubted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_carries_nothing_is_a_member_all_the_same),
		cmocka_unit_test(a_takeover_is_urgent_once),
		cmocka_unit_test(who_hands_over_names_the_other_one_until_he_is_seen),
		cmocka_unit_test(
			nodes_are_told_of_both_before_anything_moves_and_each_names_who_has_it),
		cmocka_unit_test(who_stops_and_knows_of_nobody_writes_nothing_for_15_seconds),
		cmocka_unit_test(a_takeover_does_not_wait_for_what_nobody_carries),
		cmocka_unit_test(the_first_live_member_speaks_and_marks_who_is_dead),
		cmocka_unit_test(who_holds_the_lease_unheard_is_left_alone),
		cmocka_unit_test(who_isnt_heard_has_the_time_to_come),
		cmocka_unit_test(egress_ips_are_known_by_their_names),
		cmocka_unit_test(all_is_written_again_every_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
