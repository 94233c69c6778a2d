// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Single differences of rules: which steps answer each, and in what order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan_fixture.h"
#include "unit.h"

static void drop_rule(struct plan_fixture *f, size_t index)
{
	struct rt_rules *rules = &f->observed.rules;

	memmove(&rules->v[index], &rules->v[index + 1], (rules->n - index - 1) * sizeof(*rules->v));
	rules->n--;
}

static void a_missing_rule_is_added(void **state)
{
	struct plan_fixture *f = *state;

	drop_rule(f, 1);
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f,
		"ip rule add priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101");
}

static void missing_rules_are_added_in_an_order_that_catches_nothing(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.rules.n = 0;
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f, "ip rule add priority 603 from all nop protocol 101",
		"ip rule add priority 600 from all fwmark 0/0x1000 goto 603 protocol 101",
		"ip rule add priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101",
		"ip rule add priority 602 from all blackhole protocol 101");
}

static void each_part_of_a_rule_is_compared(void **state)
{
	struct plan_fixture *f = *state;
	struct rt_rule *rule = &f->observed.rules.v[1];
	const struct rt_rule good = *rule;
	struct rt_rule bad[9];

	for (size_t i = 0; i < 9; i++)
		bad[i] = good;
	bad[0].priority = 599;
	bad[1].table++;
	bad[2].mark ^= 1;
	bad[3].mark_mask = 0x1000;
	bad[4].src = (struct ip4_prefix){ { 0x0a000000 }, 8 };
	bad[5].dst = (struct ip4_prefix){ { 0x0a000000 }, 8 };
	sample_name(bad[6].iif, "eth0");
	sample_name(bad[7].oif, "eth0");
	bad[8].foreign_parts = true;
	for (size_t i = 0; i < 9; i++) {
		*rule = bad[i];
		plan_fixture_compute(f);

		assert_int_equal(f->plan.by_kind[NET_RULE_ADD], 1);
		assert_int_equal(f->plan.by_kind[NET_RULE_DEL], 1);
		assert_int_equal(f->plan.v[0].kind, NET_RULE_ADD);
		net_plan_done(&f->plan);
	}
}

static void the_aim_of_a_goto_is_compared(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.rules.v[0].target = 604;
	plan_fixture_compute(f);

	ASSERT_STEPS(f, "ip rule add priority 600 from all fwmark 0/0x1000 goto 603 protocol 101",
		     "ip rule del priority 600 from all fwmark 0/0x1000 goto 604 protocol 101");
}

static void a_rule_that_is_there_three_times_is_deleted_twice(void **state)
{
	struct plan_fixture *f = *state;
	struct rt_rules *rules = &f->observed.rules;

	rules->v = realloc(rules->v, (rules->n + 2) * sizeof(*rules->v));
	rules->v[rules->n++] = rules->v[1];
	rules->v[rules->n++] = rules->v[1];
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f,
		"ip rule del priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101",
		"ip rule del priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101");
}

/* The kernel would take the rule with the mark for the one without, see plan_rules.c. */
static void a_wanted_rule_that_a_deletion_would_hit_is_appended_again_first(void **state)
{
	struct plan_fixture *f = *state;
	struct rt_rules *rules = &f->observed.rules;

	rules->v = realloc(rules->v, (rules->n + 1) * sizeof(*rules->v));
	rules->v[rules->n] = rules->v[1];
	rules->v[rules->n].mark = 0;
	rules->v[rules->n++].mark_mask = 0;
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f,
		"ip rule add priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101",
		"ip rule del priority 601 from all lookup 4096 protocol 101",
		"ip rule del priority 601 from all lookup 4096 protocol 101");
}

static void a_desired_rule_with_a_foreign_protocol_is_refused(void **state)
{
	struct plan_fixture *f = *state;

	f->desired.rules.v[0].protocol = 0;

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EINVAL);
}

static void a_desired_rule_that_is_there_twice_is_refused(void **state)
{
	struct plan_fixture *f = *state;

	f->desired.rules.v[1] = f->desired.rules.v[0];

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_node(a_missing_rule_is_added),
		on_a_node(missing_rules_are_added_in_an_order_that_catches_nothing),
		on_a_node(each_part_of_a_rule_is_compared),
		on_a_node(the_aim_of_a_goto_is_compared),
		on_a_node(a_rule_that_is_there_three_times_is_deleted_twice),
		on_a_node(a_wanted_rule_that_a_deletion_would_hit_is_appended_again_first),
		on_a_node(a_desired_rule_with_a_foreign_protocol_is_refused),
		on_a_node(a_desired_rule_that_is_there_twice_is_refused),
	};

	return cmocka_run_group_tests_name("netlink/plan_rules", tests, NULL, NULL);
}
