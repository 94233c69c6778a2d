// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Contract with the kernel: rules, and how loosely it looks when it deletes one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "sample.h"

/* Exactly the wanted ones with our protocol are there, in this order. */
static void assert_ours(struct netns *ns, const struct rt_rule *want, size_t n)
{
	struct rt_rules rules = { 0 };
	size_t found = 0;

	assert_ok(ns, rtnl_rules(ns->rtnl, &rules, &ns->err));
	for (size_t i = 0; i < rules.n; i++) {
		char have_text[RT_TEXT_MAX], want_text[RT_TEXT_MAX];

		if (rules.v[i].protocol != RT_PROTOCOL_EIPGW)
			continue;
		assert_true(found < n);
		assert_string_equal(rt_rule_format(&rules.v[i], have_text),
				    rt_rule_format(&want[found], want_text));
		assert_int_equal(rt_rule_compare(&rules.v[i], &want[found]), 0);
		found++;
	}
	assert_int_equal(found, n);
	free(rules.v);
}

static void each_kind_of_rule_is_read_back_as_it_was_sent(void **state)
{
	struct netns *ns = *state;
	struct rt_rule rules[6] = { sample_goto(600, 603),
				    sample_lookup(601, 0x1000, 70000),
				    sample_lookup(601, 0, 100),
				    sample_blackhole_rule(602),
				    sample_nop(603),
				    sample_lookup(700, 0x1001, 4097) };

	sample_name(rules[2].iif, "eni123");
	rules[5].src = (struct ip4_prefix){ { 0x0a000000 }, 8 };
	rules[5].dst = (struct ip4_prefix){ { 0x0a000105 }, 32 };
	sample_name(rules[5].oif, "egw0");
	for (size_t i = 0; i < 6; i++)
		assert_ok(ns, rtnl_rule_add(ns->rtnl, &rules[i], &ns->err));

	assert_ours(ns, rules, 6);
	assert_non_null(strstr(netns_ip_shows("rule"), "fwmark 0/0x1000 goto 603 proto 101"));
	assert_non_null(
		strstr(netns_ip_shows("rule"), "iif eni123 [detached] lookup 100 proto 101"));
}

static void adding_what_is_there_is_eexist_and_appending_makes_a_copy(void **state)
{
	struct netns *ns = *state;
	const struct rt_rule rules[2] = { sample_lookup(601, 0x1000, 4096),
					  sample_lookup(601, 0x1000, 4096) };

	assert_ok(ns, rtnl_rule_add(ns->rtnl, &rules[0], &ns->err));
	assert_int_equal(rtnl_rule_add(ns->rtnl, &rules[0], &ns->err), -EEXIST);
	assert_non_null(strstr(ns->err.text, "601: from all fwmark 0x1000/0x107f lookup 4096"));
	assert_ours(ns, rules, 1);
	assert_ok(ns, rtnl_rule_append(ns->rtnl, &rules[0], &ns->err));
	assert_ours(ns, rules, 2);
}

/* Why the plan appends: the kernel's look takes a rule with more selectors for the same. */
static void a_wider_rule_is_eexist_beside_a_narrower_one(void **state)
{
	struct netns *ns = *state;
	struct rt_rule rules[2] = { sample_lookup(601, 0x1000, 4096),
				    sample_lookup(601, 0x1000, 4096) };

	rules[0].src = (struct ip4_prefix){ { 0x0a000000 }, 8 };
	assert_ok(ns, rtnl_rule_add(ns->rtnl, &rules[0], &ns->err));

	assert_int_equal(rtnl_rule_add(ns->rtnl, &rules[1], &ns->err), -EEXIST);
	assert_ok(ns, rtnl_rule_append(ns->rtnl, &rules[1], &ns->err));
	assert_ours(ns, rules, 2);
}

/* The trap that plan_rules.c is built around. */
static void deleting_a_wider_rule_takes_a_narrower_one_that_stands_before(void **state)
{
	struct netns *ns = *state;
	struct rt_rule rules[2] = { sample_lookup(601, 0x1000, 4096),
				    sample_lookup(601, 0x1000, 4096) };

	rules[1].mark = rules[1].mark_mask = 0;
	assert_ok(ns, rtnl_rule_append(ns->rtnl, &rules[0], &ns->err));
	assert_ok(ns, rtnl_rule_append(ns->rtnl, &rules[1], &ns->err));
	assert_ok(ns, rtnl_rule_del(ns->rtnl, &rules[1], &ns->err));

	assert_ours(ns, &rules[1], 1);
}

static void deletion_never_takes_a_rule_of_another_protocol(void **state)
{
	struct netns *ns = *state;
	const struct rt_rule rule = sample_lookup(601, 0x1000, 4096);

	netns_ip("rule add prio 601 fwmark 0x1000/0x107f lookup 4096");
	netns_ip("rule add prio 601 fwmark 0x1000/0x107f lookup 4096 protocol 4");

	assert_int_equal(rtnl_rule_del(ns->rtnl, &rule, &ns->err), -ENOENT);
	assert_ok(ns, rtnl_rule_add(ns->rtnl, &rule, &ns->err));
	assert_ok(ns, rtnl_rule_del(ns->rtnl, &rule, &ns->err));
	assert_non_null(strstr(netns_ip_shows("rule"),
			       "601:\tfrom all fwmark 0x1000/0x107f lookup 4096\n"));
	assert_non_null(strstr(netns_ip_shows("rule"), "lookup 4096 proto static"));
}

static void deletion_tells_marks_and_masks_apart(void **state)
{
	struct netns *ns = *state;
	struct rt_rule rules[3] = { sample_lookup(601, 0x1000, 4096), sample_lookup(601, 0, 4096),
				    sample_lookup(601, 0, 4096) };

	rules[2].mark_mask = 0x1000;
	for (size_t i = 0; i < 3; i++)
		assert_ok(ns, rtnl_rule_append(ns->rtnl, &rules[i], &ns->err));
	assert_ok(ns, rtnl_rule_del(ns->rtnl, &rules[2], &ns->err));
	assert_ours(ns, rules, 2);
	/* Mark 0 is "any" to the kernel: here the first goes, not the second. */
	assert_ok(ns, rtnl_rule_del(ns->rtnl, &rules[1], &ns->err));
	assert_ours(ns, &rules[1], 1);
}

static void rules_that_we_cannot_hold_are_marked(void **state)
{
	static const char *const rules[] = {
		"tos 0x10 lookup 100",
		"not from 10.0.0.0/8 lookup 100",
		"lookup 100 suppress_prefixlength 0",
		"ipproto tcp lookup 100",
		"uidrange 0-5 lookup 100",
		"dport 80 lookup 100",
		"lookup 100 realms 4",
		"tun_id 7 lookup 100",
	};
	struct netns *ns = *state;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct rt_rules have = { 0 };
		size_t marked = 0;

		netns_ip("rule add prio 50 %s protocol 101", rules[i]);
		assert_ok(ns, rtnl_rules(ns->rtnl, &have, &ns->err));
		for (size_t k = 0; k < have.n; k++)
			marked += have.v[k].foreign_parts;
		assert_int_equal(marked, 1);
		free(have.v);
		netns_ip("rule del prio 50");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(each_kind_of_rule_is_read_back_as_it_was_sent),
		in_a_netns(adding_what_is_there_is_eexist_and_appending_makes_a_copy),
		in_a_netns(a_wider_rule_is_eexist_beside_a_narrower_one),
		in_a_netns(deleting_a_wider_rule_takes_a_narrower_one_that_stands_before),
		in_a_netns(deletion_never_takes_a_rule_of_another_protocol),
		in_a_netns(deletion_tells_marks_and_masks_apart),
		in_a_netns(rules_that_we_cannot_hold_are_marked),
	};

	return cmocka_run_group_tests_name("netlink/kernel_rule", tests, NULL, NULL);
}
