// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which policies select the pod, which not and why, and which of them governs the destination. */
#include "cli/pod_judge.h"

#include "base/cleanup.h"
#include "policy/inventory.h"

#include <stdio.h>
#include <string.h>

enum { MISSES_MAX = 20 }; /* policies that don't select the pod, each with its reason */

static const struct kube_policy *find_policy(const struct judging *j, const char *name)
{
	const struct kube_objects *const objects = &j->facts->v[POD_ASK_POLICIES].objects;

	for (size_t i = 0; i < objects->n; i++) {
		const struct kube_policy *const policy = objects->v[i];
		if (strcmp(policy->meta.name, name) == 0)
			return policy;
	}
	return NULL;
}

static const struct ip4_prefix *find_range(const struct ip4_prefix *v, size_t n, struct ip4 address)
{
	for (size_t i = 0; i < n; i++)
		if (ip4_prefix_contains(v[i], address))
			return &v[i];
	return NULL;
}

/* Why a policy that selects the pod doesn't govern the destination. */
static void explain_destination(struct judging *j, const struct kube_policy *policy)
{
	const struct ip4 to = j->facts->destination;
	const struct {
		const struct ip4_prefix *v;
		size_t n;
		const char *whose;
	} lists[] = {
		{ policy->excluded_cidrs.v, policy->excluded_cidrs.n, "its excludedCIDRs" },
		{ policy_builtin_excluded, policy_builtin_excluded_count,
		  "the ranges that are never governed" },
		{ j->members.v, j->members.n, "the gateways' addresses" },
	};
	char text[IP4_TEXT_MAX], range[IP4_PREFIX_TEXT_MAX];
	struct finding *const f =
		finding_add(j, FINDING_NOTE, "destination", "DestinationNotGoverned");

	ip4_format(to, text);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct ip4_prefix *const found = find_range(lists[i].v, lists[i].n, to);
		if (!found)
			continue;
		f->name = "DestinationExcluded";
		finding_say(f, "policy %.253s doesn't govern %s: %s of %s has it",
			    policy->meta.name, text, ip4_prefix_format(*found, range),
			    lists[i].whose);
		return;
	}
	finding_say(f, "policy %.253s doesn't govern %s: its destinationCIDRs don't have it",
		    policy->meta.name, text);
}

static bool governs(const struct judging *j, const char *policy)
{
	char name[POLICY_NAME_MAX];

	inventory_name(name, NULL, policy);
	for (size_t i = 0; i < j->result->n_policies; i++)
		if (strcmp(j->result->names[i], name) == 0)
			return ip4_set_contains(&j->result->destinations[i], j->facts->destination);
	return false;
}

/* Older ones come first, and the first that has the destination governs it. */
static void judge_match(struct judging *j, const struct inventory_match *match)
{
	const struct kube_policy *const policy = find_policy(j, match->policy);
	struct finding *const f = finding_add(j, FINDING_OK, "policy", "Selects");
	char text[IP4_TEXT_MAX];

	if (match->selector >= 0)
		finding_say(f, "%.253s selects it by spec.selectors[%d]", match->policy,
			    match->selector);
	else
		finding_say(f, "%.253s has its address in podCIDRs", match->policy);
	if (!policy)
		return;
	if (!governs(j, match->policy)) {
		explain_destination(j, policy);
	} else if (j->governs) {
		finding_say(finding_add(j, FINDING_NOTE, "policy", "OlderPolicyGoverns"),
			    "%.253s would govern %s, too, but %.253s is older", match->policy,
			    ip4_format(j->facts->destination, text), j->governs->meta.name);
	} else {
		j->governs = policy;
	}
	if (policy->meta.generation > policy->status.observed_generation)
		finding_say(finding_add(j, FINDING_NOTE, "policy", "PolicyNotSeen"),
			    "no gateway has written what it makes of the present version of %.253s",
			    match->policy);
}

static void explain_miss(struct judging *j, const struct kube_policy *policy)
{
	struct finding *const f = finding_add(j, FINDING_NOTE, "policy", "DoesNotSelect");
	struct inventory_miss miss;
	size_t cursor = 0, used;

	finding_say(f, "%.253s doesn't select it", policy->meta.name);
	while (inventory_next_miss(j->inventory, &j->found, policy->meta.name, &cursor, &miss)) {
		used = strlen(f->text);
		snprintf(f->text + used, sizeof(f->text) - used, "%s spec.selectors[%d]: %s",
			 used > strlen(policy->meta.name) + 20 ? ";" : ":", miss.selector,
			 miss.text);
	}
	if (policy->pod_cidrs.n) {
		used = strlen(f->text);
		snprintf(f->text + used, sizeof(f->text) - used,
			 "; its podCIDRs don't have the pod's address");
	}
}

static bool is_match(const struct judging *j, const char *name)
{
	struct inventory_match match;
	size_t cursor = 0;

	while (inventory_next_match(j->inventory, &j->found, &cursor, &match))
		if (strcmp(match.policy, name) == 0)
			return true;
	return false;
}

void judge_policies(struct judging *j)
{
	const struct kube_objects *const objects = &j->facts->v[POD_ASK_POLICIES].objects;
	struct inventory_match match;
	size_t cursor = 0, n_misses = 0;

	while (inventory_next_match(j->inventory, &j->found, &cursor, &match))
		judge_match(j, &match);
	for (size_t i = 0; i < objects->n; i++) {
		const struct kube_policy *const policy = objects->v[i];

		if (!is_match(j, policy->meta.name) && n_misses++ < MISSES_MAX)
			explain_miss(j, policy);
	}
	if (n_misses > MISSES_MAX)
		finding_say(finding_add(j, FINDING_NOTE, "policy", "DoesNotSelect"),
			    "%zu more don't select it", n_misses - MISSES_MAX);
	if (objects->n == 0)
		finding_say(finding_add(j, FINDING_NOTE, "policy", "NoPolicy"),
			    "there is no EgressPolicy");
}
