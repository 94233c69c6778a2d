// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The two ways to tell what is: all of it, and what changed. */
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inventory_internal.h"

#include <errno.h>
#include <stdlib.h>

struct list {
	struct ip4_prefix *v;
	size_t n, capacity;
};

struct sources { /* of each rank */
	size_t n;
	struct list *pods;    /* its CIDRs, and the addresses of pods */
	struct list *blocked; /* contested ones */
};

static void sources_done(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free(sources->pods[i].v);
		free(sources->blocked[i].v);
	}
	free(sources->pods);
	free(sources->blocked);
}

static int list_add(struct list *list, struct ip4_prefix prefix)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity + list->capacity / 2 + 16;
		struct ip4_prefix *v = reallocarray(list->v, capacity, sizeof(*v));

		if (!v)
			return -ENOMEM;
		list->v = v;
		list->capacity = capacity;
	}
	list->v[list->n++] = prefix;
	return 0;
}

static int add_place(const struct judge *judge, struct place *place, struct sources *sources)
{
	struct verdict verdict;
	int r = 0;

	judge_address(judge, place_address(place), place, &verdict);
	place->next_has_pod = verdict.owner;
	place->next_contested = verdict.contested;
	for (size_t w = 0; w < POLICY_WORDS; w++) {
		for (uint64_t left = verdict.policies.w[w]; left && r == 0; left &= left - 1) {
			size_t rank = w * 64 + (size_t)__builtin_ctzll(left);
			struct list *list = verdict.contested ? sources->blocked : sources->pods;

			r = list_add(&list[rank], (struct ip4_prefix){ .addr = place_address(place),
								       .len = 32 });
		}
	}
	return r;
}

static int collect(const struct inventory *inventory, const struct judge *judge,
		   struct sources *sources)
{
	int r = 0;

	sources->pods = calloc(judge->n_ranks + 1, sizeof(*sources->pods));
	sources->blocked = calloc(judge->n_ranks + 1, sizeof(*sources->blocked));
	if (!sources->pods || !sources->blocked)
		return -ENOMEM;
	sources->n = judge->n_ranks;
	for (size_t i = 0; i < judge->n_ranks; i++) {
		const struct ip4_prefixes *cidrs = &judge->ranks[i].rules->pod_cidrs;

		for (size_t k = 0; k < cidrs->n && r == 0; k++)
			r = list_add(&sources->pods[i], cidrs->v[k]);
	}
	for (size_t i = 0; i < inventory->places.n_slots && r == 0; i++)
		if (inventory->places.v[i])
			r = add_place(judge, (struct place *)inventory->places.v[i], sources);
	return r;
}

static int compare_classes(const void *a, const void *b)
{
	uint64_t x = ((const struct judge_class *)a)->key;
	uint64_t y = ((const struct judge_class *)b)->key;

	return (x > y) - (x < y);
}

static int index_classes(struct judge *judge)
{
	size_t n = judge->result.n_classes;

	judge->classes = calloc(n + 1, sizeof(*judge->classes));
	if (!judge->classes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		judge->classes[i] = (struct judge_class){ .key = judge->result.classes[i].key,
							  .index = (uint32_t)i };
	qsort(judge->classes, n, sizeof(*judge->classes), compare_classes);
	return 0;
}

static void count_sources(struct judge *judge, uint32_t class_index, uint64_t addresses)
{
	const struct policy_class *class = &judge->result.classes[class_index];

	for (size_t i = 0; i < class->n_rules; i++)
		judge->sources[class->rules[i].policy] += addresses;
}

static void count_members(struct judge *judge)
{
	for (size_t i = 0; i < judge->result.n_members; i++) {
		const struct policy_member *member = &judge->result.members[i];

		count_sources(judge, member->class_index,
			      (uint64_t)member->range.last - member->range.first + 1);
	}
}

/* The sources are lent to the specs for the time of the computation. */
static int compute(const struct inventory *inventory, struct judge *judge, struct err *err)
{
	CLEANUP(sources_done) struct sources sources = { .n = 0 };

	int r = collect(inventory, judge, &sources);
	if (r < 0)
		return r;
	for (size_t i = 0; i < judge->n_ranks; i++) {
		judge->specs[i].pods = sources.pods[i].v;
		judge->specs[i].n_pods = sources.pods[i].n;
		judge->specs[i].blocked = sources.blocked[i].v;
		judge->specs[i].n_blocked = sources.blocked[i].n;
	}
	r = policy_compile(&judge->input, &judge->result, err);
	for (size_t i = 0; i < judge->n_ranks; i++) {
		judge->specs[i].pods = judge->specs[i].blocked = NULL;
		judge->specs[i].n_pods = judge->specs[i].n_blocked = 0;
	}
	if (r < 0)
		return r;
	count_members(judge);
	return index_classes(judge);
}

/* The node under which an address is known, or NULL: not classified. */
static const char *node_of(const struct entry *owner)
{
	return owner && owner->space->labels && *owner->node ? owner->node : NULL;
}

static void count(struct inventory *inventory, const struct place *place, bool add)
{
	struct judge_class *class = place->class && place->has_pod ?
					    judge_class_find(inventory->judge, place->class) :
					    NULL;

	if (class)
		class->n_pods += add ? 1 : (size_t)-1;
	inventory->n_contested += place->contested ? (add ? 1 : (size_t)-1) : 0;
}

static void tell_place(struct inventory *inventory, struct place *place)
{
	const struct policy_class *class =
		policy_class_of(&inventory->judge->result, place_address(place));

	labels_string_put(&inventory->pool, place->node);
	place->node = labels_string_ref(node_of(place_owner(place)));
	place->class = class ? class->key : 0;
	place->has_pod = place->next_has_pod;
	place->contested = place->next_contested;
	count(inventory, place, true);
}

int inventory_compile(struct inventory *inventory, const struct policy_result **ret,
		      struct err *err)
{
	struct judge *judge;

	int r = judge_new(inventory, &judge);
	if (r < 0)
		return r;
	r = compute(inventory, judge, err);
	if (r < 0) {
		judge_free(inventory, judge);
		return r;
	}
	judge_free(inventory, inventory->judge);
	inventory->judge = judge;
	inventory->stale = false;
	inventory->n_contested = 0;
	deltas_clear(inventory);
	for (size_t i = 0; i < inventory->places.n_slots; i++)
		if (inventory->places.v[i])
			tell_place(inventory, (struct place *)inventory->places.v[i]);
	touched_done(inventory);
	inventory->touched6 = false;
	*ret = &judge->result;
	return 0;
}

void deltas_clear(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_deltas; i++) {
		struct inventory_delta *delta = &inventory->deltas[i];

		if (*delta->old_node)
			labels_string_put(&inventory->pool, delta->old_node);
		if (*delta->node)
			labels_string_put(&inventory->pool, delta->node);
	}
	inventory->n_deltas = 0;
}

static int reserve_deltas(struct inventory *inventory)
{
	if (inventory->deltas_capacity >= inventory->n_touched)
		return 0;

	struct inventory_delta *v =
		reallocarray(inventory->deltas, inventory->n_touched, sizeof(*v));
	if (!v)
		return -ENOMEM;
	inventory->deltas = v;
	inventory->deltas_capacity = inventory->n_touched;
	return 0;
}

/* The delta holds no references yet. False: the class isn't in the result. */
static bool judge_touched(struct inventory *inventory, struct place *place,
			  struct inventory_delta *ret)
{
	const struct judge *judge = inventory->judge;
	struct verdict verdict;

	judge_address(judge, place_address(place), place, &verdict);
	*ret = (struct inventory_delta){
		.address = place_address(place),
		.old_node = place->node,
		.node = node_of(verdict.owner),
		.old_class = place->class,
		.class = judge_key(judge, place_address(place), &verdict),
	};
	place->next_has_pod = verdict.owner;
	place->next_contested = verdict.contested;
	return !ret->class || judge_class_find(judge, ret->class);
}

/* One address is of that class, or isn't any more. */
static void count_class(struct judge *judge, uint64_t key, bool add)
{
	const struct judge_class *class = key ? judge_class_find(judge, key) : NULL;

	if (class)
		count_sources(judge, class->index, add ? 1 : (uint64_t)-1);
}

/* Whether there is something to tell. The place's reference to the old node becomes the delta's. */
static bool tell(struct inventory *inventory, struct place *place, struct inventory_delta *delta)
{
	bool differs = delta->node != delta->old_node || delta->class != delta->old_class;

	count_class(inventory->judge, delta->old_class, false);
	count_class(inventory->judge, delta->class, true);
	count(inventory, place, false);
	place->class = delta->class;
	place->has_pod = place->next_has_pod;
	place->contested = place->next_contested;
	count(inventory, place, true);
	if (!differs)
		return false;
	place->node = labels_string_ref(delta->node);
	delta->node = delta->node ? labels_string_ref(delta->node) : "";
	delta->old_node = delta->old_node ? delta->old_node : "";
	return true;
}

static int compare_deltas(const void *a, const void *b)
{
	uint32_t x = ((const struct inventory_delta *)a)->address.v;
	uint32_t y = ((const struct inventory_delta *)b)->address.v;

	return (x > y) - (x < y);
}

int inventory_take(struct inventory *inventory, struct inventory_changes *ret)
{
	size_t n = 0, kept = 0;

	if (inventory->stale)
		return INVENTORY_E_COMPILE;
	deltas_clear(inventory);
	int r = reserve_deltas(inventory);
	if (r < 0)
		return r;
	for (struct place *place = inventory->touched; place; place = place->next_touched) {
		if (!judge_touched(inventory, place, &inventory->deltas[n++])) {
			inventory->stale = true;
			return INVENTORY_E_COMPILE;
		}
	}
	n = 0;
	for (struct place *place = inventory->touched; place; place = place->next_touched, n++) {
		struct inventory_delta delta = inventory->deltas[n];

		if (tell(inventory, place, &delta))
			inventory->deltas[kept++] = delta;
	}
	inventory->n_deltas = kept;
	if (kept)
		qsort(inventory->deltas, kept, sizeof(*inventory->deltas), compare_deltas);
	touched_done(inventory);
	*ret = (struct inventory_changes){ .v = inventory->deltas,
					   .n = kept,
					   .ip6 = inventory->touched6 };
	inventory->touched6 = false;
	return 0;
}

const struct policy_class *inventory_class_of(const struct inventory *inventory, struct ip4 address)
{
	const struct judge *judge = inventory->judge;
	const struct place *place = place_find(inventory, address);

	if (!judge)
		return NULL;
	uint64_t key = place ? place->class : judge_bare(judge, address);
	const struct judge_class *class = key ? judge_class_find(judge, key) : NULL;

	return class ? &judge->result.classes[class->index] : NULL;
}
