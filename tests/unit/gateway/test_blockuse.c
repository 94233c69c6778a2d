// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Whose ports are nearly used up, over what is counted of connections. */
#include "gateway/use/blockuse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "gateway/use/usage.h"
#include "nat/flow.h"

enum { BANK = 0, MAIL = 1, OWNER = 1, OTHER = 2, WAITING = 3 };

/* Two blocks of 20 of each egress IP, and 40 ports for who has none. */
static struct gateway_egress egress[] = { { .name = "bank", .private = { 0x0a0001c9 } },
					  { .name = "mail", .private = { 0x0a0001ca } } };
static const struct mono start = { 5000000000 };

struct world {
	struct blocks *blocks;
	struct usage *usage;
	uint16_t port; /* of the next connection */
};

static struct ip4 pod(uint32_t i)
{
	return (struct ip4){ 0x0a000100 + i };
}

static void set_up(struct world *world)
{
	const struct gateway_config config = { .egress_ips = { .v = egress, .n = 2 },
					       .limits = { .first_port = 2000,
							   .last_port = 2079,
							   .ports_per_pod = 20,
							   .shared_ports = 40 } };
	const struct usage_options options = { 1000, 1000, 1000, { 1, 22, 333, 4444 } };
	const struct ip4 addresses[] = { egress[BANK].private, egress[MAIL].private };

	*world = (struct world){ blocks_new(7), usage_new(&options), 1024 };
	assert_non_null(world->blocks);
	assert_non_null(world->usage);
	assert_int_equal(blocks_configure(world->blocks, &config), 0);
	assert_true(usage_set_egress(world->usage, addresses, 2));
	for (uint32_t i = OWNER; i <= WAITING; i++)
		blocks_want(world->blocks, pod(i), BANK, start);
}

static void tear_down(struct world *world)
{
	usage_free(world->usage);
	blocks_free(world->blocks);
}

static void add_connections(struct world *world, uint32_t i, unsigned which, unsigned n)
{
	while (n-- > 0) {
		const uint16_t port = world->port++;
		const struct ct_flow flow = { .orig = { .src = pod(i),
							.dst = { 0xc6336400 + port % 3 },
							.src_port = port,
							.dst_port = 443,
							.protocol = IPPROTO_TCP },
					      .nat = egress[which].private,
					      .nat_port = port,
					      .mark = which + 1,
					      .id = port };

		usage_begin(world->usage, &flow);
	}
}

struct expected {
	uint32_t full;
	uint64_t shared;
	bool is_short;
};

static void check(const struct world *world, unsigned which, struct expected expected)
{
	struct blockuse use[POLICY_EGRESS_MAX];

	blockuse_read(world->blocks, world->usage, use);
	assert_int_equal(use[which].full, expected.full);
	assert_int_equal(use[which].shared, expected.shared);
	assert_int_equal(blockuse_is_short(world->blocks, &use[which]), expected.is_short);
}

static void a_block_is_full_at_nine_tenths(void **state)
{
	struct world world;

	(void)state;
	set_up(&world);
	add_connections(&world, OWNER, BANK, 17);
	add_connections(&world, OTHER, BANK, 5);
	check(&world, BANK, (struct expected){ 0, 0, false });
	add_connections(&world, OWNER, BANK, 1);
	check(&world, BANK, (struct expected){ 1, 0, true });
	check(&world, MAIL, (struct expected){ 0, 0, false });
	add_connections(&world, OTHER, BANK, 15);
	check(&world, BANK, (struct expected){ 2, 0, true });
	tear_down(&world);
}

/* Who has a block of one egress IP may have none of another. */
static void sources_without_a_block_fill_what_is_shared(void **state)
{
	struct world world;

	(void)state;
	set_up(&world);
	add_connections(&world, WAITING, BANK, 30);
	add_connections(&world, OWNER, MAIL, 36);
	check(&world, BANK, (struct expected){ 0, 30, false });
	check(&world, MAIL, (struct expected){ 0, 36, true });
	add_connections(&world, WAITING + 1, BANK, 6);
	check(&world, BANK, (struct expected){ 0, 36, true });
	tear_down(&world);
}

static void who_waits_is_known_where_blocks_are_given(void **state)
{
	struct world world;
	struct blocks_numbers numbers;

	(void)state;
	set_up(&world);
	numbers = blockuse_numbers(world.blocks, BANK, start);
	assert_int_equal(numbers.given, 2);
	assert_int_equal(numbers.waiting, 1);
	assert_int_equal(blockuse_free(&numbers), 0);

	blocks_drop(world.blocks, pod(OWNER), BANK, start);
	blocks_set_lead(world.blocks, BANK, false);
	numbers = blockuse_numbers(world.blocks, BANK, start);
	assert_int_equal(numbers.resting, 1);
	assert_int_equal(numbers.waiting, 0);
	assert_int_equal(blockuse_free(&numbers), 0);
	numbers = blockuse_numbers(world.blocks, BANK, mono_add_ms(start, BLOCKS_REST_MS));
	assert_int_equal(blockuse_free(&numbers), 1);
	tear_down(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_is_full_at_nine_tenths),
		cmocka_unit_test(sources_without_a_block_fill_what_is_shared),
		cmocka_unit_test(who_waits_is_known_where_blocks_are_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
