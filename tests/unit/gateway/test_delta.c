// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pods come, go, move and change: what is told of them makes of one description the next one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "desired_fixture.h"
#include "gateway/table/blocks.h"
#include "gateway/table/delta.h"
#include "gateway/table/places.h"
#include "gateway/table/sources.h"
#include "nat/delta.h"
#include "policy/facts.h"
#include "policy/inventory.h"

enum { PODS = 40, TURNS = 600, NODES = 5, BLOCKS = 8 };

/* node3 lies in an excluded range, node4 isn't known to the gateway. */
static const char *const nodes[NODES + 1] = { "node0", "node1", "node2", "node3", "node4", "" };
/* "mail" is spread over two, "away" is for somebody else's egress IP. */
static const char *const labels[] = { "bank", "mail", "away", "none" };

static const char text[] =
	"{\"gateway\": {\"name\": \"gw-a\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	"\"always_excluded\": [\"10.9.0.0/16\"],"
	"\"native\": {\"source_cidrs\": [\"10.8.0.0/24\"]},"
	"\"egress_ips\": ["
	"{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"{\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	"\"nodes\": [], \"policies\": []}";

struct world {
	struct fixture f;
	struct inventory *inventory;
	struct blocks *blocks; /* NULL: nobody has ports of his own */
	struct mono now;
	unsigned seed;
};

static struct ip4 node_address(const char *name, void *data)
{
	(void)data;
	for (uint32_t i = 0; i < NODES - 1; i++) {
		if (strcmp(name, nodes[i]) == 0)
			return (struct ip4){ (i == 3 ? 0x0a090000 : 0x0a000b00) + i };
	}
	return (struct ip4){ 0 };
}

static void add_policy(struct inventory *inventory, const char *name, const char *const *egress,
		       size_t n_egress)
{
	static const struct ip4_prefix all = { .len = 0 };
	const struct label_text label = { "egress", name };
	const struct selector_text pods = { .labels = &label, .n_labels = 1 };
	const struct inventory_selector selector = { .pods = &pods };
	const struct inventory_policy policy = { .name = name,
						 .uid = name,
						 .selectors = &selector,
						 .n_selectors = 1,
						 .destinations = &all,
						 .n_destinations = 1,
						 .gateway = "ours",
						 .egress_ips = egress,
						 .n_egress_ips = n_egress };
	struct err err = ERR_NULL;

	if (inventory_policy_set(inventory, &policy, &err))
		fail_msg("%s", err.text);
}

static unsigned below(struct world *world, unsigned n)
{
	return (unsigned)rand_r(&world->seed) / 7 % n;
}

static void set_pod(struct world *world, unsigned i, const char *node, const char *label)
{
	const struct label_text egress = { "egress", label };
	struct ip4 address = { 0x0a000100 + i };
	char name[16];
	const struct inventory_pod pod = { .namespace = "default",
					   .name = name,
					   .uid = name,
					   .node = node,
					   .labels = &egress,
					   .n_labels = 1,
					   .addresses = &address,
					   .n_addresses = 1,
					   .phase = INVENTORY_RUNNING };
	struct err err = ERR_NULL;

	snprintf(name, sizeof(name), "p%u", i);
	if (inventory_pod_set(world->inventory, &pod, &err))
		fail_msg("%s", err.text);
}

static void remove_pod(struct world *world, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "p%u", i);
	inventory_pod_remove(world->inventory, "default", name, name);
}

/* As world.c lists them. */
static void list_nodes(struct world *world, struct config_list *ret)
{
	struct place places[PODS];
	struct inventory_address at;
	size_t cursor = 0, n = 0;

	while (inventory_next_address(world->inventory, &cursor, &at)) {
		struct ip4 node = node_address(at.node, NULL);

		if (node.v && moves_is_ours(inventory_class_of(world->inventory, at.address)))
			places[n++] = (struct place){ node, at.address, at.node };
	}
	assert_int_equal(places_list(ret, places, n), 0);
}

static void describe(struct world *world, struct nat_ruleset *table, struct net_desired *routing)
{
	assert_int_equal(gateway_describe_table(&world->f.view, table), 0);
	assert_int_equal(gateway_describe_routing(&world->f.view, routing), 0);
}

static int set_up(void **state)
{
	static const char *const bank[] = { "bank" }, *const mail[] = { "bank", "mail" },
				 *const away[] = { "theirs" };
	static const struct inventory_egress egress[] = { { "ours", "bank" }, { "ours", "mail" } };
	struct world *world = calloc(1, sizeof(*world));
	const struct inventory_namespace space = { .name = "default", .uid = "default" };
	const struct policy_result *result;

	assert_non_null(world);
	fixture_init_with(&world->f, text);
	nat_ruleset_done(&world->f.table);
	net_desired_done(&world->f.routing);
	world->seed = 4789;
	world->inventory = inventory_new();
	assert_non_null(world->inventory);
	assert_int_equal(inventory_egress_set(world->inventory, egress, 2, NULL), 0);
	assert_int_equal(inventory_namespace_set(world->inventory, &space, NULL), 0);
	add_policy(world->inventory, "bank", bank, 1);
	add_policy(world->inventory, "mail", mail, 2);
	add_policy(world->inventory, "away", away, 1);
	/* All classes are there from the beginning. */
	for (unsigned i = 0; i < PODS; i++)
		set_pod(world, i, nodes[i % 3], labels[i % 4]);
	assert_int_equal(inventory_compile(world->inventory, &result, NULL), 0);
	world->f.view.policies = result;
	world->f.view.inventory = world->inventory;
	list_nodes(world, &world->f.config.nodes);
	describe(world, &world->f.table, &world->f.routing);
	*state = world;
	return 0;
}

static bool leads_to(const struct policy_class *class, unsigned egress)
{
	for (size_t i = 0; class && i < class->n_rules; i++) {
		if (class->rules[i].egress == egress)
			return true;
	}
	return false;
}

/* As agent_blocks.c has it: what a pod may use no more is given back, and then it gets what it may use. */
static void move_blocks(struct world *world, const struct moves *moves)
{
	const struct policy_result *policies = world->f.view.policies;

	for (size_t i = 0; i < moves->n; i++) {
		const struct move *one = &moves->v[i];
		const struct policy_class *class =
			one->node.v ? policy_class_find(policies, one->class) : NULL;

		for (unsigned egress = 0; egress < 2; egress++) {
			if (leads_to(class, egress))
				blocks_want(world->blocks, one->pod, egress, world->now);
			else
				blocks_drop(world->blocks, one->pod, egress, world->now);
		}
	}
}

static void want_part(const struct source_part *part, void *data)
{
	struct world *world = data;
	const struct policy_class *class = &world->f.view.policies->classes[part->class_index];

	for (uint64_t address = part->range.first; address <= part->range.last; address++) {
		for (unsigned egress = 0; egress < 2; egress++) {
			if (leads_to(class, egress))
				blocks_want(world->blocks, (struct ip4){ (uint32_t)address },
					    egress, world->now);
		}
	}
}

/* Fewer than there are pods. */
static int set_up_blocks(void **state)
{
	struct world *world;

	set_up(state);
	world = *state;
	world->now = (struct mono){ 5000000000 };
	world->f.config.limits = (struct gateway_limits){ .first_port = 20000,
							  .last_port = 20000 + 16 * BLOCKS + 15,
							  .ports_per_pod = 16,
							  .shared_ports = 16 };
	world->blocks = blocks_new(7);
	assert_non_null(world->blocks);
	assert_int_equal(blocks_configure(world->blocks, &world->f.config), 0);
	world->f.view.blocks = world->blocks;
	sources_each(&world->f.view, want_part, world);
	nat_ruleset_done(&world->f.table);
	net_desired_done(&world->f.routing);
	world->f.table = (struct nat_ruleset){ 0 };
	world->f.routing = (struct net_desired){ 0 };
	describe(world, &world->f.table, &world->f.routing);
	blocks_told(world->blocks, NULL, NULL);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	blocks_free(world->blocks);
	inventory_free(world->inventory);
	fixture_done(&world->f);
	free(world);
	return 0;
}

static int move(struct world *world, struct moves *ret)
{
	const struct moves_options options = { .config = &world->f.config,
					       .policies = world->f.view.policies,
					       .node_address = node_address };
	struct inventory_changes changes;

	assert_int_equal(inventory_take(world->inventory, &changes), 0);
	return moves_make(&options, &changes, ret);
}

/* As the keeper takes it: routes that come, elements, routes that go. */
static void apply(struct world *world, const struct moves *moves)
{
	struct net_delta routes = { .add = { NULL, 0 } };
	struct gateway_delta delta;

	if (world->blocks)
		move_blocks(world, moves);
	assert_int_equal(gateway_delta_make(&world->f.view, moves, &delta), 0);
	routes.add = delta.delta.routes.add;
	assert_int_equal(net_desired_change(&world->f.routing, &routes), 0);
	for (size_t i = 0; i < delta.delta.n_sets; i++) {
		const struct keeper_elems *elems = &delta.delta.sets[i];
		const struct nat_change change = { .set = nat_set_find(&world->f.table, elems->set),
						   .del = elems->del,
						   .add = elems->add };

		assert_int_equal(nat_ruleset_change(&world->f.table, &change), 0);
	}
	routes = (struct net_delta){ .del = delta.delta.routes.del };
	assert_int_equal(net_desired_change(&world->f.routing, &routes), 0);
	gateway_delta_done(&delta);
	if (world->blocks)
		blocks_told(world->blocks, NULL, NULL);
}

static void expect_described(struct world *world)
{
	struct nat_ruleset table = { 0 };
	struct net_desired routing = { 0 };

	describe(world, &table, &routing);
	assert_true(nat_ruleset_equal(&table, &world->f.table));
	assert_int_equal(routing.routes.n, world->f.routing.routes.n);
	for (size_t i = 0; i < routing.routes.n; i++)
		assert_int_equal(
			rt_route_compare(&routing.routes.v[i], &world->f.routing.routes.v[i]), 0);
	nat_ruleset_done(&table);
	net_desired_done(&routing);
}

/* What is kept up to date is what the inventory would be listed as. */
static void expect_listed(struct world *world)
{
	struct config_list kept = world->f.config.nodes, fresh = { 0 };

	list_nodes(world, &fresh);
	assert_int_equal(kept.n, fresh.n);
	for (size_t i = 0; i < fresh.n; i++) {
		const struct gateway_node *a = &((struct gateway_node *)kept.v)[i];
		const struct gateway_node *b = &((struct gateway_node *)fresh.v)[i];

		assert_int_equal(a->address.v, b->address.v);
		assert_string_equal(a->name, b->name);
		assert_int_equal(a->pod_cidrs.n, b->pod_cidrs.n);
		for (size_t k = 0; k < a->pod_cidrs.n; k++)
			assert_int_equal(a->pod_cidrs.v[k].addr.v, b->pod_cidrs.v[k].addr.v);
	}
	assert_int_equal(places_list(&fresh, NULL, 0), 0);
	free(fresh.v);
}

static void any_change_makes_what_would_be_described(void **state)
{
	struct world *world = *state;

	for (int turn = 0; turn < TURNS; turn++) {
		struct moves moves;

		/* Seldom many, so that nodes get empty, too. */
		for (unsigned n = 1 + below(world, below(world, 8) ? 3 : PODS); n > 0; n--) {
			unsigned i = below(world, PODS);

			if (below(world, 3) == 0)
				remove_pod(world, i);
			else
				set_pod(world, i, nodes[below(world, NODES + 1)],
					labels[below(world, ARRAY_SIZE(labels))]);
		}
		world->now = mono_add_ms(world->now, BLOCKS_REST_MS / 20);
		assert_int_equal(move(world, &moves), 0);
		apply(world, &moves);
		moves_done(&moves);
		expect_described(world);
		expect_listed(world);
	}
}

/* A node's last pod gives its place to another one: the node stays. */
static void a_node_that_keeps_a_pod_is_not_touched(void **state)
{
	struct world *world = *state;
	struct moves moves;

	for (unsigned i = 0; i < PODS; i++)
		remove_pod(world, i);
	set_pod(world, 0, "node0", "bank");
	assert_int_equal(move(world, &moves), 0);
	apply(world, &moves);
	moves_done(&moves);
	set_pod(world, 1, "node0", "bank");
	remove_pod(world, 0);

	assert_int_equal(move(world, &moves), 0);

	assert_int_equal(moves.n, 2);
	assert_int_equal(moves.n_new, 0);
	assert_int_equal(moves.n_gone, 0);
	apply(world, &moves);
	moves_done(&moves);
	expect_described(world);
}

static size_t ports_in(const struct world *world, uint32_t pod)
{
	const struct nat_set *map = nat_set_find(&world->f.table, GATEWAY_BLOCK_SET);
	size_t n = 0;

	for (size_t i = 0; i < map->n; i++)
		n += map->v[i].first == 0x0a000100 + pod;
	return n;
}

static void follow(struct world *world)
{
	struct moves moves;

	assert_int_equal(move(world, &moves), 0);
	apply(world, &moves);
	moves_done(&moves);
}

/* In the same change as its class, so that its first packet finds them. */
static void a_pod_comes_with_its_ports_and_goes_with_them(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < PODS; i++)
		remove_pod(world, i);
	follow(world);
	assert_int_equal(nat_set_find(&world->f.table, GATEWAY_BLOCK_SET)->n, 0);
	world->now = mono_add_ms(world->now, BLOCKS_REST_MS);

	set_pod(world, 3, "node1", "bank");
	follow(world);
	assert_int_equal(ports_in(world, 3), 1);
	expect_described(world);

	/* Of another node it has the same; of a policy that isn't for this gateway none. */
	set_pod(world, 3, "node2", "bank");
	follow(world);
	assert_int_equal(ports_in(world, 3), 1);
	set_pod(world, 3, "node2", "away");
	follow(world);
	assert_int_equal(ports_in(world, 3), 0);
	expect_described(world);
}

static void what_does_not_fit_is_left_to_a_whole_computation(void **state)
{
	struct world *world = *state;
	struct moves moves;

	remove_pod(world, 0);
	assert_int_equal(places_drop(&world->f.config.nodes,
				     &(struct place){ .node = node_address("node0", NULL),
						      .pod = { 0x0a000100 } }),
			 0);
	assert_int_equal(move(world, &moves), -EAGAIN);
}

static void native_sources_are_left_to_a_whole_computation(void **state)
{
	struct world *world = *state;
	struct moves moves;

	set_pod(world, 0x0a080007 - 0x0a000100, "node0", "bank");
	assert_int_equal(move(world, &moves), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_change_makes_what_would_be_described, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(any_change_makes_what_would_be_described,
						set_up_blocks, tear_down),
		cmocka_unit_test_setup_teardown(a_pod_comes_with_its_ports_and_goes_with_them,
						set_up_blocks, tear_down),
		cmocka_unit_test_setup_teardown(a_node_that_keeps_a_pod_is_not_touched, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_does_not_fit_is_left_to_a_whole_computation,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(native_sources_are_left_to_a_whole_computation,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
