// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "nat/ruleset.h"

/* Four blocks of 100 for each of two egress IPs: 2100 to 2499, and 2000 to 2099 for all. */
static struct gateway_egress egress[3] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };
static struct gateway_config config;
static const struct mono start = { 5000000000 };

static struct ip4 pod(uint32_t i)
{
	return (struct ip4){ 0x0a000100 + i };
}

static struct mono later(int64_t ms)
{
	return mono_add_ms(start, ms);
}

static int set_up(void **state)
{
	struct blocks *blocks = blocks_new(7);

	config = (struct gateway_config){
		.egress_ips = { .v = egress, .n = 2 },
		.limits = { .first_port = 2000,
			    .last_port = 2499,
			    .ports_per_pod = 100,
			    .shared_ports = 100 },
	};
	assert_non_null(blocks);
	assert_int_equal(blocks_configure(blocks, &config), 0);
	*state = blocks;
	return 0;
}

static int tear_down(void **state)
{
	blocks_free(*state);
	return 0;
}

/* The first port of its block; 0: it has none. */
static unsigned port_of(const struct blocks *blocks, uint32_t i, unsigned which)
{
	struct block block;

	if (!blocks_find(blocks, pod(i), which, &block))
		return 0;
	assert_int_equal(block.last_port - block.first_port, 99);
	assert_int_equal(blocks_holder(blocks, which, block.first_port).v, pod(i).v);
	assert_int_equal(blocks_holder(blocks, which, block.last_port).v, pod(i).v);
	return block.first_port;
}

static void check_numbers(const struct blocks *blocks, unsigned given, unsigned resting,
			  unsigned waiting, struct mono now)
{
	const struct blocks_numbers numbers = blocks_numbers(blocks, 0, now);

	assert_int_equal(numbers.blocks, 4);
	assert_int_equal(numbers.given, given);
	assert_int_equal(numbers.resting, resting);
	assert_int_equal(numbers.waiting, waiting);
}

static void each_source_has_a_block_of_its_own(void **state)
{
	struct blocks *blocks = *state;

	for (uint32_t i = 0; i < 6; i++)
		blocks_want(blocks, pod(i), 0, start);
	blocks_want(blocks, pod(0), 1, start);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(port_of(blocks, i, 0), 2100 + 100 * i);
	assert_int_equal(port_of(blocks, 4, 0), 0);
	assert_int_equal(port_of(blocks, 0, 1), 2100);
	assert_int_equal(blocks_holder(blocks, 1, 2200).v, 0);
	assert_int_equal(blocks_holder(blocks, 0, 2099).v, 0);
	assert_int_equal(blocks_holder(blocks, 0, 2500).v, 0);
	assert_int_equal(blocks_holder(blocks, 2, 2100).v, 0);
	assert_int_equal(blocks_shared(blocks).first_port, 2000);
	assert_int_equal(blocks_shared(blocks).last_port, 2099);
	check_numbers(blocks, 4, 0, 2, start);
}

static void a_block_rests_before_somebody_else_gets_it(void **state)
{
	struct blocks *blocks = *state;

	for (uint32_t i = 0; i < 5; i++)
		blocks_want(blocks, pod(i), 0, start);
	assert_int_equal(blocks_due_ms(blocks, start), -1); /* none is given back */
	blocks_drop(blocks, pod(2), 0, later(1000));
	check_numbers(blocks, 3, 1, 1, later(1000));
	assert_int_equal(blocks_due_ms(blocks, later(1000)), BLOCKS_REST_MS);
	blocks_want(blocks, pod(4), 0, later(1000 + BLOCKS_REST_MS - 1));
	assert_int_equal(port_of(blocks, 4, 0), 0);
	assert_int_equal(blocks_due_ms(blocks, later(1000 + BLOCKS_REST_MS)), 0);
	blocks_want(blocks, pod(4), 0, later(1000 + BLOCKS_REST_MS));
	assert_int_equal(port_of(blocks, 4, 0), 2300);
	check_numbers(blocks, 4, 0, 0, later(1000 + BLOCKS_REST_MS));
}

static void who_had_it_gets_it_back_at_once(void **state)
{
	struct blocks *blocks = *state;

	blocks_want(blocks, pod(0), 0, start);
	blocks_want(blocks, pod(1), 0, start);
	blocks_drop(blocks, pod(0), 0, later(1));
	blocks_told(blocks, NULL, NULL);
	blocks_want(blocks, pod(0), 0, later(2));
	assert_int_equal(port_of(blocks, 0, 0), 2100);

	/* But not when another one has it meanwhile: then what has rested longest. */
	blocks_drop(blocks, pod(0), 0, later(3));
	for (uint32_t i = 2; i < 5; i++)
		blocks_want(blocks, pod(i), 0, later(4 + BLOCKS_REST_MS));
	assert_int_equal(port_of(blocks, 4, 0), 2100);
	blocks_drop(blocks, pod(3), 0, later(5 + BLOCKS_REST_MS));
	blocks_want(blocks, pod(0), 0, later(6 + 2 * (int64_t)BLOCKS_REST_MS));
	assert_int_equal(port_of(blocks, 0, 0), 2400);
}

static void what_is_not_in_a_round_is_dropped(void **state)
{
	struct blocks *blocks = *state;

	blocks_round_begin(blocks);
	for (uint32_t i = 0; i < 6; i++)
		blocks_want(blocks, pod(i), 0, start);
	blocks_round_end(blocks, start);
	check_numbers(blocks, 4, 0, 2, start);
	blocks_round_begin(blocks);
	blocks_want(blocks, pod(1), 0, later(1));
	blocks_want(blocks, pod(5), 0, later(1));
	blocks_round_end(blocks, later(1));
	assert_int_equal(port_of(blocks, 1, 0), 2200);
	check_numbers(blocks, 1, 3, 1, later(1));
}

static void an_egress_ip_is_known_by_its_name(void **state)
{
	static struct gateway_egress swapped[2] = { { .name = "c" }, { .name = "a" } };
	struct blocks *blocks = *state;

	blocks_want(blocks, pod(0), 0, start);
	blocks_want(blocks, pod(1), 0, start);
	blocks_want(blocks, pod(1), 1, start);
	config.egress_ips.v = swapped;
	assert_int_equal(blocks_configure(blocks, &config), 0);
	assert_int_equal(port_of(blocks, 0, 1), 2100);
	assert_int_equal(port_of(blocks, 1, 1), 2200);
	assert_int_equal(port_of(blocks, 1, 0), 0);
	blocks_want(blocks, pod(2), 1, start);
	assert_int_equal(port_of(blocks, 2, 1), 2300);

	config.limits.ports_per_pod = 50;
	assert_int_equal(blocks_configure(blocks, &config), 0);
	assert_int_equal(blocks_places(blocks), 0);
	config.limits.ports_per_pod = 0;
	assert_int_equal(blocks_configure(blocks, &config), 0);
	assert_false(blocks_are_wanted(blocks));
	blocks_want(blocks, pod(2), 1, start);
	assert_int_equal(blocks_places(blocks), 0);
}

static void what_the_kernel_has_is_adopted(void **state)
{
	static const struct {
		unsigned egress, first, last;
		bool taken;
	} rows[] = {
		{ 0, 2200, 2299, true },  { 0, 2200, 2299, false }, { 0, 2250, 2349, false },
		{ 0, 2300, 2400, false }, { 0, 2000, 2099, false }, { 0, 2500, 2599, false },
		{ 2, 2300, 2399, false }, { 1, 2200, 2299, true },
	};
	struct blocks *blocks = *state;

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct block block = { pod(i), rows[i].egress, (uint16_t)rows[i].first,
					     (uint16_t)rows[i].last };

		print_message("%u\n", i);
		assert_int_equal(blocks_adopt(blocks, &block), rows[i].taken);
	}
	blocks_told(blocks, NULL, NULL);
	blocks_round_begin(blocks);
	blocks_want(blocks, pod(1), 0, start);
	blocks_want(blocks, pod(0), 0, start);
	blocks_round_end(blocks, start);
	assert_int_equal(port_of(blocks, 0, 0), 2200);
	assert_int_equal(port_of(blocks, 1, 0), 2100);
	assert_int_equal(port_of(blocks, 7, 1), 0);
}

static void who_does_not_serve_follows_who_does(void **state)
{
	struct blocks *blocks = *state;
	const struct block other = { pod(1), 0, 2100, 2199 }, own = { pod(0), 0, 2400, 2499 };

	blocks_set_lead(blocks, 0, false);
	blocks_want(blocks, pod(0), 0, start);
	assert_int_equal(port_of(blocks, 0, 0), 0);
	assert_true(blocks_follow(blocks, &other, true, start));
	assert_true(blocks_follow(blocks, &own, true, start));
	assert_int_equal(port_of(blocks, 0, 0), 2400);

	/* Pods that aren't known here keep theirs as long as somebody else decides. */
	blocks_round_begin(blocks);
	blocks_want(blocks, pod(0), 0, start);
	blocks_round_end(blocks, start);
	assert_int_equal(port_of(blocks, 1, 0), 2100);

	/* Another one has it now, and who had it has another one. */
	const struct block swap[] = { { pod(0), 0, 2100, 2199 }, { pod(1), 0, 2400, 2499 } };

	assert_true(blocks_follow(blocks, &swap[0], true, start));
	assert_int_equal(port_of(blocks, 1, 0), 0);
	assert_true(blocks_follow(blocks, &swap[1], true, start));
	assert_int_equal(port_of(blocks, 0, 0), 2100);
	assert_int_equal(port_of(blocks, 1, 0), 2400);
	assert_true(blocks_follow(blocks, &swap[1], false, start));
	assert_int_equal(port_of(blocks, 1, 0), 0);

	blocks_set_lead(blocks, 0, true);
	blocks_round_begin(blocks);
	blocks_want(blocks, pod(3), 0, start);
	blocks_round_end(blocks, start);
	assert_int_equal(port_of(blocks, 0, 0), 0);
	assert_int_not_equal(port_of(blocks, 3, 0), 0);
}

struct heard {
	unsigned given, ended;
	bool ends_first;
};

static void hear(const struct block *block, bool is_given, void *data)
{
	struct heard *heard = data;

	(void)block;
	heard->ends_first = !is_given || !heard->ended || heard->ends_first;
	*(is_given ? &heard->given : &heard->ended) += 1;
}

static void check_news(const struct blocks *blocks, size_t n_add, size_t n_del)
{
	struct nat_elem add[8], del[8];
	struct blocks_news news = { .add = add, .del = del };

	assert_true(blocks_news_most(blocks) <= ARRAY_SIZE(add));
	blocks_news(blocks, &news);
	assert_int_equal(news.n_add, n_add);
	assert_int_equal(news.n_del, n_del);
}

static void the_kernel_learns_what_it_does_not_know(void **state)
{
	struct blocks *blocks = *state;
	struct heard heard = { 0 };
	struct nat_elem add[8], del[8];
	struct blocks_news news = { .add = add, .del = del };

	blocks_want(blocks, pod(0), 1, start);
	blocks_want(blocks, pod(1), 1, start);
	blocks_drop(blocks, pod(1), 1, start); /* it never knew */
	check_news(blocks, 1, 0);
	blocks_news(blocks, &news);
	assert_int_equal(add[0].key, 2);
	assert_int_equal(add[0].first, pod(0).v);
	assert_int_equal(add[0].data, 2100 << 16 | 2199);
	blocks_told(blocks, hear, &heard);
	assert_int_equal(heard.given, 1);
	assert_int_equal(heard.ended, 0);
	check_news(blocks, 0, 0);

	/* Another block for the same source: out with the old one, in with the new one. */
	const struct block moved = { pod(0), 1, 2300, 2399 };

	assert_true(blocks_follow(blocks, &moved, true, start));
	check_news(blocks, 1, 1);
	blocks_told(blocks, hear, &heard);
	assert_int_equal(heard.given, 2);
	assert_int_equal(heard.ended, 1);
	blocks_drop(blocks, pod(0), 1, start);
	check_news(blocks, 0, 1);
	blocks_want(blocks, pod(0), 1, start); /* back before it was told */
	check_news(blocks, 0, 0);
}

/* ---- a model: any order of steps --------------------------------------------------------------- */

enum { SOURCES = 7, STEPS = 4000 };

struct model {
	bool wanted[2][SOURCES];
	unsigned port[2][SOURCES]; /* what the kernel has been told */
	unsigned told_port[2][SOURCES];
	uint64_t random;
};

static unsigned next_random(struct model *model, unsigned below)
{
	model->random = model->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(model->random >> 33) % below;
}

/* Nobody has what another one has, or what he does not want. */
static void check_model(struct blocks *blocks, struct model *model, struct mono now)
{
	for (unsigned e = 0; e < 2; e++) {
		const struct blocks_numbers numbers = blocks_numbers(blocks, e, now);
		unsigned given = 0, waiting = 0;

		for (uint32_t i = 0; i < SOURCES; i++) {
			model->port[e][i] = port_of(blocks, i, e);
			given += model->port[e][i] != 0;
			waiting += model->wanted[e][i] && !model->port[e][i];
			assert_true(model->wanted[e][i] || !model->port[e][i]);
		}
		assert_int_equal(numbers.given, given);
		assert_int_equal(numbers.waiting, waiting);
		assert_true(numbers.given + numbers.resting <= numbers.blocks);
	}
}

static void tell(const struct block *block, bool is_given, void *data)
{
	struct model *model = data;
	unsigned *port = &model->told_port[block->egress][block->source.v - pod(0).v];

	assert_int_equal(*port, is_given ? 0 : block->first_port);
	*port = is_given ? block->first_port : 0;
}

static void round_of(struct blocks *blocks, struct model *model, struct mono now)
{
	blocks_round_begin(blocks);
	for (unsigned e = 0; e < 2; e++) {
		for (uint32_t i = 0; i < SOURCES; i++) {
			model->wanted[e][i] = next_random(model, 3) > 0;
			if (model->wanted[e][i])
				blocks_want(blocks, pod(i), e, now);
		}
	}
	blocks_round_end(blocks, now);
}

static void any_order_of_steps_keeps_what_was_promised(void **state)
{
	struct blocks *blocks = *state;
	struct model model = { .random = 11 };
	struct mono now = start;

	for (unsigned step = 0; step < STEPS; step++) {
		const uint32_t i = next_random(&model, SOURCES);
		const unsigned e = next_random(&model, 2), what = next_random(&model, 12);

		now = mono_add_ms(now, next_random(&model, BLOCKS_REST_MS / 4));
		if (what < 5) {
			blocks_want(blocks, pod(i), e, now);
			model.wanted[e][i] = true;
		} else if (what < 9) {
			blocks_drop(blocks, pod(i), e, now);
			model.wanted[e][i] = false;
		} else if (what < 10) {
			round_of(blocks, &model, now);
		} else {
			blocks_told(blocks, tell, &model);
			check_model(blocks, &model, now);
			assert_memory_equal(model.port, model.told_port, sizeof(model.port));
		}
		check_model(blocks, &model, now);
	}
	/* What all have dropped is remembered by blocks at most. */
	blocks_round_begin(blocks);
	blocks_round_end(blocks, now);
	blocks_told(blocks, tell, &model);
	assert_true(blocks_places(blocks) <= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_source_has_a_block_of_its_own, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_block_rests_before_somebody_else_gets_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_had_it_gets_it_back_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_in_a_round_is_dropped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_egress_ip_is_known_by_its_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_the_kernel_has_is_adopted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_does_not_serve_follows_who_does, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_kernel_learns_what_it_does_not_know, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(any_order_of_steps_keeps_what_was_promised, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
