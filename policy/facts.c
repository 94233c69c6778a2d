// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/facts.h"

#include "base/cleanup.h"
#include "policy/inventory_internal.h"

#include <string.h>

bool inventory_next_address(const struct inventory *inventory, size_t *cursor,
			    struct inventory_address *ret)
{
	while (*cursor < inventory->places.n_slots) {
		const struct place *place = (const struct place *)inventory->places.v[(*cursor)++];

		if (!place || !place->has_pod)
			continue;
		*ret = (struct inventory_address){
			.address = place_address(place),
			.node = place->node ? place->node : "",
			.class = place->class,
		};
		return true;
	}
	return false;
}

uint64_t inventory_sources(const struct inventory *inventory, size_t policy)
{
	return inventory->judge ? inventory->judge->sources[policy] : 0;
}

/* Of pods that aren't terminating more than one, and selected differently. Told or not. */
static bool is_contested(const struct inventory *inventory, const struct place *place)
{
	struct verdict verdict;

	if (!place->pods || !*entry_next(place->pods, place_address(place)) || !inventory->judge)
		return false;
	judge_address(inventory->judge, place_address(place), place, &verdict);
	return verdict.contested;
}

static struct inventory_owner describe(const struct entry *pod)
{
	return (struct inventory_owner){
		.namespace = pod->space->name,
		.name = entry_name(pod),
		.node = pod->node,
	};
}

bool inventory_owner_of(const struct inventory *inventory, struct ip4 address,
			struct inventory_owner *ret)
{
	const struct place *place = place_find(inventory, address);
	const struct entry *owner = place ? place_owner(place) : NULL;

	if (!owner)
		return false;
	*ret = describe(owner);
	ret->contested = is_contested(inventory, place);
	return true;
}

bool inventory_birth_of(const struct inventory *inventory, struct ip4 address,
			struct inventory_birth *ret)
{
	const struct place *place = place_find(inventory, address);
	const struct entry *owner = place ? place_owner(place) : NULL;

	if (!owner)
		return false;
	entry_uid(owner, ret->uid, sizeof(ret->uid));
	ret->created_s = owner->created_s;
	return true;
}

bool inventory_is_told(const struct inventory *inventory, struct ip4 address)
{
	const struct place *place = place_find(inventory, address);

	return inventory->judge && !(place && place->touched);
}

bool inventory_has_news(const struct inventory *inventory)
{
	return inventory->stale || inventory->touched || !inventory->judge;
}

bool inventory_take_ignored(struct inventory *inventory)
{
	bool other = inventory->other_ignored;

	inventory->other_ignored = false;
	return other;
}

bool inventory_is_strict(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_policies; i++)
		if (!inventory->policies[i]->best_effort)
			return true;
	return false;
}

static bool selects_address(const struct rules *rules, const struct entry *pod)
{
	for (size_t i = 0; i < pod->n_addresses; i++)
		if (ip4_set_contains(&rules->cidrs, entry_addresses(pod)[i]))
			return true;
	return false;
}

static bool drops6(const struct inventory *inventory, const struct entry *pod)
{
	for (size_t i = 0; i < inventory->n_policies; i++) {
		const struct rules *rules = inventory->policies[i];

		if (!rules->allow_ip6 &&
		    (rules_select(rules, pod) >= 0 || selects_address(rules, pod)))
			return true;
	}
	return false;
}

bool inventory_next_local(const struct inventory *inventory, const char *node, size_t *cursor,
			  struct inventory_local *ret)
{
	while (*cursor < inventory->pods.n_slots) {
		const struct entry *pod = (const struct entry *)inventory->pods.v[(*cursor)++];

		if (!pod || (node && strcmp(pod->node, node) != 0) ||
		    (pod->state != INVENTORY_COUNTS && pod->state != INVENTORY_HAS_NO_ADDRESS))
			continue;
		*ret = (struct inventory_local){
			.namespace = pod->space->name,
			.name = entry_name(pod),
			.addresses = entry_addresses(pod),
			.n_addresses = pod->n_addresses,
			.namespace_known = pod->space->labels,
			.drops6 = drops6(inventory, pod),
		};
		return true;
	}
	return false;
}

bool inventory_is_strict6(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->n_policies; i++)
		if (!inventory->policies[i]->best_effort && !inventory->policies[i]->allow_ip6)
			return true;
	return false;
}

bool inventory_find(const struct inventory *inventory, const char *space, const char *name,
		    struct inventory_found *ret)
{
	const struct entry *pod = entry_find(inventory, space, name);

	if (!pod)
		return false;
	*ret = (struct inventory_found){
		.state = (enum inventory_state)pod->state,
		.namespace_known = pod->space->labels,
		.terminating = pod->terminating,
		.pod = describe(pod),
		.addresses = entry_addresses(pod),
		.n_addresses = pod->n_addresses,
	};
	for (size_t i = 0; pod->state == INVENTORY_COUNTS && i < pod->n_addresses; i++)
		ret->pod.contested |= is_contested(inventory, entry_place(inventory, pod, i));
	return true;
}

bool inventory_next_match(const struct inventory *inventory, const struct inventory_found *found,
			  size_t *cursor, struct inventory_match *ret)
{
	const struct judge *judge = inventory->judge;
	const struct entry *pod = entry_find(inventory, found->pod.namespace, found->pod.name);

	while (judge && pod && *cursor < judge->n_ranks) {
		const struct rules *rules = judge->ranks[(*cursor)++].rules;
		struct inventory_match match = { .policy = rules->name,
						 .selector = rules_select(rules, pod),
						 .by_address = selects_address(rules, pod) };

		if (match.selector < 0 && !match.by_address)
			continue;
		*ret = match;
		return true;
	}
	return false;
}
