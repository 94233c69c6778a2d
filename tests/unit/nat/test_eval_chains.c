// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The ways of a packet through chains. A path names each rule met: + matched, - not, . end of the chain. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "eval_fixture.h"

struct path {
	char text[512];
	size_t used;
};

static void note(const struct nat_eval_step *step, void *data)
{
	struct path *path = data;

	path->used += (size_t)snprintf(path->text + path->used, sizeof(path->text) - path->used,
				       "%s%s%s", path->used ? " " : "", step->chain,
				       !step->rule   ? "." :
				       step->matched ? "+" :
						       "-");
}

static void each_rule_met_is_told_in_order(void **state)
{
	struct nat_packet packet = TCP;
	struct path path = { .used = 0 };
	struct nat_ruleset rs;
	size_t fwd, deep, other;

	(void)state;
	eval_common(&rs);
	fwd = nat_base_chain_add(&rs, "fwd", NAT_HOOK_FORWARD, 0, NAT_BASE_DROP);
	deep = nat_chain_add(&rs, "deep", "");
	other = nat_chain_add(&rs, "other", "");
	nat_rule_add(&rs, fwd, NAT_RULE({ NAT_OIF, .name = "eth0" }, { NAT_ACCEPT }));
	nat_rule_add(&rs, fwd, NAT_RULE({ NAT_JUMP, .name = "deep" }));
	nat_rule_add(&rs, fwd, NAT_RULE({ NAT_COUNT, .name = "met" }));
	nat_rule_add(&rs, deep, NAT_RULE({ NAT_GOTO, .name = "other" }));
	nat_rule_add(&rs, deep, NAT_RULE({ NAT_DROP })); /* never met */
	nat_rule_add(&rs, other, NAT_RULE({ NAT_JUMP, .name = "one" }));
	nat_rule_add(&rs, other, NAT_RULE({ NAT_RETURN }));
	nat_rule_add(&rs, other, NAT_RULE({ NAT_DROP })); /* never met */
	assert_int_equal(nat_ruleset_finish(&rs), 0);

	assert_int_equal(nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, note, &path).verdict,
			 NAT_EVAL_DROP);

	assert_string_equal(path.text, "fwd- fwd+ deep+ other+ one+ one. other+ fwd+ fwd.");
	nat_ruleset_done(&rs);
}

static void accepting_ends_a_base_chain_and_not_the_hook(void **state)
{
	struct nat_packet packet = TCP;
	struct path path = { .used = 0 };
	struct nat_ruleset rs;

	(void)state;
	eval_common(&rs);
	nat_rule_add(&rs, nat_base_chain_add(&rs, "late", NAT_HOOK_FORWARD, 10, 0),
		     NAT_RULE({ NAT_DROP }));
	nat_rule_add(&rs, nat_base_chain_add(&rs, "later", NAT_HOOK_FORWARD, 11, 0),
		     NAT_RULE({ NAT_DROP }));
	nat_rule_add(&rs, nat_base_chain_add(&rs, "early", NAT_HOOK_FORWARD, -10, NAT_BASE_DROP),
		     NAT_RULE({ NAT_ACCEPT }));
	nat_base_chain_add(&rs, "elsewhere", NAT_HOOK_INPUT, 0, NAT_BASE_DROP);
	assert_int_equal(nat_ruleset_finish(&rs), 0);

	assert_int_equal(nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, note, &path).verdict,
			 NAT_EVAL_DROP);

	assert_string_equal(path.text, "early+ late+");
	nat_ruleset_done(&rs);
}

static void of_one_priority_the_last_made_runs_first(void **state)
{
	struct nat_packet packet = TCP;
	struct path path = { .used = 0 };
	struct nat_ruleset rs;

	(void)state;
	nat_ruleset_init(&rs, "t");
	nat_base_chain_add(&rs, "a", NAT_HOOK_FORWARD, 5, 0);
	nat_base_chain_add(&rs, "b", NAT_HOOK_FORWARD, 5, 0);
	nat_base_chain_add(&rs, "c", NAT_HOOK_FORWARD, 4, 0);
	nat_base_chain_add(&rs, "d", NAT_HOOK_FORWARD, 5, 0);
	assert_int_equal(nat_ruleset_finish(&rs), 0);

	nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, note, &path);

	assert_string_equal(path.text, "c. d. b. a.");
	nat_ruleset_done(&rs);
}

/* The first nat chain that translates keeps the others away; that is what our identity rule is for. */
static void only_the_first_translation_counts(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_eval_result result;
	struct nat_ruleset rs;

	(void)state;
	eval_common(&rs);
	nat_rule_add(&rs, nat_base_chain_add(&rs, "ours", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT),
		     NAT_RULE({ NAT_SNAT_SADDR }));
	nat_rule_add(&rs, nat_base_chain_add(&rs, "cni", NAT_HOOK_POSTROUTING, 100, NAT_BASE_NAT),
		     NAT_RULE({ NAT_COUNT, .name = "met" }, { NAT_DROP }));
	nat_rule_add(&rs, nat_base_chain_add(&rs, "filter", NAT_HOOK_POSTROUTING, 101, 0),
		     NAT_RULE({ NAT_COUNT, .name = "one" }));
	assert_int_equal(nat_ruleset_finish(&rs), 0);

	result = nat_eval_hook(&rs, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);

	assert_int_equal(result.verdict, NAT_EVAL_ACCEPT);
	assert_int_equal(result.n_counters, 1);
	assert_string_equal(result.counters[0], "one");
	nat_ruleset_done(&rs);
}

static enum nat_eval_verdict eval_depth(int depth, enum nat_op_kind follow)
{
	struct nat_packet packet = TCP;
	struct nat_eval_result result;
	struct nat_ruleset rs;
	char name[16];

	nat_ruleset_init(&rs, "t");
	nat_base_chain_add(&rs, "c0", NAT_HOOK_FORWARD, 0, 0);
	for (int i = 1; i <= depth; i++) {
		struct nat_rule rule = NAT_RULE({ .kind = follow });

		snprintf(name, sizeof(name), "c%d", i);
		nat_chain_add(&rs, name, "");
		memcpy(rule.ops[0].name, name, sizeof(name));
		nat_rule_add(&rs, (size_t)i - 1, rule);
	}
	assert_int_equal(nat_ruleset_finish(&rs), 0);
	result = nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, NULL, NULL);
	nat_ruleset_done(&rs);
	return result.verdict;
}

static void the_sixteenth_chain_below_a_base_chain_drops(void **state)
{
	(void)state;
	assert_int_equal(eval_depth(15, NAT_JUMP), NAT_EVAL_ACCEPT);
	assert_int_equal(eval_depth(16, NAT_JUMP), NAT_EVAL_DROP);
	assert_int_equal(eval_depth(15, NAT_GOTO), NAT_EVAL_ACCEPT);
	assert_int_equal(eval_depth(16, NAT_GOTO), NAT_EVAL_DROP);
}

static void a_loop_of_chains_ends_in_a_drop(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_ruleset rs;

	(void)state;
	nat_ruleset_init(&rs, "t");
	nat_rule_add(&rs, nat_base_chain_add(&rs, "a", NAT_HOOK_FORWARD, 0, 0),
		     NAT_RULE({ NAT_GOTO, .name = "b" }));
	nat_rule_add(&rs, nat_chain_add(&rs, "b", ""), NAT_RULE({ NAT_GOTO, .name = "b" }));
	assert_int_equal(nat_ruleset_finish(&rs), 0);
	assert_int_equal(nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, NULL, NULL).verdict,
			 NAT_EVAL_DROP);
	nat_ruleset_done(&rs);
}

static void counters_beyond_the_eighth_are_left_out(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_eval_result result;
	struct nat_ruleset rs;
	size_t chain;

	(void)state;
	eval_common(&rs);
	chain = nat_base_chain_add(&rs, "fwd", NAT_HOOK_FORWARD, 0, 0);
	for (int i = 0; i < 10; i++)
		nat_rule_add(&rs, chain, NAT_RULE({ NAT_COUNT, .name = "met" }));
	result = nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, NULL, NULL);
	assert_int_equal(result.n_counters, 8);
	nat_ruleset_done(&rs);
}

static void without_chains_everything_is_accepted(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_ruleset rs;

	(void)state;
	nat_ruleset_init(&rs, "t");
	assert_int_equal(nat_eval_hook(&rs, NAT_HOOK_INPUT, &packet, NULL, NULL).verdict,
			 NAT_EVAL_ACCEPT);
	nat_ruleset_done(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_met_is_told_in_order),
		cmocka_unit_test(accepting_ends_a_base_chain_and_not_the_hook),
		cmocka_unit_test(of_one_priority_the_last_made_runs_first),
		cmocka_unit_test(only_the_first_translation_counts),
		cmocka_unit_test(the_sixteenth_chain_below_a_base_chain_drops),
		cmocka_unit_test(a_loop_of_chains_ends_in_a_drop),
		cmocka_unit_test(counters_beyond_the_eighth_are_left_out),
		cmocka_unit_test(without_chains_everything_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
