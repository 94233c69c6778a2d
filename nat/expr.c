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

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "base/cleanup.h"
#include "nat/ruleset.h"

enum { IP_SADDR_OFFSET = 12, IP_DADDR_OFFSET = 16, TH_DPORT_OFFSET = 2, TCP_FLAGS_OFFSET = 13 };
enum { TCPOPT_MAXSEG = 2, ICMP_CODE_ADMIN_PROHIBITED = 13 };

enum loader { LOAD_NOTHING, LOAD_META, LOAD_CT, LOAD_PAYLOAD };

struct load {
	enum loader by;
	uint32_t key; /* meta and ct: which one; payload: which header */
	uint32_t offset, length;
	uint32_t reg; /* 0: register 1 */
};

/* What stands left of the comparison, lookup or assignment. */
enum source {
	FROM_NOTHING,
	FROM_IIF,
	FROM_OIF,
	FROM_SADDR,
	FROM_DADDR,
	FROM_IIF_SADDR,
	FROM_MARK,
	FROM_MARK_SADDR,
	FROM_CT_MARK,
	FROM_CT_DIRECTION,
	FROM_CT_STATE,
	FROM_CT_STATUS,
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
	[FROM_MARK] = { 0, { { LOAD_META, .key = NFT_META_MARK } } },
	[FROM_MARK_SADDR] = { 0,
			      { { LOAD_META, .key = NFT_META_MARK },
				{ LOAD_PAYLOAD, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4,
				  NFT_REG32_01 } } },
	[FROM_CT_MARK] = { 0, { { LOAD_CT, .key = NFT_CT_MARK } } },
	[FROM_CT_DIRECTION] = { 0, { { LOAD_CT, .key = NFT_CT_DIRECTION } } },
	[FROM_CT_STATE] = { 0, { { LOAD_CT, .key = NFT_CT_STATE } } },
	[FROM_CT_STATUS] = { 0, { { LOAD_CT, .key = NFT_CT_STATUS } } },
	[FROM_UDP_DPORT] = { IPPROTO_UDP,
			     { { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT_OFFSET,
				 2 } } },
	[FROM_TCP_FLAGS] = { IPPROTO_TCP,
			     { { LOAD_PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET,
				 1 } } },
};

/* Collects failures, so that emitting reads straight down. */
struct emitter {
	struct nftnl_rule *rule;
	bool failed;
};

static struct nftnl_expr *emit(struct emitter *em, const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr) {
		em->failed = true;
		return NULL;
	}
	nftnl_rule_add_expr(em->rule, expr);
	return expr;
}

static void emit_load(struct emitter *em, const struct load *load)
{
	static const char *const names[] = {
		[LOAD_META] = "meta", [LOAD_CT] = "ct", [LOAD_PAYLOAD] = "payload"
	};
	uint32_t reg = load->reg ? load->reg : NFT_REG_1;
	struct nftnl_expr *expr = load->by == LOAD_NOTHING ? NULL : emit(em, names[load->by]);

	if (!expr)
		return;
	if (load->by == LOAD_META) {
		nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, load->key);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
		return;
	}
	if (load->by == LOAD_CT) {
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, load->key);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
		return;
	}
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, load->key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, load->offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, load->length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void emit_cmp(struct emitter *em, bool inverted, const void *data, uint32_t len)
{
	struct nftnl_expr *expr = emit(em, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set_data(expr, NFTNL_EXPR_CMP_DATA, data, len);
}

/* reg1 = (reg1 & mask) ^ xor */
static void emit_bitwise(struct emitter *em, const void *mask, const void * xor, uint32_t len)
{
	struct nftnl_expr *expr = emit(em, "bitwise");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set_data(expr, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set_data(expr, NFTNL_EXPR_BITWISE_XOR, xor, len);
}

static void emit_lookup(struct emitter *em, const char *set, bool inverted, int dreg)
{
	struct nftnl_expr *expr = emit(em, "lookup");

	if (!expr)
		return;
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (dreg >= 0)
		nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, (uint32_t)dreg);
	/* The kernel always shows the flags, 0 included. */
	nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, inverted ? NFT_LOOKUP_F_INV : 0);
}

static void keep_other_bits(struct emitter *em, const struct nat_op *op)
{
	uint32_t keep = ~op->mask;

	emit_bitwise(em, &keep, &op->value, sizeof(keep));
}

static void emit_store_mark(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void emit_store_ct_mark(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

static void emit_verdict(struct emitter *em, int verdict, const char *chain)
{
	struct nftnl_expr *expr = emit(em, "immediate");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (verdict == NFT_JUMP || verdict == NFT_GOTO)
		nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void emit_snat(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "nat");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	/* What the kernel adds by itself and shows (nft_nat_init): one address is a range too. */
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MAX, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS);
}

static void emit_set_mss(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "rt");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_RT_DREG, NFT_REG_1);
	expr = emit(em, "byteorder");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BYTEORDER_LEN, 2);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_BYTEORDER_SIZE, 2);
	expr = emit(em, "exthdr");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, TCPOPT_MAXSEG);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_OFFSET, 2);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_LEN, 2);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

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
	keep_other_bits(em, op);
	emit_store_mark(em);
}

static void to_ct_mark_bits(struct emitter *em, const struct nat_op *op, bool inverted)
{
	(void)inverted;
	keep_other_bits(em, op);
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
	struct nftnl_expr *expr = emit(em, "reject");

	(void)op;
	(void)inverted;
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, ICMP_CODE_ADMIN_PROHIBITED);
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
	[NAT_UDP_DPORT] = { FROM_UDP_DPORT, to_port, false },
	[NAT_TCP_FLAGS] = { FROM_TCP_FLAGS, to_byte_bits, false },
	[NAT_MARK] = { FROM_MARK, to_bits, false },
	[NAT_MARK_NOT] = { FROM_MARK, to_bits, true },
	[NAT_CT_MARK] = { FROM_CT_MARK, to_bits, false },
	[NAT_CT_MARK_NOT] = { FROM_CT_MARK, to_bits, true },
	[NAT_CT_DIRECTION] = { FROM_CT_DIRECTION, to_byte, false },
	[NAT_CT_STATE] = { FROM_CT_STATE, to_any_bit, false },
	[NAT_CT_STATUS] = { FROM_CT_STATUS, to_any_bit, false },
	[NAT_SADDR_VMAP] = { FROM_SADDR, to_vmap, false },
	[NAT_MARK_SADDR_VMAP] = { FROM_MARK_SADDR, to_vmap, false },
	[NAT_MARK_VMAP] = { FROM_MARK, to_vmap, false },
	[NAT_CT_MARK_VMAP] = { FROM_CT_MARK, to_vmap_of_bits, false },
	[NAT_SET_MARK] = { FROM_MARK, to_mark_bits, false },
	[NAT_SET_CT_MARK] = { FROM_CT_MARK, to_ct_mark_bits, false },
	[NAT_SET_MARK_MAP] = { FROM_MARK_SADDR, to_mark_of_map, false },
	[NAT_SET_MARK_SADDR] = { FROM_SADDR, to_mark, false },
	[NAT_COUNT] = { FROM_NOTHING, to_counter, false },
	[NAT_NOTRACK] = { FROM_NOTHING, to_notrack, false },
	[NAT_MSS_CLAMP] = { FROM_NOTHING, to_mss, false },
	[NAT_ACCEPT] = { FROM_NOTHING, to_verdict, false },
	[NAT_DROP] = { FROM_NOTHING, to_verdict, false },
	[NAT_RETURN] = { FROM_NOTHING, to_verdict, false },
	[NAT_JUMP] = { FROM_NOTHING, to_verdict, false },
	[NAT_GOTO] = { FROM_NOTHING, to_verdict, false },
	[NAT_REJECT_ADMIN] = { FROM_NOTHING, to_reject, false },
	[NAT_SNAT_SADDR] = { FROM_SADDR, to_snat, false },
	[NAT_SNAT_MARK] = { FROM_MARK, to_snat_map, false },
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
	nftnl_rule_set_u32(em.rule, NFTNL_RULE_FAMILY, NFPROTO_IPV4);
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
