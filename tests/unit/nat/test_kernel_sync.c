// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A table in a real kernel is loaded, adopted, spoilt by nft(8) in every way, and repaired in one run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/observe.h"

static void a_second_run_changes_nothing(void **state)
{
	struct kernel *k = *state;

	kernel_load(k);
	kernel_expect_rest(k);
	assert_int_equal(nat_sync_stats(k->sync).transactions, 1);
}

static void another_process_adopts_what_it_finds(void **state)
{
	struct kernel *k = *state;
	struct nat_sync_ops ops = { 0 };

	kernel_load(k);
	nat_sync_free(k->sync);
	k->sync = nat_sync_new(NULL, (struct nat_table){ NAT_IP, TABLE }, &ops, NULL, &k->err);
	assert_non_null(k->sync);

	kernel_expect_rest(k);
	assert_int_equal(nat_sync_stats(k->sync).transactions, 0);
}

#define T "ip " TABLE " "

/*
 * `summary` is what the run must say it repaired. nft(8) turns marks round in interval maps with two fields,
 * and would emit a byteorder for it in rules; we don't, so mark 2 reads 0x02000000 there.
 */
static const struct tampering {
	const char *command, *summary;
	bool optional; /* not every kernel can */
} tamperings[] = {
	/* An element goes, from each kind of set. */
	{ "delete element " T "addrs { 10.0.0.3 }", "1 element" },
	{ "delete element " T "ranges { 0.0.7.208-0.0.7.218 }", "1 element" },
	{ "delete element " T "ranges { 0.0.0.0 }", "1 element" },
	{ "delete element " T "ranges { 240.0.0.0-255.255.255.255 }", "1 element" },
	{ "delete element " T "pods { eni1 . 10.0.0.1 }", "1 element" },
	{ "delete element " T "by_addr { 10.0.0.3 }", "1 element" },
	{ "delete element " T "by_range { 10.0.0.16-10.0.0.31 }", "1 element" },
	{ "delete element " T "by_range { 255.255.255.0-255.255.255.255 }", "1 element" },
	{ "delete element " T "by_mark_addr { 7 . 10.0.0.3 }", "1 element" },
	{ "delete element " T "by_mark_range { 0x02000000 . 10.0.0.32-10.0.0.47 }", "1 element" },
	{ "delete element " T "by_mark { 0x1001 }", "1 element" },
	{ "delete element " T "to_addr { 1 }", "1 element" },
	{ "delete element " T "to_mark { 7 . 10.0.0.3 }", "1 element" },
	{ "delete element " T "to_ports { 7 . 10.0.0.3 }", "1 element" },
	{ "delete element " T "to_mark_range { 0x07000000 . 10.0.0.16-10.0.0.31 }", "1 element" },
	/* One comes. */
	{ "add element " T "addrs { 192.0.2.1 }", "1 element" },
	{ "add element " T "ranges { 20.0.0.0/8 }", "1 element" },
	{ "add element " T "ranges { 0.0.0.1-0.0.3.231 }", "1 element" },
	{ "add element " T "pods { foreign0 . 10.0.0.1 }", "1 element" },
	{ "add element " T "by_addr { 192.0.2.1 : drop }", "1 element" },
	{ "add element " T "by_range { 192.0.2.0/24 : jump class_a }", "1 element" },
	{ "add element " T "by_mark_addr { 8 . 10.0.0.3 : goto class_a }", "1 element" },
	{ "add element " T "by_mark_range { 0x02000000 . 192.0.2.0/24 : accept }", "1 element" },
	{ "add element " T "by_mark { 0x1003 : jump class_a }", "1 element" },
	{ "add element " T "to_addr { 3 : 192.0.2.1 }", "1 element" },
	{ "add element " T "to_mark { 8 . 10.0.0.3 : 5 }", "1 element" },
	{ "add element " T "to_ports { 8 . 10.0.0.3 : 2000 . 2255 }", "1 element" },
	{ "add element " T "to_mark_range { 0x08000000 . 10.0.0.16-10.0.0.31 : 5 }", "1 element" },
	/* One changes: the same key with other data. */
	{ "delete element " T "by_addr { 10.0.0.3 }; add element " T
	  "by_addr { 10.0.0.3 : jump class_a }",
	  "2 elements" },
	{ "delete element " T "by_addr { 10.0.0.3 }; add element " T
	  "by_addr { 10.0.0.3 : goto class_b }",
	  "2 elements" },
	{ "delete element " T "by_range { 10.0.0.16-10.0.0.31 }; add element " T
	  "by_range { 10.0.0.16-10.0.0.31 : jump class_a }",
	  "2 elements" },
	{ "delete element " T "by_mark_addr { 7 . 10.0.0.3 }; add element " T
	  "by_mark_addr { 7 . 10.0.0.3 : drop }",
	  "2 elements" },
	{ "delete element " T "by_mark_range { 0x02000000 . 10.0.0.32-10.0.0.47 }; add element " T
	  "by_mark_range { 0x02000000 . 10.0.0.32-10.0.0.47 : continue }",
	  "2 elements" },
	{ "delete element " T "by_mark { 0x1001 }; add element " T
	  "by_mark { 0x1001 : goto class_b }",
	  "2 elements" },
	{ "delete element " T "to_mark { 7 . 10.0.0.3 }; add element " T
	  "to_mark { 7 . 10.0.0.3 : 0x1001 }",
	  "2 elements" },
	{ "delete element " T "to_mark { 7 . 10.0.0.3 }; add element " T
	  "to_mark { 7 . 10.0.0.3 : 0x1002 }",
	  "" }, /* as it was: nft(8) and we mean the same by a mark */
	{ "delete element " T "to_ports { 7 . 10.0.0.3 }", "1 element" },
	{ "delete element " T "to_mark_range { 0x07000000 . 10.0.0.16-10.0.0.31 }; add element " T
	  "to_mark_range { 0x07000000 . 10.0.0.16-10.0.0.31 : 0x1001 }",
	  "2 elements" },
	{ "delete element " T "to_addr { 1 }; add element " T "to_addr { 1 : 192.0.2.1 }",
	  "2 elements" },
	/* A range gets longer, shorter, in two, and one with its neighbour. */
	{ "delete element " T "ranges { 0.0.7.208-0.0.7.218 }; add element " T
	  "ranges { 0.0.7.208-0.0.7.219 }",
	  "2 elements" },
	{ "delete element " T "by_range { 10.0.0.16-10.0.0.31 }; add element " T
	  "by_range { 10.0.0.16-10.0.0.23 : jump class_b, 10.0.0.24-10.0.0.31 : jump class_b }",
	  "3 elements" },
	{ "delete element " T "ranges { 224.0.0.0-239.255.255.255, 240.0.0.0-255.255.255.255 }; "
	  "add element " T "ranges { 224.0.0.0-255.255.255.255 }",
	  "3 elements" },
	/* Sets. */
	{ "flush set " T "addrs", "300 elements" },
	{ "flush set " T "ranges", "52 elements" },
	{ "flush map " T "by_range", "101 elements" },
	{ "flush map " T "by_mark_range", "101 elements" },
	{ "flush map " T "by_mark", "2 elements" },
	{ "add set " T "foreign { type ipv4_addr; }", "1 set" },
	{ "add set " T
	  "foreign { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 1h } }",
	  "the table anew" },
	{ "add set " T "foreign { type inet_service; }", "the table anew" },
	{ "add map " T
	  "foreign { type ipv4_addr : verdict; elements = { 10.0.0.1 : jump class_a } }",
	  "1 set, 1 element" },
	{ "flush chain " T "forward; flush chain " T "post; delete map " T "to_addr",
	  "1 set, 9 rules, 2 elements" },
	{ "flush chain " T "post; delete map " T "to_addr; add map " T
	  "to_addr { type mark : ipv4_addr; size 1; }",
	  "the table anew" },
	/* Rules. */
	{ "flush chain " T "pre", "12 rules" },
	{ "add rule " T "pre drop", "12 rules" },
	{ "insert rule " T "forward accept", "5 rules" },
	{ "insert rule " T "forward ip saddr { 10.0.0.1, 10.0.0.2 } accept", "the table anew" },
	{ "add rule " T "class_b limit rate 1/second log counter", "1 rule" },
	{ "flush chain " T "post; add rule " T "post masquerade", "4 rules" },
	{ "flush chain " T "raw", "1 rule" },
	/* Chains. */
	{ "delete chain " T "post", "1 chain, 4 rules" },
	{ "flush chain " T "raw; delete chain " T "raw", "1 chain, 1 rule" },
	{ "add chain " T "foreign; add rule " T "foreign drop; add rule " T "pre jump foreign",
	  "1 chain, 12 rules" },
	{ "add chain " T "foreign; add element " T "by_mark { 9 : goto foreign }",
	  "1 chain, 1 element" },
	{ "add chain " T "foreign { type filter hook output priority 0; policy drop; }",
	  "1 chain" },
	{ "add chain " T "foreign { type route hook output priority 0; }", "the table anew" },
	{ "add chain " T "pre { policy drop; }", "the table anew" },
	{ "add chain " T "forward { policy accept; }", "the table anew" },
	/* Objects. */
	{ "add counter " T "foreign", "1 counter" },
	{ "add quota " T "foreign { over 1 mbytes }", "the table anew" },
	{ "add flowtable " T "foreign { hook ingress priority 0; devices = { lo }; }",
	  "the table anew", .optional = true },
	/* The table. */
	{ "delete table " T, "the table" },
	{ "flush table " T, "24 rules" },
	{ "delete table " T "; add table " T,
	  "2 counters, 12 sets, 6 chains, 24 rules, 790 elements" },
	{ "add table " T "{ flags dormant; }", "the table anew" },
	{ "delete table " T "; add table " T "{ flags dormant; }", "the table anew" },
	/* What our own names can't hold, and what has no key. */
	{ "add chain " T "a2345678901234567890123456789012345678901234567890"
	  "12345678901234567890123456789012345678901234567890",
	  "the table anew" },
	{ "add set " T "a2345678901234567890123456789012345678901234567890"
	  "12345678901234567890123456789012345678901234567890 { type ipv4_addr; }",
	  "the table anew" },
	{ "add counter " T "a2345678901234567890123456789012345678901234567890"
	  "12345678901234567890123456789012345678901234567890",
	  "the table anew" },
	{ "add element " T "by_addr { * : drop }", "the table anew" },
	{ "add element " T "by_mark_range { * : jump class_a }", "the table anew" },
};

static void whatever_others_do_to_the_table_is_repaired_in_one_run(void **state)
{
	struct kernel *k = *state;

	kernel_load(k);
	for (size_t i = 0; i < ARRAY_SIZE(tamperings); i++) {
		print_message("%s\n", tamperings[i].command);
		if (tamperings[i].optional && !nft_can(tamperings[i].command))
			continue;
		nft(tamperings[i].command);

		kernel_run(k);

		assert_string_equal(k->summary, tamperings[i].summary);
		assert_int_equal(k->changed, tamperings[i].summary[0] != '\0');
		kernel_expect_rest(k);
	}
}

/* The tables of others are in the fixture; here they are gone with ours, and come back by their owner. */
static void a_flushed_ruleset_is_loaded_again(void **state)
{
	struct kernel *k = *state;

	kernel_load(k);
	nft("flush ruleset");

	kernel_run(k);

	assert_string_equal(k->summary, "the table");
	kernel_expect_rest(k);
	free(k->foreign);
	k->foreign = NULL;
}

static struct nat_seen_counter counter(const struct nat_observed *seen, const char *name)
{
	for (size_t i = 0; i < seen->n_counters; i++) {
		if (strcmp(seen->counters[i].name, name) == 0)
			return seen->counters[i];
	}
	fail_msg("no counter %s", name);
	return (struct nat_seen_counter){ 0 };
}

static void counters_keep_their_values_when_the_table_is_made_anew(void **state)
{
	struct kernel *k = *state;
	struct nat_observed seen = { 0 };

	kernel_describe(&k->desired);
	nft("add table " T "; add counter " T "c2 { packets 12345678901 bytes 5000000000000 }");
	kernel_run(k);
	nft("add table " T "{ flags dormant; }");
	kernel_run(k);
	assert_string_equal(k->summary, "the table anew");

	assert_int_equal(nat_sync_counters(k->sync, &seen, &k->err), 0);

	assert_int_equal(seen.n_counters, 2);
	assert_int_equal(counter(&seen, "c1").packets, 0);
	assert_true(counter(&seen, "c2").packets == 12345678901);
	assert_true(counter(&seen, "c2").bytes == 5000000000000);
	nat_observed_done(&seen);
}

static void an_observation_shows_what_was_desired(void **state)
{
	struct kernel *k = *state;
	struct nat_observed seen = { 0 };
	const struct nat_seen_chain *chain;

	kernel_load(k);
	assert_int_equal(nat_sync_observe(k->sync, &seen, &k->err), 0);

	assert_true(seen.has_table);
	assert_false(seen.odd);
	assert_int_equal(seen.sets.n_sets, k->desired.n_sets);
	assert_int_equal(seen.n_chains, k->desired.n_chains);
	chain = nat_seen_chain_find(&seen, "class_a");
	assert_string_equal(chain->def.comment, "egress of the bank");
	assert_int_equal(chain->n_rules, 1);
	chain = nat_seen_chain_find(&seen, "post");
	assert_true(chain->def.nat);
	assert_int_equal(chain->def.priority, 99);
	nat_observed_done(&seen);
}

static void a_table_that_is_not_there_is_observed_as_such(void **state)
{
	struct kernel *k = *state;
	struct nat_observed seen = { 0 };

	assert_int_equal(nat_sync_observe(k->sync, &seen, &k->err), 0);

	assert_false(seen.has_table);
	assert_string_equal(k->err.text, "");
	nat_observed_done(&seen);
}

static void cleaning_up_removes_the_table_and_can_be_repeated(void **state)
{
	struct kernel *k = *state;
	struct nat_observed seen = { 0 };

	kernel_load(k);
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);

	assert_int_equal(nat_sync_observe(k->sync, &seen, &k->err), 0);
	assert_false(seen.has_table);
	nat_observed_done(&seen);
}

/* The new ruleset shares nothing with the old one but the table and the name of a chain. */
static void a_ruleset_can_be_exchanged_for_another(void **state)
{
	struct kernel *k = *state;
	struct nat_ruleset old;
	size_t map;

	kernel_load(k);
	old = k->desired;
	nat_ruleset_init(&k->desired, TABLE);
	map = nat_set_add(&k->desired, "other", NAT_MAP_MARK_VERDICT, 10);
	nat_elem_add(&k->desired, map,
		     (struct nat_elem){ 5, 0, 0, nat_name(&k->desired, "class_a") });
	nat_chain_add(&k->desired, "class_a", "egress of the bank");
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);

	kernel_run(k);
	assert_int_equal(k->changed, 1);
	kernel_expect_rest(k);
	nat_ruleset_done(&k->desired);
	k->desired = old;
	kernel_run(k);
	assert_int_equal(k->changed, 1);
	kernel_expect_rest(k);
}

/* A chain that is in the forward hook can't match the device that a packet comes out of before routing. */
static void a_refused_transaction_changes_nothing_and_names_the_object(void **state)
{
	struct kernel *k = *state;
	char *before, *after;
	size_t set;

	kernel_load(k);
	before = nft_list("list table " T);
	set = (size_t)(nat_set_find(&k->desired, "addrs") - k->desired.sets);
	nat_elem_add(&k->desired, set, (struct nat_elem){ 0, 1, 1, 0 });
	nat_chain_add(&k->desired, "another", "");
	nat_rule_add(&k->desired, (size_t)(nat_chain_find(&k->desired, "pre") - k->desired.chains),
		     NAT_RULE({ NAT_OIF, .name = "eth0" }, { NAT_SNAT_SADDR }));
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);

	assert_int_equal(nat_sync_run(k->sync, &k->desired, &k->changed, k->summary, &k->err),
			 -EOPNOTSUPP);

	assert_string_equal(k->err.text, TABLE " pre rule 'oifname \"eth0\" snat to ip saddr': "
					       "Operation not supported");
	after = nft_list("list table " T);
	assert_string_equal(before, after);
	assert_int_equal(nat_sync_stats(k->sync).failures, 1);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(a_second_run_changes_nothing),
		in_a_namespace(another_process_adopts_what_it_finds),
		in_a_namespace(whatever_others_do_to_the_table_is_repaired_in_one_run),
		in_a_namespace(a_flushed_ruleset_is_loaded_again),
		in_a_namespace(counters_keep_their_values_when_the_table_is_made_anew),
		in_a_namespace(an_observation_shows_what_was_desired),
		in_a_namespace(a_table_that_is_not_there_is_observed_as_such),
		in_a_namespace(cleaning_up_removes_the_table_and_can_be_repeated),
		in_a_namespace(a_ruleset_can_be_exchanged_for_another),
		in_a_namespace(a_refused_transaction_changes_nothing_and_names_the_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
