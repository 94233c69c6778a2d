// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A rule of an nftables table as plain data: a list of operations, each a match or an action in the sense of
 * nft(8). The operations are exactly those that eipgw needs; nat/expr has a row for each that says how
 * nf_tables spells it.
 */
#pragma once

#include <stdint.h>

#define NAT_NAME_MAX 96
#define NAT_OPS_MAX 8

enum nat_op_kind {
	NAT_OP_END, /* no operation; ends a list */
	/* Matches. `name`: device (a trailing '*' is a prefix) or set; `mask`, `value`: bits. */
	NAT_IIF,
	NAT_IIF_NOT,
	NAT_OIF,
	NAT_OIF_NOT,
	NAT_SADDR_IN,
	NAT_SADDR_NOT_IN,
	NAT_DADDR_IN,
	NAT_DADDR_NOT_IN,
	NAT_IIF_SADDR_IN,
	NAT_IIF_SADDR_NOT_IN,
	NAT_IIF_IN,
	NAT_IIF_NOT_IN, /* meta iif, the device's number */
	NAT_MARK_IN,    /* meta mark, of a set */
	NAT_DADDR6,     /* name: an IPv6 prefix in words */
	NAT_PROTOCOL,   /* value: IPPROTO_* */
	NAT_UDP_DPORT,  /* value: port */
	NAT_TCP_FLAGS,
	NAT_TCP_FLAGS_NOT, /* flags & mask ==/!= value */
	NAT_MARK,
	NAT_MARK_NOT, /* meta mark & mask ==/!= value */
	NAT_CT_MARK,
	NAT_CT_MARK_NOT,
	NAT_CT_DIRECTION,  /* value: 0 original, 1 reply */
	NAT_CT_STATE,      /* ct state & mask != 0, NAT_STATE_* */
	NAT_CT_STATUS,     /* ct status & mask != 0, IPS_* of the kernel */
	NAT_CT_STATUS_NOT, /* ct status & mask == 0 */
	NAT_CT_REPLY_DADDR_IN, /* ct reply ip daddr, of a set: under which address the connection leaves */
	/* Lookups that end in the verdict of the element; no element: the next rule. */
	NAT_SADDR_VMAP,
	NAT_MARK_SADDR_VMAP, /* meta mark . ip saddr */
	NAT_MARK_VMAP,       /* meta mark */
	NAT_CT_MARK_VMAP,    /* ct mark & mask */
	/* Actions that go on. */
	NAT_SET_MARK,
	NAT_SET_CT_MARK,    /* bits of mask become value, all others stay */
	NAT_SET_MARK_SADDR, /* meta mark = source address, as it stands in the packet */
	NAT_SET_MARK_MAP, /* meta mark = that of meta mark . ip saddr; no element: the next rule */
	NAT_LOAD_PORTS, /* those of meta mark . ip saddr, for NAT_SNAT_MARK_LOADED; no element: the next rule */
	NAT_COUNT, /* name: a counter of the table */
	NAT_NOTRACK,
	NAT_MSS_CLAMP, /* tcp option maxseg size set rt mtu */
	NAT_FLOW_ADD, /* name: the table's flowtable, which carries the connection from now on; else the rule ends */
	NAT_DUP, /* value: address; a copy goes to that next hop by the same device; conntrack doesn't see it */
	/* Actions that end. */
	NAT_ACCEPT,
	NAT_DROP,
	NAT_RETURN,
	NAT_JUMP,
	NAT_GOTO,
	NAT_REJECT_ADMIN,    /* ICMP administratively prohibited */
	NAT_REJECT_ADMIN6,   /* the same by ICMPv6 */
	NAT_REJECT_RESET,    /* TCP RST */
	NAT_SNAT_SADDR,      /* identity: keep the source, and keep later SNAT rules away */
	NAT_SNAT_MARK,       /* snat to meta mark map @name; no element: the next rule */
	NAT_SNAT_MARK_PORTS, /* the same, and to a port from mask to value; ICMP: the id */
	NAT_SNAT_MARK_LOADED, /* the same, and to a port of those that NAT_LOAD_PORTS found, before it in the rule */
	NAT_OP_KIND_COUNT
};

/* nf_tables' bits of `ct state` (NF_CT_STATE_BIT in the kernel's nf_conntrack_common.h). */
enum { NAT_STATE_INVALID = 1, NAT_STATE_ESTABLISHED = 2, NAT_STATE_RELATED = 4, NAT_STATE_NEW = 8 };
enum { NAT_STATUS_ASSURED = 4, NAT_STATUS_CONFIRMED = 8 }; /* IPS_ASSURED, IPS_CONFIRMED */

struct nat_op {
	enum nat_op_kind kind;
	uint32_t mask, value;
	char name[NAT_NAME_MAX];
};

struct nat_rule {
	struct nat_op ops[NAT_OPS_MAX];
};

/* Rule literals: NAT_RULE({NAT_IIF, .name = "egw0"}, {NAT_DROP}). */
#define NAT_RULE(...) ((struct nat_rule){ .ops = { __VA_ARGS__ } })

/* The rule in nft(8)'s words, for people and for golden tests. Returns `buf`. */
#define NAT_RULE_TEXT_MAX 512
const char *nat_rule_format(const struct nat_rule *rule, char buf[static NAT_RULE_TEXT_MAX]);
