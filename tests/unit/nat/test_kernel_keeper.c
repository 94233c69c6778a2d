// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Small changes of what is wanted, against what a whole run would have made of it. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/keeper.h"

enum { PODS = 2400, TURNS = 40, CAPACITY = 4096, NODES = 3 };

/* A pod is on a node, 1 to 3, or nowhere. */
struct world {
	struct kernel *kernel;
	struct loop *loop;
	struct keeper *keeper;
	unsigned node_of[PODS];
	struct keeper_report report; /* of the last run */
	uint32_t capacity;
};

static struct nat_elem elem_of(unsigned pod, unsigned node)
{
	uint32_t address = 0x0a000100 + pod;

	return (struct nat_elem){ .key = node, .first = address, .last = address, .data = 7 };
}

static struct rt_route route_of(unsigned pod, unsigned node)
{
	return (struct rt_route){ .table = RT_TABLE_MAIN,
				  .dst = { { 0x0a000100 + pod }, 32 },
				  .type = RT_UNICAST,
				  .metric = node,
				  .protocol = RT_PROTOCOL_EIPGW,
				  .oif = RT_OIF_TUNNEL,
				  .gateway = { 0xa9fe40fe },
				  .onlink = true,
				  .encap = { .id = 77, .dst = { 0x0a000200 + node }, .ttl = 64 } };
}

static unsigned count_on(const struct world *world, unsigned node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PODS; i++)
		n += world->node_of[i] == node;
	return n;
}

static int describe(struct nat_ruleset *rs, struct net_desired *net, void *data, struct err *err)
{
	static const uint8_t mac[6] = { 2, 0x65, 0x67, 0x77, 0, 1 },
			     peer[6] = { 2, 0x65, 0x67, 0x77, 0, 2 };
	struct world *world = data;
	size_t set, nodes;

	(void)err;
	nat_ruleset_init(rs, TABLE);
	nodes = nat_set_add(rs, "nodes", NAT_SET_ADDR, 256);
	for (unsigned node = 1; node <= NODES; node++) {
		if (count_on(world, node))
			nat_elem_add(rs, nodes, (struct nat_elem){ .first = node, .last = node });
	}
	set = nat_set_add(rs, "class_pod", NAT_MAP_MARK_ADDR_MARK, world->capacity);
	net->routes.v = calloc(PODS, sizeof(*net->routes.v));
	if (!net->routes.v)
		return -ENOMEM;
	for (unsigned i = 0; i < PODS; i++) {
		if (!world->node_of[i])
			continue;
		nat_elem_add(rs, set, elem_of(i, world->node_of[i]));
		net->routes.v[net->routes.n++] = route_of(i, world->node_of[i]);
	}
	memcpy(net->tunnel.name, "egwt", sizeof("egwt"));
	memcpy(net->tunnel.kind, "vxlan", sizeof("vxlan"));
	memcpy(net->tunnel.mac, mac, sizeof(mac));
	memcpy(net->peer.mac, peer, sizeof(peer));
	net->tunnel.mtu = 1450;
	net->tunnel.up = net->tunnel.noarp = net->tunnel.vxlan_external = true;
	net->tunnel.vxlan_port = 4789;
	net->tunnel.vxlan_ttl = 64;
	net->tunnel_addr.v = 0xa9fe4002;
	net->peer.dst.v = 0xa9fe40fe;
	net->peer.permanent = true;
	net_desired_sort(net);
	return nat_ruleset_finish(rs);
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct world *world = data;

	world->report = *report;
	if (report->rc)
		print_message("%s\n", report->error);
}

static int set_up(void **state)
{
	static const struct keeper_ops ops = { .describe = describe, .on_run = on_run };
	struct world *world = calloc(1, sizeof(*world));
	struct err err = ERR_NULL;
	void *kernel;

	assert_non_null(world);
	if (kernel_set_up(&kernel))
		return -1;
	world->kernel = kernel;
	world->capacity = CAPACITY;
	world->loop = loop_new();
	assert_non_null(world->loop);
	world->keeper = keeper_new(world->loop, TABLE, &ops, world, &err);
	assert_non_null(world->keeper);
	for (unsigned i = 0; i < PODS; i += 2)
		world->node_of[i] = 1 + i % 3;
	assert_int_equal(keeper_run(world->keeper, KEEPER_START, NULL), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	void *kernel = world->kernel;

	keeper_free(world->keeper);
	loop_free(world->loop);
	free(world);
	return kernel_tear_down(&kernel);
}

/* What goes and comes when pods get other nodes. */
struct moves {
	struct nat_elem del[PODS], add[PODS];
	struct rt_route routes_del[PODS], routes_add[PODS];
	size_t n_del, n_add;
	struct nat_elem nodes_del[NODES], nodes_add[NODES];
	size_t n_nodes_del, n_nodes_add;
};

static void move(struct world *world, struct moves *moves, unsigned pod, unsigned node)
{
	unsigned before = world->node_of[pod];

	if (before == node)
		return;
	if (before && count_on(world, before) == 1)
		moves->nodes_del[moves->n_nodes_del++] =
			(struct nat_elem){ .first = before, .last = before };
	if (node && count_on(world, node) == 0)
		moves->nodes_add[moves->n_nodes_add++] =
			(struct nat_elem){ .first = node, .last = node };
	if (before) {
		moves->routes_del[moves->n_del] = route_of(pod, before);
		moves->del[moves->n_del++] = elem_of(pod, before);
	}
	if (node) {
		moves->routes_add[moves->n_add] = route_of(pod, node);
		moves->add[moves->n_add++] = elem_of(pod, node);
	}
	world->node_of[pod] = node;
}

static int change(struct world *world, struct moves *moves, struct err *err)
{
	const struct keeper_elems elems[] = {
		{ "nodes",
		  { moves->nodes_del, moves->n_nodes_del },
		  { moves->nodes_add, moves->n_nodes_add } },
		{ "class_pod", { moves->del, moves->n_del }, { moves->add, moves->n_add } },
	};
	struct keeper_delta delta = { .sets = elems,
				      .n_sets = ARRAY_SIZE(elems),
				      .routes = { { moves->routes_del, moves->n_del },
						  { moves->routes_add, moves->n_add } } };

	return keeper_change(world->keeper, &delta, err);
}

/* What the keeper remembers is what it would be told. */
static void expect_remembered(struct world *world)
{
	const struct net_desired *kept = keeper_net(world->keeper);
	struct nat_ruleset rs = { 0 };
	struct net_desired net = { 0 };

	assert_int_equal(describe(&rs, &net, world, NULL), 0);
	assert_true(nat_ruleset_equal(&rs, keeper_ruleset(world->keeper)));
	assert_int_equal(net.routes.n, kept->routes.n);
	for (size_t i = 0; i < net.routes.n; i++)
		assert_int_equal(rt_route_compare(&net.routes.v[i], &kept->routes.v[i]), 0);
	assert_int_equal(keeper_stats(world->keeper).routes, net.routes.n);
	nat_ruleset_done(&rs);
	net_desired_done(&net);
}

static void expect_rest(struct world *world)
{
	assert_int_equal(keeper_run(world->keeper, KEEPER_PERIODIC, NULL), 0);
	if (world->report.changed)
		fail_msg("a whole run still changed: %s", world->report.summary);
}

static void after_any_change_a_whole_run_finds_nothing_to_do(void **state)
{
	struct world *world = *state;
	unsigned seed = 4789;

	for (int turn = 0; turn < TURNS; turn++) {
		struct moves *moves = calloc(1, sizeof(*moves));
		struct err err = ERR_NULL;

		assert_non_null(moves);
		for (unsigned i = 0; i < PODS; i++) {
			if (rand_r(&seed) % 20 == 0)
				move(world, moves, i, (unsigned)rand_r(&seed) % (NODES + 1));
		}
		if (change(world, moves, &err))
			fail_msg("turn %d: %s", turn, err.text);
		free(moves);
		expect_remembered(world);
		expect_rest(world);
	}
	assert_int_equal(keeper_stats(world->keeper).repairs, 0);
	assert_int_equal(keeper_stats(world->keeper).changes, TURNS);
}

/* The last pod of a node takes the node with it, and the first one brings it. */
static void one_change_is_of_several_sets(void **state)
{
	struct world *world = *state;
	struct moves *moves = calloc(1, sizeof(*moves));
	struct err err = ERR_NULL;

	assert_non_null(moves);
	for (unsigned i = 0; i < PODS; i++) {
		if (i && world->node_of[i])
			world->node_of[i] = 1;
	}
	world->node_of[0] = 2;
	assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, NULL), 0);
	move(world, moves, 0, 3);

	if (change(world, moves, &err))
		fail_msg("%s", err.text);

	assert_int_equal(moves->n_nodes_del, 1);
	assert_int_equal(moves->n_nodes_add, 1);
	expect_remembered(world);
	expect_rest(world);
	free(moves);
}

/* More than the kernel can tell everybody who listens. */
static void a_large_change_is_left_to_a_run(void **state)
{
	struct world *world = *state;
	struct moves *moves = calloc(1, sizeof(*moves));
	struct err err = ERR_NULL;

	assert_non_null(moves);
	for (unsigned i = 0; i < PODS; i++)
		move(world, moves, i, 2);

	assert_int_equal(change(world, moves, &err), 1);

	assert_true(keeper_is_due(world->keeper));
	assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, NULL), 0);
	assert_false(keeper_is_due(world->keeper));
	expect_rest(world);
	free(moves);
}

/* While the run that mends it is due, changes wait for it: it mends all. */
static void somebody_else_s_change_is_put_right_with_ours(void **state)
{
	struct world *world = *state;
	struct moves *moves = calloc(1, sizeof(*moves));
	struct err err = ERR_NULL;

	assert_non_null(moves);
	nft("flush map ip " TABLE " class_pod");
	keeper_poke(world->keeper, KEEPER_FOREIGN);
	move(world, moves, 1, 2);

	assert_int_equal(change(world, moves, &err), 1);

	assert_int_equal(keeper_run(world->keeper, KEEPER_FOREIGN, NULL), 0);
	assert_true(world->report.changed);
	expect_rest(world);
	free(moves);
}

/* Somebody took away what we are about to take away: no harm, a run follows, and it is no repair. */
static void a_change_that_the_kernel_refuses_is_made_by_a_run(void **state)
{
	struct world *world = *state;
	struct moves moves = { 0 };
	struct err err = ERR_NULL;

	nft("delete element ip " TABLE " class_pod { 0x00000001 . 10.0.1.0 }");
	move(world, &moves, 0, 0);
	move(world, &moves, 1, 2);

	assert_int_equal(change(world, &moves, &err), 1);

	assert_non_null(strstr(err.text, "class_pod"));
	assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, NULL), 0);
	assert_true(world->report.changed);
	assert_false(world->report.repaired);
	expect_rest(world);
}

static void what_was_never_wanted_can_not_go(void **state)
{
	struct world *world = *state;
	struct moves moves = { .n_del = 1 };
	struct err err = ERR_NULL;

	moves.del[0] = elem_of(1, 1);
	moves.routes_del[0] = route_of(1, 1);

	assert_int_equal(change(world, &moves, &err), 1);

	assert_non_null(strstr(err.text, "No such file"));
	expect_rest(world);
}

/* The owner's next description declares a larger one. */
static void a_full_set_is_left_to_a_run(void **state)
{
	struct world *world = *state;
	struct moves moves = { 0 };
	struct err err = ERR_NULL;

	nft("delete table ip " TABLE);
	world->capacity = PODS / 2;
	assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, NULL), 0);
	move(world, &moves, 1, 1);
	world->capacity = CAPACITY;

	assert_int_equal(change(world, &moves, &err), 1);

	assert_non_null(strstr(err.text, "class_pod"));
	assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, NULL), 0);
	expect_rest(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(after_any_change_a_whole_run_finds_nothing_to_do,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_change_that_the_kernel_refuses_is_made_by_a_run,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_never_wanted_can_not_go, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_full_set_is_left_to_a_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_change_is_of_several_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_change_is_left_to_a_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(somebody_else_s_change_is_put_right_with_ours,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
