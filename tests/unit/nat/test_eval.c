// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Each operation with a packet that meets it and one that doesn't: the rule "OPERATION counter drop" stands
 * in a chain whose policy is accept.
 */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "eval_fixture.h"

static const char *counters_text(const struct nat_eval_result *result, char text[static 256])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < result->n_counters && used < 256; i++)
		used += (size_t)snprintf(text + used, 256 - used, "%s%s", i ? " " : "",
					 result->counters[i]);
	return text;
}

/* The packet of each case is TCP with one thing changed. */
enum change {
	NO_CHANGE,
	IIF_LONGER,
	IIF_NONE,
	OIF_NONE,
	SRC_OTHER,
	SRC_2,
	SRC_LAST,
	SRC_ZERO,
	DST_OTHER,
	DST_FIRST,
	DST_LAST,
	UDP_4789,
	UDP_OTHER,
	SYN_ACK,
	MARK_OTHER,
	MARK_UPPER,
	CT_MARK_OTHER,
	REPLY,
	ESTABLISHED,
	INVALID,
	UNTRACKED,
	NO_STATUS,
	MARK_77,
	CT_MARK_1,
	LEAVES_AS_1,
};

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static struct nat_packet changed(enum change change)
{
	struct nat_packet p = TCP;
	static const struct {
		uint32_t src, dst, mark, ct_mark, ct_state;
	} values[] = {
		[SRC_OTHER] = { .src = A0 + 3 },
		[SRC_2] = { .src = A0 + 2 },
		[SRC_LAST] = { .src = UINT32_MAX },
		[DST_OTHER] = { .dst = A0 + 9 },
		[DST_FIRST] = { .dst = A0 + 10 },
		[DST_LAST] = { .dst = A0 + 19 },
		[MARK_OTHER] = { .mark = 0x1002 },
		[MARK_UPPER] = { .mark = 0xffff1001 },
		[CT_MARK_OTHER] = { .ct_mark = 1 },
		[ESTABLISHED] = { .ct_state = NAT_STATE_ESTABLISHED },
		[INVALID] = { .ct_state = NAT_STATE_INVALID },
		[MARK_77] = { .mark = 77 },
		[CT_MARK_1] = { .ct_mark = 0xff000001 },
		[LEAVES_AS_1] = { 0 },
	};

	p.src.v = or_else(values[change].src, p.src.v);
	p.dst.v = or_else(values[change].dst, p.dst.v);
	p.mark = or_else(values[change].mark, p.mark);
	p.ct_mark = or_else(values[change].ct_mark, p.ct_mark);
	p.ct_state = or_else(values[change].ct_state, p.ct_state);
	p.protocol = change == UDP_4789 || change == UDP_OTHER ? IPPROTO_UDP : p.protocol;
	p.dst_port = change == UDP_4789 ? 4789 : p.dst_port;
	p.tcp_flags = change == SYN_ACK ? 0x12 : p.tcp_flags;
	p.ct_reply = change == REPLY;
	if (change == IIF_LONGER)
		memcpy(p.iif, "eni12", sizeof("eni12"));
	if (change == IIF_NONE)
		p.iif[0] = '\0';
	if (change == OIF_NONE)
		p.oif[0] = '\0';
	if (change == SRC_ZERO)
		p.src.v = 0;
	if (change == UNTRACKED)
		p.ct_state = 0;
	if (change == NO_STATUS)
		p.ct_status = 0;
	if (change == LEAVES_AS_1)
		p.ct_reply_dst.v = p.src.v;
	return p;
}

static const struct match_case {
	struct nat_op op;
	enum change change;
	bool met;
} matches[] = {
	{ { NAT_IIF, .name = "eni1" }, NO_CHANGE, true },
	{ { NAT_IIF, .name = "eni1" }, IIF_LONGER, false },
	{ { NAT_IIF, .name = "eni*" }, IIF_LONGER, true },
	{ { NAT_IIF, .name = "eni*" }, IIF_NONE, false },
	{ { NAT_IIF_NOT, .name = "eni1" }, NO_CHANGE, false },
	{ { NAT_IIF_NOT, .name = "eni1" }, IIF_LONGER, true },
	{ { NAT_IIF_NOT, .name = "eni*" }, IIF_NONE, true },
	{ { NAT_OIF, .name = "egw0" }, NO_CHANGE, true },
	{ { NAT_OIF, .name = "egw0" }, OIF_NONE, false },
	{ { NAT_OIF_NOT, .name = "egw0" }, NO_CHANGE, false },
	{ { NAT_OIF_NOT, .name = "egw0" }, OIF_NONE, true },
	{ { NAT_SADDR_IN, .name = "addrs" }, NO_CHANGE, true },
	{ { NAT_SADDR_IN, .name = "addrs" }, SRC_OTHER, false },
	{ { NAT_SADDR_IN, .name = "ranges" }, SRC_LAST, true },
	{ { NAT_SADDR_IN, .name = "ranges" }, SRC_ZERO, true },
	{ { NAT_SADDR_NOT_IN, .name = "addrs" }, NO_CHANGE, false },
	{ { NAT_SADDR_NOT_IN, .name = "addrs" }, SRC_OTHER, true },
	{ { NAT_DADDR_IN, .name = "ranges" }, NO_CHANGE, true },
	{ { NAT_DADDR_IN, .name = "ranges" }, DST_FIRST, true },
	{ { NAT_DADDR_IN, .name = "ranges" }, DST_LAST, true },
	{ { NAT_DADDR_IN, .name = "ranges" }, DST_OTHER, false },
	{ { NAT_DADDR_NOT_IN, .name = "ranges" }, NO_CHANGE, false },
	{ { NAT_DADDR_NOT_IN, .name = "ranges" }, DST_OTHER, true },
	{ { NAT_IIF_SADDR_IN, .name = "pods" }, NO_CHANGE, true },
	{ { NAT_MARK_IN, .name = "marks" }, NO_CHANGE, true },
	{ { NAT_MARK_IN, .name = "marks" }, MARK_77, true },
	{ { NAT_MARK_IN, .name = "marks" }, MARK_OTHER, false },
	{ { NAT_IIF_SADDR_IN, .name = "pods" }, SRC_2, false }, /* of another device */
	{ { NAT_IIF_SADDR_IN, .name = "pods" }, IIF_LONGER, false },
	{ { NAT_IIF_SADDR_NOT_IN, .name = "pods" }, NO_CHANGE, false },
	{ { NAT_IIF_SADDR_NOT_IN, .name = "pods" }, SRC_2, true },
	{ { NAT_UDP_DPORT, .value = 4789 }, UDP_4789, true },
	{ { NAT_UDP_DPORT, .value = 4789 }, UDP_OTHER, false },
	{ { NAT_UDP_DPORT, .value = 443 }, NO_CHANGE, false }, /* TCP */
	{ { NAT_TCP_FLAGS, .mask = 6, .value = 2 }, NO_CHANGE, true },
	{ { NAT_TCP_FLAGS, .mask = 6, .value = 2 }, SYN_ACK, true },
	{ { NAT_TCP_FLAGS, .mask = 0x12, .value = 2 }, SYN_ACK, false },
	{ { NAT_TCP_FLAGS, .mask = 6, .value = 2 }, UDP_OTHER, false },
	{ { NAT_MARK, .mask = 0x107f, .value = 0x1001 }, NO_CHANGE, true },
	{ { NAT_MARK, .mask = 0x107f, .value = 0x1001 }, MARK_UPPER, true },
	{ { NAT_MARK, .mask = UINT32_MAX, .value = 0x1001 }, MARK_UPPER, false },
	{ { NAT_MARK, .mask = 0x107f, .value = 0x1001 }, MARK_OTHER, false },
	{ { NAT_MARK_NOT, .mask = 0x107f, .value = 0x1001 }, MARK_OTHER, true },
	{ { NAT_MARK_NOT, .mask = 0x107f, .value = 0x1001 }, NO_CHANGE, false },
	{ { NAT_CT_MARK, .mask = 0xf00f, .value = 0x2002 }, NO_CHANGE, true },
	{ { NAT_CT_MARK, .mask = 0xf00f, .value = 0x2002 }, CT_MARK_OTHER, false },
	{ { NAT_CT_MARK_NOT, .mask = 0xf00f, .value = 0x2002 }, CT_MARK_OTHER, true },
	{ { NAT_CT_MARK_NOT, .mask = 0xf00f, .value = 0x2002 }, NO_CHANGE, false },
	{ { NAT_CT_DIRECTION, .value = 0 }, NO_CHANGE, true },
	{ { NAT_CT_DIRECTION, .value = 0 }, REPLY, false },
	{ { NAT_CT_DIRECTION, .value = 1 }, REPLY, true },
	{ { NAT_CT_STATE, .mask = NAT_STATE_NEW | NAT_STATE_RELATED }, NO_CHANGE, true },
	{ { NAT_CT_STATE, .mask = NAT_STATE_NEW | NAT_STATE_RELATED }, ESTABLISHED, false },
	{ { NAT_CT_STATE, .mask = NAT_STATE_INVALID }, INVALID, true },
	{ { NAT_CT_STATE, .mask = 0xf }, UNTRACKED, false },
	{ { NAT_CT_STATUS, .mask = NAT_STATUS_ASSURED }, NO_CHANGE, true },
	{ { NAT_CT_STATUS, .mask = NAT_STATUS_ASSURED }, NO_STATUS, false },
	{ { NAT_CT_REPLY_DADDR_IN, .name = "addrs" }, LEAVES_AS_1, true },
	{ { NAT_CT_REPLY_DADDR_IN, .name = "addrs" }, NO_CHANGE, false },
	/* Without an entry neither a match nor its opposite is met. */
	{ { NAT_CT_MARK, .mask = 0xf00f, .value = 0x2002 }, INVALID, false },
	{ { NAT_CT_MARK_NOT, .mask = 0xf00f, .value = 1 }, INVALID, false },
	{ { NAT_CT_MARK_NOT, .mask = 0xf00f, .value = 1 }, UNTRACKED, false },
	{ { NAT_CT_DIRECTION, .value = 0 }, UNTRACKED, false },
	{ { NAT_CT_STATUS, .mask = NAT_STATUS_ASSURED }, INVALID, false },
	{ { NAT_SET_CT_MARK, .mask = 1, .value = 1 }, INVALID, false },
	{ { NAT_CT_MARK_VMAP, .mask = 0xff, .name = "by_mark" }, INVALID, false },
	{ { NAT_MSS_CLAMP }, NO_CHANGE, true },
	{ { NAT_MSS_CLAMP }, UDP_4789, false },
};

static void every_match_is_met_by_what_it_says_and_by_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(matches); i++) {
		struct nat_packet packet = changed(matches[i].change);
		struct nat_rule rule = { .ops = { matches[i].op,
						  { .kind = NAT_COUNT, .name = "met" },
						  { .kind = NAT_DROP } } };
		struct nat_eval_result result;
		struct nat_ruleset rs;
		char words[NAT_RULE_TEXT_MAX], text[256];

		print_message("case %zu: %s\n", i, nat_rule_format(&rule, words));
		eval_common(&rs);
		nat_rule_add(&rs, nat_base_chain_add(&rs, "fwd", NAT_HOOK_FORWARD, 0, 0), rule);
		assert_int_equal(nat_ruleset_finish(&rs), 0);

		result = nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, NULL, NULL);

		assert_int_equal(result.verdict, matches[i].met ? NAT_EVAL_DROP : NAT_EVAL_ACCEPT);
		assert_string_equal(counters_text(&result, text), matches[i].met ? "met" : "");
		nat_ruleset_done(&rs);
	}
}

/* What comes back from a jump goes on behind it: "one" returns, "two" drops, no element: the next rule. */
static const struct {
	struct nat_op op;
	enum change change;
	const char *counters;
	enum nat_eval_verdict verdict;
} lookups[] = {
	{ { NAT_SADDR_VMAP, .name = "by_addr" }, NO_CHANGE, "one met", NAT_EVAL_ACCEPT },
	{ { NAT_SADDR_VMAP, .name = "by_addr" }, SRC_2, "two", NAT_EVAL_DROP },
	{ { NAT_SADDR_VMAP, .name = "by_addr" }, SRC_OTHER, "met", NAT_EVAL_ACCEPT },
	{ { NAT_SADDR_VMAP, .name = "by_range" }, NO_CHANGE, "one met", NAT_EVAL_ACCEPT },
	{ { NAT_SADDR_VMAP, .name = "by_range" }, SRC_2, "two", NAT_EVAL_DROP },
	{ { NAT_MARK_SADDR_VMAP, .name = "by_mark_addr" }, MARK_77, "one met", NAT_EVAL_ACCEPT },
	{ { NAT_MARK_SADDR_VMAP, .name = "by_mark_addr" }, NO_CHANGE, "met", NAT_EVAL_ACCEPT },
	{ { NAT_MARK_SADDR_VMAP, .name = "by_mark_range" }, MARK_77, "one met", NAT_EVAL_ACCEPT },
	{ { NAT_MARK_VMAP, .name = "by_mark" }, MARK_77, "met", NAT_EVAL_ACCEPT },
	/* goto: nothing comes back. */
	{ { NAT_CT_MARK_VMAP, .mask = 0xff, .name = "by_mark" }, CT_MARK_1, "one", NAT_EVAL_ACCEPT },
	{ { NAT_CT_MARK_VMAP, .mask = 0xff, .name = "by_mark" }, NO_CHANGE, "two", NAT_EVAL_DROP },
	{ { NAT_CT_MARK_VMAP, .mask = 0xffff, .name = "by_mark" },
	  NO_CHANGE,
	  "met",
	  NAT_EVAL_ACCEPT },
};

static void verdict_maps_lead_to_the_chain_of_the_element(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++) {
		struct nat_packet packet = changed(lookups[i].change);
		struct nat_rule rule = { .ops = { lookups[i].op } };
		struct nat_eval_result result;
		struct nat_ruleset rs;
		char text[256];
		size_t chain;

		print_message("case %zu\n", i);
		eval_common(&rs);
		chain = nat_base_chain_add(&rs, "fwd", NAT_HOOK_FORWARD, 0, 0);
		nat_rule_add(&rs, chain, rule);
		nat_rule_add(&rs, chain, NAT_RULE({ NAT_COUNT, .name = "met" }));
		assert_int_equal(nat_ruleset_finish(&rs), 0);

		result = nat_eval_hook(&rs, NAT_HOOK_FORWARD, &packet, NULL, NULL);

		assert_string_equal(counters_text(&result, text), lookups[i].counters);
		assert_int_equal(result.verdict, lookups[i].verdict);
		nat_ruleset_done(&rs);
	}
}

/* One base chain with the rule, evaluated for TCP; returns the result and what became of the packet. */
static struct nat_eval_result eval_one(enum nat_hook hook, int priority, struct nat_rule rule,
				       struct nat_packet *packet)
{
	bool post = hook == NAT_HOOK_POSTROUTING;
	struct nat_eval_result result;
	struct nat_ruleset rs;

	eval_common(&rs);
	nat_rule_add(&rs, nat_base_chain_add(&rs, "base", hook, priority, post ? NAT_BASE_NAT : 0),
		     rule);
	assert_int_equal(nat_ruleset_finish(&rs), 0);
	result = nat_eval_hook(&rs, hook, packet, NULL, NULL);
	nat_ruleset_done(&rs);
	return result;
}

static void a_mark_comes_from_the_map_or_stays(void **state)
{
	static const char *const maps[] = { "to_mark", "to_mark_range" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct nat_packet in_map = changed(MARK_77), other = changed(MARK_OTHER);
		struct nat_rule rule = NAT_RULE({ NAT_SET_MARK_MAP }, { NAT_DROP });

		snprintf(rule.ops[0].name, NAT_NAME_MAX, "%s", maps[i]);
		assert_int_equal(eval_one(NAT_HOOK_FORWARD, 0, rule, &in_map).verdict,
				 NAT_EVAL_DROP);
		assert_int_equal(in_map.mark, 1);
		assert_int_equal(eval_one(NAT_HOOK_FORWARD, 0, rule, &other).verdict,
				 NAT_EVAL_ACCEPT);
		assert_int_equal(other.mark, 0x1002);
	}
}

static void marks_change_only_the_bits_of_their_mask(void **state)
{
	struct nat_packet packet = changed(MARK_UPPER);

	(void)state;
	eval_one(NAT_HOOK_PREROUTING, -80,
		 NAT_RULE({ NAT_SET_MARK, .mask = 0x107f, .value = 0x1042 },
			  { NAT_SET_CT_MARK, .mask = 0x107f, .value = 0x1043 }),
		 &packet);
	assert_int_equal(packet.mark, 0xffff1042);
	assert_int_equal(packet.ct_mark, 0x2000 | 0x1043);

	eval_one(NAT_HOOK_PREROUTING, -80, NAT_RULE({ NAT_SET_MARK_SADDR }), &packet);
	assert_int_equal(packet.mark, htonl(A0 + 1));
}

/* As in nf_tables: what an operation did stays, also when a later one of the same rule isn't met. */
static void what_happened_before_a_match_failed_stays(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_eval_result result = eval_one(
		NAT_HOOK_FORWARD, 0,
		NAT_RULE({ NAT_SET_MARK, .mask = 1, .value = 0 }, { NAT_COUNT, .name = "met" },
			 { NAT_OIF, .name = "eth0" }, { NAT_DROP }),
		&packet);

	(void)state;
	assert_int_equal(packet.mark, 0x1000);
	assert_int_equal(result.n_counters, 1);
	assert_int_equal(result.verdict, NAT_EVAL_ACCEPT);
}

static void rejecting_is_told_from_dropping(void **state)
{
	struct nat_packet packet = TCP;

	(void)state;
	assert_int_equal(
		eval_one(NAT_HOOK_FORWARD, 0, NAT_RULE({ NAT_REJECT_ADMIN }), &packet).verdict,
		NAT_EVAL_REJECT);
}

static void notrack_counts_only_before_conntrack(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_NOTRACK });
	struct nat_packet packet = TCP;

	(void)state;
	assert_false(eval_one(NAT_HOOK_PREROUTING, -200, rule, &packet).notrack);
	assert_int_equal(packet.ct_state, NAT_STATE_NEW);
	assert_false(eval_one(NAT_HOOK_FORWARD, -300, rule, &packet).notrack);

	assert_true(eval_one(NAT_HOOK_PREROUTING, -300, rule, &packet).notrack);
	assert_int_equal(packet.ct_state, 0);
}

static void before_conntrack_there_is_no_entry(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_CT_DIRECTION, .value = 0 }, { NAT_DROP });
	struct nat_packet packet = TCP;

	(void)state;
	assert_int_equal(eval_one(NAT_HOOK_PREROUTING, -300, rule, &packet).verdict,
			 NAT_EVAL_ACCEPT);
	assert_int_equal(eval_one(NAT_HOOK_PREROUTING, -80, rule, &packet).verdict, NAT_EVAL_DROP);
}

static void sources_are_translated_as_said(void **state)
{
	struct nat_packet packet = TCP, marked = TCP, unknown = TCP, old = changed(ESTABLISHED);
	struct nat_rule identity = NAT_RULE({ NAT_OIF, .name = "egw0" }, { NAT_SNAT_SADDR });
	struct nat_rule by_mark = NAT_RULE({ NAT_SNAT_MARK, .name = "to_addr" });
	struct nat_eval_result result;

	(void)state;
	result = eval_one(NAT_HOOK_POSTROUTING, 99, identity, &packet);
	assert_true(result.snat);
	assert_int_equal(result.snat_to.v, A0 + 1);

	marked.mark = 2;
	result = eval_one(NAT_HOOK_POSTROUTING, 99, by_mark, &marked);
	assert_true(result.snat);
	assert_int_equal(result.snat_to.v, A0 + 202);
	assert_int_equal(marked.src.v, A0 + 202);

	unknown.mark = 3;
	assert_false(eval_one(NAT_HOOK_POSTROUTING, 99, by_mark, &unknown).snat);
	assert_false(eval_one(NAT_HOOK_POSTROUTING, 99, identity, &old).snat);
}

/* to_ports has them for each address under its own mark only. */
static void ports_are_found_by_mark_and_source(void **state)
{
	const struct nat_rule rule = NAT_RULE({ NAT_LOAD_PORTS, .name = "to_ports" },
					      { NAT_SNAT_MARK_LOADED, .name = "to_addr" });
	struct nat_packet mine = TCP, others = TCP;
	struct nat_eval_result result;

	(void)state;
	mine.mark = 1;
	result = eval_one(NAT_HOOK_POSTROUTING, 99, rule, &mine);
	assert_true(result.snat);
	assert_int_equal(result.snat_to.v, A0 + 201);
	assert_int_equal(result.snat_first_port, 2000);
	assert_int_equal(result.snat_last_port, 2999);
	assert_true(result.snat_own);

	others.mark = 2;
	result = eval_one(NAT_HOOK_POSTROUTING, 99, rule, &others);
	assert_false(result.snat);
	assert_int_equal(result.snat_last_port, 0);
}

static void a_range_of_ports_is_nobodys_own(void **state)
{
	const struct nat_rule rule =
		NAT_RULE({ NAT_SNAT_MARK_PORTS, 1024, 65535, .name = "to_addr" });
	struct nat_packet packet = TCP;
	struct nat_eval_result result;

	(void)state;
	packet.mark = 1;
	result = eval_one(NAT_HOOK_POSTROUTING, 99, rule, &packet);
	assert_int_equal(result.snat_first_port, 1024);
	assert_int_equal(result.snat_last_port, 65535);
	assert_false(result.snat_own);
}

static void a_later_chain_sees_the_translated_source(void **state)
{
	struct nat_packet packet = TCP;
	struct nat_eval_result result;
	struct nat_ruleset rs;

	(void)state;
	eval_common(&rs);
	packet.src.v = A0 + 3;
	nat_rule_add(&rs, nat_base_chain_add(&rs, "late", NAT_HOOK_POSTROUTING, 150, 0),
		     NAT_RULE({ NAT_SADDR_IN, .name = "ranges" }, { NAT_DROP }));
	nat_rule_add(&rs, nat_base_chain_add(&rs, "nat", NAT_HOOK_POSTROUTING, 100, NAT_BASE_NAT),
		     NAT_RULE({ NAT_SNAT_MARK, .name = "to_addr" }));
	nat_elem_add(&rs, (size_t)(nat_set_find(&rs, "to_addr") - rs.sets),
		     (struct nat_elem){ 0x1001, 0, 0, A0 + 19 });
	assert_int_equal(nat_ruleset_finish(&rs), 0);

	result = nat_eval_hook(&rs, NAT_HOOK_POSTROUTING, &packet, NULL, NULL);

	assert_int_equal(result.verdict, NAT_EVAL_DROP);
	assert_true(result.snat);
	nat_ruleset_done(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_match_is_met_by_what_it_says_and_by_nothing_else),
		cmocka_unit_test(verdict_maps_lead_to_the_chain_of_the_element),
		cmocka_unit_test(a_mark_comes_from_the_map_or_stays),
		cmocka_unit_test(marks_change_only_the_bits_of_their_mask),
		cmocka_unit_test(what_happened_before_a_match_failed_stays),
		cmocka_unit_test(rejecting_is_told_from_dropping),
		cmocka_unit_test(notrack_counts_only_before_conntrack),
		cmocka_unit_test(before_conntrack_there_is_no_entry),
		cmocka_unit_test(sources_are_translated_as_said),
		cmocka_unit_test(ports_are_found_by_mark_and_source),
		cmocka_unit_test(a_range_of_ports_is_nobodys_own),
		cmocka_unit_test(a_later_chain_sees_the_translated_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
