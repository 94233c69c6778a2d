// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/ruleset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "base/ip6.h"

enum {
	NAT_COUNTERS_MAX = 256,
	NAT_SETS_MAX = 2048,
	NAT_CHAINS_MAX = 8192,
	NAT_RULES_MAX = 4096, /* of one chain */
	NAT_NAMES_MAX = 16384,
	NAT_ELEMS_MAX = 4 << 20,
	DEVICE_NAME_MAX = 15, /* IFNAMSIZ with its NUL */
};

static const struct {
	bool ranges, map, verdict, is_goto;
} kinds[NAT_SET_KIND_COUNT] = {
	[NAT_SET_ADDR] = { 0 },
	[NAT_SET_RANGE] = { .ranges = true },
	[NAT_SET_IF_ADDR] = { 0 },
	[NAT_SET_IIF] = { 0 },
	[NAT_SET_MARKS] = { 0 },
	[NAT_MAP_ADDR_VERDICT] = { .map = true, .verdict = true },
	[NAT_MAP_RANGE_VERDICT] = { .ranges = true, .map = true, .verdict = true },
	[NAT_MAP_MARK_ADDR_VERDICT] = { .map = true, .verdict = true },
	[NAT_MAP_MARK_RANGE_VERDICT] = { .ranges = true, .map = true, .verdict = true },
	[NAT_MAP_MARK_VERDICT] = { .map = true, .verdict = true, .is_goto = true },
	[NAT_MAP_MARK_ADDR] = { .map = true },
	[NAT_MAP_MARK_ADDR_MARK] = { .map = true },
	[NAT_MAP_MARK_RANGE_MARK] = { .ranges = true, .map = true },
	[NAT_MAP_MARK_ADDR_PORTS] = { .map = true },
};

bool nat_set_has_ranges(enum nat_set_kind kind)
{
	return kinds[kind].ranges;
}

bool nat_set_is_map(enum nat_set_kind kind)
{
	return kinds[kind].map;
}

bool nat_set_is_verdict_map(enum nat_set_kind kind)
{
	return kinds[kind].verdict;
}

bool nat_set_is_goto(enum nat_set_kind kind)
{
	return kinds[kind].is_goto;
}

static void name_copy(char dst[static NAT_NAME_MAX], const char *src)
{
	snprintf(dst, NAT_NAME_MAX, "%s", src ? src : "");
}

/* Room for one more item at the end; NULL and rs->failed when there is none. Grows in powers of two. */
static void *grow(struct nat_ruleset *rs, void **items, size_t n, size_t item_size, size_t max)
{
	if (rs->failed || n >= max) {
		rs->failed = true;
		return NULL;
	}
	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) {
		void *bigger = realloc(*items, item_size * (n ? n * 2 : 4));

		if (!bigger) {
			rs->failed = true;
			return NULL;
		}
		*items = bigger;
	}
	char *slot = (char *)*items + n * item_size;

	memset(slot, 0, item_size);
	return slot;
}

/* Makes the item that was written behind the last one findable, and counts it. Returns its position. */
static size_t enter(struct nat_ruleset *rs, struct nat_index *index, const void *items,
		    size_t item_size, size_t *n)
{
	if (nat_index_add(index, items, item_size, *n)) {
		rs->failed = true;
		return 0;
	}
	return (*n)++;
}

uint8_t nat_family_number(enum nat_family family)
{
	return family == NAT_IP6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

void nat_ruleset_init(struct nat_ruleset *rs, const char *table)
{
	nat_ruleset_init_of(rs, (struct nat_table){ NAT_IP, table });
}

void nat_ruleset_init_of(struct nat_ruleset *rs, struct nat_table table)
{
	*rs = (struct nat_ruleset){ .family = table.family };
	name_copy(rs->table, table.name);
}

struct nat_table nat_ruleset_table(const struct nat_ruleset *rs)
{
	return (struct nat_table){ rs->family, rs->table };
}

void nat_ruleset_done(struct nat_ruleset *rs)
{
	for (size_t i = 0; i < rs->n_sets; i++)
		free(rs->sets[i].v);
	for (size_t i = 0; i < rs->n_chains; i++)
		free(rs->chains[i].rules);
	free(rs->counters);
	free(rs->sets);
	free(rs->chains);
	free(rs->names);
	nat_index_done(&rs->set_index);
	nat_index_done(&rs->chain_index);
	nat_index_done(&rs->name_index);
	*rs = (struct nat_ruleset){ 0 };
}

void nat_counter_add(struct nat_ruleset *rs, const char *name)
{
	char *slot =
		grow(rs, (void **)&rs->counters, rs->n_counters, NAT_NAME_MAX, NAT_COUNTERS_MAX);

	if (!slot)
		return;
	name_copy(slot, name);
	rs->n_counters++;
}

void nat_flowtable_set(struct nat_ruleset *rs, const char *name)
{
	struct nat_flowtable *flowtable = &rs->flowtable;

	*flowtable = (struct nat_flowtable){ 0 };
	if ((size_t)snprintf(flowtable->name, sizeof(flowtable->name), "%s", name) >=
	    sizeof(flowtable->name))
		rs->failed = true;
}

void nat_flowtable_device_add(struct nat_ruleset *rs, const char *device)
{
	struct nat_flowtable *flowtable = &rs->flowtable;

	if (flowtable->n_devices == NAT_FLOWTABLE_DEVICES_MAX || strlen(device) > DEVICE_NAME_MAX) {
		rs->failed = true;
		return;
	}
	snprintf(flowtable->devices[flowtable->n_devices++], IFNAMSIZ, "%s", device);
}

size_t nat_set_add(struct nat_ruleset *rs, const char *name, enum nat_set_kind kind, uint32_t size)
{
	struct nat_set *set = grow(rs, (void **)&rs->sets, rs->n_sets, sizeof(*set), NAT_SETS_MAX);

	if (!set)
		return 0;
	name_copy(set->name, name);
	set->kind = kind;
	set->size = size;
	return enter(rs, &rs->set_index, rs->sets, sizeof(*set), &rs->n_sets);
}

void nat_elem_add(struct nat_ruleset *rs, size_t index, struct nat_elem elem)
{
	if (rs->failed || index >= rs->n_sets)
		return;
	struct nat_set *set = &rs->sets[index];

	if (set->n == set->capacity) {
		size_t bigger = set->capacity ? set->capacity + set->capacity / 2 : 8;
		struct nat_elem *v = set->n < NAT_ELEMS_MAX ? realloc(set->v, bigger * sizeof(*v)) :
							      NULL;

		if (!v) {
			rs->failed = true;
			return;
		}
		set->v = v;
		set->capacity = bigger;
	}
	set->v[set->n++] = elem;
}

uint32_t nat_name(struct nat_ruleset *rs, const char *name)
{
	size_t known = nat_index_find(&rs->name_index, rs->names, NAT_NAME_MAX, name);

	if (known != NAT_INDEX_NONE)
		return (uint32_t)known;
	char *slot = grow(rs, (void **)&rs->names, rs->n_names, NAT_NAME_MAX, NAT_NAMES_MAX);

	if (!slot)
		return 0;
	name_copy(slot, name);
	return (uint32_t)enter(rs, &rs->name_index, rs->names, NAT_NAME_MAX, &rs->n_names);
}

size_t nat_chain_add(struct nat_ruleset *rs, const char *name, const char *comment)
{
	struct nat_chain *chain =
		grow(rs, (void **)&rs->chains, rs->n_chains, sizeof(*chain), NAT_CHAINS_MAX);

	if (!chain)
		return 0;
	name_copy(chain->name, name);
	name_copy(chain->comment, comment);
	chain->hook = NAT_HOOK_NONE;
	return enter(rs, &rs->chain_index, rs->chains, sizeof(*chain), &rs->n_chains);
}

size_t nat_base_chain_add(struct nat_ruleset *rs, const char *name, enum nat_hook hook,
			  int priority, unsigned flags)
{
	size_t index = nat_chain_add(rs, name, "");

	if (rs->failed)
		return 0;
	rs->chains[index].hook = hook;
	rs->chains[index].priority = priority;
	rs->chains[index].nat = (flags & NAT_BASE_NAT) != 0;
	rs->chains[index].policy_drop = (flags & NAT_BASE_DROP) != 0;
	return index;
}

void nat_rule_add(struct nat_ruleset *rs, size_t index, struct nat_rule rule)
{
	if (rs->failed || index >= rs->n_chains)
		return;
	struct nat_chain *chain = &rs->chains[index];
	struct nat_rule *slot =
		grow(rs, (void **)&chain->rules, chain->n_rules, sizeof(rule), NAT_RULES_MAX);

	if (!slot)
		return;
	*slot = rule;
	chain->n_rules++;
}

int nat_elem_compare(const struct nat_elem *a, const struct nat_elem *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last < b->last ? -1 : 1;
	if (a->data != b->data)
		return a->data < b->data ? -1 : 1;
	return 0;
}

static int compare_elems(const void *a, const void *b)
{
	return nat_elem_compare(a, b);
}

static bool is_sorted(const struct nat_set *set)
{
	for (size_t i = 1; i < set->n; i++) {
		if (nat_elem_compare(&set->v[i - 1], &set->v[i]) >= 0)
			return false;
	}
	return true;
}

/* Sorted, each element once. */
static void sort(struct nat_set *set)
{
	size_t kept = 0;

	if (is_sorted(set))
		return;
	qsort(set->v, set->n, sizeof(*set->v), compare_elems);
	for (size_t i = 0; i < set->n; i++) {
		if (kept && nat_elem_compare(&set->v[kept - 1], &set->v[i]) == 0)
			continue;
		set->v[kept++] = set->v[i];
	}
	set->n = kept;
}

const struct nat_set *nat_set_find(const struct nat_ruleset *rs, const char *name)
{
	size_t i = nat_index_find(&rs->set_index, rs->sets, sizeof(*rs->sets), name);

	return i == NAT_INDEX_NONE ? NULL : &rs->sets[i];
}

const struct nat_chain *nat_chain_find(const struct nat_ruleset *rs, const char *name)
{
	size_t i = nat_index_find(&rs->chain_index, rs->chains, sizeof(*rs->chains), name);

	return i == NAT_INDEX_NONE ? NULL : &rs->chains[i];
}

static bool counter_exists(const struct nat_ruleset *rs, const char *name)
{
	for (size_t i = 0; i < rs->n_counters; i++) {
		if (strcmp(rs->counters[i], name) == 0)
			return true;
	}
	return false;
}

/* Runs of one name are long: it's looked up once per run. */
static bool elems_refer_well(const struct nat_ruleset *rs, const struct nat_set *set)
{
	for (size_t j = 0; nat_set_is_verdict_map(set->kind) && j < set->n; j++) {
		uint32_t chain = set->v[j].data;

		if (j && chain == set->v[j - 1].data)
			continue;
		if (chain >= rs->n_names || !nat_chain_find(rs, rs->names[chain]))
			return false;
	}
	for (size_t j = 0; set->kind == NAT_SET_IF_ADDR && j < set->n; j++) {
		uint32_t device = set->v[j].key;

		if (device >= rs->n_names || strlen(rs->names[device]) > DEVICE_NAME_MAX)
			return false;
	}
	return true;
}

static bool set_is_sound(const struct nat_ruleset *rs, const struct nat_set *set)
{
	if (set->size && set->n > set->size)
		return false;
	for (size_t i = 0; i < set->n; i++) {
		const struct nat_elem *elem = &set->v[i];

		if (elem->first > elem->last ||
		    (elem->first != elem->last && !nat_set_has_ranges(set->kind)))
			return false;
		if (i && elem->key == elem[-1].key && elem->first <= elem[-1].last)
			return false;
	}
	return elems_refer_well(rs, set);
}

/* What the name of an operation refers to; a set is given by the kinds that fit, as bits. */
static const struct {
	unsigned set_kinds;
	bool chain, counter;
} references[NAT_OP_KIND_COUNT] = {
	[NAT_SADDR_IN] = { .set_kinds = 1 << NAT_SET_ADDR | 1 << NAT_SET_RANGE },
	[NAT_SADDR_NOT_IN] = { .set_kinds = 1 << NAT_SET_ADDR | 1 << NAT_SET_RANGE },
	[NAT_DADDR_IN] = { .set_kinds = 1 << NAT_SET_ADDR | 1 << NAT_SET_RANGE },
	[NAT_DADDR_NOT_IN] = { .set_kinds = 1 << NAT_SET_ADDR | 1 << NAT_SET_RANGE },
	[NAT_IIF_SADDR_IN] = { .set_kinds = 1 << NAT_SET_IF_ADDR },
	[NAT_IIF_SADDR_NOT_IN] = { .set_kinds = 1 << NAT_SET_IF_ADDR },
	[NAT_IIF_IN] = { .set_kinds = 1 << NAT_SET_IIF },
	[NAT_IIF_NOT_IN] = { .set_kinds = 1 << NAT_SET_IIF },
	[NAT_MARK_IN] = { .set_kinds = 1 << NAT_SET_MARKS },
	[NAT_CT_REPLY_DADDR_IN] = { .set_kinds = 1 << NAT_SET_ADDR },
	[NAT_SADDR_VMAP] = { .set_kinds = 1 << NAT_MAP_ADDR_VERDICT | 1 << NAT_MAP_RANGE_VERDICT },
	[NAT_MARK_SADDR_VMAP] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR_VERDICT |
					       1 << NAT_MAP_MARK_RANGE_VERDICT },
	[NAT_MARK_VMAP] = { .set_kinds = 1 << NAT_MAP_MARK_VERDICT },
	[NAT_CT_MARK_VMAP] = { .set_kinds = 1 << NAT_MAP_MARK_VERDICT },
	[NAT_SET_MARK_MAP] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR_MARK |
					    1 << NAT_MAP_MARK_RANGE_MARK },
	[NAT_LOAD_PORTS] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR_PORTS },
	[NAT_SNAT_MARK] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR },
	[NAT_SNAT_MARK_LOADED] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR },
	[NAT_SNAT_MARK_PORTS] = { .set_kinds = 1 << NAT_MAP_MARK_ADDR },
	[NAT_COUNT] = { .counter = true },
	[NAT_JUMP] = { .chain = true },
	[NAT_GOTO] = { .chain = true },
};

/* The operations that only a table of one family may have. */
static const struct {
	bool ip, ip6;
} families[NAT_OP_KIND_COUNT] = {
	[NAT_SADDR_IN] = { .ip = true },          [NAT_SADDR_NOT_IN] = { .ip = true },
	[NAT_DADDR_IN] = { .ip = true },          [NAT_DADDR_NOT_IN] = { .ip = true },
	[NAT_IIF_SADDR_IN] = { .ip = true },      [NAT_IIF_SADDR_NOT_IN] = { .ip = true },
	[NAT_DADDR6] = { .ip6 = true },           [NAT_SADDR_VMAP] = { .ip = true },
	[NAT_MARK_SADDR_VMAP] = { .ip = true },   [NAT_SET_MARK_SADDR] = { .ip = true },
	[NAT_SET_MARK_MAP] = { .ip = true },      [NAT_REJECT_ADMIN] = { .ip = true },
	[NAT_REJECT_ADMIN6] = { .ip6 = true },    [NAT_SNAT_SADDR] = { .ip = true },
	[NAT_SNAT_MARK] = { .ip = true },         [NAT_SNAT_MARK_PORTS] = { .ip = true },
	[NAT_CT_REPLY_DADDR_IN] = { .ip = true }, [NAT_LOAD_PORTS] = { .ip = true },
	[NAT_SNAT_MARK_LOADED] = { .ip = true },
};

static bool op_is_of(const struct nat_op *op, enum nat_family family)
{
	struct ip6_prefix prefix;

	if (op->kind == NAT_DADDR6 && ip6_prefix_parse(op->name, &prefix, NULL))
		return false;
	return !(family == NAT_IP ? families[op->kind].ip6 : families[op->kind].ip);
}

static bool op_refers_well(const struct nat_ruleset *rs, const struct nat_op *op)
{
	unsigned fitting = references[op->kind].set_kinds;
	const struct nat_set *set = fitting ? nat_set_find(rs, op->name) : NULL;

	if (fitting && (!set || !(fitting & 1u << set->kind)))
		return false;
	if (references[op->kind].chain && !nat_chain_find(rs, op->name))
		return false;
	if (op->kind == NAT_FLOW_ADD && strcmp(op->name, rs->flowtable.name) != 0)
		return false;
	return !references[op->kind].counter || counter_exists(rs, op->name);
}

static bool chain_is_sound(const struct nat_ruleset *rs, const struct nat_chain *chain)
{
	for (size_t i = 0; i < chain->n_rules; i++) {
		for (size_t j = 0; j < NAT_OPS_MAX; j++) {
			const struct nat_op *op = &chain->rules[i].ops[j];

			if (!op_is_of(op, rs->family) || !op_refers_well(rs, op))
				return false;
		}
	}
	return true;
}

static bool counters_are_sound(const struct nat_ruleset *rs)
{
	for (size_t i = 0; i < rs->n_counters; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(rs->counters[i], rs->counters[j]) == 0)
				return false;
		}
	}
	return true;
}

int nat_ruleset_finish(struct nat_ruleset *rs)
{
	bool sound = counters_are_sound(rs);

	if (rs->failed)
		return -ENOMEM;
	for (size_t i = 0; i < rs->n_sets; i++) {
		sort(&rs->sets[i]);
		sound = sound && set_is_sound(rs, &rs->sets[i]) &&
			nat_set_find(rs, rs->sets[i].name) == &rs->sets[i];
	}
	for (size_t i = 0; i < rs->n_chains; i++)
		sound = sound && chain_is_sound(rs, &rs->chains[i]) &&
			nat_chain_find(rs, rs->chains[i].name) == &rs->chains[i];
	return sound ? 0 : -EINVAL;
}
