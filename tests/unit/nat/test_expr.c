// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Golden texts of every operation: as people read it, and as nf_tables' expressions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "nat/expr.h"
#include "nat/ruleset.h"

static const struct {
	struct nat_op op;
	const char *words, *text;
} ops[] = {
	{ { NAT_IIF, .name = "eth0" },
	  "iifname \"eth0\"",
	  "meta load iifname => reg 1 ;"
	  "cmp eq reg 1 0x30687465 0x00000000 0x00000000 0x00000000 ;" },
	{ { NAT_IIF_NOT, .name = "eth0" },
	  "iifname != \"eth0\"",
	  "meta load iifname => reg 1 ;"
	  "cmp neq reg 1 0x30687465 0x00000000 0x00000000 0x00000000 ;" },
	{ { NAT_OIF, .name = "eth0" },
	  "oifname \"eth0\"",
	  "meta load oifname => reg 1 ;"
	  "cmp eq reg 1 0x30687465 0x00000000 0x00000000 0x00000000 ;" },
	{ { NAT_OIF_NOT, .name = "eth0" },
	  "oifname != \"eth0\"",
	  "meta load oifname => reg 1 ;"
	  "cmp neq reg 1 0x30687465 0x00000000 0x00000000 0x00000000 ;" },
	{ { NAT_SADDR_IN, .name = "s" },
	  "ip saddr @s",
	  "payload load 4b @ network header + 12 => reg 1 ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_SADDR_NOT_IN, .name = "s" },
	  "ip saddr != @s",
	  "payload load 4b @ network header + 12 => reg 1 ;"
	  "lookup reg 1 set s 0x1 ;" },
	{ { NAT_DADDR_IN, .name = "s" },
	  "ip daddr @s",
	  "payload load 4b @ network header + 16 => reg 1 ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_DADDR_NOT_IN, .name = "s" },
	  "ip daddr != @s",
	  "payload load 4b @ network header + 16 => reg 1 ;"
	  "lookup reg 1 set s 0x1 ;" },
	{ { NAT_IIF_SADDR_IN, .name = "s" },
	  "iifname . ip saddr @s",
	  "meta load iifname => reg 1 ;"
	  "payload load 4b @ network header + 12 => reg 2 ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_IIF_SADDR_NOT_IN, .name = "s" },
	  "iifname . ip saddr != @s",
	  "meta load iifname => reg 1 ;"
	  "payload load 4b @ network header + 12 => reg 2 ;"
	  "lookup reg 1 set s 0x1 ;" },
	{ { NAT_IIF_IN, .name = "s" },
	  "iif @s",
	  "meta load iif => reg 1 ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_IIF_NOT_IN, .name = "s" },
	  "iif != @s",
	  "meta load iif => reg 1 ;"
	  "lookup reg 1 set s 0x1 ;" },
	{ { NAT_MARK_IN, .name = "s" },
	  "meta mark @s",
	  "meta load mark => reg 1 ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_DADDR6, .name = "fc00::/7" },
	  "ip6 daddr fc00::/7",
	  "payload load 16b @ network header + 24 => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x000000fe 0x00000000 0x00000000 0x00000000 ) ^ "
	  "0x00000000 0x00000000 0x00000000 0x00000000 ;"
	  "cmp eq reg 1 0x000000fc 0x00000000 0x00000000 0x00000000 ;" },
	{ { NAT_PROTOCOL, .value = 6 },
	  "meta l4proto 6",
	  "meta load l4proto => reg 1 ;"
	  "cmp eq reg 1 0x00000006 ;" },
	{ { NAT_UDP_DPORT, .value = 4789 },
	  "udp dport 4789",
	  "meta load l4proto => reg 1 ;"
	  "cmp eq reg 1 0x00000011 ;"
	  "payload load 2b @ transport header + 2 => reg 1 ;"
	  "cmp eq reg 1 0x0000b512 ;" },
	{ { NAT_TCP_FLAGS, .mask = 6, .value = 2 },
	  "tcp flags & 0x6 == 0x2",
	  "meta load l4proto => reg 1 ;"
	  "cmp eq reg 1 0x00000006 ;"
	  "payload load 1b @ transport header + 13 => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x00000006 ) ^ 0x00000000 ;"
	  "cmp eq reg 1 0x00000002 ;" },
	{ { NAT_TCP_FLAGS_NOT, .mask = 6, .value = 2 },
	  "tcp flags & 0x6 != 0x2",
	  "meta load l4proto => reg 1 ;"
	  "cmp eq reg 1 0x00000006 ;"
	  "payload load 1b @ transport header + 13 => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x00000006 ) ^ 0x00000000 ;"
	  "cmp neq reg 1 0x00000002 ;" },
	{ { NAT_MARK, .mask = 0x107f, .value = 0x1001 },
	  "meta mark & 0x107f == 0x1001",
	  "meta load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x0000107f ) ^ 0x00000000 ;"
	  "cmp eq reg 1 0x00001001 ;" },
	{ { NAT_MARK_NOT, .mask = 0x107f, .value = 0x1001 },
	  "meta mark & 0x107f != 0x1001",
	  "meta load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x0000107f ) ^ 0x00000000 ;"
	  "cmp neq reg 1 0x00001001 ;" },
	{ { NAT_CT_MARK, .mask = 0x107f, .value = 0x1001 },
	  "ct mark & 0x107f == 0x1001",
	  "ct load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x0000107f ) ^ 0x00000000 ;"
	  "cmp eq reg 1 0x00001001 ;" },
	{ { NAT_CT_MARK_NOT, .mask = 0x107f, .value = 0x1001 },
	  "ct mark & 0x107f != 0x1001",
	  "ct load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x0000107f ) ^ 0x00000000 ;"
	  "cmp neq reg 1 0x00001001 ;" },
	{ { NAT_CT_DIRECTION, .value = 1 },
	  "ct direction 1",
	  "ct load direction => reg 1 ;"
	  "cmp eq reg 1 0x00000001 ;" },
	{ { NAT_CT_STATE, .mask = 4 },
	  "ct state & 0x4 != 0",
	  "ct load state => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x00000004 ) ^ 0x00000000 ;"
	  "cmp neq reg 1 0x00000000 ;" },
	{ { NAT_CT_STATUS, .mask = 4 },
	  "ct status & 0x4 != 0",
	  "ct load status => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x00000004 ) ^ 0x00000000 ;"
	  "cmp neq reg 1 0x00000000 ;" },
	{ { NAT_CT_STATUS_NOT, .mask = 4 },
	  "ct status & 0x4 == 0",
	  "ct load status => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x00000004 ) ^ 0x00000000 ;"
	  "cmp eq reg 1 0x00000000 ;" },
	{ { NAT_CT_REPLY_DADDR_IN, .name = "s" },
	  "ct reply ip daddr @s",
	  "ct load dst_ip => reg 1 , dir reply ;"
	  "lookup reg 1 set s 0x0 ;" },
	{ { NAT_SADDR_VMAP, .name = "s" },
	  "ip saddr vmap @s",
	  "payload load 4b @ network header + 12 => reg 1 ;"
	  "lookup reg 1 set s dreg 0 0x0 ;" },
	{ { NAT_MARK_SADDR_VMAP, .name = "s" },
	  "meta mark . ip saddr vmap @s",
	  "meta load mark => reg 1 ;"
	  "payload load 4b @ network header + 12 => reg 9 ;"
	  "lookup reg 1 set s dreg 0 0x0 ;" },
	{ { NAT_MARK_VMAP, .name = "s" },
	  "meta mark vmap @s",
	  "meta load mark => reg 1 ;"
	  "lookup reg 1 set s dreg 0 0x0 ;" },
	{ { NAT_CT_MARK_VMAP, .mask = 0x107f, .name = "s" },
	  "ct mark & 0x107f vmap @s",
	  "ct load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0x0000107f ) ^ 0x00000000 ;"
	  "lookup reg 1 set s dreg 0 0x0 ;" },
	{ { NAT_SET_MARK, .mask = 0x107f, .value = 0x1001 },
	  "meta mark set (meta mark & ~0x107f) | 0x1001",
	  "meta load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0xffffef80 ) ^ 0x00001001 ;"
	  "meta set mark with reg 1 ;" },
	{ { NAT_SET_CT_MARK, .mask = 0x107f, .value = 0x1001 },
	  "ct mark set (ct mark & ~0x107f) | 0x1001",
	  "ct load mark => reg 1 ;"
	  "bitwise reg 1 = ( reg 1 & 0xffffef80 ) ^ 0x00001001 ;"
	  "ct set mark with reg 1 ;" },
	{ { NAT_SET_MARK_SADDR },
	  "meta mark set ip saddr",
	  "payload load 4b @ network header + 12 => reg 1 ;"
	  "meta set mark with reg 1 ;" },
	{ { NAT_SET_MARK_MAP, .name = "s" },
	  "meta mark set meta mark . ip saddr map @s",
	  "meta load mark => reg 1 ;"
	  "payload load 4b @ network header + 12 => reg 9 ;"
	  "lookup reg 1 set s dreg 1 0x0 ;"
	  "meta set mark with reg 1 ;" },
	{ { NAT_LOAD_PORTS, .name = "s" },
	  "ports = meta mark . ip saddr map @s",
	  "meta load mark => reg 1 ;"
	  "payload load 4b @ network header + 12 => reg 9 ;"
	  "lookup reg 1 set s dreg 2 0x0 ;" },
	{ { NAT_COUNT, .name = "s" }, "counter name \"s\"", "objref type 1 name s ;" },
	{ { NAT_NOTRACK }, "notrack", "notrack ;" },
	{ { NAT_MSS_CLAMP },
	  "tcp option maxseg size set rt mtu",
	  "rt load tcpmss => reg 1 ;"
	  "byteorder reg 1 = hton(reg 1, 2, 2) ;"
	  "exthdr write tcpopt reg 1 => 2b @ 2 + 2 ;" },
	{ { NAT_FLOW_ADD, .name = "f" }, "flow add @f", "flow_offload flowtable f ;" },
	{ { NAT_DUP, .value = 0xa9fe4103 },
	  "dup to 169.254.65.3 device meta oif",
	  "immediate reg 1 0x0341fea9 ;"
	  "meta load oif => reg 2 ;"
	  "dup sreg_addr 1 sreg_dev 2 ;" },
	{ { NAT_ACCEPT }, "accept", "immediate reg 0 accept ;" },
	{ { NAT_DROP }, "drop", "immediate reg 0 drop ;" },
	{ { NAT_RETURN }, "return", "immediate reg 0 return ;" },
	{ { NAT_JUMP, .name = "cls" }, "jump cls", "immediate reg 0 jump -> cls ;" },
	{ { NAT_GOTO, .name = "cls" }, "goto cls", "immediate reg 0 goto -> cls ;" },
	{ { NAT_REJECT_ADMIN },
	  "reject with icmp type admin-prohibited",
	  "reject type 0 code 13 ;" },
	{ { NAT_REJECT_ADMIN6 },
	  "reject with icmpv6 type admin-prohibited",
	  "reject type 0 code 1 ;" },
	{ { NAT_REJECT_RESET }, "reject with tcp reset", "reject type 1 code 0 ;" },
	{ { NAT_SNAT_SADDR },
	  "snat to ip saddr",
	  "payload load 4b @ network header + 12 => reg 1 ;"
	  "nat snat ip addr_min reg 1 addr_max reg 1 flags 0x1 ;" },
	{ { NAT_SNAT_MARK, .name = "s" },
	  "snat to meta mark map @s",
	  "meta load mark => reg 1 ;"
	  "lookup reg 1 set s dreg 1 0x0 ;"
	  "nat snat ip addr_min reg 1 addr_max reg 1 flags 0x1 ;" },
	{ { NAT_SNAT_MARK_PORTS, 1024, 65535, "s" },
	  "snat to meta mark map @s:1024-65535",
	  "meta load mark => reg 1 ;"
	  "lookup reg 1 set s dreg 1 0x0 ;"
	  "immediate reg 2 0x00000004 ;"
	  "immediate reg 3 0x0000ffff ;"
	  "nat snat ip addr_min reg 1 addr_max reg 1 proto_min reg 2 proto_max reg 3 flags 0x3 ;" },
	{ { NAT_SNAT_MARK_LOADED, .name = "s" },
	  "snat to meta mark map @s:ports",
	  "meta load mark => reg 1 ;"
	  "lookup reg 1 set s dreg 1 0x0 ;"
	  "nat snat ip addr_min reg 1 addr_max reg 1 proto_min reg 2 proto_max reg 13 flags 0x3 ;" },
};

static char *text_of(const struct nat_rule *rule)
{
	struct nftnl_rule *compiled = nat_expr_compile("t", "c", rule);
	char *text;

	assert_non_null(compiled);
	text = nat_expr_text(compiled);
	assert_non_null(text);
	nftnl_rule_free(compiled);
	return text;
}

static void every_operation_has_its_words_and_its_expressions(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(ops), NAT_OP_KIND_COUNT - 1);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct nat_rule rule = { .ops = { ops[i].op } };
		char words[NAT_RULE_TEXT_MAX];
		char *text = text_of(&rule);

		assert_int_equal(ops[i].op.kind, i + 1);
		assert_string_equal(nat_rule_format(&rule, words), ops[i].words);
		assert_string_equal(text, ops[i].text);
		free(text);
	}
}

static void no_two_operations_look_alike(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ops[i].text, ops[j].text);
	}
}

static void a_rule_is_its_operations_in_order(void **state)
{
	struct nat_rule rule =
		NAT_RULE({ NAT_IIF, .name = "egw0" }, { NAT_COUNT, .name = "c" }, { NAT_DROP });
	char words[NAT_RULE_TEXT_MAX];
	char *text = text_of(&rule);

	(void)state;
	assert_string_equal(nat_rule_format(&rule, words),
			    "iifname \"egw0\" counter name \"c\" drop");
	assert_string_equal(text, "meta load iifname => reg 1 ;"
				  "cmp eq reg 1 0x30776765 0x00000000 0x00000000 0x00000000 ;"
				  "objref type 1 name c ;immediate reg 0 drop ;");
	free(text);
}

static void a_device_prefix_compares_only_its_letters(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_IIF, .name = "eni*" });
	struct nat_rule longest = NAT_RULE({ NAT_IIF, .name = "abcdefghijklmno" });
	char *text = text_of(&rule), *long_text = text_of(&longest);

	(void)state;
	assert_string_equal(text, "meta load iifname => reg 1 ;cmp eq reg 1 0x00696e65 ;");
	assert_string_equal(long_text,
			    "meta load iifname => reg 1 ;"
			    "cmp eq reg 1 0x64636261 0x68676665 0x6c6b6a69 0x006f6e6d ;");
	free(text);
	free(long_text);
}

static void a_full_mask_needs_no_bitwise(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_MARK, .mask = UINT32_MAX, .value = 7 });
	char *text = text_of(&rule);

	(void)state;
	assert_string_equal(text, "meta load mark => reg 1 ;cmp eq reg 1 0x00000007 ;");
	free(text);
}

/* What others put there must never look like a rule of ours, not even like an empty one. */
static void a_foreign_expression_shows_as_its_name(void **state)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nftnl_expr *expr = nftnl_expr_alloc("limit");
	char *text;

	(void)state;
	assert_non_null(rule);
	assert_non_null(expr);
	nftnl_rule_add_expr(rule, expr);
	text = nat_expr_text(rule);
	assert_string_equal(text, "limit ;");
	nftnl_rule_free(rule);
	free(text);
}

static void a_whole_ipv6_address_needs_no_bitwise(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_DADDR6, .name = "fd00::1/128" });
	char *text = text_of(&rule);

	(void)state;
	assert_string_equal(text, "payload load 16b @ network header + 24 => reg 1 ;"
				  "cmp eq reg 1 0x000000fd 0x00000000 0x00000000 0x01000000 ;");
	free(text);
}

static void an_unknown_operation_does_not_compile(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_OP_KIND_COUNT });
	struct nat_rule no_prefix = NAT_RULE({ NAT_DADDR6, .name = "fd00::" });

	(void)state;
	assert_null(nat_expr_compile("t", "c", &rule));
	assert_null(nat_expr_compile("t", "c", &no_prefix));
}

static void words_that_are_too_long_are_cut(void **state)
{
	struct nat_rule rule = { 0 };
	char words[NAT_RULE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < NAT_OPS_MAX; i++) {
		rule.ops[i].kind = NAT_COUNT;
		memset(rule.ops[i].name, 'x', NAT_NAME_MAX - 1);
	}
	nat_rule_format(&rule, words);
	assert_int_equal(strlen(words), NAT_RULE_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_its_words_and_its_expressions),
		cmocka_unit_test(no_two_operations_look_alike),
		cmocka_unit_test(a_rule_is_its_operations_in_order),
		cmocka_unit_test(a_device_prefix_compares_only_its_letters),
		cmocka_unit_test(a_full_mask_needs_no_bitwise),
		cmocka_unit_test(a_whole_ipv6_address_needs_no_bitwise),
		cmocka_unit_test(a_foreign_expression_shows_as_its_name),
		cmocka_unit_test(an_unknown_operation_does_not_compile),
		cmocka_unit_test(words_that_are_too_long_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
