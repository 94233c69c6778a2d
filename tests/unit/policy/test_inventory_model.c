// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Random histories over few objects. After each step three must agree about all addresses: what was told in
 * changes, what an inventory that knew nothing computes from the same objects in another order, and the rules of
 * inventory.h, written down naively. And: every allocation fails in turn.
 *
 * A failure names its seed; EIPGW_SEED=... runs that history alone.
 */
#include "world.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 150, STEPS = 60 };

static uint64_t seed;

struct told {
	char node[8];
	uint64_t class;
};

static void fail_round(const char *what, uint32_t address)
{
	char ip[IP4_TEXT_MAX];

	fail_msg("EIPGW_SEED=%llu: %s of %s", (unsigned long long)seed, what,
		 ip4_format((struct ip4){ address }, ip));
}

static const char *egress_text(const struct world *w, unsigned index)
{
	static char text[POLICY_NAME_MAX];

	if (index == POLICY_EGRESS_NONE)
		return "none";
	snprintf(text, sizeof(text), "%s/%s", w->egress[index].gateway, w->egress[index].name);
	return text;
}

static void compare_with_rules(const struct world *w, const struct inventory *inv, uint32_t address)
{
	static const uint32_t destinations[] = { 0x09090909, 0x09090109, 0x09010101,
						 0x08080808, 0x01010101, 0x7f000001 };
	const struct policy_class *class = inventory_class_of(inv, (struct ip4){ address });
	bool contested;
	unsigned bits = naive_bits(w, address, &contested);

	if (!bits != !class)
		fail_round("class", address);
	for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
		const struct policy_rule *rule = policy_class_rule(inventory_result(inv), class,
								   (struct ip4){ destinations[i] });
		const struct inventory_policy *p = naive_policy(w, bits, destinations[i]);

		if (!rule != !p)
			fail_round("rule", address);
		if (!rule)
			continue;
		if (strcmp(inventory_result(inv)->names[rule->policy], p->name) != 0)
			fail_round("policy", address);
		if (strcmp(egress_text(w, rule->egress),
			   contested ? "none" : naive_egress(w, p, address)) != 0)
			fail_round("egress IP", address);
	}
}

static void compare_with_scratch(const struct world *w, const struct told *told,
				 const struct policy_result *result)
{
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const struct policy_class *class =
			policy_class_of(result, (struct ip4){ WORLD_BASE + i });
		const struct inventory_pod *owner = naive_owner(w, WORLD_BASE + i);
		const char *node = owner && naive_space(w, owner) ? owner->node : "";

		if (told[i].class != (class ? class->key : 0))
			fail_round("key", WORLD_BASE + i);
		if (strcmp(told[i].node, node) != 0)
			fail_round("node", WORLD_BASE + i);
	}
}

/* Each address that a policy has is counted once, whichever way it was told. */
static void compare_sources(const struct inventory *inv, const struct inventory *fresh)
{
	const struct policy_result *result = inventory_result(fresh);

	for (size_t i = 0; i < result->n_policies; i++) {
		uint64_t n = 0;

		for (size_t k = 0; k < result->n_members; k++) {
			const struct policy_member *member = &result->members[k];
			const struct policy_class *class = &result->classes[member->class_index];

			for (size_t rule = 0; rule < class->n_rules; rule++)
				n += class->rules[rule].policy == i ?
					     member->range.last - member->range.first + 1 :
					     0;
		}
		assert_int_equal(inventory_sources(inv, i), n);
	}
}

static void learn_all(const struct inventory *inv, struct told *told)
{
	struct inventory_address address;
	size_t cursor = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const struct policy_class *class =
			policy_class_of(inventory_result(inv), (struct ip4){ WORLD_BASE + i });

		told[i] = (struct told){ .class = class ? class->key : 0 };
	}
	while (inventory_next_address(inv, &cursor, &address)) {
		struct told *at = &told[address.address.v - WORLD_BASE];

		snprintf(at->node, sizeof(at->node), "%s", address.node);
		if (at->class != address.class)
			fail_round("walked class", address.address.v);
	}
}

/* How often changes were enough goes to *n_taken. */
static int learn(struct inventory *inv, struct told *told, size_t *n_taken)
{
	const struct policy_result *result;
	struct inventory_changes changes;
	int r = inventory_take(inv, &changes);

	if (r == INVENTORY_E_COMPILE) {
		r = inventory_compile(inv, &result, NULL);
		if (r == 0)
			learn_all(inv, told);
		return r;
	}
	for (size_t i = 0; r == 0 && i < changes.n; i++) {
		const struct inventory_delta *d = &changes.v[i];
		struct told *at = &told[d->address.v - WORLD_BASE];

		if (strcmp(at->node, d->old_node) != 0 || at->class != d->old_class)
			fail_round("old state", d->address.v);
		snprintf(at->node, sizeof(at->node), "%s", d->node);
		at->class = d->class;
		if (at->class && !policy_class_find(inventory_result(inv), at->class))
			fail_round("unknown key", d->address.v);
	}
	*n_taken += r == 0;
	return r;
}

/* An inventory that is told everything at once, the last first. */
static struct inventory *scratch(const struct world *w)
{
	struct inventory *inv = inventory_new();
	const struct policy_result *result;

	for (size_t i = SPACES * PODS; i-- > 0;)
		if (w->pods[i].uid)
			assert_int_equal(inventory_pod_set(inv, &w->pods[i], NULL), 0);
	for (size_t i = POLICIES; i-- > 0;)
		if (w->policies[i].uid)
			assert_int_equal(inventory_policy_set(inv, &w->policies[i], NULL), 0);
	for (size_t i = SPACES; i-- > 0;)
		if (w->spaces[i].uid)
			assert_int_equal(inventory_namespace_set(inv, &w->spaces[i], NULL), 0);
	assert_int_equal(inventory_egress_set(inv, w->egress, w->n_egress, NULL), 0);
	assert_int_equal(inventory_compile(inv, &result, NULL), 0);
	return inv;
}

static bool same_status(const struct inventory_status *a, const struct inventory_status *b)
{
	bool same = a->n_pods == b->n_pods && a->n_problems == b->n_problems;

	for (size_t i = 0; same && i < a->n_problems; i++)
		same = a->problems[i].reason == b->problems[i].reason &&
		       a->problems[i].n == b->problems[i].n &&
		       !strcmp(a->problems[i].text, b->problems[i].text);
	return same;
}

static void compare(const struct world *w, const struct inventory *inv, const struct told *told)
{
	CLEANUP(inventory_cleanup) struct inventory *fresh = scratch(w);

	compare_with_scratch(w, told, inventory_result(fresh));
	compare_sources(inv, fresh);
	for (uint32_t i = 0; i < ADDRESSES; i++)
		compare_with_rules(w, inv, WORLD_BASE + i);
	for (size_t i = 0; i < POLICIES; i++) {
		struct inventory_status a, b;

		if (!w->policies[i].uid)
			continue;
		assert_int_equal(inventory_status(inv, w->policies[i].name, &a), 0);
		assert_int_equal(inventory_status(fresh, w->policies[i].name, &b), 0);
		if (!same_status(&a, &b))
			fail_round("status", 0);
	}
}

static int step_pod(struct world *w, struct inventory *inv)
{
	size_t index = world_random(SPACES * PODS);
	struct inventory_pod *pod = &w->pods[index];
	struct inventory_pod before = *pod;

	if (pod->uid && !world_random(3)) {
		inventory_pod_remove(inv, pod->namespace, pod->name, "another");
		inventory_pod_remove(inv, pod->namespace, pod->name, pod->uid);
		pod->uid = NULL;
		return 0;
	}
	world_pod(w, pod, index);
	int r = inventory_pod_set(inv, pod, NULL);

	/* A late word about the one before. */
	if (r == 0 && before.uid && before.created_s < pod->created_s && before.uid != pod->uid)
		assert_int_equal(inventory_pod_set(inv, &before, NULL), 0);
	if (r < 0)
		*pod = before;
	return r;
}

static int step_space(struct world *w, struct inventory *inv)
{
	static const char *const labels[] = { "", "t=1", "t=2" };
	size_t index = world_random(SPACES);
	struct inventory_namespace *space = &w->spaces[index], before = *space;

	if (space->uid && !world_random(4)) {
		inventory_namespace_remove(inv, space->name, space->uid);
		space->uid = NULL;
		return 0;
	}
	*space = *objects_namespace(world_spaces[index], labels[world_random(ARRAY_SIZE(labels))]);
	int r = inventory_namespace_set(inv, space, NULL);

	if (r < 0)
		*space = before;
	return r;
}

static int step_policy(struct world *w, struct inventory *inv)
{
	size_t index = world_random(POLICIES);
	struct inventory_policy *policy = &w->policies[index], before = *policy;

	if (policy->uid && !world_random(4)) {
		inventory_policy_remove(inv, policy->name, policy->uid);
		policy->uid = NULL;
		return 0;
	}
	world_policy(w, policy, index);
	int r = inventory_policy_set(inv, policy, NULL);

	if (r < 0)
		*policy = before;
	return r;
}

static int step_egress(struct world *w, struct inventory *inv)
{
	struct inventory_egress v[4];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(world_egress); i++)
		if (world_random(3))
			v[n++] = world_egress[i];
	int r = inventory_egress_set(inv, v, n, NULL);

	if (r == 0) {
		memcpy(w->egress, v, sizeof(v));
		w->n_egress = n;
	}
	return r;
}

/* Some pods have gone, and the others are told again. */
static int step_list(struct world *w, struct inventory *inv)
{
	for (size_t i = 0; i < SPACES * PODS; i++) {
		if (w->pods[i].uid && !world_random(5)) {
			inventory_pod_remove(inv, w->pods[i].namespace, w->pods[i].name, NULL);
			w->pods[i].uid = NULL;
		} else if (w->pods[i].uid)
			assert_int_equal(inventory_pod_set(inv, &w->pods[i], NULL), 0);
	}
	return 0;
}

static int step(struct world *w, struct inventory *inv)
{
	unsigned kind = world_random(40);

	if (kind < 30)
		return step_pod(w, inv);
	if (kind < 35)
		return step_space(w, inv);
	if (kind < 37)
		return step_policy(w, inv);
	return kind < 38 ? step_egress(w, inv) : step_list(w, inv);
}

static void run_history(size_t *n_taken)
{
	CLEANUP(inventory_cleanup) struct inventory *inv = inventory_new();
	struct told told[ADDRESSES] = { 0 };
	struct world w = { .uids = 0 };

	world_seed(seed);
	for (int i = 0; i < 8; i++)
		assert_int_equal(step_policy(&w, inv), 0);
	assert_int_equal(step_egress(&w, inv), 0);
	for (int i = 0; i < STEPS; i++) {
		for (uint32_t k = world_random(4); k < 4; k++)
			assert_int_equal(step(&w, inv), 0);
		assert_int_equal(learn(inv, told, n_taken), 0);
		compare(&w, inv, told);
	}
	objects_done();
}

static void changes_computation_and_rules_agree_after_any_history(void **state)
{
	const char *only = getenv("EIPGW_SEED");
	size_t n_taken = 0;
	(void)state;

	for (int round = 0; round < (only ? 1 : ROUNDS); round++) {
		seed = only ? strtoull(only, NULL, 10) : 4711 + (uint64_t)round;
		run_history(&n_taken);
	}
	/* Else everything was computed anew, and the changes aren't tested. */
	if (!only)
		assert_true(n_taken > ROUNDS * STEPS / 3);
}

/* 0: never fails; n: the n-th allocation from now on fails. */
static unsigned fail_at;

static bool fails_now(void)
{
	return fail_at && --fail_at == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(p, n, size);
}

/* Repeats what failed, as a daemon would: the object stays as it was, and then comes again. */
static unsigned insist(int (*call)(struct inventory *, const void *), struct inventory *inv,
		       const void *what)
{
	unsigned failures = 0;
	int r;

	while ((r = call(inv, what)) == -ENOMEM)
		failures++;
	assert_int_equal(r, 0);
	return failures;
}

static int set_pod(struct inventory *inv, const void *pod)
{
	return inventory_pod_set(inv, pod, NULL);
}

static int set_space(struct inventory *inv, const void *space)
{
	return inventory_namespace_set(inv, space, NULL);
}

static int set_policy(struct inventory *inv, const void *policy)
{
	return inventory_policy_set(inv, policy, NULL);
}

static int set_egress(struct inventory *inv, const void *w)
{
	return inventory_egress_set(inv, ((const struct world *)w)->egress, 4, NULL);
}

static int learn_changes(struct inventory *inv, const void *told)
{
	return learn(inv, (struct told *)(uintptr_t)told, &(size_t){ 0 });
}

static unsigned build(const struct world *w, struct inventory *inv, struct told *told)
{
	unsigned failures = insist(set_egress, inv, w);

	for (size_t i = 0; i < POLICIES; i++)
		failures += insist(set_policy, inv, &w->policies[i]);
	failures += insist(learn_changes, inv, told);
	for (size_t i = 0; i < SPACES * PODS; i++) {
		failures += insist(set_pod, inv, &w->pods[i]);
		if (i % PODS == 4) {
			failures += insist(set_space, inv, &w->spaces[i / PODS]);
			failures += insist(learn_changes, inv, told);
		}
	}
	return failures + insist(learn_changes, inv, told);
}

static void a_failed_allocation_changes_nothing_and_nothing_leaks(void **state)
{
	struct world w = { .n_egress = 4 };
	size_t failures = 0;
	(void)state;

	seed = 4242;
	world_seed(seed);
	memcpy(w.egress, world_egress, sizeof(w.egress));
	for (size_t i = 0; i < POLICIES; i++)
		world_policy(&w, &w.policies[i], i);
	for (size_t i = 0; i < SPACES * PODS; i++)
		world_pod(&w, &w.pods[i], i);
	for (size_t i = 0; i < SPACES; i++)
		w.spaces[i] = *objects_namespace(world_spaces[i], i ? "t=1" : "");

	for (unsigned n = 1; n < 20000; n++) {
		CLEANUP(inventory_cleanup) struct inventory *inv = inventory_new();
		struct told told[ADDRESSES] = { 0 };

		fail_at = n;
		failures += build(&w, inv, told);
		bool failed = fail_at == 0;
		fail_at = 0;
		compare(&w, inv, told);
		if (!failed)
			break;
	}
	assert_in_range(failures, 300, 15000);
	objects_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_computation_and_rules_agree_after_any_history),
		cmocka_unit_test(a_failed_allocation_changes_nothing_and_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
