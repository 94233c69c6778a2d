// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Each case spoils what a first load made, and says which steps bring it back. The toy kernel takes them one
 * by one, and must then look as desired: a second plan is empty.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "nat/plan.h"
#include "toy_kernel.h"

enum { TEXT_MAX = 1024 };

static void describe(struct nat_ruleset *rs)
{
	size_t ranges, pods, map, a, b, pre, post;

	nat_ruleset_init(rs, "t");
	nat_counter_add(rs, "c1");
	nat_counter_add(rs, "c2");
	ranges = nat_set_add(rs, "ranges", NAT_SET_RANGE, 0);
	pods = nat_set_add(rs, "pods", NAT_SET_IF_ADDR, 64);
	map = nat_set_add(rs, "map", NAT_MAP_ADDR_VERDICT, 64);
	nat_elem_add(rs, ranges, (struct nat_elem){ .first = 10, .last = 19 });
	nat_elem_add(rs, ranges, (struct nat_elem){ .first = 20, .last = 29 });
	nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, "eni1"), 1, 1, 0 });
	nat_elem_add(rs, pods, (struct nat_elem){ nat_name(rs, "eni2"), 2, 2, 0 });
	nat_elem_add(rs, map, (struct nat_elem){ 0, 1, 1, nat_name(rs, "a") });
	nat_elem_add(rs, map, (struct nat_elem){ 0, 2, 2, nat_name(rs, "b") });
	a = nat_chain_add(rs, "a", "class a");
	b = nat_chain_add(rs, "b", "");
	nat_rule_add(rs, a, NAT_RULE({ NAT_COUNT, .name = "c1" }, { NAT_GOTO, .name = "b" }));
	nat_rule_add(rs, b, NAT_RULE({ NAT_DADDR_IN, .name = "ranges" }, { NAT_RETURN }));
	nat_rule_add(rs, b, NAT_RULE({ NAT_SET_MARK, 0x107f, 0x1001, "" }));
	pre = nat_base_chain_add(rs, "pre", NAT_HOOK_PREROUTING, -80, 0);
	nat_rule_add(rs, pre, NAT_RULE({ NAT_IIF_SADDR_NOT_IN, .name = "pods" }, { NAT_DROP }));
	nat_rule_add(rs, pre, NAT_RULE({ NAT_SADDR_VMAP, .name = "map" }));
	post = nat_base_chain_add(rs, "post", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT);
	nat_rule_add(rs, post, NAT_RULE({ NAT_OIF, .name = "egw0" }, { NAT_SNAT_SADDR }));
	assert_int_equal(nat_ruleset_finish(rs), 0);
}

static const char *const step_words[] = {
	[NAT_STEP_TABLE_DEL] = "-table",     [NAT_STEP_TABLE_ADD] = "+table",
	[NAT_STEP_COUNTER_ADD] = "+counter", [NAT_STEP_SET_ADD] = "+set",
	[NAT_STEP_CHAIN_ADD] = "+chain",     [NAT_STEP_CHAIN_FLUSH] = "flush",
	[NAT_STEP_ELEMS_DEL] = "-elems",     [NAT_STEP_ELEMS_ADD] = "+elems",
	[NAT_STEP_RULE_ADD] = "+rule",       [NAT_STEP_CHAIN_DEL] = "-chain",
	[NAT_STEP_SET_DEL] = "-set",         [NAT_STEP_COUNTER_DEL] = "-counter",
};
static_assert(ARRAY_SIZE(step_words) == NAT_STEP_KIND_COUNT, "a word for each kind");

static const char *plan_text(const struct nat_plan *plan, char text[static TEXT_MAX])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < plan->n && used < TEXT_MAX; i++) {
		const struct nat_step *step = &plan->v[i];
		char more[32] = "";

		if (step->kind == NAT_STEP_RULE_ADD)
			snprintf(more, sizeof(more), "#%zu", step->rule);
		if (step->kind == NAT_STEP_ELEMS_ADD || step->kind == NAT_STEP_ELEMS_DEL)
			snprintf(more, sizeof(more), "*%zu", step->n_elems);
		if (step->packets || step->bytes)
			snprintf(more, sizeof(more), "=%d/%d", (int)step->packets,
				 (int)step->bytes);
		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s %s%s",
					 used ? ", " : "", step_words[step->kind], step->name,
					 more);
	}
	return text;
}

#define FIRST_LOAD                                                                                \
	"+table t, +counter c1, +counter c2, +set ranges, +set pods, +set map, +chain a, "        \
	"+chain b, +chain pre, +chain post, +elems ranges*2, +elems pods*2, +elems map*2, +rule " \
	"a#0, +rule b#0, +rule b#1, +rule pre#0, +rule pre#1, +rule post#0"
#define ANEW(counters)                                                                          \
	"-table t, +table t, " counters ", +set ranges, +set pods, +set map, +chain a, +chain " \
	"b, +chain pre, +chain post, +elems ranges*2, +elems pods*2, +elems map*2, +rule a#0, " \
	"+rule b#0, +rule b#1, +rule pre#0, +rule pre#1, +rule post#0"

static void nothing(struct toy_kernel *toy)
{
	(void)toy;
}

static void no_table(struct toy_kernel *toy)
{
	*toy = (struct toy_kernel){ 0 };
}

static void empty_table(struct toy_kernel *toy)
{
	*toy = (struct toy_kernel){ .has_table = true };
}

static void counter_gone(struct toy_kernel *toy)
{
	toy_chain_find(toy, "a")->n = 0;
	toy->counters[0] = toy->counters[--toy->n_counters];
}

static void foreign_counter(struct toy_kernel *toy)
{
	struct nat_op count = { .kind = NAT_COUNT, .name = "foreign" };

	snprintf(toy->counters[toy->n_counters++].name, NAT_NAME_MAX, "foreign");
	toy_chain_find(toy, "b")->rules[0].ops[0] = count;
}

static void rule_gone(struct toy_kernel *toy)
{
	struct toy_chain *b = toy_chain_find(toy, "b");

	b->n -= b->n > 0;
}

static void rules_gone(struct toy_kernel *toy)
{
	toy_chain_find(toy, "b")->n = 0;
}

static void rule_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "b")->rules[1].ops[0].value = 0x1002;
}

static void rules_swapped(struct toy_kernel *toy)
{
	struct toy_chain *b = toy_chain_find(toy, "b");
	struct nat_rule first = b->rules[0];

	b->rules[0] = b->rules[1];
	b->rules[1] = first;
}

static void set_emptied(struct toy_kernel *toy)
{
	toy_set_find(toy, "ranges")->n = 0;
}

static void range_changed(struct toy_kernel *toy)
{
	struct toy_set *ranges = toy_set_find(toy, "ranges");

	ranges->elems[0].last = ranges->elems[0].first + 5;
}

static void verdict_changed(struct toy_kernel *toy)
{
	snprintf(toy_set_find(toy, "map")->elems[0].chain, NAT_NAME_MAX, "b");
}

static void foreign_device(struct toy_kernel *toy)
{
	snprintf(toy_set_find(toy, "pods")->elems[0].device, NAT_NAME_MAX, "foreign0");
}

static void foreign_elem(struct toy_kernel *toy)
{
	struct toy_set *map = toy_set_find(toy, "map");
	struct toy_elem elem = { .first = 9, .last = 9 };

	snprintf(elem.chain, sizeof(elem.chain), "a");
	map->elems[map->n++] = elem;
}

/* A chain that rules of ours and an element of ours lead to, and that leads back. */
static void foreign_chain(struct toy_kernel *toy)
{
	struct toy_chain *c = &toy->chains[toy->n_chains++];

	*c = (struct toy_chain){ .def = { .name = "foreign", .hook = NAT_HOOK_NONE } };
	c->rules[c->n++] = NAT_RULE({ NAT_JUMP, .name = "a" });
	toy_chain_find(toy, "b")->rules[1] = NAT_RULE({ NAT_JUMP, .name = "foreign" });
	snprintf(toy_set_find(toy, "map")->elems[0].chain, NAT_NAME_MAX, "foreign");
}

/* A set that is not desired, whose elements lead to chains that aren't either, used by a rule of ours. */
static void foreign_map(struct toy_kernel *toy)
{
	struct toy_set *map = &toy->sets[toy->n_sets++];

	foreign_chain(toy);
	*map = (struct toy_set){ .kind = NAT_MAP_ADDR_VERDICT, .name = "foreign_map", .n = 1 };
	snprintf(map->elems[0].chain, NAT_NAME_MAX, "foreign");
	toy_chain_find(toy, "pre")->rules[1].ops[0] =
		(struct nat_op){ .kind = NAT_SADDR_VMAP, .name = "foreign_map" };
}

static void chain_gone(struct toy_kernel *toy)
{
	struct toy_set *map = toy_set_find(toy, "map");
	struct toy_chain *a = toy_chain_find(toy, "a");

	map->elems[0] = map->elems[--map->n];
	*a = toy->chains[--toy->n_chains];
}

static void set_gone(struct toy_kernel *toy)
{
	toy_chain_find(toy, "pre")->n = 1;
	toy->n_sets--;
}

static void policy_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "pre")->def.policy_drop = true;
	toy->counters[0].packets = 7;
	toy->counters[0].bytes = 700;
}

static void priority_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "pre")->def.priority = -90;
}

static void hook_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "pre")->def.hook = NAT_HOOK_FORWARD;
}

static void type_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "post")->def.nat = false;
}

static void comment_changed(struct toy_kernel *toy)
{
	toy_chain_find(toy, "a")->def.comment[0] = 'C';
}

static void hook_added(struct toy_kernel *toy)
{
	toy_chain_find(toy, "a")->def.hook = NAT_HOOK_INPUT;
}

static void kind_changed(struct toy_kernel *toy)
{
	toy_set_find(toy, "ranges")->kind = NAT_SET_ADDR;
	toy_set_find(toy, "ranges")->n = 0;
}

static void size_that_is_too_small(struct toy_kernel *toy)
{
	toy_set_find(toy, "map")->size = 2;
}

static void size_that_fits(struct toy_kernel *toy)
{
	toy_set_find(toy, "map")->size = 65;
}

static void odd_table(struct toy_kernel *toy)
{
	toy->odd = true;
	toy->counters[1].packets = 1;
	toy->counters[1].bytes = 60;
	snprintf(toy->counters[toy->n_counters++].name, NAT_NAME_MAX, "foreign2");
}

static const struct plan_case {
	void (*spoil)(struct toy_kernel *toy);
	const char *steps, *summary;
} cases[] = {
	{ nothing, "", "" },
	{ no_table, FIRST_LOAD, "the table" },
	{ empty_table, &FIRST_LOAD[sizeof("+table t, ") - 1],
	  "2 counters, 3 sets, 4 chains, 6 rules, 6 elements" },
	{ counter_gone, "+counter c1, +rule a#0", "1 counter, 1 rule" },
	{ foreign_counter, "flush b, +rule b#0, +rule b#1, -counter foreign",
	  "1 counter, 2 rules" },
	{ rule_gone, "flush b, +rule b#0, +rule b#1", "2 rules" },
	{ rules_gone, "+rule b#0, +rule b#1", "2 rules" },
	{ rule_changed, "flush b, +rule b#0, +rule b#1", "2 rules" },
	{ rules_swapped, "flush b, +rule b#0, +rule b#1", "2 rules" },
	{ set_emptied, "+elems ranges*2", "2 elements" },
	{ range_changed, "-elems ranges*1, +elems ranges*1", "2 elements" },
	{ verdict_changed, "-elems map*1, +elems map*1", "2 elements" },
	{ foreign_device, "-elems pods*1, +elems pods*1", "2 elements" },
	{ foreign_elem, "-elems map*1", "1 element" },
	{ foreign_chain,
	  "flush b, flush foreign, -elems map*1, +elems map*1, +rule b#0, +rule b#1, -chain foreign",
	  "1 chain, 2 rules, 2 elements" },
	{ foreign_map,
	  "flush b, flush pre, flush foreign, -elems map*1, -elems foreign_map*1, +elems map*1, "
	  "+rule b#0, +rule b#1, +rule pre#0, +rule pre#1, -chain foreign, -set foreign_map",
	  "1 set, 1 chain, 4 rules, 3 elements" },
	{ chain_gone, "+chain a, +elems map*1, +rule a#0", "1 chain, 1 rule, 1 element" },
	{ set_gone, "+set map, flush pre, +elems map*2, +rule pre#0, +rule pre#1",
	  "1 set, 2 rules, 2 elements" },
	{ policy_changed, ANEW("+counter c1=7/700, +counter c2"), "the table anew" },
	{ priority_changed, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ hook_changed, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ type_changed, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ comment_changed, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ hook_added, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ kind_changed, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ size_that_is_too_small, ANEW("+counter c1, +counter c2"), "the table anew" },
	{ size_that_fits, "", "" },
	{ odd_table, ANEW("+counter c1, +counter c2=1/60"), "the table anew" },
};

static void assert_is_desired(const struct toy_kernel *toy, const struct nat_ruleset *desired)
{
	struct nat_observed seen;
	struct nat_plan plan;
	char text[TEXT_MAX];

	toy_observe(toy, &seen);
	assert_int_equal(nat_plan_compute(desired, &seen, &plan), 0);
	assert_string_equal(plan_text(&plan, text), "");
	nat_observed_done(&seen);
	nat_plan_done(&plan);
}

static void run_case(const struct plan_case *c, const struct nat_ruleset *desired)
{
	static struct toy_kernel toy;
	char text[TEXT_MAX], summary[NAT_PLAN_TEXT_MAX];
	struct nat_observed seen;
	struct nat_plan plan;

	toy_load(&toy, desired);
	c->spoil(&toy);
	toy_observe(&toy, &seen);

	assert_int_equal(nat_plan_compute(desired, &seen, &plan), 0);

	assert_string_equal(plan_text(&plan, text), c->steps);
	assert_string_equal(nat_plan_summary(&plan, summary), c->summary);
	toy_take(&toy, desired, &plan);
	assert_is_desired(&toy, desired);
	nat_observed_done(&seen);
	nat_plan_done(&plan);
}

static void what_others_spoil_comes_back_in_a_safe_order(void **state)
{
	struct nat_ruleset desired;

	(void)state;
	describe(&desired);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case %zu\n", i);
		run_case(&cases[i], &desired);
	}
	nat_ruleset_done(&desired);
}

/* From any spoilt state to any other: pairs find orders that single faults don't. */
static void two_faults_at_once_come_back_too(void **state)
{
	static struct toy_kernel toy;
	struct nat_ruleset desired;

	(void)state;
	describe(&desired);
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(cases); i++) {
		void (*first)(struct toy_kernel *) = cases[i / ARRAY_SIZE(cases)].spoil;
		void (*second)(struct toy_kernel *) = cases[i % ARRAY_SIZE(cases)].spoil;
		struct nat_observed seen;
		struct nat_plan plan;

		/* These take away what most others would spoil. */
		if (first == no_table || first == empty_table || first == second ||
		    first == chain_gone || first == set_gone || first == set_emptied ||
		    first == kind_changed || (first == foreign_map && second == foreign_chain) ||
		    (first == foreign_chain && second == foreign_map))
			continue;
		toy_load(&toy, &desired);
		first(&toy);
		second(&toy);
		toy_observe(&toy, &seen);
		assert_int_equal(nat_plan_compute(&desired, &seen, &plan), 0);
		toy_take(&toy, &desired, &plan);
		assert_is_desired(&toy, &desired);
		nat_observed_done(&seen);
		nat_plan_done(&plan);
	}
	nat_ruleset_done(&desired);
}

/* The owner changes his mind: everything of the old ruleset goes, the new one comes. */
static void an_old_ruleset_gives_way_to_a_new_one(void **state)
{
	static struct toy_kernel toy;
	struct nat_ruleset old, new;
	struct nat_observed seen;
	struct nat_plan plan;
	char text[TEXT_MAX];
	size_t map;

	(void)state;
	describe(&old);
	nat_ruleset_init(&new, "t");
	map = nat_set_add(&new, "map2", NAT_MAP_MARK_VERDICT, 0);
	nat_elem_add(&new, map, (struct nat_elem){ 1, 0, 0, nat_name(&new, "z") });
	nat_chain_add(&new, "z", "");
	assert_int_equal(nat_ruleset_finish(&new), 0);
	toy_load(&toy, &old);
	toy_observe(&toy, &seen);

	assert_int_equal(nat_plan_compute(&new, &seen, &plan), 0);

	assert_string_equal(
		plan_text(&plan, text),
		"+set map2, +chain z, flush a, flush b, flush pre, flush post, "
		"-elems ranges*2, -elems pods*2, -elems map*2, +elems map2*1, -chain a, "
		"-chain b, -chain pre, -chain post, -set ranges, -set pods, -set map, "
		"-counter c1, -counter c2");
	toy_take(&toy, &new, &plan);
	assert_is_desired(&toy, &new);
	nat_plan_done(&plan);
	nat_observed_done(&seen);
	nat_ruleset_done(&old);
	nat_ruleset_done(&new);
}

/* Indexes of names differ between desired and observed; elements are compared by what they mean. */
static void names_that_only_the_kernel_has_are_resolved_by_the_plan(void **state)
{
	struct nat_ruleset desired;
	struct nat_observed seen = { .has_table = true };
	struct nat_plan plan;

	(void)state;
	nat_ruleset_init(&desired, "t");
	nat_ruleset_init(&seen.sets, "t");
	nat_set_add(&desired, "pods", NAT_SET_IF_ADDR, 0);
	nat_set_add(&seen.sets, "pods", NAT_SET_IF_ADDR, 0);
	nat_elem_add(&desired, 0, (struct nat_elem){ nat_name(&desired, "eni1"), 1, 1, 0 });
	nat_elem_add(&seen.sets, 0, (struct nat_elem){ nat_name(&seen.sets, "eni7"), 7, 7, 0 });
	nat_elem_add(&seen.sets, 0, (struct nat_elem){ nat_name(&seen.sets, "eni1"), 1, 1, 0 });
	assert_int_equal(nat_ruleset_finish(&desired), 0);

	assert_int_equal(nat_plan_compute(&desired, &seen, &plan), 0);

	assert_int_equal(plan.n, 1);
	assert_int_equal(plan.v[0].kind, NAT_STEP_ELEMS_DEL);
	assert_int_equal(plan.v[0].n_elems, 1);
	assert_string_equal(plan.names.names[plan.v[0].elems[0].key], "eni7");
	assert_string_equal(plan.names.names[0], "eni1");
	assert_int_equal(plan.elems_deleted, 1);
	nat_plan_done(&plan);
	nat_observed_done(&seen);
	nat_ruleset_done(&desired);
}

static void a_flush_alone_is_summarised_too(void **state)
{
	static struct toy_kernel toy;
	struct nat_ruleset desired;
	struct nat_observed seen;
	struct nat_plan plan;
	char summary[NAT_PLAN_TEXT_MAX];

	(void)state;
	nat_ruleset_init(&desired, "t");
	nat_chain_add(&desired, "a", "");
	toy_load(&toy, &desired);
	toy.chains[0].rules[toy.chains[0].n++] = NAT_RULE({ NAT_DROP });
	toy_observe(&toy, &seen);

	assert_int_equal(nat_plan_compute(&desired, &seen, &plan), 0);

	assert_string_equal(nat_plan_summary(&plan, summary), "chains flushed");
	nat_plan_done(&plan);
	nat_observed_done(&seen);
	nat_ruleset_done(&desired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_spoil_comes_back_in_a_safe_order),
		cmocka_unit_test(two_faults_at_once_come_back_too),
		cmocka_unit_test(an_old_ruleset_gives_way_to_a_new_one),
		cmocka_unit_test(names_that_only_the_kernel_has_are_resolved_by_the_plan),
		cmocka_unit_test(a_flush_alone_is_summarised_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
