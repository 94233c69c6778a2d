// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The desired ruleset of one nftables table, as plain data: counters, sets and maps with their
 * elements, chains with their rules. Both daemons describe what they want in it; nat/plan compares it
 * with the kernel, nat/eval answers from it what happens to a packet. Everything in a table of ours is ours.
 *
 * A rule is a list of operations, each a match or an action in the sense of nft(8). The operations are
 * exactly those that eipgw needs; nat/expr has a row for each that says how nf_tables spells it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "nat/index.h"

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
	NAT_UDP_DPORT, /* value: port */
	NAT_TCP_FLAGS, /* flags & mask == value */
	NAT_MARK,
	NAT_MARK_NOT, /* meta mark & mask ==/!= value */
	NAT_CT_MARK,
	NAT_CT_MARK_NOT,
	NAT_CT_DIRECTION, /* value: 0 original, 1 reply */
	NAT_CT_STATE,     /* ct state & mask != 0, NAT_STATE_* */
	NAT_CT_STATUS,    /* ct status & mask != 0, IPS_* of the kernel */
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
	NAT_COUNT,        /* name: a counter of the table */
	NAT_NOTRACK,
	NAT_MSS_CLAMP, /* tcp option maxseg size set rt mtu */
	/* Actions that end. */
	NAT_ACCEPT,
	NAT_DROP,
	NAT_RETURN,
	NAT_JUMP,
	NAT_GOTO,
	NAT_REJECT_ADMIN, /* ICMP administratively prohibited */
	NAT_SNAT_SADDR,   /* identity: keep the source, and keep later SNAT rules away */
	NAT_SNAT_MARK,    /* snat to meta mark map @name; no element: the next rule */
	NAT_OP_KIND_COUNT
};

/* nf_tables' bits of `ct state` (NF_CT_STATE_BIT in the kernel's nf_conntrack_common.h). */
enum { NAT_STATE_INVALID = 1, NAT_STATE_ESTABLISHED = 2, NAT_STATE_RELATED = 4, NAT_STATE_NEW = 8 };
enum { NAT_STATUS_ASSURED = 4 }; /* IPS_ASSURED */

struct nat_op {
	enum nat_op_kind kind;
	uint32_t mask, value;
	char name[NAT_NAME_MAX];
};

struct nat_rule {
	struct nat_op ops[NAT_OPS_MAX];
};

enum nat_hook {
	NAT_HOOK_NONE = -1,
	NAT_HOOK_PREROUTING,
	NAT_HOOK_INPUT,
	NAT_HOOK_FORWARD,
	NAT_HOOK_OUTPUT,
	NAT_HOOK_POSTROUTING
};

struct nat_chain {
	char name[NAT_NAME_MAX];
	char comment[NAT_NAME_MAX]; /* kept in the kernel, shown by nft(8); "" = none */
	enum nat_hook hook; /* NAT_HOOK_NONE: not a base chain, and the next three don't count */
	int priority;
	bool nat; /* type nat, else filter */
	bool policy_drop;
	struct nat_rule *rules;
	size_t n_rules;
};

/* Keys and data of the sets and maps. Ranges are inclusive. */
enum nat_set_kind {
	NAT_SET_ADDR,               /* { 10.0.0.1 }                 hash */
	NAT_SET_RANGE,              /* { 10.0.0.0-10.0.0.9 }        interval tree */
	NAT_SET_IF_ADDR,            /* { "eni1" . 10.0.0.1 }        hash */
	NAT_MAP_ADDR_VERDICT,       /* { 10.0.0.1 : jump c }        hash */
	NAT_MAP_RANGE_VERDICT,      /* { 10.0.0.0-10.0.0.9 : jump c } */
	NAT_MAP_MARK_ADDR_VERDICT,  /* { M . 10.0.0.1 : jump c }  hash */
	NAT_MAP_MARK_RANGE_VERDICT, /* { M . 10.0.0.0-10.0.0.9 : jump c } */
	NAT_MAP_MARK_VERDICT,       /* { M : goto c } */
	NAT_MAP_MARK_ADDR,          /* { M : 10.0.0.1 } */
	/* Maps of values rather than verdicts are for many elements: an element with a verdict makes the kernel
	 * check the whole table for loops at commit, and that walks each element of each verdict map. */
	NAT_MAP_MARK_ADDR_MARK,  /* { M . 10.0.0.1 : N }           hash */
	NAT_MAP_MARK_RANGE_MARK, /* { M . 10.0.0.0-10.0.0.9 : N } */
	NAT_SET_KIND_COUNT
};

struct nat_elem {
	uint32_t key;   /* mark, or index into ruleset.names (device); 0 where the kind has none */
	uint32_t first; /* address, host byte order; 0 where the kind has none */
	uint32_t last;  /* == first where the kind has no ranges */
	uint32_t data; /* address, or index into ruleset.names (chain); 0 where the kind has none */
};

/* Elements that belong to somebody else. */
struct nat_elem_list {
	const struct nat_elem *v;
	size_t n;
};

struct nat_set {
	char name[NAT_NAME_MAX];
	enum nat_set_kind kind;
	uint32_t size; /* declared capacity of hash kinds; 0: none declared */
	struct nat_elem *v;
	size_t n, capacity;
};

struct nat_ruleset {
	char table[NAT_NAME_MAX]; /* family ip */
	char (*counters)[NAT_NAME_MAX];
	size_t n_counters;
	struct nat_set *sets;
	size_t n_sets;
	struct nat_chain *chains;
	size_t n_chains;
	char (*names)[NAT_NAME_MAX]; /* devices and chains that elements refer to */
	size_t n_names;
	struct nat_index set_index, chain_index, name_index;
	bool failed; /* an addition ran out of memory or hit a ceiling: the ruleset is useless */
};

/*
 * Building. Additions that fail set `failed`, which is asked once at the end (nat_ruleset_finish), so
 * that a description reads as one.
 */
void nat_ruleset_init(struct nat_ruleset *rs, const char *table);
void nat_ruleset_done(struct nat_ruleset *rs);
void nat_counter_add(struct nat_ruleset *rs, const char *name);
/* The returned index is valid for the life of the ruleset. */
size_t nat_set_add(struct nat_ruleset *rs, const char *name, enum nat_set_kind kind, uint32_t size);
void nat_elem_add(struct nat_ruleset *rs, size_t index, struct nat_elem elem);
/* Interns a device or chain name for an element. */
uint32_t nat_name(struct nat_ruleset *rs, const char *name);
size_t nat_chain_add(struct nat_ruleset *rs, const char *name, const char *comment);
size_t nat_base_chain_add(struct nat_ruleset *rs, const char *name, enum nat_hook hook,
			  int priority, unsigned flags);
enum nat_base_flags { NAT_BASE_NAT = 1, NAT_BASE_DROP = 2 };
void nat_rule_add(struct nat_ruleset *rs, size_t index, struct nat_rule rule);
/*
 * Sorts the elements of each set, merges equal ones, and checks what the kernel would refuse: two elements
 * with a common key, more of them than the set's size, references to what isn't there, names used twice.
 * 0, -ENOMEM, -EINVAL.
 */
int nat_ruleset_finish(struct nat_ruleset *rs);

/* Rule literals: NAT_RULE({NAT_IIF, .name = "egw0"}, {NAT_DROP}). */
#define NAT_RULE(...) ((struct nat_rule){ .ops = { __VA_ARGS__ } })

/* <0, 0, >0: by key, address, data; the order of the elements in a finished set. */
int nat_elem_compare(const struct nat_elem *a, const struct nat_elem *b);
/* The same description, made by the same steps: what is equal is wanted alike. */
bool nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b);
/* Lookups by name; NULL when there is none. */
const struct nat_set *nat_set_find(const struct nat_ruleset *rs, const char *name);
const struct nat_chain *nat_chain_find(const struct nat_ruleset *rs, const char *name);
bool nat_set_has_ranges(enum nat_set_kind kind);
bool nat_set_is_map(enum nat_set_kind kind);
bool nat_set_is_verdict_map(enum nat_set_kind kind);
bool nat_set_is_goto(enum nat_set_kind kind); /* verdicts of the map are goto, else jump */

/* The rule in nft(8)'s words, for people and for golden tests. Returns `buf`. */
#define NAT_RULE_TEXT_MAX 512
const char *nat_rule_format(const struct nat_rule *rule, char buf[static NAT_RULE_TEXT_MAX]);
