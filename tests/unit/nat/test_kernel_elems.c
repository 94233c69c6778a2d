// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Elements the short way, many of them, and what the kernel refuses. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/observe.h"

enum { MANY = 20000 };

static int change_one(struct kernel *k, const struct nat_change *change)
{
	return nat_sync_elems(k->sync, &k->desired, (struct nat_changes){ change, 1 }, &k->err);
}

/* Applies the change to the kernel, and says what the whole run would have done then. */
static const char *summary_after(struct kernel *k, struct nat_change change)
{
	int rc = change_one(k, &change);

	if (rc)
		fail_msg("%d %s", rc, k->err.text);
	kernel_run(k);
	return k->summary;
}

static void the_short_way_adds_and_deletes_in_each_kind_of_set(void **state)
{
	struct kernel *k = *state;

	kernel_load(k);
	for (size_t i = 0; i < k->desired.n_sets; i++) {
		const struct nat_set *set = &k->desired.sets[i];
		struct nat_change less = { .set = set, .del = { &set->v[1], 1 } };
		struct nat_change same = { .set = set,
					   .del = { &set->v[1], 1 },
					   .add = { &set->v[1], 1 } };

		print_message("%s\n", set->name);
		assert_string_equal(summary_after(k, less), "1 element");
		assert_string_equal(summary_after(k, same), "");
		less.del.n = 0;
		assert_string_equal(summary_after(k, less), "");
	}
}

static void other_data_for_a_key_is_a_deletion_and_an_addition(void **state)
{
	struct kernel *k = *state;

	kernel_load(k);
	for (size_t i = 0; i < k->desired.n_sets; i++) {
		struct nat_set *set = &k->desired.sets[i];
		struct nat_elem old = set->v[0];
		struct nat_change change = { .set = set, .del = { &old, 1 }, .add = { set->v, 1 } };

		if (!nat_set_is_map(set->kind))
			continue;
		print_message("%s\n", set->name);
		set->v[0].data = nat_set_is_verdict_map(set->kind) ? set->v[1].data : old.data + 1;
		assert_string_equal(summary_after(k, change), "");
	}
}

static void what_is_gone_can_not_be_changed(void **state)
{
	struct kernel *k = *state;
	struct nat_elem elem = { 0, 1, 1, 0 };
	struct nat_change change = { .del = { &elem, 1 } };

	kernel_load(k);
	change.set = nat_set_find(&k->desired, "addrs");
	assert_int_equal(change_one(k, &change), -ENOENT);
	assert_string_equal(k->err.text, TABLE " set addrs: 1 element: No such file or directory");
	nft("delete table ip " TABLE);
	assert_int_equal(change_one(k, &change), -ENOENT);
	assert_int_equal(nat_sync_stats(k->sync).failures, 2);
}

/* What the second set refuses doesn't happen in the first one. */
static void changes_of_several_sets_are_one_transaction(void **state)
{
	struct kernel *k = *state;
	const struct nat_set *sets[2];
	struct nat_elem absent = { 0, 1, 1, 0 };
	struct nat_change changes[2];

	kernel_load(k);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		sets[i] = &k->desired.sets[i];
		changes[i] = (struct nat_change){ .set = sets[i], .del = { sets[i]->v, 1 } };
	}
	changes[1].del.v = &absent;
	assert_int_equal(nat_sync_elems(k->sync, &k->desired, (struct nat_changes){ changes, 2 },
					&k->err),
			 -ENOENT);
	kernel_expect_rest(k);
	changes[1].del.v = sets[1]->v;
	assert_int_equal(nat_sync_elems(k->sync, &k->desired, (struct nat_changes){ changes, 2 },
					&k->err),
			 0);
	kernel_run(k);
	assert_string_equal(k->summary, "2 elements");
}

/* The addition alone would be fine; the transaction is one. */
static void a_refused_change_changes_nothing(void **state)
{
	struct kernel *k = *state;
	struct nat_elem absent = { 0, 1, 1, 0 }, new = { 0, 2, 2, 0 };
	struct nat_change change = { .del = { &absent, 1 }, .add = { &new, 1 } };

	kernel_load(k);
	change.set = nat_set_find(&k->desired, "addrs");
	assert_int_equal(change_one(k, &change), -ENOENT);
	kernel_expect_rest(k);
}

static void a_full_set_refuses_more(void **state)
{
	struct kernel *k = *state;
	struct nat_elem more[2] = { { 0, 2, 2, 0 }, { 0, 3, 3, 0 } };
	struct nat_change change = { .add = { more, 2 } };
	size_t set;

	nat_ruleset_init(&k->desired, TABLE);
	set = nat_set_add(&k->desired, "small", NAT_SET_ADDR, 2);
	nat_elem_add(&k->desired, set, (struct nat_elem){ 0, 1, 1, 0 });
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);
	kernel_run(k);
	change.set = &k->desired.sets[set];

	assert_int_equal(change_one(k, &change), -ENFILE);

	kernel_expect_rest(k);
}

/* The i-th element of a set of that kind; ranges are adjacent. `name` is of a chain, and of a device. */
static struct nat_elem nth_elem(enum nat_set_kind kind, uint32_t i, uint32_t name)
{
	bool only_mark = kind == NAT_MAP_MARK_VERDICT || kind == NAT_MAP_MARK_ADDR ||
			 kind == NAT_SET_IIF || kind == NAT_SET_MARKS;
	bool only_addr = kind == NAT_SET_ADDR || kind == NAT_SET_RANGE ||
			 kind == NAT_MAP_ADDR_VERDICT || kind == NAT_MAP_RANGE_VERDICT;
	struct nat_elem elem = { .key = only_mark ? i : i % 5000 };

	if (only_addr)
		elem.key = 0;
	if (kind == NAT_SET_IF_ADDR)
		elem.key = name;
	if (!only_mark)
		elem.first = i * 8;
	elem.last = elem.first + (nat_set_has_ranges(kind) ? 7 : 0);
	if (nat_set_is_map(kind))
		elem.data = name;
	return elem;
}

static void many_elements_of_each_kind_are_loaded_and_read_back(void **state)
{
	struct kernel *k = *state;
	struct nat_observed seen = { 0 };
	uint32_t chain;

	nat_ruleset_init(&k->desired, TABLE);
	nat_chain_add(&k->desired, "class", "");
	chain = nat_name(&k->desired, "class");
	for (int kind = 0; kind < NAT_SET_KIND_COUNT; kind++) {
		char name[16];
		size_t set;

		snprintf(name, sizeof(name), "kind%d", kind);
		set = nat_set_add(&k->desired, name, (enum nat_set_kind)kind, 0);
		for (uint32_t i = 0; i < MANY; i++)
			nat_elem_add(&k->desired, set, nth_elem((enum nat_set_kind)kind, i, chain));
	}
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);

	kernel_run(k);
	kernel_expect_rest(k);

	assert_int_equal(nat_sync_observe(k->sync, &seen, &k->err), 0);
	for (size_t i = 0; i < seen.sets.n_sets; i++)
		assert_int_equal(seen.sets.sets[i].n, MANY);
	nat_observed_done(&seen);
}

/* nat/eval stops at the depth at which the kernel refuses to load. */
static int load_depth(struct kernel *k, int depth, enum nat_op_kind follow)
{
	int rc;

	nat_ruleset_done(&k->desired);
	nat_ruleset_init(&k->desired, TABLE);
	nat_base_chain_add(&k->desired, "c0", NAT_HOOK_FORWARD, 0, 0);
	for (int i = 1; i <= depth; i++) {
		struct nat_rule rule = NAT_RULE({ .kind = follow });
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		nat_chain_add(&k->desired, name, "");
		memcpy(rule.ops[0].name, name, sizeof(name));
		nat_rule_add(&k->desired, (size_t)i - 1, rule);
	}
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);
	rc = nat_sync_run(k->sync, &k->desired, NULL, NULL, &k->err);
	if (!rc)
		kernel_expect_rest(k);
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);
	return rc;
}

static void the_kernel_refuses_the_sixteenth_chain_below_a_base_chain(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(load_depth(k, 15, NAT_JUMP), 0);
	assert_int_equal(load_depth(k, 16, NAT_JUMP), -EMLINK);
	assert_int_equal(load_depth(k, 15, NAT_GOTO), 0);
	assert_int_equal(load_depth(k, 16, NAT_GOTO), -EMLINK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(the_short_way_adds_and_deletes_in_each_kind_of_set),
		in_a_namespace(other_data_for_a_key_is_a_deletion_and_an_addition),
		in_a_namespace(what_is_gone_can_not_be_changed),
		in_a_namespace(changes_of_several_sets_are_one_transaction),
		in_a_namespace(a_refused_change_changes_nothing),
		in_a_namespace(a_full_set_refuses_more),
		in_a_namespace(many_elements_of_each_kind_are_loaded_and_read_back),
		in_a_namespace(the_kernel_refuses_the_sixteenth_chain_below_a_base_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
