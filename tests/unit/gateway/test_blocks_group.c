// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One gateway gives blocks, the other one hears of them. */
#include "gateway/table/blocks_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "gateway/table/blocks.h"
#include "peer/frame.h"

enum { PORTS = 16, SHARED = 1024, SLOTS = (65536 - 1024 - SHARED) / PORTS };
_Static_assert(SLOTS > 3 * FRAME_BLOCKS_MAX, "of several frames");

static struct gateway_egress egress[2] = { { .name = "a" }, { .name = "b" } };
static const struct mono start = { 5000000000 };

struct group {
	struct blocks *one, *other; /* who leads, and who follows */
	struct blocks_ear ear;
	struct peer_frame frame;
	struct mono now;
	bool is_cut; /* changes don't come */
	uint64_t random;
};

static struct gateway_config config_of(uint32_t ports, uint32_t shared)
{
	return (struct gateway_config){
		.egress_ips = { .v = egress, .n = 2 },
		.limits = { .ports_per_pod = ports, .shared_ports = shared },
	};
}

static struct blocks *blocks_of(uint32_t ports, uint32_t shared)
{
	const struct gateway_config config = config_of(ports, shared);
	struct blocks *blocks = blocks_new(7);

	assert_non_null(blocks);
	assert_int_equal(blocks_configure(blocks, &config), 0);
	return blocks;
}

static int set_up(void **state)
{
	struct group *group = calloc(1, sizeof(*group));

	assert_non_null(group);
	group->one = blocks_of(PORTS, SHARED);
	group->other = blocks_of(PORTS, SHARED);
	group->now = start;
	group->random = 11;
	blocks_set_lead(group->other, 0, false);
	*state = group;
	return 0;
}

static int tear_down(void **state)
{
	struct group *group = *state;

	blocks_free(group->one);
	blocks_free(group->other);
	blocks_ear_clear(&group->ear);
	free(group);
	return 0;
}

static struct ip4 pod(uint32_t i)
{
	return (struct ip4){ 0x0a010000 + i };
}

static unsigned port_of(const struct blocks *blocks, uint32_t i)
{
	struct block block;

	return blocks_find(blocks, pod(i), 0, &block) ? block.first_port : 0;
}

/* All, as the sender would tell it; `frames` of it come. True: it was taken. */
static bool tell_all(struct group *group, unsigned frames)
{
	bool more = true, good = true;
	size_t at = 0;

	for (unsigned i = 0; more && i < frames; i++) {
		group->frame = (struct peer_frame){ .kind = FRAME_BLOCKS, .begins = i == 0 };
		more = blocks_list(group->one, 0, &at, group->now, &group->frame);
		group->frame.ends = !more;
		good = blocks_hear(group->other, &group->ear, 0, &group->frame, group->now) && good;
	}
	return good;
}

static bool tell_one(struct group *group, uint32_t i, unsigned first_port, bool is_given)
{
	group->frame = (struct peer_frame){ .ports = PORTS, .n = 1 };
	group->frame.blocks[0] = (struct frame_block){ pod(i), (uint16_t)first_port, is_given };
	return blocks_hear(group->other, &group->ear, 0, &group->frame, group->now);
}

static void on_change(const struct block *block, bool is_given, void *data)
{
	struct group *group = data;

	if (!group->is_cut)
		assert_true(
			tell_one(group, block->source.v - pod(0).v, block->first_port, is_given));
}

static void check_same(const struct group *group)
{
	for (unsigned port = 1024; port < 65536; port += PORTS)
		assert_int_equal(blocks_holder(group->other, 0, (uint16_t)port).v,
				 blocks_holder(group->one, 0, (uint16_t)port).v);
}

static void all_come_in_as_many_frames_as_it_takes(void **state)
{
	struct group *group = *state;

	for (uint32_t i = 0; i < SLOTS + 5; i++)
		blocks_want(group->one, pod(i), 0, start);
	assert_true(tell_all(group, 4));
	check_same(group);
	assert_true(group->frame.ends);
	assert_null(group->ear.seen);
	assert_int_equal(blocks_numbers(group->other, 0, start).given, SLOTS);
	assert_int_equal(blocks_numbers(group->other, 1, start).given, 0);
}

static void who_is_not_among_all_has_none_any_more(void **state)
{
	struct group *group = *state;

	for (uint32_t i = 0; i < SLOTS; i++)
		blocks_want(group->one, pod(i), 0, start);
	assert_true(tell_all(group, 4));
	blocks_drop(group->one, pod(2), 0, start);
	blocks_drop(group->one, pod(4), 0, start);
	group->now = mono_add_ms(start, BLOCKS_REST_MS);
	/* Nobody loses anything before the last frame. */
	assert_true(tell_all(group, 3));
	assert_int_not_equal(port_of(group->other, 2), 0);
	assert_true(tell_all(group, 4));
	check_same(group);
	assert_int_equal(port_of(group->other, 2) + port_of(group->other, 4), 0);
	assert_int_equal(blocks_numbers(group->other, 0, group->now).given, SLOTS - 2);
}

static void what_differs_is_refused_and_what_was_known_stays(void **state)
{
	static const struct {
		const char *what;
		uint32_t ports, shared;
	} rows[] = {
		{ "larger blocks", 32, SHARED },
		{ "smaller blocks", 8, SHARED },
		{ "other shared ports", PORTS, SHARED + 8 },
		{ "no blocks", 0, SHARED },
	};
	struct group *group = *state;
	struct blocks *good = group->one;

	for (uint32_t i = 0; i < 5; i++)
		blocks_want(good, pod(i), 0, start);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		group->one = good;
		assert_true(tell_all(group, 4));
		group->one = blocks_of(rows[i].ports, rows[i].shared);
		for (uint32_t p = 0; p < 3; p++)
			blocks_want(group->one, pod(3 - p), 0, start);
		if (tell_all(group, 4))
			fail_msg("%s were taken", rows[i].what);
		assert_true(group->ear.is_refused);
		/* One that fits by chance, of others that don't. */
		assert_false(tell_one(group, 7, 4080, true));
		blocks_free(group->one);
		group->one = good;
		check_same(group);
	}
	assert_true(tell_all(group, 4));
	assert_false(group->ear.is_refused);
}

static void who_has_no_blocks_refuses_all_but_none(void **state)
{
	struct group *group = *state;
	const struct gateway_config none = config_of(0, SHARED);

	assert_int_equal(blocks_configure(group->other, &none), 0);
	blocks_want(group->one, pod(0), 0, start);
	assert_false(tell_all(group, 4));
	assert_int_equal(blocks_configure(group->one, &none), 0);
	assert_true(tell_all(group, 4));
}

static void what_rests_rests_with_all(void **state)
{
	struct group *group = *state;
	const unsigned before = 2048;

	blocks_want(group->one, pod(0), 0, start);
	blocks_want(group->one, pod(1), 0, start);
	assert_int_equal(port_of(group->one, 0), before);
	blocks_drop(group->one, pod(0), 0, start);
	assert_true(tell_all(group, 4));
	assert_int_equal(blocks_numbers(group->other, 0, start).resting, 1);
	assert_true(tell_all(group, 4)); /* and no longer, if it's told again */

	blocks_set_lead(group->other, 0, true);
	blocks_want(group->other, pod(5), 0, start);
	assert_int_equal(port_of(group->other, 5), before + 2 * PORTS);
	for (uint32_t i = 6; i < SLOTS + 6; i++)
		blocks_want(group->other, pod(i), 0, mono_add_ms(start, BLOCKS_REST_MS));
	assert_int_equal(blocks_numbers(group->other, 0, start).given, SLOTS);
	assert_int_not_equal(blocks_holder(group->other, 0, before).v, pod(0).v);
}

static void who_leads_hears_nobody(void **state)
{
	struct group *group = *state;

	blocks_set_lead(group->other, 0, true);
	blocks_want(group->other, pod(1), 0, start);
	blocks_want(group->one, pod(0), 0, start);
	assert_true(tell_all(group, 4));
	assert_int_equal(port_of(group->other, 0), 0);
	assert_int_equal(port_of(group->other, 1), 2048);

	/* Another one leads now: what this one gave is replaced. */
	blocks_set_lead(group->other, 0, false);
	assert_true(tell_all(group, 4));
	assert_int_equal(port_of(group->other, 0), 2048);
	assert_int_equal(port_of(group->other, 1), 0);
}

static unsigned next_random(struct group *group, unsigned below)
{
	group->random = group->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(group->random >> 33) % below;
}

/* Nobody is wanted at the one that follows, so it remembers nobody but for the blocks. */
static void it_follows_whatever_happens(void **state)
{
	struct group *group = *state;

	for (unsigned step = 0; step < 20000; step++) {
		const uint32_t i = next_random(group, 5 * SLOTS);
		const unsigned what = next_random(group, 1000);

		group->now = mono_add_ms(group->now, next_random(group, 200));
		if (what < 600)
			blocks_want(group->one, pod(i), 0, group->now);
		else if (what < 995)
			blocks_drop(group->one, pod(i), 0, group->now);
		else if (what < 997)
			group->is_cut = true;
		if (what >= 997) {
			group->is_cut = false;
			assert_true(tell_all(group, 4));
		}
		if (what % 4 == 0)
			blocks_told(group->one, on_change, group);
		if (what % 16 == 0)
			blocks_told(group->other, NULL, NULL);
		if (what % 100 == 0 && !group->is_cut)
			check_same(group);
	}
	blocks_told(group->other, NULL, NULL);
	assert_true(blocks_places(group->other) <= SLOTS);
	assert_true(blocks_places(group->one) > SLOTS);
}

int main(void)
{
#define in_a_group(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		in_a_group(all_come_in_as_many_frames_as_it_takes),
		in_a_group(who_is_not_among_all_has_none_any_more),
		in_a_group(what_differs_is_refused_and_what_was_known_stays),
		in_a_group(who_has_no_blocks_refuses_all_but_none),
		in_a_group(what_rests_rests_with_all),
		in_a_group(who_leads_hears_nobody),
		in_a_group(it_follows_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
