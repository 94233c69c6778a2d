// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/assign.h"

#include "base/hash.h"
#include "policy/policy.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct loads {
	size_t n[POLICY_CARRIERS_MAX];
};

static uint64_t weight(const char *egress, const char *carrier)
{
	return hash_finish(hash_name(hash_name(HASH_START, egress), carrier));
}

/* Whether `a` should have the egress IP rather than `b`. Never both ways, and never neither: names differ. */
static bool is_better(const struct policy_group *group, const struct loads *loads,
		      const char *egress, const size_t pair[static 2])
{
	const size_t a = pair[0], b = pair[1];
	const char *const name_a = group->carriers[a].name, *const name_b = group->carriers[b].name;
	const uint64_t weight_a = weight(egress, name_a), weight_b = weight(egress, name_b);

	if (loads->n[a] != loads->n[b])
		return loads->n[a] < loads->n[b];
	if (weight_a != weight_b)
		return weight_a > weight_b;
	return strcmp(name_a, name_b) < 0;
}

static size_t choose(const struct policy_group *group, const struct loads *loads,
		     const char *egress)
{
	size_t best = POLICY_CARRIER_NONE;

	for (size_t i = 0; i < group->n_carriers; i++) {
		const size_t pair[2] = { i, best };

		if (group->carriers[i].ready &&
		    (best == POLICY_CARRIER_NONE || is_better(group, loads, egress, pair)))
			best = i;
	}
	return best;
}

static bool stays(const struct policy_group *group, size_t egress)
{
	const size_t carrier = group->egress[egress].carrier;

	return carrier < group->n_carriers && group->carriers[carrier].ready;
}

/* The egress IP without a carrier whose name is next in bytes after `after` (NULL: the first), or n_egress. */
static size_t next_orphan(const struct policy_group *group, const char *after)
{
	size_t next = group->n_egress;

	for (size_t i = 0; i < group->n_egress; i++) {
		const char *const name = group->egress[i].name;

		if (stays(group, i) || (after && strcmp(name, after) <= 0))
			continue;
		if (next == group->n_egress || strcmp(name, group->egress[next].name) < 0)
			next = i;
	}
	return next;
}

static void count_loads(const struct policy_group *group, struct loads *ret)
{
	*ret = (struct loads){ { 0 } };
	for (size_t i = 0; i < group->n_egress; i++) {
		if (stays(group, i))
			ret->n[group->egress[i].carrier]++;
	}
}

/* Of the ready members the most, of the settled ones the least loaded; equals by name. */
static void find_extremes(const struct policy_group *group, const struct loads *loads,
			  size_t *ret_most, size_t *ret_least)
{
	size_t most = POLICY_CARRIER_NONE, least = POLICY_CARRIER_NONE;

	for (size_t i = 0; i < group->n_carriers; i++) {
		const struct policy_carrier *const c = &group->carriers[i];

		if (c->ready && (most == POLICY_CARRIER_NONE || loads->n[i] > loads->n[most] ||
				 (loads->n[i] == loads->n[most] &&
				  strcmp(c->name, group->carriers[most].name) < 0)))
			most = i;
		if (c->ready && c->settled &&
		    (least == POLICY_CARRIER_NONE || loads->n[i] < loads->n[least] ||
		     (loads->n[i] == loads->n[least] &&
		      strcmp(c->name, group->carriers[least].name) < 0)))
			least = i;
	}
	*ret_most = most;
	*ret_least = least;
}

/* From one member to another: the egress IP whose rendezvous is most for that. */
static void move_one(const struct policy_group *group, size_t from, size_t to, size_t *assigned)
{
	const char *const name = group->carriers[to].name;
	size_t best = group->n_egress;

	for (size_t i = 0; i < group->n_egress; i++) {
		if (assigned[i] == from &&
		    (best == group->n_egress ||
		     weight(group->egress[i].name, name) > weight(group->egress[best].name, name)))
			best = i;
	}
	assert(best < group->n_egress);
	assigned[best] = to;
}

void policy_assign(const struct policy_group *group, size_t *ret)
{
	const char *after = NULL;
	struct loads loads;
	size_t i, most, least;

	assert(group->n_carriers <= POLICY_CARRIERS_MAX && group->n_egress <= POLICY_EGRESS_MAX);
	count_loads(group, &loads);
	for (i = 0; i < group->n_egress; i++)
		ret[i] = stays(group, i) ? group->egress[i].carrier : POLICY_CARRIER_NONE;
	while ((i = next_orphan(group, after)) < group->n_egress) {
		after = group->egress[i].name;
		ret[i] = choose(group, &loads, after);
		if (ret[i] != POLICY_CARRIER_NONE)
			loads.n[ret[i]]++;
	}
	for (;;) {
		find_extremes(group, &loads, &most, &least);
		if (least == POLICY_CARRIER_NONE || loads.n[most] < loads.n[least] + 2)
			return;
		move_one(group, most, least, ret);
		loads.n[most]--;
		loads.n[least]++;
	}
}

size_t policy_assign_turn(const struct policy_group *group, size_t egress, size_t carrier)
{
	const char *const name = group->egress[egress].name;
	const char *after = NULL;
	struct loads loads;
	size_t turn = 0, i;

	if (!group->carriers[carrier].ready)
		return POLICY_CARRIER_NONE;
	count_loads(group, &loads);
	while ((i = next_orphan(group, after)) < group->n_egress && i != egress) {
		after = group->egress[i].name;
		const size_t to = choose(group, &loads, after);
		if (to != POLICY_CARRIER_NONE)
			loads.n[to]++;
	}
	for (i = 0; i < group->n_carriers; i++) {
		const size_t pair[2] = { i, carrier };

		turn += i != carrier && group->carriers[i].ready &&
			is_better(group, &loads, name, pair);
	}
	return turn;
}
