// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One row per operation: how to load the left side, and what to do with it. Register 1 holds values;
 * concatenations fill it and the next 4-byte registers, which is how nft(8) lays them out too.
 */
#include "nat/expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/cleanup.h"
#include "base/ip6.h"
#include "nat/emit.h"
#include "nat/ruleset.h"

enum { IP_SADDR_OFFSET = 12, IP_DADDR_OFFSET = 16, IP6_DADDR_OFFSET = 24 };
enum { TH_DPORT_OFFSET = 2, TCP_FLAGS_OFFSET = 13 };
enum { ICMP_CODE_ADMIN_PROHIBITED = 13, ICMP6_CODE_ADMIN_PROHIBITED = 1 };

/* What stands left of the comparison, lookup or assignment. */
enum source {
	FROM_NOTHING,
	FROM_IIF,
	FROM_OIF,
	FROM_SADDR,
	FROM_DADDR,
	FROM_IIF_SADDR,
	FROM_IIF_NUMBER,
	FROM_DADDR6,
	FROM_PROTOCOL,
	FROM_MARK,
	FROM_MARK_SADDR,
	FROM_CT_MARK,
	FROM_CT_DIRECTION,
	FROM_CT_STATE,
	FROM_CT_STATUS,
	FROM_CT_REPLY_DADDR,
	FROM_UDP_DPORT,
	FROM_TCP_FLAGS,
};

static const struct {
	uint8_t protocol; /* compared first; 0: any */
	struct load loads[2];
} sources[] = {
	[FROM_NOTHING] = { 0, { { LOAD_NOTHING } } },
	[FROM_IIF] = { 0, { { LOAD_META, .key = NFT_META_IIFNAME } } },
	[FROM_OIF] = { 0, { { LOAD_META, .key = NFT_META_OIFNAME } } },
	[FROM_SADDR] = { 0, { { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4 } } },
	[FROM_DADDR] = { 0, { { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR_OFFSET, 4 } } },
	/* The name takes 16 bytes: registers 1 and, after it, 2. */
	[FROM_IIF_SADDR] = { 0,
			     { { LOAD_META, .key = NFT_META_IIFNAME },
			       { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4,
				 NFT_REG_2 } } },
	[FROM_IIF_NUMBER] = { 0, { { LOAD_META, .key = NFT_META_IIF } } },
	[FROM_DADDR6] = { 0,
			  { { LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP6_DADDR_OFFSET, 16 } } },
	[FROM_PROTOCOL] = { 0, { { LOAD_META, .key = NFT_META_L4PROTO } } },
	[FROM_MARK] = { 0, { { LOAD_META, .key = NFT_META_MARK } } },
	[FROM_MARK_SADDR] = { 0,
			      { { LOAD_META, .key = NFT_META_MARK },
				{ LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4,
				  NFT_REG32_01 } } },
	[FROM_CT_MARK] = { 0, { { LOAD_CT, .key = NFT_CT_MARK } } },
	[FROM_CT_DIRECTION] = { 0, { { LOAD_CT, .key = NFT_CT_DIRECTION } } },
	[FROM_CT_STATE] = { 0, { { LOAD_CT, .key = NFT_CT_STATE } } },
	[FROM_CT_STATUS] = { 0, { { LOAD_CT, .key = NFT_CT_STATUS } } },
	[FROM_CT_REPLY_DADDR] = { 0, { { LOAD_CT_REPLY, .key = NFT_CT_DST_IP } } },
	[FROM_UDP_DPORT] = { IPPROTO_UDP,
			     { { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT_OFFSET,
				 2 } } },
	[FROM_TCP_FLAGS] = { IPPROTO_TCP,
			     { { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET,
				 1 } } },
};

static void emit_source(struct emitter *em, enum source from)
{
	static const struct load l4proto = { LOAD_META, .key = NFT_META_L4PROTO };

	if (sources[from].protocol) {
		emit_load(em, &l4proto);
		emit_cmp(em, false, &sources[from].protocol, sizeof(sources[from].protocol));
	}
	for (size_t i = 0; i < ARRAY_SIZE(sources[from].loads); i++)
		emit_load(em, &sources[from].loads[i]);
}

/* What is done with it: one function each. */

/* A trailing '*' compares the beginning only; else the whole field with its padding, as nft(8) does. */
static void to_device(struct emitter *em, const struct nat_op *op, bool inverted)
{
	char field[16] = "";
	size_t length = strnlen(op->name, sizeof(field) - 1);

	memcpy(field, op->name, length);
	if (length && field[length - 1] == '*')
		emit_cmp(em, inverted, field, (uint32_t)length - 1);
	else
		emit_cmp(em, inverted, field, sizeof(field));
}

static void to_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint32_t zero = 0;

	if (op->mask != UINT32_MAX)
		emit_bitwise(em, &op->mask, &zero, sizeof(op->mask));
	emit_cmp(em, inverted, &op->value, sizeof(op->value));
}

/* An address of 16 bytes under a prefix. */
static void to_prefix6(struct emitter *em, const struct nat_op *op, bool inverted)
{
	const struct ip6 zero = { 0 };
	struct ip6_prefix prefix;

	if (ip6_prefix_parse(op->name, &prefix, NULL)) {
		em->failed = true;
		return;
	}
	const struct ip6 mask = ip6_mask(prefix.len);

	if (prefix.len < 8 * sizeof(mask.v))
		emit_bitwise(em, mask.v, zero.v, sizeof(mask.v));
	emit_cmp(em, inverted, prefix.addr.v, sizeof(prefix.addr.v));
}

static void to_byte(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint8_t value = (uint8_t)op->value;

	emit_cmp(em, inverted, &value, sizeof(value));
}

static void to_byte_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint8_t mask = (uint8_t)op->mask, zero = 0;

	emit_bitwise(em, &mask, &zero, sizeof(mask));
	to_byte(em, op, inverted);
}

static void to_port(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint16_t port = htons((uint16_t)op->value);

	emit_cmp(em, inverted, &port, sizeof(port));
}

static void to_any_bit(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint32_t zero = 0;

	emit_bitwise(em, &op->mask, &zero, sizeof(zero));
	emit_cmp(em, !inverted, &zero, sizeof(zero));
}

static void to_set(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, -1);
}

static void to_vmap(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_VERDICT);
}

static void to_vmap_of_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	uint32_t zero = 0;

	emit_bitwise(em, &op->mask, &zero, sizeof(zero));
	to_vmap(em, op, inverted);
}

static void to_mark_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)inverted;
	emit_keep_bits(em, op);
	emit_store_mark(em);
}

static void to_ct_mark_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)inverted;
	emit_keep_bits(em, op);
	emit_store_ct_mark(em);
}

static void to_mark(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)op;
	(void)inverted;
	emit_store_mark(em);
}

static void to_mark_of_map(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_1);
	emit_store_mark(em);
}

static void to_counter(struct emitter *em, const struct nat_op *op, bool inverted)
{
	struct nftnl_expr *expr = emit(em, "objref");

	(void)inverted;
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, op->name);
}

static void to_notrack(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)op;
	(void)inverted;
	(void)emit(em, "notrack");
}

static void to_mss(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)op;
	(void)inverted;
	emit_set_mss(em);
}

static void to_flowtable(struct emitter *em, const struct nat_op *op, bool inverted)
{
	struct nftnl_expr *expr = emit(em, "flow_offload");

	(void)inverted;
	if (expr)
		nftnl_expr_set_str(expr, NFTNL_EXPR_FLOW_TABLE_NAME, op->name);
}

static void to_copy(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)inverted;
	emit_dup(em, op->value);
}

static void to_verdict(struct emitter *em, const struct nat_op *op, bool inverted)
{
	static const int verdicts[NAT_OP_KIND_COUNT] = {
		[NAT_ACCEPT] = NF_ACCEPT, [NAT_DROP] = NF_DROP,  [NAT_RETURN] = NFT_RETURN,
		[NAT_JUMP] = NFT_JUMP,    [NAT_GOTO] = NFT_GOTO,
	};

	(void)inverted;
	emit_verdict(em, verdicts[op->kind], op->name);
}

static void to_reject(struct emitter *em, const struct nat_op *op, bool inverted)
{
	static const struct {
		uint32_t type;
		uint8_t code;
	} answers[NAT_OP_KIND_COUNT] = {
		[NAT_REJECT_ADMIN] = { NFT_REJECT_ICMP_UNREACH, ICMP_CODE_ADMIN_PROHIBITED },
		[NAT_REJECT_ADMIN6] = { NFT_REJECT_ICMP_UNREACH, ICMP6_CODE_ADMIN_PROHIBITED },
		[NAT_REJECT_RESET] = { NFT_REJECT_TCP_RST, 0 },
	};
	struct nftnl_expr *expr = emit(em, "reject");

	(void)inverted;
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, answers[op->kind].type);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, answers[op->kind].code);
}

static void to_snat(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)op;
	(void)inverted;
	emit_snat(em);
}

static void to_snat_map(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_1);
	emit_snat(em);
}

/* Two fields of a concatenation: the first port in register 2's first four bytes, the last one in the next four. */
static void to_loaded_ports(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_2);
}

static void to_snat_map_loaded(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_1);
	emit_snat_to(em, NFT_REG_2, NFT_REG32_05);
}

/* For whatever protocol: those that have no ports don't mind. */
static void to_snat_map_ports(struct emitter *em, const struct nat_op *op, bool inverted)
{
	emit_lookup(em, op->name, inverted, NFT_REG_1);
	emit_snat_ports(em, op->mask, op->value);
}

struct op_row {
	enum source from;
	void (*to)(struct emitter *em, const struct nat_op *op, bool inverted);
	bool inverted;
};

static const struct op_row op_rows[NAT_OP_KIND_COUNT] = {
	[NAT_IIF] = { FROM_IIF, to_device, false },
	[NAT_IIF_NOT] = { FROM_IIF, to_device, true },
	[NAT_OIF] = { FROM_OIF, to_device, false },
	[NAT_OIF_NOT] = { FROM_OIF, to_device, true },
	[NAT_SADDR_IN] = { FROM_SADDR, to_set, false },
	[NAT_SADDR_NOT_IN] = { FROM_SADDR, to_set, true },
	[NAT_DADDR_IN] = { FROM_DADDR, to_set, false },
	[NAT_DADDR_NOT_IN] = { FROM_DADDR, to_set, true },
	[NAT_IIF_SADDR_IN] = { FROM_IIF_SADDR, to_set, false },
	[NAT_IIF_SADDR_NOT_IN] = { FROM_IIF_SADDR, to_set, true },
	[NAT_IIF_IN] = { FROM_IIF_NUMBER, to_set, false },
	[NAT_IIF_NOT_IN] = { FROM_IIF_NUMBER, to_set, true },
	[NAT_MARK_IN] = { FROM_MARK, to_set, false },
	[NAT_DADDR6] = { FROM_DADDR6, to_prefix6, false },
	[NAT_PROTOCOL] = { FROM_PROTOCOL, to_byte, false },
	[NAT_UDP_DPORT] = { FROM_UDP_DPORT, to_port, false },
	[NAT_TCP_FLAGS] = { FROM_TCP_FLAGS, to_byte_bits, false },
	[NAT_TCP_FLAGS_NOT] = { FROM_TCP_FLAGS, to_byte_bits, true },
	[NAT_MARK] = { FROM_MARK, to_bits, false },
	[NAT_MARK_NOT] = { FROM_MARK, to_bits, true },
	[NAT_CT_MARK] = { FROM_CT_MARK, to_bits, false },
	[NAT_CT_MARK_NOT] = { FROM_CT_MARK, to_bits, true },
	[NAT_CT_DIRECTION] = { FROM_CT_DIRECTION, to_byte, false },
	[NAT_CT_STATE] = { FROM_CT_STATE, to_any_bit, false },
	[NAT_CT_STATUS] = { FROM_CT_STATUS, to_any_bit, false },
	[NAT_CT_STATUS_NOT] = { FROM_CT_STATUS, to_any_bit, true },
	[NAT_CT_REPLY_DADDR_IN] = { FROM_CT_REPLY_DADDR, to_set, false },
	[NAT_SADDR_VMAP] = { FROM_SADDR, to_vmap, false },
	[NAT_MARK_SADDR_VMAP] = { FROM_MARK_SADDR, to_vmap, false },
	[NAT_MARK_VMAP] = { FROM_MARK, to_vmap, false },
	[NAT_CT_MARK_VMAP] = { FROM_CT_MARK, to_vmap_of_bits, false },
	[NAT_SET_MARK] = { FROM_MARK, to_mark_bits, false },
	[NAT_SET_CT_MARK] = { FROM_CT_MARK, to_ct_mark_bits, false },
	[NAT_SET_MARK_MAP] = { FROM_MARK_SADDR, to_mark_of_map, false },
	[NAT_SET_MARK_SADDR] = { FROM_SADDR, to_mark, false },
	[NAT_LOAD_PORTS] = { FROM_MARK_SADDR, to_loaded_ports, false },
	[NAT_COUNT] = { FROM_NOTHING, to_counter, false },
	[NAT_NOTRACK] = { FROM_NOTHING, to_notrack, false },
	[NAT_MSS_CLAMP] = { FROM_NOTHING, to_mss, false },
	[NAT_FLOW_ADD] = { FROM_NOTHING, to_flowtable, false },
	[NAT_DUP] = { FROM_NOTHING, to_copy, false },
	[NAT_ACCEPT] = { FROM_NOTHING, to_verdict, false },
	[NAT_DROP] = { FROM_NOTHING, to_verdict, false },
	[NAT_RETURN] = { FROM_NOTHING, to_verdict, false },
	[NAT_JUMP] = { FROM_NOTHING, to_verdict, false },
	[NAT_GOTO] = { FROM_NOTHING, to_verdict, false },
	[NAT_REJECT_ADMIN] = { FROM_NOTHING, to_reject, false },
	[NAT_REJECT_ADMIN6] = { FROM_NOTHING, to_reject, false },
	[NAT_REJECT_RESET] = { FROM_NOTHING, to_reject, false },
	[NAT_SNAT_SADDR] = { FROM_SADDR, to_snat, false },
	[NAT_SNAT_MARK] = { FROM_MARK, to_snat_map, false },
	[NAT_SNAT_MARK_PORTS] = { FROM_MARK, to_snat_map_ports, false },
	[NAT_SNAT_MARK_LOADED] = { FROM_MARK, to_snat_map_loaded, false },
};

static void emit_op(struct emitter *em, const struct nat_op *op)
{
	const struct op_row *row = op->kind < NAT_OP_KIND_COUNT ? &op_rows[op->kind] : NULL;

	if (!row || !row->to) {
		em->failed = true;
		return;
	}
	emit_source(em, row->from);
	row->to(em, op, row->inverted);
}

struct nftnl_rule *nat_expr_compile(const char *table, const char *chain,
				    const struct nat_rule *rule)
{
	struct emitter em = { .rule = nftnl_rule_alloc() };

	if (!em.rule)
		return NULL;
	nftnl_rule_set_str(em.rule, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(em.rule, NFTNL_RULE_CHAIN, chain);
	for (size_t i = 0; i < NAT_OPS_MAX && rule->ops[i].kind != NAT_OP_END; i++)
		emit_op(&em, &rule->ops[i]);
	if (em.failed) {
		nftnl_rule_free(em.rule);
		return NULL;
	}
	return em.rule;
}
