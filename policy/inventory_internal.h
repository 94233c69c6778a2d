// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the files of the inventory share. Everybody else uses inventory.h and facts.h. */
#pragma once

#include "base/pool.h"
#include "policy/facts.h"
#include "policy/inventory.h"
#include "policy/overlap.h"

struct space { /* a namespace; known, or only named by pods */
	struct table_item item;
	const char *name;               /* interned */
	const char *uid;                /* interned; NULL: not known */
	const struct label_set *labels; /* NULL: not known */
	int64_t created_s;
	struct entry *pods;
};

/* A pod. Behind its fields come the addresses of both families, the uid and the name: see entry_*. */
struct entry {
	struct table_item item;
	uint32_t tail_size; /* bytes behind the fields */
	uint8_t n_addresses, n_addresses6;
	uint8_t state; /* enum inventory_state */
	bool terminating : 1;
	bool uid_is_packed : 1; /* see uid.h; else it is text */
	struct space *space;
	struct entry *before, *after; /* in its namespace */
	const struct label_set *labels;
	const char *node; /* interned, "" if not scheduled */
	int64_t created_s;
	/* For each address the next pod of the same place; linked in if state is INVENTORY_COUNTS. */
	struct entry *next[];
};

const struct ip4 *entry_addresses(const struct entry *pod);
const struct ip6 *entry_addresses6(const struct entry *pod);
const char *entry_name(const struct entry *pod);
/* As text, cut if it has no room. */
void entry_uid(const struct entry *pod, char *ret, size_t size);
bool entry_has_uid(const struct entry *pod, const char *uid);
/* As strcmp of the texts. */
int entry_uid_compare(const struct entry *a, const struct entry *b);
/* In all but where they are linked in. */
bool entry_equal(const struct entry *a, const struct entry *b);
uint32_t entry_hash(const char *space, const char *name);
/* Not linked to anything but its interned parts, of which one may be NULL for lack of memory; so may the result. The
 * namespace is NULL. */
struct entry *entry_new(struct inventory *inventory, const struct inventory_pod *text);
void entry_free(struct inventory *inventory, struct entry *pod); /* NULL is fine */
/* Where the next pod stands that counts and has the address, which this one has. */
struct entry **entry_next(struct entry *pod, struct ip4 address);
/* The place of its address with that index. */
struct place *entry_place(const struct inventory *inventory, const struct entry *pod, size_t i);
struct entry *entry_find(const struct inventory *inventory, const char *space, const char *name);

/* An address that pods have, or had when its class was last told. Touched while it may differ from that. */
struct place {
	struct table_item item; /* the hash is the address; the table mixes it */
	bool touched : 1;
	bool has_pod : 1, contested : 1;           /* as told */
	bool next_has_pod : 1, next_contested : 1; /* about to be told */
	struct entry *pods;                        /* that count; see entry_next */
	const char *node;                          /* as told; interned; NULL: none */
	uint64_t class;                            /* as told; 0: none */
	struct place *next_touched;
};

static inline struct ip4 place_address(const struct place *place)
{
	return (struct ip4){ place->item.hash };
}

struct place *place_find(const struct inventory *inventory, struct ip4 address);
void place_touch(struct inventory *inventory, struct place *place);
/* The pod that has the address, by the rule in inventory.h. NULL: none. */
const struct entry *place_owner(const struct place *place);

struct rule_selector {
	bool has_spaces, has_pods;
	struct selector spaces, pods;
};

struct rules { /* a policy; shared by the inventory and the judge in force */
	unsigned n_refs;
	const char *name, *uid, *gateway; /* interned */
	char short_name[POLICY_NAME_MAX]; /* inventory_name */
	int64_t created_s, generation;
	struct rule_selector *selectors;
	size_t n_selectors;
	struct ip4_prefixes pod_cidrs, destinations, excluded;
	struct ip4_set cidrs;    /* pod_cidrs as a set */
	const char **egress_ips; /* interned, each once */
	size_t n_egress_ips;
	bool best_effort, allow_ip6;
	uint32_t connections;
};

void rules_put(struct inventory *inventory, struct rules *rules);
/* NULL: no policy has that name. */
const struct rules *rules_find(const struct inventory *inventory, const char *policy);
/* The first selector that selects the pod, or -1. */
int rules_select(const struct rules *rules, const struct entry *pod);

struct rank { /* a policy at its place in the order of precedence, with its egress IPs looked up */
	struct rules *rules;
	unsigned egress[POLICY_EGRESS_MAX];
	size_t n_egress;
	size_t n_unknown;
	bool gateway_known, too_many;
};

struct judge_class { /* sorted by key */
	uint64_t key;
	uint32_t index; /* in the result */
	size_t n_pods;  /* addresses of pods in it, as told */
};

/* What addresses are judged by: made by a complete computation, and not changed until the next one. */
struct judge {
	struct rank *ranks;
	size_t n_ranks;
	struct policy_spec *specs; /* one for each rank, without pods */
	char (*egress_text)[POLICY_NAME_MAX];
	const char **egress_names;
	struct policy_input input; /* of specs and egress_names */
	struct policy_result result;
	struct judge_class *classes;
	uint64_t *sources; /* of each rank: addresses that it has, as told */
};

struct verdict {
	struct policy_bits policies; /* ranks */
	const struct entry *owner;   /* NULL: no pod */
	bool contested;
};

/* `result` and `classes` are empty yet. -ENOMEM. */
int judge_new(struct inventory *inventory, struct judge **ret);
void judge_free(struct inventory *inventory, struct judge *judge);
/* place NULL: as if no pod had it. */
void judge_address(const struct judge *judge, struct ip4 address, const struct place *place,
		   struct verdict *ret);
/* The key of an address that no pod has; 0: none. */
uint64_t judge_bare(const struct judge *judge, struct ip4 address);
/* The key of the class; 0: none. */
uint64_t judge_key(const struct judge *judge, struct ip4 address, const struct verdict *verdict);
/* NULL: the result has no such class. */
struct judge_class *judge_class_find(const struct judge *judge, uint64_t key);

struct inventory {
	struct labels pool;
	struct pool objects; /* pods and places */
	struct table pods, spaces, places;
	size_t n_known_spaces;
	struct rules *policies[POLICY_MAX];
	size_t n_policies;
	struct inventory_egress egress[POLICY_EGRESS_MAX]; /* interned */
	size_t n_egress;
	struct ip4_prefixes excluded;
	struct judge *judge; /* NULL before the first computation */
	bool stale;          /* the judge doesn't know the newest rules */
	struct place *touched;
	size_t n_touched;
	struct inventory_delta *deltas; /* as told last, with references to the nodes' names */
	size_t n_deltas, deltas_capacity;
	size_t n_contested; /* places, as told */
	bool other_ignored; /* see inventory_take_ignored */
	bool touched6; /* a pod with addresses of IPv6, or the namespace of one, isn't as it was */
};

void pods_clear(struct inventory *inventory);
void policies_clear(struct inventory *inventory);
void deltas_clear(struct inventory *inventory);
/* Places without a pod that nobody needs to be told of any more go. */
void touched_done(struct inventory *inventory);
