// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The rules, as slow and plain as can be: for one address and one destination, look at everything. */
#include "world.h"

#include <stdio.h>
#include <string.h>

static const char *value_of(const struct label_text *labels, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(labels[i].key, key))
			return labels[i].value;
	return NULL;
}

static bool holds(const struct selector_expression *e, const char *value)
{
	bool listed = false;

	for (size_t i = 0; value && i < e->n_values; i++)
		listed = listed || !strcmp(e->values[i], value);
	if (!strcmp(e->operator, "In"))
		return listed;
	if (!strcmp(e->operator, "NotIn"))
		return !listed;
	return !strcmp(e->operator, "Exists") ? value != NULL : value == NULL;
}

static bool naive_matches(const struct selector_text *s, const struct label_text *labels, size_t n)
{
	for (size_t i = 0; i < s->n_labels; i++) {
		const char *value = value_of(labels, n, s->labels[i].key);

		if (!value || strcmp(value, s->labels[i].value) != 0)
			return false;
	}
	for (size_t i = 0; i < s->n_expressions; i++)
		if (!holds(&s->expressions[i], value_of(labels, n, s->expressions[i].key)))
			return false;
	return true;
}

const struct inventory_namespace *naive_space(const struct world *w,
					      const struct inventory_pod *pod)
{
	for (size_t i = 0; i < SPACES; i++)
		if (w->spaces[i].uid && !strcmp(w->spaces[i].name, pod->namespace))
			return &w->spaces[i];
	return NULL;
}

static bool naive_selects(const struct world *w, const struct inventory_policy *policy,
			  const struct inventory_pod *pod)
{
	const struct inventory_namespace *space = naive_space(w, pod);

	for (size_t i = 0; i < policy->n_selectors; i++) {
		const struct selector_text *in = policy->selectors[i].namespaces;
		const struct selector_text *of = policy->selectors[i].pods;
		bool here = !in || (!in->n_labels && !in->n_expressions) ||
			    (space && naive_matches(in, space->labels, space->n_labels));

		if (here && (!of || naive_matches(of, pod->labels, pod->n_labels)))
			return true;
	}
	return false;
}

static bool naive_claims(const struct inventory_pod *pod, uint32_t address)
{
	if (!pod->uid || pod->host_network || pod->phase == INVENTORY_SUCCEEDED ||
	    pod->phase == INVENTORY_FAILED)
		return false;
	for (size_t i = 0; i < pod->n_addresses; i++)
		if (pod->addresses[i].v == address)
			return true;
	return false;
}

static bool naive_wins(const struct inventory_pod *a, const struct inventory_pod *b)
{
	if (a->terminating != b->terminating)
		return b->terminating;
	if (a->created_s != b->created_s)
		return a->created_s > b->created_s;
	return strcmp(a->uid, b->uid) > 0;
}

const struct inventory_pod *naive_owner(const struct world *w, uint32_t address)
{
	const struct inventory_pod *owner = NULL;

	for (size_t i = 0; i < SPACES * PODS; i++)
		if (naive_claims(&w->pods[i], address) &&
		    (!owner || naive_wins(&w->pods[i], owner)))
			owner = &w->pods[i];
	return owner;
}

/* By label; bit i is policy i. */
static unsigned naive_policies(const struct world *w, const struct inventory_pod *pod)
{
	unsigned bits = 0;

	for (size_t i = 0; i < POLICIES; i++)
		if (w->policies[i].uid && naive_selects(w, &w->policies[i], pod))
			bits |= 1u << i;
	return bits;
}

static bool listed(const struct ip4_prefix *v, size_t n, uint32_t address)
{
	for (size_t i = 0; i < n; i++)
		if (ip4_prefix_contains(v[i], (struct ip4){ address }))
			return true;
	return false;
}

unsigned naive_bits(const struct world *w, uint32_t address, bool *contested)
{
	const struct inventory_pod *owner = naive_owner(w, address);
	unsigned bits = owner ? naive_policies(w, owner) : 0, first = bits;

	*contested = false;
	for (size_t i = 0; i < SPACES * PODS && owner && !owner->terminating; i++) {
		if (!naive_claims(&w->pods[i], address) || w->pods[i].terminating)
			continue;
		*contested = *contested || naive_policies(w, &w->pods[i]) != first;
		bits |= naive_policies(w, &w->pods[i]);
	}
	for (size_t i = 0; i < POLICIES; i++)
		if (w->policies[i].uid &&
		    listed(w->policies[i].pod_cidrs, w->policies[i].n_pod_cidrs, address))
			bits |= 1u << i;
	return bits;
}

const char *naive_egress(const struct world *w, const struct inventory_policy *policy,
			 uint32_t address)
{
	static char text[4][POLICY_NAME_MAX];
	const char *names[4];
	unsigned all[] = { 0, 1, 2, 3 };
	size_t n = 0;

	for (size_t i = 0; i < w->n_egress; i++) {
		bool wanted = !strcmp(w->egress[i].gateway, policy->gateway);
		bool named = false;

		for (size_t k = 0; k < policy->n_egress_ips; k++)
			named = named || !strcmp(policy->egress_ips[k], w->egress[i].name);
		if (!wanted || !named)
			continue;
		snprintf(text[n], sizeof(text[n]), "%s/%s", w->egress[i].gateway,
			 w->egress[i].name);
		names[n] = text[n];
		n++;
	}
	return n ? names[policy_rendezvous(names, all, n, (struct ip4){ address })] : "none";
}

const struct inventory_policy *naive_policy(const struct world *w, unsigned bits,
					    uint32_t destination)
{
	const struct inventory_policy *best = NULL;

	for (size_t i = 0; i < POLICIES; i++) {
		const struct inventory_policy *p = &w->policies[i];

		if (!(bits >> i & 1) || destination >> 24 == 127 ||
		    !listed(p->destinations, p->n_destinations, destination) ||
		    listed(p->excluded, p->n_excluded, destination))
			continue;
		if (!best || p->created_s < best->created_s ||
		    (p->created_s == best->created_s && strcmp(p->name, best->name) < 0))
			best = p;
	}
	return best;
}
