// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is wrong with a policy. Counting goes over classes; pods are walked only where some have to be named. */
#include "base/cleanup.h"
#include "policy/facts.h"
#include "policy/inventory_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAMED_MAX = 3 }; /* then "and N more" */

static const char *const names[] = {
	[INVENTORY_GATEWAY_UNKNOWN] = "EgressGatewayUnknown",
	[INVENTORY_EGRESS_UNKNOWN] = "EgressIPUnknown",
	[INVENTORY_TOO_MANY_TO_SPREAD] = "TooManyAddresses",
	[INVENTORY_NO_DESTINATION] = "NoDestination",
	[INVENTORY_CONFLICT] = "Conflict",
	[INVENTORY_CONTESTED] = "AddressContested",
	[INVENTORY_HOST_NETWORK] = "HostNetworkPods",
};
static_assert(ARRAY_SIZE(names) == INVENTORY_REASON_COUNT, "each reason has a name");

const char *inventory_reason_name(enum inventory_reason reason)
{
	return names[reason];
}

static const char *const actions[] = {
	[INVENTORY_GATEWAY_UNKNOWN] = "Dropping",    [INVENTORY_EGRESS_UNKNOWN] = "Dropping",
	[INVENTORY_TOO_MANY_TO_SPREAD] = "Dropping", [INVENTORY_NO_DESTINATION] = "Ignoring",
	[INVENTORY_CONFLICT] = "Yielding",           [INVENTORY_CONTESTED] = "Dropping",
	[INVENTORY_HOST_NETWORK] = "Ignoring",
};
static_assert(ARRAY_SIZE(actions) == INVENTORY_REASON_COUNT, "each reason has an action");

const char *inventory_reason_action(enum inventory_reason reason)
{
	return actions[reason];
}

struct report {
	const struct inventory *inventory;
	const struct judge *judge;
	const struct rank *rank;
	uint16_t number; /* of the rank; the policy's index in the result */
	struct inventory_status *ret;
};

static void __attribute__((format(printf, 4, 5)))
add_problem(struct report *r, enum inventory_reason reason, size_t n, const char *format, ...)
{
	struct inventory_problem *problem = &r->ret->problems[r->ret->n_problems++];
	va_list args;

	problem->reason = reason;
	problem->n = n;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
}

/* The first few by name, whatever the order in which they come. */
struct named {
	char text[NAMED_MAX][160];
	size_t kept, n;
};

static void name_add(struct named *named, const char *text)
{
	size_t at = named->kept;

	named->n++;
	while (at > 0 && strncmp(text, named->text[at - 1], sizeof(named->text[0]) - 1) < 0)
		at--;
	if (at == NAMED_MAX)
		return;
	if (named->kept < NAMED_MAX)
		named->kept++;
	memmove(named->text[at + 1], named->text[at],
		(named->kept - 1 - at) * sizeof(named->text[0]));
	snprintf(named->text[at], sizeof(named->text[0]), "%s", text);
}

static const char *name_list(const struct named *named, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < named->kept && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%.100s", i ? ", " : "",
					 named->text[i]);
	if (named->n > named->kept && used < size)
		snprintf(buf + used, size - used, " and %zu more", named->n - named->kept);
	return buf;
}

static void report_egress(struct report *r)
{
	const struct rules *rules = r->rank->rules;
	struct named unknown = { .n = 0 };
	char list[400];

	if (!r->rank->gateway_known) {
		add_problem(
			r, INVENTORY_GATEWAY_UNKNOWN, 1,
			"no egress IP of an EgressGateway \"%.100s\" is known; what the policy governs "
			"is dropped",
			rules->gateway);
		return;
	}
	for (size_t i = 0; i < rules->n_egress_ips; i++) {
		bool known = false;

		for (size_t k = 0; k < r->inventory->n_egress && !known; k++)
			known = !strcmp(r->inventory->egress[k].gateway, rules->gateway) &&
				!strcmp(r->inventory->egress[k].name, rules->egress_ips[i]);
		if (!known)
			name_add(&unknown, rules->egress_ips[i]);
	}
	if (r->rank->n_unknown)
		add_problem(r, INVENTORY_EGRESS_UNKNOWN, r->rank->n_unknown,
			    "EgressGateway \"%.100s\" has no egress IP %.300s; %s", rules->gateway,
			    name_list(&unknown, list, sizeof(list)),
			    r->rank->n_unknown < rules->n_egress_ips ?
				    "the others are used" :
				    "what the policy governs is dropped");
}

static void report_rules(struct report *r)
{
	const struct rules *rules = r->rank->rules;

	if (r->rank->too_many)
		add_problem(
			r, INVENTORY_TOO_MANY_TO_SPREAD, rules->pod_cidrs.n,
			"podCIDRs has more addresses than can be spread over several egress IPs "
			"(%d, all policies together %u); what the policy governs is dropped",
			POLICY_SPREAD_MAX, POLICY_SPREAD_TOTAL_MAX);
	if (!r->judge->result.destinations[r->number].n)
		add_problem(r, INVENTORY_NO_DESTINATION, 1,
			    "nothing is left of destinationCIDRs after the excluded ranges");
}

static bool has_rank(const struct policy_class *class, uint16_t rank)
{
	for (size_t i = 0; i < class->n_rules; i++)
		if (class->rules[i].policy == rank)
			return true;
	return false;
}

/* Whether the older policies of the class take some of its destinations; they are noted. */
static bool is_shadowed(const struct report *r, const struct policy_class *class,
			struct policy_bits *older)
{
	const struct ip4_set *destinations = r->judge->result.destinations;
	bool shadowed = false;

	for (size_t i = 0; i < class->n_rules && class->rules[i].policy < r->number; i++) {
		uint16_t other = class->rules[i].policy;

		if (!ip4_set_intersects(&destinations[other], &destinations[r->number], NULL))
			continue;
		policy_bits_set(older, other);
		shadowed = true;
	}
	return shadowed;
}

/* CIDRs in common are a conflict, pods or not. */
static void compare_cidrs(const struct report *r, struct policy_bits *older)
{
	const struct ip4_set *destinations = r->judge->result.destinations;

	for (uint16_t i = 0; i < r->number; i++)
		if (ip4_set_intersects(&r->judge->ranks[i].rules->cidrs, &r->rank->rules->cidrs,
				       NULL) &&
		    ip4_set_intersects(&destinations[i], &destinations[r->number], NULL))
			policy_bits_set(older, i);
}

static void report_conflicts(struct report *r)
{
	struct policy_bits older = { .w = { 0 } };
	struct named policies = { .n = 0 };
	size_t n_pods = 0;
	char list[400];

	for (size_t i = 0; i < r->judge->result.n_classes; i++) {
		const struct judge_class *class = &r->judge->classes[i];
		const struct policy_class *found = &r->judge->result.classes[class->index];

		if (class->n_pods && has_rank(found, r->number) && is_shadowed(r, found, &older))
			n_pods += class->n_pods;
	}
	compare_cidrs(r, &older);
	for (size_t i = 0; i < r->number; i++)
		if (older.w[i / 64] >> i % 64 & 1)
			name_add(&policies, r->judge->ranks[i].rules->name);
	if (policies.n)
		add_problem(
			r, INVENTORY_CONFLICT, policies.n,
			"%zu pods are also in older policies with some of the same destinations, and "
			"those govern them there: %.380s",
			n_pods, name_list(&policies, list, sizeof(list)));
}

static void name_claims(const struct place *place, struct named *ret)
{
	char ip[IP4_TEXT_MAX], text[160];
	const struct entry *owner = place_owner(place);

	if (!owner)
		return;
	snprintf(text, sizeof(text), "%s (%.60s/%.60s)", ip4_format(place_address(place), ip),
		 owner->space->name, entry_name(owner));
	name_add(ret, text);
}

static void report_contested(struct report *r)
{
	const struct table *places = &r->inventory->places;
	struct named named = { .n = 0 };
	char list[400];

	for (size_t i = 0; r->inventory->n_contested && i < places->n_slots; i++) {
		const struct place *place = (const struct place *)places->v[i];
		const struct judge_class *class =
			place && place->contested ? judge_class_find(r->judge, place->class) : NULL;

		if (class && has_rank(&r->judge->result.classes[class->index], r->number))
			name_claims(place, &named);
	}
	if (named.n)
		add_problem(
			r, INVENTORY_CONTESTED, named.n,
			"several running pods that are selected differently have the same address, "
			"whose traffic is dropped: %.380s",
			name_list(&named, list, sizeof(list)));
}

static void report_host_network(struct report *r)
{
	const struct table *pods = &r->inventory->pods;
	struct named named = { .n = 0 };
	char list[400], text[160];

	for (size_t i = 0; i < pods->n_slots; i++) {
		const struct entry *pod = (const struct entry *)pods->v[i];

		if (!pod || pod->state != INVENTORY_IS_HOST_NETWORK ||
		    rules_select(r->rank->rules, pod) < 0)
			continue;
		snprintf(text, sizeof(text), "%.60s/%.90s", pod->space->name, entry_name(pod));
		name_add(&named, text);
	}
	if (named.n)
		add_problem(
			r, INVENTORY_HOST_NETWORK, named.n,
			"pods of the host's network have the node's address and are ignored: %.380s",
			name_list(&named, list, sizeof(list)));
}

static bool is_selected(const struct rules *rules, const struct place *place)
{
	for (struct entry *p = place->pods; p; p = *entry_next(p, place_address(place)))
		if (rules_select(rules, p) >= 0)
			return true;
	return false;
}

/* A class doesn't say whether a source is in it by label or by address. */
static void count_pods_one_by_one(struct report *r)
{
	const struct table *places = &r->inventory->places;

	for (size_t i = 0; i < places->n_slots; i++) {
		const struct place *place = (const struct place *)places->v[i];
		const struct judge_class *class =
			place && place->has_pod ? judge_class_find(r->judge, place->class) : NULL;

		if (class && has_rank(&r->judge->result.classes[class->index], r->number) &&
		    is_selected(r->rank->rules, place))
			r->ret->n_pods++;
	}
}

static void count_pods(struct report *r)
{
	if (r->rank->rules->cidrs.n) {
		count_pods_one_by_one(r);
		return;
	}
	for (size_t i = 0; i < r->judge->result.n_classes; i++) {
		const struct judge_class *class = &r->judge->classes[i];

		if (class->n_pods && has_rank(&r->judge->result.classes[class->index], r->number))
			r->ret->n_pods += class->n_pods;
	}
}

const struct rules *rules_find(const struct inventory *inventory, const char *policy)
{
	for (size_t i = 0; i < inventory->n_policies; i++)
		if (!strcmp(inventory->policies[i]->name, policy))
			return inventory->policies[i];
	return NULL;
}

int inventory_status(const struct inventory *inventory, const char *policy,
		     struct inventory_status *ret)
{
	const struct rules *rules = rules_find(inventory, policy);
	const struct judge *judge = inventory->judge;
	size_t i = 0;

	if (!rules)
		return -ENOENT;
	while (judge && i < judge->n_ranks && judge->ranks[i].rules != rules)
		i++;
	if (!judge || i == judge->n_ranks)
		return -EAGAIN;

	*ret = (struct inventory_status){ .n_pods = 0 };
	struct report r = { .inventory = inventory,
			    .judge = judge,
			    .rank = &judge->ranks[i],
			    .number = (uint16_t)i,
			    .ret = ret };
	count_pods(&r);
	report_egress(&r);
	report_rules(&r);
	report_conflicts(&r);
	report_contested(&r);
	report_host_network(&r);
	return 0;
}
