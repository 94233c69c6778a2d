// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* nf_tables' expressions, appended to a rule one by one. Only for nat/expr.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct nat_op;
struct nftnl_expr;
struct nftnl_rule;

/* LOAD_CT_REPLY: of the connection's other direction. */
enum loader { LOAD_NOTHING, LOAD_META, LOAD_CT, LOAD_CT_REPLY, LOAD_PAYLOAD };

struct load {
	enum loader by;
	uint32_t key; /* meta and ct: which one; payload: which header */
	uint32_t offset, length;
	uint32_t reg; /* 0: register 1 */
};

/* Collects failures, so that emitting reads straight down. */
struct emitter {
	struct nftnl_rule *rule;
	bool failed;
};

struct nftnl_expr *emit(struct emitter *em, const char *name);
void emit_load(struct emitter *em, const struct load *load);
void emit_cmp(struct emitter *em, bool inverted, const void *data, uint32_t len);
/* reg1 = (reg1 & mask) ^ xor */
void emit_bitwise(struct emitter *em, const void *mask, const void * xor, uint32_t len);
void emit_lookup(struct emitter *em, const char *set, bool inverted, int dreg);
/* Those outside of op->mask, and those of op->value. */
void emit_keep_bits(struct emitter *em, const struct nat_op *op);
void emit_store_mark(struct emitter *em);
void emit_store_ct_mark(struct emitter *em);
void emit_verdict(struct emitter *em, int verdict, const char *chain);
void emit_snat(struct emitter *em);
void emit_snat_ports(struct emitter *em, uint32_t first, uint32_t last);
/* To a port from that in one register to that in another one. */
void emit_snat_to(struct emitter *em, uint32_t first_reg, uint32_t last_reg);
void emit_set_mss(struct emitter *em);
void emit_dup(struct emitter *em, uint32_t address);
