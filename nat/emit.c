// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/emit.h"

#include <stdio.h>

#include <arpa/inet.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "nat/rule.h"

enum { TCPOPT_MAXSEG = 2 };

struct nftnl_expr *emit(struct emitter *em, const char *name)
{
	struct nftnl_expr *expr = nftnl_expr_alloc(name);

	if (!expr) {
		em->failed = true;
		return NULL;
	}
	nftnl_rule_add_expr(em->rule, expr);
	return expr;
}

void emit_load(struct emitter *em, const struct load *load)
{
	static const char *const names[] = {
		[LOAD_META] = "meta",
		[LOAD_CT] = "ct",
		[LOAD_CT_REPLY] = "ct",
		[LOAD_PAYLOAD] = "payload",
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
	if (load->by == LOAD_CT_REPLY)
		nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, IP_CT_DIR_REPLY);
	if (load->by == LOAD_CT || load->by == LOAD_CT_REPLY) {
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, load->key);
		nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
		return;
	}
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE, load->key);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, load->offset);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, load->length);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void emit_cmp(struct emitter *em, bool inverted, const void *data, uint32_t len)
{
	struct nftnl_expr *expr = emit(em, "cmp");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ);
	nftnl_expr_set_data(expr, NFTNL_EXPR_CMP_DATA, data, len);
}

/* reg1 = (reg1 & mask) ^ xor */
void emit_bitwise(struct emitter *em, const void *mask, const void * xor, uint32_t len)
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

void emit_lookup(struct emitter *em, const char *set, bool inverted, int dreg)
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

void emit_keep_bits(struct emitter *em, const struct nat_op *op)
{
	uint32_t keep = ~op->mask;

	emit_bitwise(em, &keep, &op->value, sizeof(keep));
}

void emit_store_mark(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "meta");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, NFT_META_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void emit_store_ct_mark(struct emitter *em)
{
	struct nftnl_expr *expr = emit(em, "ct");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

void emit_verdict(struct emitter *em, int verdict, const char *chain)
{
	struct nftnl_expr *expr = emit(em, "immediate");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (verdict == NFT_JUMP || verdict == NFT_GOTO)
		nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, chain);
}

/* To the address in register 1. What the kernel adds by itself and shows (nft_nat_init): one address is a range too. */
static struct nftnl_expr *emit_nat(struct emitter *em, uint32_t flags)
{
	struct nftnl_expr *expr = emit(em, "nat");

	if (!expr)
		return NULL;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MAX, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | flags);
	return expr;
}

void emit_snat(struct emitter *em)
{
	(void)emit_nat(em, 0);
}

static void emit_port(struct emitter *em, uint32_t port, uint32_t reg)
{
	struct nftnl_expr *expr = emit(em, "immediate");
	const uint16_t data = htons((uint16_t)port);

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, reg);
	nftnl_expr_set_data(expr, NFTNL_EXPR_IMM_DATA, &data, sizeof(data));
}

void emit_snat_to(struct emitter *em, uint32_t first_reg, uint32_t last_reg)
{
	struct nftnl_expr *expr = emit_nat(em, NF_NAT_RANGE_PROTO_SPECIFIED);

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, first_reg);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MAX, last_reg);
}

void emit_snat_ports(struct emitter *em, uint32_t first, uint32_t last)
{
	emit_port(em, first, NFT_REG_2);
	emit_port(em, last, NFT_REG_3);
	emit_snat_to(em, NFT_REG_2, NFT_REG_3);
}

void emit_set_mss(struct emitter *em)
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

/*
 * By the device that the packet itself leaves by. Without one, the copy would take the default route when the hop's own is
 * gone; so it can't leave by another device, whatever there is of routes.
 */
void emit_dup(struct emitter *em, uint32_t address)
{
	static const struct load device = { LOAD_META, .key = NFT_META_OIF, .reg = NFT_REG_2 };
	const uint32_t to = htonl(address);
	struct nftnl_expr *expr = emit(em, "immediate");

	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set_data(expr, NFTNL_EXPR_IMM_DATA, &to, sizeof(to));
	emit_load(em, &device);
	expr = emit(em, "dup");
	if (!expr)
		return;
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DUP_SREG_ADDR, NFT_REG_1);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_DUP_SREG_DEV, NFT_REG_2);
}
