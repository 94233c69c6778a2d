// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * From what a table is known to be to what it should be: each case changes a description, and says what that needs. The toy
 * kernel, which has what was described before, takes the steps, and a look at it must then find nothing to do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "nat/between.h"
#include "toy_kernel.h"

enum { PODS = 8, TURNS = 500 };

struct world {
	unsigned class_of[PODS]; /* 0: none */
	unsigned device_of[PODS];
	uint32_t capacity;
	bool other_rule, other_chain, other_counter, other_set, other_comment, other_order;
};

static const struct world usual = { .class_of = { 1, 2, 0, 0, 1 },
				    .device_of = { 0, 1, 2, 3, 4, 5, 6, 7 },
				    .capacity = 64 };

/* Neighbours make one range, as in a node's `selected`. */
static void add_ranges(struct nat_ruleset *rs, const struct world *world)
{
	size_t set = nat_set_add(rs, "ranges", NAT_SET_RANGE, 0);

	for (uint32_t i = 0; i < PODS; i++) {
		uint32_t first = i;

		while (i < PODS && world->class_of[i])
			i++;
		if (i > first)
			nat_elem_add(rs, set, (struct nat_elem){ .first = first, .last = i - 1 });
	}
}

static void add_pods(struct nat_ruleset *rs, const struct world *world)
{
	size_t pods = nat_set_add(rs, "pods", NAT_SET_IF_ADDR, 64);
	size_t map = nat_set_add(rs, "map", NAT_MAP_ADDR_VERDICT, world->capacity);
	char name[16];

	for (uint32_t i = 0; i < PODS; i++) {
		snprintf(name, sizeof(name), "eni%u", world->device_of[i]);
		nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, name), i, i, 0 });
		if (!world->class_of[i])
			continue;
		snprintf(name, sizeof(name), "class%u", world->class_of[i]);
		nat_elem_add(rs, map, (struct nat_elem){ 0, i, i, nat_name(rs, name) });
	}
}

static void add_class(struct nat_ruleset *rs, const struct world *world, uint32_t number)
{
	char name[16];
	size_t chain;

	snprintf(name, sizeof(name), "class%u", number);
	chain = nat_chain_add(rs, name, world->other_comment ? "another" : "");
	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_SET_MARK, 0xff, world->other_rule ? 3 : number, "" }));
}

static void describe(struct nat_ruleset *rs, const struct world *world)
{
	size_t base;

	nat_ruleset_init(rs, "t");
	nat_counter_add(rs, world->other_counter ? "d" : "c");
	add_ranges(rs, world);
	add_pods(rs, world);
	if (world->other_set)
		nat_set_add(rs, "more", NAT_SET_ADDR, 16);
	add_class(rs, world, world->other_order ? 2 : 1);
	add_class(rs, world, world->other_order ? 1 : 2);
	if (world->other_chain)
		nat_chain_add(rs, "class3", "");
	base = nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0);
	nat_rule_add(rs, base, NAT_RULE({ NAT_SADDR_VMAP, .name = "map" }));
	assert_int_equal(nat_ruleset_finish(rs), 0);
}

/* Takes the steps, which must be all that a look would find. Returns how many elements they are; -1: it takes more. */
static int go(struct toy_kernel *toy, const struct world *was, const struct world *is)
{
	struct nat_ruleset before = { 0 }, after = { 0 };
	struct nat_observed seen = { 0 };
	struct nat_plan plan = { 0 }, rest = { 0 };
	int n = -1, rc;

	describe(&before, was);
	describe(&after, is);
	rc = nat_plan_between(&before, &after, &plan);
	if (!rc) {
		n = (int)(plan.elems_added + plan.elems_deleted);
		toy_take(toy, &after, &plan);
		toy_observe(toy, &seen);
		assert_int_equal(nat_plan_compute(&after, &seen, &rest), 0);
		assert_int_equal(rest.n, 0);
	} else {
		assert_int_equal(rc, NAT_PLAN_MORE);
	}
	nat_plan_done(&rest);
	nat_plan_done(&plan);
	nat_observed_done(&seen);
	nat_ruleset_done(&before);
	nat_ruleset_done(&after);
	return n;
}

static void load(struct toy_kernel *toy, const struct world *world)
{
	struct nat_ruleset rs = { 0 };

	*toy = (struct toy_kernel){ 0 };
	describe(&rs, world);
	toy_load(toy, &rs);
	nat_ruleset_done(&rs);
}

static void same(struct world *w)
{
	(void)w;
}

static void comes(struct world *w)
{
	w->class_of[6] = 1;
}

static void comes_beside_another(struct world *w)
{
	w->class_of[2] = 2;
}

static void goes(struct world *w)
{
	w->class_of[4] = 0;
}

static void last_of_its_class_goes(struct world *w)
{
	w->class_of[1] = 0;
}

static void changes_class(struct world *w)
{
	w->class_of[4] = 2;
}

static void changes_device(struct world *w)
{
	w->device_of[0] = 9;
}

static void swap(struct world *w)
{
	w->device_of[0] = 1;
	w->device_of[1] = 0;
	w->class_of[0] = 2;
	w->class_of[1] = 1;
}

static void turns_round(struct world *w)
{
	w->other_order = true;
	w->class_of[4] = 0;
}

static void grows(struct world *w)
{
	w->capacity = 1024;
}

static void rule(struct world *w)
{
	w->other_rule = true;
}

static void chain(struct world *w)
{
	w->other_chain = true;
}

static void comment(struct world *w)
{
	w->other_comment = true;
}

static void counter(struct world *w)
{
	w->other_counter = true;
}

static void set(struct world *w)
{
	w->other_set = true;
}

static const struct {
	const char *name;
	void (*change)(struct world *w);
	int n; /* elements; -1: more than elements */
} cases[] = {
	{ "the same", same, 0 },
	{ "a pod comes: the map and a range", comes, 2 },
	{ "beside another one: its range is another one", comes_beside_another, 3 },
	{ "a pod goes", goes, 2 },
	{ "the last of its class goes, the chain stays", last_of_its_class_goes, 3 },
	{ "another class, the same range", changes_class, 2 },
	{ "another device", changes_device, 2 },
	{ "two take each other's places", swap, 8 },
	{ "a pod goes, and the chains are described in another order", turns_round, 2 },
	{ "a larger set", grows, -1 },
	{ "another rule", rule, -1 },
	{ "another chain", chain, -1 },
	{ "a chain of another comment", comment, -1 },
	{ "another counter", counter, -1 },
	{ "another set", set, -1 },
};

static void only_elements_come_and_go(void **state)
{
	struct toy_kernel *toy = calloc(1, sizeof(*toy));

	(void)state;
	assert_non_null(toy);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world is = usual;
		int n;

		load(toy, &usual);
		cases[i].change(&is);
		n = go(toy, &usual, &is);
		if (n != cases[i].n)
			fail_msg("%s: %d elements, not %d", cases[i].name, n, cases[i].n);
	}
	free(toy);
}

static void after_any_sequence_a_look_finds_nothing_to_do(void **state)
{
	struct toy_kernel *toy = calloc(1, sizeof(*toy));
	struct world was = usual;
	unsigned seed = 4789;

	(void)state;
	assert_non_null(toy);
	load(toy, &was);
	for (int turn = 0; turn < TURNS; turn++) {
		struct world is = was;

		for (unsigned i = 0; i < PODS; i++) {
			if (rand_r(&seed) % 4 == 0)
				is.class_of[i] = (unsigned)rand_r(&seed) % 3;
			if (rand_r(&seed) % 8 == 0)
				is.device_of[i] = (unsigned)rand_r(&seed) % (2 * PODS);
		}
		assert_in_range(go(toy, &was, &is), 0, 5 * PODS);
		was = is;
	}
	free(toy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_elements_come_and_go),
		cmocka_unit_test(after_any_sequence_a_look_finds_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
