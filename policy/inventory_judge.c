// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What an address is by the rules in force. This must say the same as policy_compile says of all addresses
 * together; tests/unit/policy/test_inventory_model.c holds one against the other.
 */
#include "base/cleanup.h"
#include "policy/classes.h"
#include "policy/inventory_internal.h"
#include "policy/spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void judge_free(struct inventory *inventory, struct judge *judge)
{
	if (!judge)
		return;
	for (size_t i = 0; i < judge->n_ranks; i++)
		rules_put(inventory, judge->ranks[i].rules);
	policy_result_done(&judge->result);
	free(judge->ranks);
	free(judge->specs);
	free(judge->egress_text);
	free(judge->egress_names);
	free(judge->classes);
	free(judge->sources);
	free(judge);
}

static int compare_rules(const void *a, const void *b)
{
	const struct rules *x = *(struct rules *const *)a;
	const struct rules *y = *(struct rules *const *)b;

	if (x->created_s != y->created_s)
		return x->created_s < y->created_s ? -1 : 1;
	return strcmp(x->short_name, y->short_name);
}

static void name_egress(const struct inventory *inventory, struct judge *judge)
{
	for (size_t i = 0; i < inventory->n_egress; i++) {
		inventory_name(judge->egress_text[i], inventory->egress[i].gateway,
			       inventory->egress[i].name);
		judge->egress_names[i] = judge->egress_text[i];
	}
}

/* Names are interned, so that equal ones are identical. */
static void look_up_egress(const struct inventory *inventory, struct rank *rank)
{
	const struct rules *rules = rank->rules;

	for (size_t i = 0; i < inventory->n_egress; i++)
		rank->gateway_known |= inventory->egress[i].gateway == rules->gateway;
	for (size_t k = 0; k < rules->n_egress_ips; k++) {
		size_t i = 0;

		while (i < inventory->n_egress &&
		       (inventory->egress[i].gateway != rules->gateway ||
			inventory->egress[i].name != rules->egress_ips[k]))
			i++;
		if (i < inventory->n_egress)
			rank->egress[rank->n_egress++] = (unsigned)i;
		else
			rank->n_unknown++;
	}
}

/*
 * One policy's ranges must not make policy_compile refuse them all. Older policies come first, so that a new one
 * can't take their share.
 */
static int limit_spread(struct judge *judge)
{
	uint64_t total = 0;

	for (size_t i = 0; i < judge->n_ranks; i++) {
		struct rank *rank = &judge->ranks[i];
		uint64_t count = 0;

		if (rank->n_egress <= 1)
			continue;
		int r = policy_spread_ranges(rank->rules->pod_cidrs.v, rank->rules->pod_cidrs.n,
					     &count);
		if (r < 0)
			return r;
		if (count > POLICY_SPREAD_MAX || total + count > POLICY_SPREAD_TOTAL_MAX) {
			rank->too_many = true;
			rank->n_egress = 0;
		} else {
			total += count;
		}
	}
	return 0;
}

static void fill_spec(struct policy_spec *spec, const struct rank *rank)
{
	const struct rules *rules = rank->rules;

	*spec = (struct policy_spec){
		.name = rules->short_name,
		.destinations = rules->destinations.v,
		.n_destinations = rules->destinations.n,
		.excluded = rules->excluded.v,
		.n_excluded = rules->excluded.n,
		.egress = rank->egress,
		.n_egress = rank->n_egress,
		.precedence = rules->created_s,
		.connections = rules->connections,
	};
}

static int allocate(const struct inventory *inventory, struct judge *judge)
{
	size_t n = inventory->n_policies + 1, n_egress = inventory->n_egress + 1;

	judge->ranks = calloc(n, sizeof(*judge->ranks));
	judge->specs = calloc(n, sizeof(*judge->specs));
	judge->egress_text = calloc(n_egress, sizeof(*judge->egress_text));
	judge->egress_names = calloc(n_egress, sizeof(*judge->egress_names));
	judge->sources = calloc(n, sizeof(*judge->sources));
	if (!judge->ranks || !judge->specs || !judge->egress_text || !judge->egress_names ||
	    !judge->sources)
		return -ENOMEM;
	return 0;
}

int judge_new(struct inventory *inventory, struct judge **ret)
{
	size_t n = inventory->n_policies;
	CLEANUP(cleanup_free) struct rules **sorted = calloc(n + 1, sizeof(struct rules *));
	struct judge *judge = calloc(1, sizeof(*judge));

	int r = sorted && judge ? allocate(inventory, judge) : -ENOMEM;
	if (r < 0) {
		judge_free(inventory, judge);
		return r;
	}
	memcpy(sorted, inventory->policies, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_rules);
	name_egress(inventory, judge);
	for (size_t i = 0; i < n; i++) {
		judge->ranks[i].rules = sorted[i];
		sorted[i]->n_refs++;
		judge->n_ranks++;
		look_up_egress(inventory, &judge->ranks[i]);
	}
	r = limit_spread(judge);
	if (r < 0) {
		judge_free(inventory, judge);
		return r;
	}
	for (size_t i = 0; i < n; i++)
		fill_spec(&judge->specs[i], &judge->ranks[i]);
	judge->input = (struct policy_input){
		.specs = judge->specs,
		.n_specs = n,
		.egress_names = judge->egress_names,
		.n_egress = inventory->n_egress,
		.always_excluded = inventory->excluded.v,
		.n_always_excluded = inventory->excluded.n,
		.lenient = true,
	};
	*ret = judge;
	return 0;
}

static void select_pod(const struct judge *judge, const struct entry *pod, struct policy_bits *ret)
{
	for (size_t i = 0; i < judge->n_ranks; i++)
		if (rules_select(judge->ranks[i].rules, pod) >= 0)
			policy_bits_set(ret, (uint16_t)i);
}

/* Another pod that isn't terminating and is selected otherwise makes the address contested. */
static void judge_rival(const struct judge *judge, const struct entry *rival, struct verdict *ret)
{
	struct policy_bits its = { .w = { 0 } };

	if (rival == ret->owner || rival->terminating)
		return;
	select_pod(judge, rival, &its);
	if (!memcmp(&its, &ret->policies, sizeof(its)))
		return;
	ret->contested = true;
	for (size_t w = 0; w < POLICY_WORDS; w++)
		ret->policies.w[w] |= its.w[w];
}

void judge_address(const struct judge *judge, struct ip4 address, const struct place *place,
		   struct verdict *ret)
{
	*ret = (struct verdict){ .owner = place ? place_owner(place) : NULL };
	if (ret->owner)
		select_pod(judge, ret->owner, &ret->policies);
	if (ret->owner && !ret->owner->terminating)
		for (struct entry *p = place->pods; p; p = *entry_next(p, address))
			judge_rival(judge, p, ret);
	for (size_t i = 0; i < judge->n_ranks; i++)
		if (judge->ranks[i].rules->cidrs.n &&
		    ip4_set_contains(&judge->ranks[i].rules->cidrs, address))
			policy_bits_set(&ret->policies, (uint16_t)i);
}

static unsigned choose_egress(const struct judge *judge, const struct rank *rank,
			      struct ip4 address)
{
	if (!rank->n_egress)
		return POLICY_EGRESS_NONE;
	if (rank->n_egress == 1)
		return rank->egress[0];
	return rank->egress[policy_rendezvous(judge->egress_names, rank->egress, rank->n_egress,
					      address)];
}

uint64_t judge_key(const struct judge *judge, struct ip4 address, const struct verdict *verdict)
{
	struct policy_rule rules[POLICY_MAX];
	size_t n = 0;

	for (size_t w = 0; w < POLICY_WORDS; w++) {
		for (uint64_t left = verdict->policies.w[w]; left; left &= left - 1) {
			size_t rank = w * 64 + (size_t)__builtin_ctzll(left);
			unsigned egress =
				verdict->contested ?
					POLICY_EGRESS_NONE :
					choose_egress(judge, &judge->ranks[rank], address);

			rules[n++] = (struct policy_rule){ (uint16_t)rank, (uint16_t)egress };
		}
	}
	return n ? policy_class_key(&judge->input, rules, n) : 0;
}

uint64_t judge_bare(const struct judge *judge, struct ip4 address)
{
	struct verdict verdict;

	judge_address(judge, address, NULL, &verdict);
	return judge_key(judge, address, &verdict);
}

struct judge_class *judge_class_find(const struct judge *judge, uint64_t key)
{
	size_t low = 0, high = judge->result.n_classes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (judge->classes[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < judge->result.n_classes && judge->classes[low].key == key ?
		       &judge->classes[low] :
		       NULL;
}
