// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is in use of egress IPs, whatever of the events comes, comes twice, late or not at all. */
#include "gateway/use/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <cmocka.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "nat/account.h"
#include "nat/flow.h"

enum { BANK = 0, MAIL = 1, MANY = 4000, STEPS = 200000 };

static const struct ip4 egress[] = { { 0x0a0001c9 }, { 0x0a0001ca } };
static const struct ct_account nothing;

static struct usage *open_usage(size_t most)
{
	const struct usage_options options = { most, most, most, { 1, 22, 333, 4444 } };
	struct usage *usage = usage_new(&options);

	assert_non_null(usage);
	assert_true(usage_set_egress(usage, egress, ARRAY_SIZE(egress)));
	assert_false(usage_set_egress(usage, egress, ARRAY_SIZE(egress)));
	return usage;
}

/* Of a pod, with its number, to one of three servers. */
static struct ct_flow flow_at(uint32_t i)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a000100 + i % 7 },
					   .dst = { 0xc6336400 + i % 3 },
					   .src_port = (uint16_t)(1024 + i),
					   .dst_port = 443,
					   .protocol = IPPROTO_TCP },
				 .nat = egress[i % 2],
				 .nat_port = (uint16_t)(1024 + i),
				 .tcp_state = TCP_CONNTRACK_ESTABLISHED,
				 .mark = i % 2 + 1,
				 .id = i * 2654435761u };
}

static struct ct_account bytes(uint64_t sent, uint64_t received)
{
	return (struct ct_account){ .sent.bytes = sent, .received.bytes = received };
}

static struct mono at_s(int64_t s)
{
	return (struct mono){ 1 + s * 1000000000 };
}

static struct usage_destination hottest(const struct usage *usage)
{
	const struct tally_order best = { usage_has_more_ports, 1 };
	struct usage_destination ret = { 0 };

	(void)usage_best_destinations(usage, &best, &ret);
	return ret;
}

static struct usage_source first(const struct usage *usage,
				 bool (*is_before)(const void *, const void *))
{
	const struct tally_order best = { is_before, 1 };
	struct usage_source ret = { 0 };

	(void)usage_best_sources(usage, &best, &ret);
	return ret;
}

static void a_connection_counts_once_from_its_beginning_to_its_end(void **state)
{
	struct usage *usage = open_usage(100);
	const struct ct_flow flow = flow_at(2);
	struct usage_destination one;

	(void)state;
	usage_begin(usage, &flow);
	usage_begin(usage, &flow);
	one = hottest(usage);
	assert_int_equal(one.connections, 1);
	assert_int_equal(usage_ports(&one), 1);
	assert_int_equal(usage_address(&one).v, flow.orig.dst.v);
	assert_int_equal(usage_port(&one), 443);
	assert_int_equal(usage_protocol(&one), IPPROTO_TCP);
	assert_int_equal(usage_egress(&one), BANK);
	assert_int_equal(usage_connections_of(usage, flow.orig.src), 1);
	usage_end(usage, &flow, &nothing);
	usage_end(usage, &flow, &nothing);
	assert_int_equal(hottest(usage).connections, 0);
	assert_int_equal(usage_connections_of(usage, flow.orig.src), 0);
	usage_free(usage);
}

static void what_is_translated_elsewhere_does_not_count(void **state)
{
	struct usage *usage = open_usage(100);
	struct ct_flow flow = flow_at(1);
	struct usage_total totals[POLICY_EGRESS_MAX];

	(void)state;
	flow.nat.v++;
	flow.nat.v++;
	usage_begin(usage, &flow);
	assert_int_equal(usage_numbers(usage).flows, 0);
	/* Another gateway has taken "mail" over. */
	usage_begin(usage, &(struct ct_flow){ flow_at(3).orig, egress[MAIL], 1, 0, 2, 0, 0, 3 });
	usage_totals(usage, totals);
	assert_int_equal(totals[MAIL].connections, 1);
	assert_true(usage_set_egress(usage, &egress[BANK], 1));
	usage_look_begin(usage);
	usage_look_see(usage, &(struct ct_flow){ flow_at(3).orig, egress[MAIL], 1, 0, 2, 0, 0, 3 },
		       &nothing);
	usage_look_end(usage, at_s(1));
	usage_totals(usage, totals);
	assert_int_equal(totals[MAIL].connections, 0);
	assert_int_equal(usage_numbers(usage).flows, 0);
	usage_free(usage);
}

static void a_look_finds_what_was_not_told(void **state)
{
	struct usage *usage = open_usage(100);
	const struct ct_flow missed = flow_at(6), vanished = flow_at(12), born = flow_at(18);

	(void)state;
	usage_begin(usage, &vanished);
	usage_look_begin(usage);
	usage_begin(usage, &born);
	usage_look_see(usage, &born, &nothing);
	usage_look_see(usage, &missed, &nothing);
	assert_int_equal(hottest(usage).connections, 3);
	usage_look_end(usage, at_s(1));
	assert_int_equal(hottest(usage).connections, 2);
	assert_int_equal(usage_numbers(usage).flows, 2);
	usage_free(usage);
}

static void a_look_that_broke_off_changes_nothing_and_the_next_one_is_right(void **state)
{
	struct usage *usage = open_usage(100);
	const struct ct_flow a = flow_at(6), b = flow_at(12);

	(void)state;
	usage_begin(usage, &a);
	usage_begin(usage, &b);
	usage_look_begin(usage);
	usage_look_see(usage, &a, &nothing);
	usage_look_cancel(usage);
	assert_int_equal(hottest(usage).connections, 2);
	usage_look_begin(usage);
	usage_look_see(usage, &b, &nothing);
	usage_look_end(usage, at_s(1));
	assert_int_equal(hottest(usage).connections, 1);
	assert_int_equal(usage_numbers(usage).flows, 1);
	usage_free(usage);
}

static void a_closed_connection_keeps_its_port_for_nobody(void **state)
{
	struct usage *usage = open_usage(100);
	struct ct_flow open = flow_at(6), closed = flow_at(12);
	struct usage_destination one;

	(void)state;
	usage_begin(usage, &open);
	usage_begin(usage, &closed);
	closed.tcp_state = TCP_CONNTRACK_TIME_WAIT;
	for (int i = 0; i < 2; i++) {
		usage_look_begin(usage);
		usage_look_see(usage, &closed, &nothing);
		usage_look_see(usage, &open, &nothing);
		usage_look_see(usage, &closed, &nothing); /* lists may have one twice */
		usage_look_end(usage, at_s(i + 1));
		one = hottest(usage);
		assert_int_equal(one.connections, 2);
		assert_int_equal(usage_ports(&one), 1);
	}
	usage_end(usage, &closed, &nothing);
	one = hottest(usage);
	assert_int_equal(one.connections, 1);
	assert_int_equal(usage_ports(&one), 1);
	/* Of one whose end wasn't told nothing stays either. */
	usage_look_begin(usage);
	usage_look_see(usage, &closed, &nothing);
	usage_look_see(usage, &open, &nothing);
	usage_look_end(usage, at_s(3));
	usage_look_begin(usage);
	usage_look_see(usage, &open, &nothing);
	usage_look_end(usage, at_s(4));
	one = hottest(usage);
	assert_int_equal(one.connections, 1);
	assert_int_equal(usage_ports(&one), 1);
	usage_free(usage);
}

static void rates_are_those_between_two_looks(void **state)
{
	struct usage *usage = open_usage(100);
	const struct ct_flow stays = flow_at(0), ends = flow_at(14), later = flow_at(28);
	struct ct_account account = bytes(1000, 5000);
	struct usage_source one;

	(void)state;
	usage_look_begin(usage);
	usage_look_see(usage, &stays, &account);
	usage_look_end(usage, at_s(0));
	assert_int_equal(first(usage, usage_has_more_bytes).sent_per_s, 0);
	/* 300 more of what stays, 700 of what came and went, in 10 s; and one that ends after it was seen. */
	usage_begin(usage, &ends);
	account = bytes(700, 70);
	usage_end(usage, &ends, &account);
	usage_begin(usage, &later);
	usage_look_begin(usage);
	account = bytes(200, 20);
	usage_look_see(usage, &later, &account);
	account = bytes(500, 50);
	usage_end(usage, &later, &account);
	account = bytes(1300, 5300);
	usage_look_see(usage, &stays, &account);
	usage_look_end(usage, at_s(10));
	one = first(usage, usage_has_more_bytes);
	assert_int_equal(one.sent_per_s, 120);
	assert_int_equal(one.received_per_s, 39);
	assert_int_equal(one.new_per_ks, 200);
	assert_int_equal(one.connections, 1);
	assert_int_equal(usage_numbers(usage).interval_ms, 10000);
	/* What was seen of it before counts once. */
	usage_look_begin(usage);
	usage_look_see(usage, &stays, &account);
	usage_look_end(usage, at_s(11));
	one = first(usage, usage_has_more_bytes);
	assert_int_equal(one.sent_per_s, 300);
	assert_int_equal(one.received_per_s, 30);
	assert_int_equal(one.new_per_ks, 0);
	usage_free(usage);
}

static void of_too_many_destinations_the_large_ones_stay(void **state)
{
	struct usage *usage = open_usage(MANY);
	struct ct_flow flow = flow_at(0);
	struct usage_total totals[POLICY_EGRESS_MAX];
	struct usage_numbers numbers;

	(void)state;
	usage_free(usage);
	usage = usage_new(&(struct usage_options){ MANY, 64, 64, { 9, 8, 7, 6 } });
	assert_non_null(usage);
	(void)usage_set_egress(usage, egress, ARRAY_SIZE(egress));
	for (uint32_t i = 0; i < MANY; i++) {
		flow.id = i;
		flow.orig.dst.v = i % 4 ? 0xc6336400 + i : 0xc0000201;
		usage_begin(usage, &flow);
	}
	numbers = usage_numbers(usage);
	assert_int_equal(numbers.destinations, 64);
	assert_true(numbers.forgotten > 0);
	assert_int_equal(hottest(usage).connections, MANY / 4);
	usage_totals(usage, totals);
	assert_int_equal(totals[BANK].connections, MANY);
	assert_int_equal(usage_ports(&totals[BANK].hottest), MANY / 4);
	usage_free(usage);
}

static void what_does_not_fit_is_said(void **state)
{
	struct usage *usage = usage_new(&(struct usage_options){ 2, 10, 1, { 1, 2, 3, 4 } });
	struct ct_flow flows[3];

	(void)state;
	assert_non_null(usage);
	(void)usage_set_egress(usage, egress, ARRAY_SIZE(egress));
	for (uint32_t i = 0; i < 3; i++) {
		flows[i] = flow_at(i * 2);
		usage_begin(usage, &flows[i]);
	}
	assert_int_equal(usage_numbers(usage).uncounted, 1);
	assert_int_equal(usage_numbers(usage).unshown, 1);
	usage_end(usage, &flows[2], &nothing);
	assert_int_equal(usage_numbers(usage).flows, 2);
	usage_free(usage);
}

static void the_first_ones_come_in_order(void **state)
{
	const struct tally_order best = { usage_has_more_connections, 3 };
	struct usage *usage = open_usage(MANY);
	struct usage_source v[3];

	(void)state;
	for (uint32_t i = 0; i < 700; i++) {
		struct ct_flow flow = flow_at(i * 2);

		/* The pod of number p has p of seven times a hundred. */
		if (i / 7 < (flow.orig.src.v & 7) * 10)
			usage_begin(usage, &flow);
	}
	assert_int_equal(usage_best_sources(usage, &best, v), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(usage_source_address(&v[i]).v, 0x0a000106 - i);
		assert_int_equal(usage_source_egress(&v[i]), BANK);
		assert_int_equal(v[i].connections, 60 - 10 * i);
	}
	usage_free(usage);
}

/* ---- by chance */

struct world {
	struct usage *usage;
	bool exists[MANY], seen[MANY];
	bool looks;
	uint32_t at;
	uint64_t dice;
};

static uint32_t roll(struct world *world, uint32_t sides)
{
	world->dice = world->dice * UINT64_C(6364136223846793005) + 1;
	return (uint32_t)(world->dice >> 33) % sides;
}

static void check(const struct world *world)
{
	uint32_t wanted[2][3] = { 0 }, total = 0;
	struct usage_destination v[6];
	const struct tally_order best = { usage_has_more_ports, 6 };
	size_t n;

	for (uint32_t i = 0; i < MANY; i++) {
		wanted[i % 2][i % 3] += world->exists[i];
		total += world->exists[i];
	}
	assert_int_equal(usage_numbers(world->usage).flows, total);
	n = usage_best_destinations(world->usage, &best, v);
	for (size_t i = 0; i < n; i++) {
		uint32_t *one = &wanted[usage_egress(&v[i])][usage_address(&v[i]).v & 3];

		assert_int_equal(v[i].connections, *one);
		*one = 0;
	}
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(wanted[i / 3][i % 3], 0);
}

/* The kernel's list goes on; what is born behind it isn't in it. */
static void list(struct world *world)
{
	struct ct_flow flow;

	if (!world->looks) {
		usage_look_begin(world->usage);
		world->looks = true;
		world->at = 0;
	}
	for (uint32_t end = world->at + 200; world->at < end && world->at < MANY; world->at++) {
		flow = flow_at(world->at);
		if (world->exists[world->at])
			usage_look_see(world->usage, &flow, &nothing);
	}
	if (world->at < MANY)
		return;
	world->looks = false;
	if (roll(world, 5) == 0)
		usage_look_cancel(world->usage);
	else
		usage_look_end(world->usage, at_s(1));
}

static void step(struct world *world, bool is_lossy)
{
	const uint32_t i = roll(world, MANY);
	const struct ct_flow flow = flow_at(i);
	const bool told = !is_lossy || roll(world, 10);

	if (roll(world, 100) == 0)
		list(world);
	world->exists[i] = !world->exists[i];
	for (uint32_t times = told ? 1 + (roll(world, 20) == 0) : 0; times; times--) {
		if (world->exists[i])
			usage_begin(world->usage, &flow);
		else
			usage_end(world->usage, &flow, &nothing);
	}
}

static void numbers_are_right_as_long_as_events_come_and_after_a_look_in_any_case(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	(void)state;
	assert_non_null(world);
	world->usage = open_usage(MANY);
	for (uint32_t n = 0; n < STEPS; n++) {
		const bool is_lossy = n / 20000 % 2;

		step(world, is_lossy);
		if (!is_lossy && n > 100 && n < 20000 && n % 1000 == 0)
			check(world);
		/* Enough for a look, and for the one after it. */
		if (!is_lossy && n % 20000 > 10000 && n % 1000 == 0)
			check(world);
	}
	usage_free(world->usage);
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_counts_once_from_its_beginning_to_its_end),
		cmocka_unit_test(what_is_translated_elsewhere_does_not_count),
		cmocka_unit_test(a_look_finds_what_was_not_told),
		cmocka_unit_test(a_look_that_broke_off_changes_nothing_and_the_next_one_is_right),
		cmocka_unit_test(a_closed_connection_keeps_its_port_for_nobody),
		cmocka_unit_test(rates_are_those_between_two_looks),
		cmocka_unit_test(of_too_many_destinations_the_large_ones_stay),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(the_first_ones_come_in_order),
		cmocka_unit_test(
			numbers_are_right_as_long_as_events_come_and_after_a_look_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
