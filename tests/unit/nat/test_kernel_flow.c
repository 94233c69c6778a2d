// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Flows of another gateway in this kernel, and what it tells of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/mono.h"
#include "cmocka_all.h"
#include "flow_fixture.h"
#include "kernel_fixture.h"
#include "nat/flow.h"
#include "nat/nfnl.h"

#define DEADLINE_MS 10000
#define MANY 5000

static void a_flow_of_each_protocol_is_made_as_it_was(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct ct_writer *writer = open_writer();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		const struct ct_flow flow = flow_of(protocols[i], 4000, 50000);

		put_now(writer, CT_FLOW_NEW, &flow);
		assert_only(&flow);
		put_now(writer, CT_FLOW_GONE, &flow);
		assert_none();
	}
	assert_int_equal(ct_writer_stats(writer).created, 3);
	assert_int_equal(ct_writer_stats(writer).removed, 3);
	assert_int_equal(ct_writer_stats(writer).refused, 0);
	ct_writer_free(writer);
}

static void what_changes_is_changed_and_what_is_missing_is_made(void **state)
{
	struct ct_writer *writer = open_writer();
	struct ct_flow flow = flow_of(IPPROTO_TCP, 4000, 4000);

	(void)state;
	put_now(writer, CT_FLOW_IS, &flow);
	assert_only(&flow);
	flow.tcp_state = TCP_CONNTRACK_FIN_WAIT;
	flow.timeout_s = 120;
	flow.mark = 9;
	put_now(writer, CT_FLOW_IS, &flow);
	assert_only(&flow);
	flow.timeout_s = 200;
	put_now(writer, CT_FLOW_NEW, &flow);
	assert_only(&flow);
	assert_int_equal(ct_writer_stats(writer).created, 1);
	assert_int_equal(ct_writer_stats(writer).updated, 2);
	assert_int_equal(ct_writer_stats(writer).evicted, 0);
	ct_writer_free(writer);
}

static void that_it_is_gone_already_is_fine(void **state)
{
	struct ct_writer *writer = open_writer();
	const struct ct_flow flow = flow_of(IPPROTO_UDP, 4000, 4000);

	(void)state;
	put_now(writer, CT_FLOW_GONE, &flow);
	assert_int_equal(ct_writer_stats(writer).removed, 0);
	assert_int_equal(ct_writer_stats(writer).refused, 0);
	ct_writer_free(writer);
}

static void what_stands_in_its_way_goes(void **state)
{
	struct ct_writer *writer = open_writer();
	const struct ct_flow stale = flow_of(IPPROTO_TCP, 4000, 4000);
	const struct ct_flow flow = flow_of(IPPROTO_TCP, 4000, 50000);
	const struct ct_flow taker = flow_of(IPPROTO_TCP, 4001, 50000);

	(void)state;
	put_now(writer, CT_FLOW_NEW, &stale);
	put_now(writer, CT_FLOW_NEW, &flow); /* the same tuple, another translation */
	assert_only(&flow);
	put_now(writer, CT_FLOW_NEW, &taker); /* another tuple, the same translation */
	assert_only(&taker);
	put(writer, CT_FLOW_NEW, &stale); /* both at once */
	put(writer, CT_FLOW_IS, &flow);
	flush(writer);
	assert_only(&flow);
	assert_int_equal(ct_writer_stats(writer).evicted, 4);
	assert_int_equal(ct_writer_stats(writer).refused, 0);
	ct_writer_free(writer);
}

static bool is_of_others(const struct ct_entry *entry, void *data)
{
	(void)data;
	return entry->reply.dst.v != EGRESS;
}

/* The pod's connection is another gateway's of old, and leaves by another egress IP here and now. */
static void what_is_translated_otherwise_is_left_alone(void **state)
{
	struct ct_writer *writer = open_writer();
	struct ct_flow old = flow_of(IPPROTO_TCP, 4000, 4000), now = old;

	(void)state;
	now.nat.v = EGRESS + 1;
	now.mark = 8;
	now.timeout_s = 100;
	ct_writer_keep(writer, is_of_others, NULL);
	put_now(writer, CT_FLOW_NEW, &now);
	for (enum ct_flow_change change = CT_FLOW_NEW; change <= CT_FLOW_GONE; change++) {
		put_now(writer, change, &old);
		assert_only(&now);
	}
	assert_int_equal(ct_writer_stats(writer).yielded, 2);
	assert_int_equal(ct_writer_stats(writer).evicted, 0);
	assert_int_equal(ct_writer_stats(writer).refused, 0);
	now.id = 0;
	put_now(writer, CT_FLOW_GONE, &now);
	assert_none();
	ct_writer_free(writer);
}

static void an_entry_made_anew_isnt_removed_as_the_old_one(void **state)
{
	CLEANUP(cleanup_free) struct ct_flow *all = NULL;
	struct ct_writer *writer = open_writer();
	struct ct_flow flow = flow_of(IPPROTO_TCP, 4000, 50000);

	(void)state;
	put_now(writer, CT_FLOW_NEW, &flow);
	assert_int_equal(list(&all), 1);
	flow.id = all[0].id + 1;
	assert_true(all[0].id != 0);
	put_now(writer, CT_FLOW_GONE, &flow);
	assert_only(&flow);
	put_now(writer, CT_FLOW_GONE, &all[0]);
	assert_none();
	ct_writer_free(writer);
}

static void the_last_word_of_a_batch_counts(void **state)
{
	struct ct_writer *writer = open_writer();
	const struct ct_flow flow = flow_of(IPPROTO_UDP, 4000, 4000);
	const struct ct_flow other = flow_of(IPPROTO_UDP, 4001, 4001);

	(void)state;
	put(writer, CT_FLOW_NEW, &flow);
	put(writer, CT_FLOW_IS, &other); /* would be made after the batch */
	put(writer, CT_FLOW_GONE, &flow);
	put(writer, CT_FLOW_GONE, &other);
	flush(writer);
	assert_none();
	put(writer, CT_FLOW_NEW, &flow);
	put(writer, CT_FLOW_GONE, &flow);
	put(writer, CT_FLOW_NEW, &flow);
	flush(writer);
	assert_only(&flow);
	ct_writer_free(writer);
}

/* ---- what the kernel tells */

struct heard {
	struct loop *loop;
	size_t n[CT_FLOW_GONE + 1], wanted, lost, ended;
	struct ct_flow last;
	int rc;
	struct ct_walk *walk;
	bool *seen; /* by port */
};

static void on_event(enum ct_flow_change change, const struct ct_flow *flow, void *data)
{
	struct heard *heard = data;

	heard->last = *flow;
	heard->n[change]++;
	if (heard->n[CT_FLOW_NEW] + heard->n[CT_FLOW_IS] + heard->n[CT_FLOW_GONE] >= heard->wanted)
		loop_stop(heard->loop);
}

static void on_lost(void *data)
{
	struct heard *heard = data;

	heard->lost++;
	loop_stop(heard->loop);
}

static void too_late(void *data)
{
	(void)data;
	fail_msg("not within %d ms", DEADLINE_MS);
}

static void run(struct heard *heard)
{
	struct loop_timer *deadline = loop_timer_new(heard->loop, too_late, NULL);

	assert_non_null(deadline);
	loop_timer_arm_ms(deadline, DEADLINE_MS);
	assert_int_equal(loop_run(heard->loop), 0);
	loop_timer_free(deadline);
}

static void what_others_do_is_told_and_what_we_do_is_not(void **state)
{
	static const struct ct_events_ops ops = { .on_flow = on_event, .on_lost = on_lost };
	struct heard heard = { .loop = loop_new(), .wanted = 3 };
	struct ct_writer *own = open_writer(), *other = open_writer();
	struct ct_flow first = flow_of(IPPROTO_TCP, 4000, 50000), ours = flow_of(IPPROTO_TCP, 1, 1);
	struct err err = ERR_NULL;
	struct ct_events *events = ct_events_new(heard.loop, own, &ops, &heard, &err);

	(void)state;
	assert_non_null(events);
	put_now(own, CT_FLOW_NEW, &ours);
	put_now(own, CT_FLOW_GONE, &ours);
	put_now(other, CT_FLOW_NEW, &first);
	first.tcp_state = TCP_CONNTRACK_CLOSE_WAIT;
	put_now(other, CT_FLOW_IS, &first);
	put_now(other, CT_FLOW_GONE, &first);
	run(&heard);
	assert_int_equal(heard.n[CT_FLOW_NEW], 1);
	assert_int_equal(heard.n[CT_FLOW_IS], 1);
	assert_int_equal(heard.n[CT_FLOW_GONE], 1);
	assert_true(ct_tuple_equal(&heard.last.orig, &first.orig));
	assert_int_equal(heard.last.nat_port, 50000);
	ct_events_free(events);
	ct_writer_free(own);
	ct_writer_free(other);
	loop_free(heard.loop);
}

static void on_found(const struct ct_flow *flow, void *data)
{
	struct heard *heard = data;

	assert_false(heard->seen[flow->orig.src_port]);
	heard->seen[flow->orig.src_port] = true;
	/* Some way in it must wait. */
	if (++heard->wanted == MANY / 10)
		ct_walk_pause(heard->walk, true);
}

static void on_end(int rc, void *data)
{
	struct heard *heard = data;

	heard->rc = rc;
	heard->ended++;
	loop_stop(heard->loop);
}

static void go_on(void *data)
{
	struct heard *heard = data;

	assert_int_equal(heard->ended, 0);
	assert_in_range(heard->wanted, MANY / 10, MANY - 1);
	ct_walk_pause(heard->walk, false);
}

static void fill(struct ct_writer *writer)
{
	for (uint16_t i = 0; i < MANY; i++) {
		const struct ct_flow flow = flow_of(IPPROTO_UDP, i, i);

		put(writer, CT_FLOW_NEW, &flow);
	}
	flush(writer);
}

static void a_walk_tells_each_flow_once_and_waits_when_told_to(void **state)
{
	static const struct ct_walk_ops ops = { .on_flow = on_found, .on_end = on_end };
	struct heard heard = { .loop = loop_new(), .seen = calloc(MANY, sizeof(bool)) };
	struct ct_writer *writer = open_writer();
	struct loop_timer *later = loop_timer_new(heard.loop, go_on, &heard);
	struct err err = ERR_NULL;

	(void)state;
	fill(writer);
	assert_int_equal(ct_writer_stats(writer).created, MANY);
	heard.walk = ct_walk_new(heard.loop, &ops, &heard, &err);
	assert_non_null(heard.walk);
	loop_timer_arm_ms(later, 100);
	run(&heard);
	assert_int_equal(heard.ended, 1);
	assert_int_equal(heard.rc, 0);
	assert_int_equal(heard.wanted, MANY);
	ct_walk_free(heard.walk);
	loop_timer_free(later);
	ct_writer_free(writer);
	loop_free(heard.loop);
	free(heard.seen);
}

/* Nobody reads while more happens than the socket takes. */
static void what_is_lost_is_told(void **state)
{
	static const struct ct_events_ops ops = { .on_flow = on_event, .on_lost = on_lost };
	struct heard heard = { .loop = loop_new(), .wanted = SIZE_MAX };
	struct ct_writer *other = open_writer();
	struct err err = ERR_NULL;
	struct ct_events *events = ct_events_new(heard.loop, NULL, &ops, &heard, &err);

	(void)state;
	assert_non_null(events);
	for (int i = 0; i < 20; i++) {
		fill(other);
		for (uint16_t port = 0; port < MANY; port++) {
			const struct ct_flow flow = flow_of(IPPROTO_UDP, port, port);

			put(other, CT_FLOW_GONE, &flow);
		}
		flush(other);
	}
	run(&heard);
	assert_int_equal(heard.lost, 1);
	/* After what was left of them. */
	assert_true(heard.n[CT_FLOW_NEW] > 0);
	ct_events_free(events);
	ct_writer_free(other);
	loop_free(heard.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(a_flow_of_each_protocol_is_made_as_it_was),
		in_a_namespace(what_changes_is_changed_and_what_is_missing_is_made),
		in_a_namespace(that_it_is_gone_already_is_fine),
		in_a_namespace(what_stands_in_its_way_goes),
		in_a_namespace(what_is_translated_otherwise_is_left_alone),
		in_a_namespace(an_entry_made_anew_isnt_removed_as_the_old_one),
		in_a_namespace(the_last_word_of_a_batch_counts),
		in_a_namespace(what_others_do_is_told_and_what_we_do_is_not),
		in_a_namespace(a_walk_tells_each_flow_once_and_waits_when_told_to),
		in_a_namespace(what_is_lost_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
