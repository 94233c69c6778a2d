// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A table of family ip6 in a real kernel, beside one of family ip with the same name: read back, repaired, removed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/observe.h"

#define NAME "eipgw_six"
#define T "ip6 " NAME " "

static const struct nat_table table = { NAT_IP6, NAME };

/* Every operation and set that only this family has, and those that it shares and needs. */
static void describe(struct nat_ruleset *rs)
{
	nat_ruleset_init_of(rs, table);
	nat_counter_add(rs, "c");
	size_t devices = nat_set_add(rs, "numbers", NAT_SET_IIF, 1024);

	for (uint32_t i = 1; i <= 300; i++)
		nat_elem_add(rs, devices, (struct nat_elem){ .key = i << 9 | 1 });
	size_t answer = nat_chain_add(rs, "answer", "why");

	nat_rule_add(rs, answer, NAT_RULE({ NAT_CT_DIRECTION, .value = 1 }, { NAT_RETURN }));
	nat_rule_add(rs, answer, NAT_RULE({ NAT_DADDR6, .name = "fe80::/10" }, { NAT_RETURN }));
	nat_rule_add(rs, answer,
		     NAT_RULE({ NAT_DADDR6, .name = "2001:db8::7/128" }, { NAT_RETURN }));
	nat_rule_add(rs, answer,
		     NAT_RULE({ NAT_DADDR6, .name = "::/0" }, { NAT_COUNT, .name = "c" }));
	nat_rule_add(rs, answer,
		     NAT_RULE({ NAT_PROTOCOL, .value = 6 }, { NAT_COUNT, .name = "c" },
			      { NAT_REJECT_RESET }));
	nat_rule_add(rs, answer, NAT_RULE({ NAT_REJECT_ADMIN6 }));
	size_t forward = nat_base_chain_add(rs, "forward", NAT_HOOK_FORWARD, -5, 0);

	nat_rule_add(rs, forward,
		     NAT_RULE({ NAT_OIF, .name = "eni*" }, { NAT_CT_STATE, .mask = NAT_STATE_NEW },
			      { NAT_TCP_FLAGS_NOT, 0x12, 2, "" },
			      { NAT_SET_CT_MARK, 0x107f, 0x1000, "" }));
	nat_rule_add(rs, forward,
		     NAT_RULE({ NAT_IIF_NOT_IN, .name = "numbers" },
			      { NAT_GOTO, .name = "answer" }));
	nat_rule_add(rs, forward,
		     NAT_RULE({ NAT_IIF_IN, .name = "numbers" }, { NAT_JUMP, .name = "answer" }));
	assert_int_equal(nat_ruleset_finish(rs), 0);
}

static void six_set_up(struct kernel *k)
{
	static const struct nat_sync_ops ops = { 0 };

	nat_sync_free(k->sync);
	nft("add table ip " NAME "; add chain ip " NAME " forward; "
	    "add rule ip " NAME " forward ip daddr 10.0.0.1 drop");
	k->sync = nat_sync_new(NULL, table, &ops, NULL, &k->err);
	assert_non_null(k->sync);
	describe(&k->desired);
	kernel_run(k);
	assert_string_equal(k->summary, "the table");
	assert_int_equal(k->changed, 1);
}

static void what_is_sent_is_read_back(void **state)
{
	struct kernel *k = *state;

	six_set_up(k);
	kernel_expect_rest(k);
	assert_int_equal(nat_sync_stats(k->sync).transactions, 1);
}

static void what_others_change_is_put_right(void **state)
{
	static const struct {
		const char *command, *summary;
	} cases[] = {
		{ "delete table " T, "the table" },
		{ "flush chain " T "forward", "3 rules" },
		{ "add rule " T "answer accept", "6 rules" },
		{ "flush set " T "numbers", "300 elements" },
		{ "delete element " T "numbers { 513 }", "1 element" },
		{ "add element " T "numbers { 77 }", "1 element" },
		{ "flush chain " T "answer; add rule " T "answer ip6 daddr fc00::/7 accept",
		  "6 rules" },
		{ "add set " T "foreign { type ipv6_addr; }", "the table anew" },
		{ "add chain " T "foreign", "1 chain" },
	};
	struct kernel *k = *state;

	six_set_up(k);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].command);
		nft(cases[i].command);
		kernel_run(k);
		assert_string_equal(k->summary, cases[i].summary);
		assert_int_equal(k->changed, 1);
		kernel_expect_rest(k);
	}
}

static void the_same_name_in_family_ip_is_foreign(void **state)
{
	struct kernel *k = *state;
	char *before, *after;

	six_set_up(k);
	before = nft_list("list table ip " NAME);
	kernel_expect_rest(k);
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);
	after = nft_list("list table ip " NAME);
	assert_string_equal(before, after);
	free(before);
	free(after);
	assert_false(nft_can("add chain " T "x")); /* it's gone */
	/* Once more: there is nothing to be removed, and that is fine. */
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);
}

static void its_counters_can_be_read(void **state)
{
	struct nat_observed seen = { 0 };
	struct kernel *k = *state;

	six_set_up(k);
	assert_int_equal(nat_sync_counters(k->sync, &seen, &k->err), 0);
	assert_int_equal(seen.n_counters, 1);
	assert_string_equal(seen.counters[0].name, "c");
	nat_observed_done(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(what_is_sent_is_read_back),
		in_a_namespace(what_others_change_is_put_right),
		in_a_namespace(the_same_name_in_family_ip_is_foreign),
		in_a_namespace(its_counters_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
