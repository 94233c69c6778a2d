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
	FROM_TCPMSS,
};

enum sink {
	DO_CMP_NAME,     /* compare with the device name */
	DO_CMP_VALUE,    /* (x & mask) compared with value, 4 bytes in host order */
	DO_CMP_BYTE,     /* one byte, no mask */
	DO_CMP_BYTE_MASKED,
	DO_CMP_PORT,     /* two bytes, network order */
	DO_ANY_BIT,      /* x & mask != 0 */
	DO_LOOKUP,       /* in the set */
	DO_VMAP,         /* verdict from the map */
	DO_VMAP_MASKED,
	DO_SET_MARK,     /* masked */
	DO_SET_CT_MARK,  /* masked */
	DO_STORE_MARK,   /* as loaded */
	DO_COUNT,
	DO_NOTRACK,
	DO_SET_MSS,
	DO_VERDICT,
	DO_REJECT,
	DO_SNAT,
	DO_SNAT_MAP,
};

struct op_row {
	enum source from;
	enum sink to;
	bool inverted;
	int verdict;
};

static const struct op_row op_rows[NAT_OP_KIND_COUNT] = {
	[NAT_IIF] = { FROM_IIF, DO_CMP_NAME, false, 0 },
	[NAT_IIF_NOT] = { FROM_IIF, DO_CMP_NAME, true, 0 },
	[NAT_OIF] = { FROM_OIF, DO_CMP_NAME, false, 0 },
	[NAT_OIF_NOT] = { FROM_OIF, DO_CMP_NAME, true, 0 },
	[NAT_SADDR_IN] = { FROM_SADDR, DO_LOOKUP, false, 0 },
	[NAT_SADDR_NOT_IN] = { FROM_SADDR, DO_LOOKUP, true, 0 },
	[NAT_DADDR_IN] = { FROM_DADDR, DO_LOOKUP, false, 0 },
	[NAT_DADDR_NOT_IN] = { FROM_DADDR, DO_LOOKUP, true, 0 },
	[NAT_IIF_SADDR_IN] = { FROM_IIF_SADDR, DO_LOOKUP, false, 0 },
	[NAT_IIF_SADDR_NOT_IN] = { FROM_IIF_SADDR, DO_LOOKUP, true, 0 },
	[NAT_UDP_DPORT] = { FROM_UDP_DPORT, DO_CMP_PORT, false, 0 },
	[NAT_TCP_FLAGS] = { FROM_TCP_FLAGS, DO_CMP_BYTE_MASKED, false, 0 },
	[NAT_MARK] = { FROM_MARK, DO_CMP_VALUE, false, 0 },
	[NAT_MARK_NOT] = { FROM_MARK, DO_CMP_VALUE, true, 0 },
	[NAT_CT_MARK] = { FROM_CT_MARK, DO_CMP_VALUE, false, 0 },
	[NAT_CT_MARK_NOT] = { FROM_CT_MARK, DO_CMP_VALUE, true, 0 },
	[NAT_CT_DIRECTION] = { FROM_CT_DIRECTION, DO_CMP_BYTE, false, 0 },
	[NAT_CT_STATE] = { FROM_CT_STATE, DO_ANY_BIT, false, 0 },
	[NAT_CT_STATUS] = { FROM_CT_STATUS, DO_ANY_BIT, false, 0 },
	[NAT_SADDR_VMAP] = { FROM_SADDR, DO_VMAP, false, 0 },
	[NAT_MARK_SADDR_VMAP] = { FROM_MARK_SADDR, DO_VMAP, false, 0 },
	[NAT_CT_MARK_VMAP] = { FROM_CT_MARK, DO_VMAP_MASKED, false, 0 },
	[NAT_SET_MARK] = { FROM_MARK, DO_SET_MARK, false, 0 },
	[NAT_SET_CT_MARK] = { FROM_CT_MARK, DO_SET_CT_MARK, false, 0 },
	[NAT_SET_MARK_SADDR] = { FROM_SADDR, DO_STORE_MARK, false, 0 },
	[NAT_COUNT] = { FROM_NOTHING, DO_COUNT, false, 0 },
	[NAT_NOTRACK] = { FROM_NOTHING, DO_NOTRACK, false, 0 },
	[NAT_MSS_CLAMP] = { FROM_TCPMSS, DO_SET_MSS, false, 0 },
	[NAT_ACCEPT] = { FROM_NOTHING, DO_VERDICT, false, NF_ACCEPT },
	[NAT_DROP] = { FROM_NOTHING, DO_VERDICT, false, NF_DROP },
	[NAT_RETURN] = { FROM_NOTHING, DO_VERDICT, false, NFT_RETURN },
	[NAT_JUMP] = { FROM_NOTHING, DO_VERDICT, false, NFT_JUMP },
	[NAT_GOTO] = { FROM_NOTHING, DO_VERDICT, false, NFT_GOTO },
	[NAT_REJECT_ADMIN] = { FROM_NOTHING, DO_REJECT, false, 0 },
	[NAT_SNAT_SADDR] = { FROM_SADDR, DO_SNAT, false, 0 },
	[NAT_SNAT_MARK] = { FROM_MARK, DO_SNAT_MAP, false, 0 },
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

static void emit_meta(struct emitter *em, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *expr = emit(em, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
}

static void emit_payload(struct emitter *em, uint32_t base, uint32_t offset, uint32_t len,
			 uint32_t reg)
{
	struct nftnl_expr *expr = emit(em, "payload");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

static void emit_ct(struct emitter *em, uint32_t key)
{
	struct nftnl_expr *expr = emit(em, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, NFT_REG_1);
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
static void emit_bitwise(struct emitter *em, const void *mask, const void *xor, uint32_t len)
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

static void emit_set_mark(struct emitter *em, const struct nat_op *op, bool ct)
{
	uint32_t keep = ~op->mask;
	struct nftnl_expr *expr;

	emit_bitwise(em, &keep, &op->value, sizeof(keep));
	expr = emit(em, ct ? "ct" : "meta");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, ct ? NFTNL_EXPR_CT_KEY : NFTNL_EXPR_META_KEY,
			   ct ? NFT_CT_MARK : NFT_META_MARK);
	nftnl_expr_set_u32(expr, ct ? NFTNL_EXPR_CT_SREG : NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void emit_store_mark(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_SREG, NFT_REG_1);
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

static void emit_l4proto(struct emitter *em, uint8_t protocol)
{
	emit_meta(em, NFT_META_L4PROTO, NFT_REG_1);
	emit_cmp(em, false, &protocol, sizeof(protocol));
}

static void emit_source(struct emitter *em, enum source from)
{
	switch (from) {
	case FROM_IIF:
		return emit_meta(em, NFT_META_IIFNAME, NFT_REG_1);
	case FROM_OIF:
		return emit_meta(em, NFT_META_OIFNAME, NFT_REG_1);
	case FROM_SADDR:
		return emit_payload(em, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4, NFT_REG_1);
	case FROM_DADDR:
		return emit_payload(em, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR_OFFSET, 4, NFT_REG_1);
	case FROM_IIF_SADDR: /* the name takes 16 bytes: registers 1 and, after it, 2 */
		emit_meta(em, NFT_META_IIFNAME, NFT_REG_1);
		return emit_payload(em, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4, NFT_REG_2);
	case FROM_MARK:
		return emit_meta(em, NFT_META_MARK, NFT_REG_1);
	case FROM_MARK_SADDR:
		emit_meta(em, NFT_META_MARK, NFT_REG_1);
		return emit_payload(em, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR_OFFSET, 4,
				    NFT_REG32_01);
	case FROM_CT_MARK:
		return emit_ct(em, NFT_CT_MARK);
	case FROM_CT_DIRECTION:
		return emit_ct(em, NFT_CT_DIRECTION);
	case FROM_CT_STATE:
		return emit_ct(em, NFT_CT_STATE);
	case FROM_CT_STATUS:
		return emit_ct(em, NFT_CT_STATUS);
	case FROM_UDP_DPORT:
		emit_l4proto(em, IPPROTO_UDP);
		return emit_payload(em, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT_OFFSET, 2, NFT_REG_1);
	case FROM_TCP_FLAGS:
		emit_l4proto(em, IPPROTO_TCP);
		return emit_payload(em, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1,
				    NFT_REG_1);
	case FROM_NOTHING:
	case FROM_TCPMSS:
		return;
	}
}

/* A trailing '*' compares the beginning only; else the whole field with its padding, as nft(8) does. */
static void emit_cmp_name(struct emitter *em, const struct nat_op *op, bool inverted)
{
	char field[16] = "";
	size_t length = strnlen(op->name, sizeof(field) - 1);

	memcpy(field, op->name, length);
	if (length && field[length - 1] == '*')
		emit_cmp(em, inverted, field, (uint32_t)length - 1);
	else
		emit_cmp(em, inverted, field, sizeof(field));
}

static void emit_masked_cmp(struct emitter *em, const struct nat_op *op, bool inverted, uint32_t len)
{
	uint32_t zero = 0;
	uint8_t mask8 = (uint8_t)op->mask, value8 = (uint8_t)op->value;

	if (len == 1) {
		emit_bitwise(em, &mask8, &zero, 1);
		emit_cmp(em, inverted, &value8, 1);
		return;
	}
	if (op->mask != UINT32_MAX)
		emit_bitwise(em, &op->mask, &zero, sizeof(op->mask));
	emit_cmp(em, inverted, &op->value, sizeof(op->value));
}

static void emit_any_bit(struct emitter *em, const struct nat_op *op)
{
	uint32_t zero = 0;

	emit_bitwise(em, &op->mask, &zero, sizeof(zero));
	emit_cmp(em, true, &zero, sizeof(zero));
}

static void emit_count(struct emitter *em, const struct nat_op *op)
{
	struct nftnl_expr *expr = emit(em, "objref");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME, op->name);
}

static void emit_reject(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "reject");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_REJECT_CODE, ICMP_CODE_ADMIN_PROHIBITED);
}

static void emit_port_cmp(struct emitter *em, const struct nat_op *op)
{
	uint16_t port = htons((uint16_t)op->value);

	emit_cmp(em, false, &port, sizeof(port));
}

static void emit_vmap_masked(struct emitter *em, const struct nat_op *op)
{
	uint32_t zero = 0;

	emit_bitwise(em, &op->mask, &zero, sizeof(zero));
	emit_lookup(em, op->name, false, NFT_REG_VERDICT);
}

static void emit_op(struct emitter *em, const struct nat_op *op)
{
	const struct op_row *row = &op_rows[op->kind];
	uint8_t byte = (uint8_t)op->value;

	emit_source(em, row->from);
	switch (row->to) {
	case DO_CMP_NAME:
		return emit_cmp_name(em, op, row->inverted);
	case DO_CMP_VALUE:
		return emit_masked_cmp(em, op, row->inverted, 4);
	case DO_CMP_BYTE:
		return emit_cmp(em, row->inverted, &byte, 1);
	case DO_CMP_BYTE_MASKED:
		return emit_masked_cmp(em, op, row->inverted, 1);
	case DO_CMP_PORT:
		return emit_port_cmp(em, op);
	case DO_ANY_BIT:
		return emit_any_bit(em, op);
	case DO_LOOKUP:
		return emit_lookup(em, op->name, row->inverted, -1);
	case DO_VMAP:
		return emit_lookup(em, op->name, false, NFT_REG_VERDICT);
	case DO_VMAP_MASKED:
		return emit_vmap_masked(em, op);
	case DO_SET_MARK:
		return emit_set_mark(em, op, false);
	case DO_SET_CT_MARK:
		return emit_set_mark(em, op, true);
	case DO_STORE_MARK:
		return emit_store_mark(em);
	case DO_COUNT:
		return emit_count(em, op);
	case DO_NOTRACK:
		(void)emit(em, "notrack");
		return;
	case DO_SET_MSS:
		return emit_set_mss(em);
	case DO_VERDICT:
		return emit_verdict(em, row->verdict, op->name);
	case DO_REJECT:
		return emit_reject(em);
	case DO_SNAT:
		return emit_snat(em);
	case DO_SNAT_MAP:
		emit_lookup(em, op->name, false, NFT_REG_1);
		return emit_snat(em);
	}
}

struct nftnl_rule *nat_expr_compile(const char *table, const char *chain, const struct nat_rule *rule)
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

/* Expressions whose text from libnftnl says all that matters and nothing that changes. */
static const char *const plain_exprs[] = { "meta",      "payload", "ct",     "cmp",
					   "bitwise",   "lookup",  "objref", "immediate",
					   "nat",       "rt",      "exthdr", "byteorder",
					   "notrack",   "reject" };

static bool is_plain(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_exprs); i++) {
		if (strcmp(name, plain_exprs[i]) == 0)
			return true;
	}
	return false;
}

struct text {
	char *buf;
	size_t length;
	bool failed;
};

static int append_expr(struct nftnl_expr *expr, void *data)
{
	struct text *text = data;
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
	char one[512] = "";

	if (is_plain(name))
		nftnl_expr_snprintf(one, sizeof(one), expr, NFTNL_OUTPUT_DEFAULT, 0);
	size_t need = strlen(name) + strlen(one) + 3;
	char *bigger = realloc(text->buf, text->length + need);

	if (!bigger) {
		text->failed = true;
		return -1;
	}
	text->buf = bigger;
	text->length += (size_t)snprintf(text->buf + text->length, need, "%s%s;", name, one);
	return 0;
}

char *nat_expr_text(const struct nftnl_rule *rule)
{
	struct text text = { .buf = calloc(1, 1) };

	if (!text.buf)
		return NULL;
	nftnl_expr_foreach((struct nftnl_rule *)rule, append_expr, &text);
	if (text.failed) {
		free(text.buf);
		return NULL;
	}
	return text.buf;
}
