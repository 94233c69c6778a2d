// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The desired ruleset of one nftables table, as plain data: counters, sets and maps with their
 * elements, chains with their rules. Both daemons describe what they want in it; nat/plan compares it
 * with the kernel, nat/eval answers from it what happens to a packet. Everything in a table of ours is ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "nat/flowtable.h"
#include "nat/index.h"
#include "nat/rule.h"

enum nat_family { NAT_IP, NAT_IP6 };
/* The kernel's number of the family, NFPROTO_*. */
uint8_t nat_family_number(enum nat_family family);

struct nat_table {
	enum nat_family family;
	const char *name;
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
	NAT_SET_IIF,             /* { 7 }: numbers of devices   hash */
	NAT_SET_MARKS,           /* { M }                       hash */
	NAT_MAP_MARK_ADDR_PORTS, /* { M . 10.0.0.1 : 1024 . 1279 }  hash; first and last of some ports */
	NAT_SET_KIND_COUNT
};

struct nat_elem {
	uint32_t key; /* mark, number of a device, or index into ruleset.names (device); 0 where the kind has none */
	uint32_t first; /* address, host byte order; 0 where the kind has none */
	uint32_t last;  /* == first where the kind has no ranges */
	uint32_t data; /* address, index into ruleset.names (chain), or nat_ports; 0 where the kind has none */
};

/* Ports as an element's data. */
static inline uint32_t nat_ports(uint16_t first, uint16_t last)
{
	return (uint32_t)first << 16 | last;
}

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
	enum nat_family family;
	char table[NAT_NAME_MAX];
	char (*counters)[NAT_NAME_MAX];
	size_t n_counters;
	struct nat_flowtable flowtable; /* at most one */
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
void nat_ruleset_init(struct nat_ruleset *rs, const char *table); /* of family ip */
void nat_ruleset_init_of(struct nat_ruleset *rs, struct nat_table table);
struct nat_table nat_ruleset_table(const struct nat_ruleset *rs); /* valid as long as `rs` */
void nat_ruleset_done(struct nat_ruleset *rs);
void nat_counter_add(struct nat_ruleset *rs, const char *name);
/* The second one replaces the first. Its devices must be there when the kernel gets it. */
void nat_flowtable_set(struct nat_ruleset *rs, const char *name);
void nat_flowtable_device_add(struct nat_ruleset *rs, const char *device);
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
 * with a common key, more of them than the set's size, references to what isn't there, names used twice,
 * operations and sets of the other family's addresses.
 * 0, -ENOMEM, -EINVAL.
 */
int nat_ruleset_finish(struct nat_ruleset *rs);

/* <0, 0, >0: by key, address, data; the order of the elements in a finished set. */
int nat_elem_compare(const struct nat_elem *a, const struct nat_elem *b);
/* The same description, made by the same steps: what is equal is wanted alike. */
bool nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b);
/* The same but for the elements of sets, the names that they refer to, and the order of sets and chains. */
bool nat_ruleset_same_shape(const struct nat_ruleset *a, const struct nat_ruleset *b);
/* Lookups by name; NULL when there is none. */
const struct nat_set *nat_set_find(const struct nat_ruleset *rs, const char *name);
const struct nat_chain *nat_chain_find(const struct nat_ruleset *rs, const char *name);
bool nat_set_has_ranges(enum nat_set_kind kind);
bool nat_set_is_map(enum nat_set_kind kind);
bool nat_set_is_verdict_map(enum nat_set_kind kind);
bool nat_set_is_goto(enum nat_set_kind kind); /* verdicts of the map are goto, else jump */
