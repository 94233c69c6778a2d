// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One function per operation, each saying what nf_tables would do at that point of a rule: go on with the
 * next operation, give the rule up, or end it with a verdict. What comes first in a rule has happened
 * also when a later operation isn't met: marks and counters are not rolled back.
 */
#include "nat/eval_ops.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

/* NF_CT_STATE_UNTRACKED_BIT; never asked for by a rule of ours, but not NAT_STATE_INVALID either. */
enum { STATE_UNTRACKED = 64 };

/* Invalid and untracked packets have no entry: whatever reads one gives the rule up (nft_ct_get_eval). */
static bool has_entry(const struct walk *w)
{
	return !w->before_conntrack &&
	       (w->packet->ct_state &
		(NAT_STATE_NEW | NAT_STATE_ESTABLISHED | NAT_STATE_RELATED)) != 0;
}

static uint32_t ct_state_bits(const struct walk *w)
{
	if (w->result.notrack)
		return STATE_UNTRACKED;
	if (w->before_conntrack)
		return NAT_STATE_INVALID;
	return w->packet->ct_state ? w->packet->ct_state : STATE_UNTRACKED;
}

static enum outcome met_if(bool met)
{
	return met ? NEXT_OP : NOT_MET;
}

static bool device_is(const char *device, const char *pattern)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == '*')
		return strncmp(device, pattern, length - 1) == 0;
	return strcmp(device, pattern) == 0;
}

/* The element with the key that the address falls into; sets are sorted by key and first address. */
static const struct nat_elem *elem_find(const struct nat_set *set, uint32_t key, uint32_t addr)
{
	size_t low = 0, high = set ? set->n : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nat_elem *elem = &set->v[middle];

		if (elem->key < key || (elem->key == key && elem->last < addr))
			low = middle + 1;
		else
			high = middle;
	}
	if (!set || low == set->n || set->v[low].key != key || set->v[low].first > addr)
		return NULL;
	return &set->v[low];
}

static bool addr_in(const struct walk *w, const struct nat_op *op, struct ip4 addr)
{
	return elem_find(nat_set_find(w->rs, op->name), 0, addr.v) != NULL;
}

static bool iif_saddr_in(const struct walk *w, const struct nat_op *op)
{
	const struct nat_set *set = nat_set_find(w->rs, op->name);

	for (uint32_t i = 0; i < w->rs->n_names; i++) {
		if (strcmp(w->rs->names[i], w->packet->iif) == 0)
			return elem_find(set, i, w->packet->src.v) != NULL;
	}
	return false;
}

/* The verdict of an element: jump or goto, as the map's kind says. */
static enum outcome verdict_of(struct walk *w, const struct nat_op *op, uint32_t key, uint32_t addr)
{
	const struct nat_set *map = nat_set_find(w->rs, op->name);
	const struct nat_elem *elem = elem_find(map, key, addr);

	if (!elem || elem->data >= w->rs->n_names)
		return NOT_MET;
	w->target = w->rs->names[elem->data];
	return nat_set_is_goto(map->kind) ? DO_GOTO : DO_JUMP;
}

static enum outcome eval_iif(struct walk *w, const struct nat_op *op)
{
	return met_if(device_is(w->packet->iif, op->name));
}

static enum outcome eval_iif_not(struct walk *w, const struct nat_op *op)
{
	return met_if(!device_is(w->packet->iif, op->name));
}

static enum outcome eval_oif(struct walk *w, const struct nat_op *op)
{
	return met_if(device_is(w->packet->oif, op->name));
}

static enum outcome eval_oif_not(struct walk *w, const struct nat_op *op)
{
	return met_if(!device_is(w->packet->oif, op->name));
}

static enum outcome eval_saddr_in(struct walk *w, const struct nat_op *op)
{
	return met_if(addr_in(w, op, w->packet->src));
}

static enum outcome eval_saddr_not_in(struct walk *w, const struct nat_op *op)
{
	return met_if(!addr_in(w, op, w->packet->src));
}

static enum outcome eval_daddr_in(struct walk *w, const struct nat_op *op)
{
	return met_if(addr_in(w, op, w->packet->dst));
}

static enum outcome eval_daddr_not_in(struct walk *w, const struct nat_op *op)
{
	return met_if(!addr_in(w, op, w->packet->dst));
}

static enum outcome eval_iif_saddr_in(struct walk *w, const struct nat_op *op)
{
	return met_if(iif_saddr_in(w, op));
}

static enum outcome eval_iif_saddr_not_in(struct walk *w, const struct nat_op *op)
{
	return met_if(!iif_saddr_in(w, op));
}

static bool iif_number_in(const struct walk *w, const struct nat_op *op)
{
	return elem_find(nat_set_find(w->rs, op->name), w->packet->iif_number, 0) != NULL;
}

static enum outcome eval_iif_in(struct walk *w, const struct nat_op *op)
{
	return met_if(iif_number_in(w, op));
}

static enum outcome eval_iif_not_in(struct walk *w, const struct nat_op *op)
{
	return met_if(!iif_number_in(w, op));
}

static enum outcome eval_mark_in(struct walk *w, const struct nat_op *op)
{
	return met_if(elem_find(nat_set_find(w->rs, op->name), w->packet->mark, 0) != NULL);
}

static enum outcome eval_daddr6(struct walk *w, const struct nat_op *op)
{
	struct ip6_prefix prefix;

	return met_if(!ip6_prefix_parse(op->name, &prefix, NULL) &&
		      ip6_prefix_contains(&prefix, &w->packet->dst6));
}

static enum outcome eval_protocol(struct walk *w, const struct nat_op *op)
{
	return met_if(w->packet->protocol == op->value);
}

static enum outcome eval_udp_dport(struct walk *w, const struct nat_op *op)
{
	return met_if(w->packet->protocol == IPPROTO_UDP && w->packet->dst_port == op->value);
}

static enum outcome eval_tcp_flags(struct walk *w, const struct nat_op *op)
{
	return met_if(w->packet->protocol == IPPROTO_TCP &&
		      (w->packet->tcp_flags & op->mask) == op->value);
}

static enum outcome eval_tcp_flags_not(struct walk *w, const struct nat_op *op)
{
	return met_if(w->packet->protocol == IPPROTO_TCP &&
		      (w->packet->tcp_flags & op->mask) != op->value);
}

static enum outcome eval_mark(struct walk *w, const struct nat_op *op)
{
	return met_if((w->packet->mark & op->mask) == op->value);
}

static enum outcome eval_mark_not(struct walk *w, const struct nat_op *op)
{
	return met_if((w->packet->mark & op->mask) != op->value);
}

static enum outcome eval_ct_mark(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && (w->packet->ct_mark & op->mask) == op->value);
}

static enum outcome eval_ct_mark_not(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && (w->packet->ct_mark & op->mask) != op->value);
}

static enum outcome eval_ct_direction(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && w->packet->ct_reply == (op->value != 0));
}

static enum outcome eval_ct_state(struct walk *w, const struct nat_op *op)
{
	return met_if((ct_state_bits(w) & op->mask) != 0);
}

static enum outcome eval_ct_status(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && (w->packet->ct_status & op->mask) != 0);
}

static enum outcome eval_ct_status_not(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && (w->packet->ct_status & op->mask) == 0);
}

static enum outcome eval_ct_reply_daddr_in(struct walk *w, const struct nat_op *op)
{
	return met_if(has_entry(w) && addr_in(w, op, w->packet->ct_reply_dst));
}

static enum outcome eval_saddr_vmap(struct walk *w, const struct nat_op *op)
{
	return verdict_of(w, op, 0, w->packet->src.v);
}

static enum outcome eval_mark_saddr_vmap(struct walk *w, const struct nat_op *op)
{
	return verdict_of(w, op, w->packet->mark, w->packet->src.v);
}

static enum outcome eval_mark_vmap(struct walk *w, const struct nat_op *op)
{
	return verdict_of(w, op, w->packet->mark, 0);
}

static enum outcome eval_set_mark_map(struct walk *w, const struct nat_op *op)
{
	const struct nat_elem *elem =
		elem_find(nat_set_find(w->rs, op->name), w->packet->mark, w->packet->src.v);

	if (!elem)
		return NOT_MET;
	w->packet->mark = elem->data;
	return NEXT_OP;
}

static enum outcome eval_load_ports(struct walk *w, const struct nat_op *op)
{
	const struct nat_elem *elem =
		elem_find(nat_set_find(w->rs, op->name), w->packet->mark, w->packet->src.v);

	if (!elem)
		return NOT_MET;
	w->ports = elem->data;
	return NEXT_OP;
}

static enum outcome eval_ct_mark_vmap(struct walk *w, const struct nat_op *op)
{
	return has_entry(w) ? verdict_of(w, op, w->packet->ct_mark & op->mask, 0) : NOT_MET;
}

static enum outcome eval_set_mark(struct walk *w, const struct nat_op *op)
{
	w->packet->mark = (w->packet->mark & ~op->mask) ^ op->value;
	return NEXT_OP;
}

static enum outcome eval_set_ct_mark(struct walk *w, const struct nat_op *op)
{
	if (!has_entry(w))
		return NOT_MET;
	w->packet->ct_mark = (w->packet->ct_mark & ~op->mask) ^ op->value;
	return NEXT_OP;
}

static enum outcome eval_set_mark_saddr(struct walk *w, const struct nat_op *op)
{
	(void)op;
	w->packet->mark = htonl(w->packet->src.v);
	return NEXT_OP;
}

static enum outcome eval_count(struct walk *w, const struct nat_op *op)
{
	struct nat_eval_result *result = &w->result;

	if (result->n_counters < sizeof(result->counters) / sizeof(result->counters[0]))
		memcpy(result->counters[result->n_counters++], op->name, NAT_NAME_MAX);
	return NEXT_OP;
}

/* Only before conntrack; later the entry stays (nft_notrack_eval). */
static enum outcome eval_notrack(struct walk *w, const struct nat_op *op)
{
	(void)op;
	if (!w->before_conntrack)
		return NEXT_OP;
	w->result.notrack = true;
	w->packet->ct_state = 0;
	return NEXT_OP;
}

/* The copy goes its own way, of which this packet knows nothing. */
static enum outcome eval_dup(struct walk *w, const struct nat_op *op)
{
	(void)w;
	(void)op;
	return NEXT_OP;
}

static enum outcome eval_mss_clamp(struct walk *w, const struct nat_op *op)
{
	(void)op;
	return met_if(w->packet->protocol == IPPROTO_TCP);
}

static enum outcome eval_verdict(struct walk *w, const struct nat_op *op)
{
	static const enum outcome outcomes[NAT_OP_KIND_COUNT] = {
		[NAT_ACCEPT] = DONE_ACCEPT,        [NAT_DROP] = DONE_DROP,
		[NAT_RETURN] = DONE_RETURN,        [NAT_REJECT_ADMIN] = DONE_REJECT,
		[NAT_REJECT_ADMIN6] = DONE_REJECT,
	};

	(void)w;
	return outcomes[op->kind];
}

/* What it changes is the way of later packets of the connection, which go where this one goes. */
static enum outcome eval_flow_add(struct walk *w, const struct nat_op *op)
{
	(void)w;
	(void)op;
	return NEXT_OP;
}

/* Only TCP is answered so; nft(8) puts the test for it into the rule. */
static enum outcome eval_reset(struct walk *w, const struct nat_op *op)
{
	(void)op;
	return met_if(w->packet->protocol == IPPROTO_TCP) == NEXT_OP ? DONE_REJECT : DONE_DROP;
}

static enum outcome eval_jump(struct walk *w, const struct nat_op *op)
{
	w->target = op->name;
	return DO_JUMP;
}

static enum outcome eval_goto(struct walk *w, const struct nat_op *op)
{
	w->target = op->name;
	return DO_GOTO;
}

static enum outcome translate(struct walk *w, struct ip4 addr)
{
	w->result.snat = true;
	w->result.snat_to = addr;
	w->packet->src = addr;
	return DONE_ACCEPT;
}

static enum outcome eval_snat_saddr(struct walk *w, const struct nat_op *op)
{
	(void)op;
	return translate(w, w->packet->src);
}

static enum outcome eval_snat_mark(struct walk *w, const struct nat_op *op)
{
	const struct nat_elem *elem = elem_find(nat_set_find(w->rs, op->name), w->packet->mark, 0);

	return elem ? translate(w, (struct ip4){ .v = elem->data }) : NOT_MET;
}

static enum outcome translate_to_ports(struct walk *w, const struct nat_op *op, uint32_t ports)
{
	const enum outcome outcome = eval_snat_mark(w, op);

	if (outcome == DONE_ACCEPT) {
		w->result.snat_first_port = (uint16_t)(ports >> 16);
		w->result.snat_last_port = (uint16_t)ports;
	}
	return outcome;
}

static enum outcome eval_snat_mark_ports(struct walk *w, const struct nat_op *op)
{
	return translate_to_ports(w, op, nat_ports((uint16_t)op->mask, (uint16_t)op->value));
}

static enum outcome eval_snat_mark_loaded(struct walk *w, const struct nat_op *op)
{
	const enum outcome outcome = translate_to_ports(w, op, w->ports);

	w->result.snat_own = outcome == DONE_ACCEPT;
	return outcome;
}

nat_eval_fn *const nat_eval_fns[NAT_OP_KIND_COUNT] = {
	[NAT_IIF] = eval_iif,
	[NAT_IIF_NOT] = eval_iif_not,
	[NAT_OIF] = eval_oif,
	[NAT_OIF_NOT] = eval_oif_not,
	[NAT_SADDR_IN] = eval_saddr_in,
	[NAT_SADDR_NOT_IN] = eval_saddr_not_in,
	[NAT_DADDR_IN] = eval_daddr_in,
	[NAT_DADDR_NOT_IN] = eval_daddr_not_in,
	[NAT_IIF_SADDR_IN] = eval_iif_saddr_in,
	[NAT_IIF_SADDR_NOT_IN] = eval_iif_saddr_not_in,
	[NAT_IIF_IN] = eval_iif_in,
	[NAT_IIF_NOT_IN] = eval_iif_not_in,
	[NAT_MARK_IN] = eval_mark_in,
	[NAT_DADDR6] = eval_daddr6,
	[NAT_PROTOCOL] = eval_protocol,
	[NAT_UDP_DPORT] = eval_udp_dport,
	[NAT_TCP_FLAGS] = eval_tcp_flags,
	[NAT_TCP_FLAGS_NOT] = eval_tcp_flags_not,
	[NAT_MARK] = eval_mark,
	[NAT_MARK_NOT] = eval_mark_not,
	[NAT_CT_MARK] = eval_ct_mark,
	[NAT_CT_MARK_NOT] = eval_ct_mark_not,
	[NAT_CT_DIRECTION] = eval_ct_direction,
	[NAT_CT_STATE] = eval_ct_state,
	[NAT_CT_STATUS] = eval_ct_status,
	[NAT_CT_STATUS_NOT] = eval_ct_status_not,
	[NAT_CT_REPLY_DADDR_IN] = eval_ct_reply_daddr_in,
	[NAT_SADDR_VMAP] = eval_saddr_vmap,
	[NAT_MARK_SADDR_VMAP] = eval_mark_saddr_vmap,
	[NAT_MARK_VMAP] = eval_mark_vmap,
	[NAT_CT_MARK_VMAP] = eval_ct_mark_vmap,
	[NAT_SET_MARK] = eval_set_mark,
	[NAT_SET_CT_MARK] = eval_set_ct_mark,
	[NAT_SET_MARK_SADDR] = eval_set_mark_saddr,
	[NAT_SET_MARK_MAP] = eval_set_mark_map,
	[NAT_LOAD_PORTS] = eval_load_ports,
	[NAT_COUNT] = eval_count,
	[NAT_NOTRACK] = eval_notrack,
	[NAT_MSS_CLAMP] = eval_mss_clamp,
	[NAT_FLOW_ADD] = eval_flow_add,
	[NAT_DUP] = eval_dup,
	[NAT_ACCEPT] = eval_verdict,
	[NAT_DROP] = eval_verdict,
	[NAT_RETURN] = eval_verdict,
	[NAT_JUMP] = eval_jump,
	[NAT_GOTO] = eval_goto,
	[NAT_REJECT_ADMIN] = eval_verdict,
	[NAT_REJECT_ADMIN6] = eval_verdict,
	[NAT_REJECT_RESET] = eval_reset,
	[NAT_SNAT_SADDR] = eval_snat_saddr,
	[NAT_SNAT_MARK] = eval_snat_mark,
	[NAT_SNAT_MARK_PORTS] = eval_snat_mark_ports,
	[NAT_SNAT_MARK_LOADED] = eval_snat_mark_loaded,
};
