// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Policies as they come: checked, copied, kept. They take effect with the next complete computation. */
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/inventory_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void rules_free(struct labels *pool, struct rules *rules)
{
	for (size_t i = 0; i < rules->n_selectors; i++) {
		selector_done(pool, &rules->selectors[i].spaces);
		selector_done(pool, &rules->selectors[i].pods);
	}
	for (size_t i = 0; i < rules->n_egress_ips; i++)
		labels_string_put(pool, rules->egress_ips[i]);
	labels_string_put(pool, rules->name);
	labels_string_put(pool, rules->uid);
	labels_string_put(pool, rules->gateway);
	ip4_prefixes_done(&rules->pod_cidrs);
	ip4_prefixes_done(&rules->destinations);
	ip4_prefixes_done(&rules->excluded);
	ip4_set_done(&rules->cidrs);
	free(rules->selectors);
	free(rules->egress_ips);
	free(rules);
}

void rules_put(struct inventory *inventory, struct rules *rules)
{
	if (rules && !--rules->n_refs)
		rules_free(&inventory->pool, rules);
}

static bool selects_space(const struct rule_selector *selector, const struct space *space)
{
	if (!selector->has_spaces || !selector->spaces.n)
		return true;
	return space->labels && selector_matches(&selector->spaces, space->labels);
}

int rules_select(const struct rules *rules, const struct entry *pod)
{
	for (size_t i = 0; i < rules->n_selectors; i++) {
		const struct rule_selector *selector = &rules->selectors[i];

		if (selects_space(selector, pod->space) &&
		    (!selector->has_pods || selector_matches(&selector->pods, pod->labels)))
			return (int)i;
	}
	return -1;
}

static int check_list(const char *path, size_t n, size_t max, struct err *err)
{
	if (n <= max)
		return 0;
	return err_set(err, -EINVAL, "%s: has %zu entries; at most %zu are possible", path, n, max);
}

static int check_policy(const struct inventory_policy *text, struct err *err)
{
	int r = 0;

	if (!text->name || !*text->name)
		r = err_set(err, -EINVAL, "metadata.name: is empty");
	else if (!text->uid || !*text->uid)
		r = err_set(err, -EINVAL, "metadata.uid: is empty");
	else if (!text->gateway || !*text->gateway)
		r = err_set(err, -EINVAL, "spec.egressGateway: is empty");
	else if (!text->n_egress_ips)
		r = err_set(err, -EINVAL, "spec.egressIPs: is empty");
	if (r == 0)
		r = check_list("spec.egressIPs", text->n_egress_ips, POLICY_EGRESS_MAX, err);
	if (r == 0)
		r = check_list("spec.selectors", text->n_selectors, INVENTORY_SELECTORS_MAX, err);
	if (r == 0)
		r = check_list("spec.podCIDRs", text->n_pod_cidrs, INVENTORY_CIDRS_MAX, err);
	if (r == 0)
		r = check_list("spec.destinationCIDRs", text->n_destinations, INVENTORY_CIDRS_MAX,
			       err);
	if (r == 0)
		r = check_list("spec.excludedCIDRs", text->n_excluded, INVENTORY_CIDRS_MAX, err);
	return r;
}

static int copy_lists(struct rules *rules, const struct inventory_policy *text)
{
	int r = ip4_prefixes_copy(&rules->pod_cidrs, text->pod_cidrs, text->n_pod_cidrs);

	if (r == 0)
		r = ip4_prefixes_copy(&rules->destinations, text->destinations,
				      text->n_destinations);
	if (r == 0)
		r = ip4_prefixes_copy(&rules->excluded, text->excluded, text->n_excluded);
	if (r == 0)
		r = ip4_set_from_prefixes(&rules->cidrs, text->pod_cidrs, text->n_pod_cidrs);
	return r;
}

static int copy_names(struct labels *pool, struct rules *rules, const struct inventory_policy *text)
{
	rules->name = labels_string(pool, text->name);
	rules->uid = labels_string(pool, text->uid);
	rules->gateway = labels_string(pool, text->gateway);
	rules->egress_ips = calloc(text->n_egress_ips, sizeof(*rules->egress_ips));
	if (!rules->name || !rules->uid || !rules->gateway || !rules->egress_ips)
		return -ENOMEM;
	for (size_t i = 0; i < text->n_egress_ips; i++) {
		const char *name = labels_string(pool, text->egress_ips[i]);
		bool known = false;

		if (!name)
			return -ENOMEM;
		for (size_t k = 0; k < rules->n_egress_ips && !known; k++)
			known = rules->egress_ips[k] == name;
		if (known)
			labels_string_put(pool, name);
		else
			rules->egress_ips[rules->n_egress_ips++] = name;
	}
	return 0;
}

/* `part` is the selector's name in the policy; NULL text: absent. */
static int compile_part(struct labels *pool, const struct selector_text *text, struct selector *ret,
			const char *part, struct err *err)
{
	int r = text ? selector_compile(pool, text, ret, err) : 0;

	return r == -EINVAL ? err_prefix(err, r, "%s", part) : r;
}

static int copy_selector(struct labels *pool, const struct inventory_policy *text, size_t i,
			 struct rules *rules, struct err *err)
{
	const struct inventory_selector *from = &text->selectors[i];
	struct rule_selector *to = &rules->selectors[rules->n_selectors++];
	char part[64];

	if (!from->namespaces && !from->pods)
		return err_set(
			err, -EINVAL,
			"spec.selectors[%zu]: has neither namespaceSelector nor podSelector; all "
			"pods are podSelector: {}",
			i);
	to->has_spaces = from->namespaces;
	to->has_pods = from->pods;
	snprintf(part, sizeof(part), "spec.selectors[%zu].namespaceSelector", i);
	int r = compile_part(pool, from->namespaces, &to->spaces, part, err);
	snprintf(part, sizeof(part), "spec.selectors[%zu].podSelector", i);
	return r < 0 ? r : compile_part(pool, from->pods, &to->pods, part, err);
}

static int copy_selectors(struct labels *pool, struct rules *rules,
			  const struct inventory_policy *text, struct err *err)
{
	int r = 0;

	rules->selectors = calloc(text->n_selectors + 1, sizeof(*rules->selectors));
	if (!rules->selectors)
		return -ENOMEM;
	for (size_t i = 0; i < text->n_selectors && r == 0; i++)
		r = copy_selector(pool, text, i, rules, err);
	return r;
}

static int rules_new(struct labels *pool, const struct inventory_policy *text, struct rules **ret,
		     struct err *err)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	rules->n_refs = 1;
	rules->created_s = text->created_s;
	rules->generation = text->generation;
	rules->best_effort = text->best_effort;
	rules->allow_ip6 = text->allow_ip6;
	rules->connections = text->connections;
	inventory_name(rules->short_name, NULL, text->name);
	int r = copy_names(pool, rules, text);
	if (r == 0)
		r = copy_lists(rules, text);
	if (r == 0)
		r = copy_selectors(pool, rules, text, err);
	if (r < 0)
		rules_free(pool, rules);
	else
		*ret = rules;
	return r;
}

static struct rules **find(struct inventory *inventory, const char *name)
{
	for (size_t i = 0; i < inventory->n_policies; i++)
		if (!strcmp(inventory->policies[i]->name, name))
			return &inventory->policies[i];
	return NULL;
}

/* Whether the inventory knows better than the text already. */
static bool is_known(const struct rules *rules, const struct inventory_policy *text)
{
	if (strcmp(rules->uid, text->uid) != 0)
		return text->created_s < rules->created_s;
	return text->generation && text->generation == rules->generation;
}

int inventory_policy_set(struct inventory *inventory, const struct inventory_policy *text,
			 struct err *err)
{
	struct rules **at, *made = NULL;

	int r = check_policy(text, err);
	if (r < 0)
		return r;
	at = find(inventory, text->name);
	if (at && is_known(*at, text))
		return 0;
	if (!at && inventory->n_policies >= POLICY_MAX)
		return err_set(err, -ENOSPC, "more than %d policies", POLICY_MAX);
	r = rules_new(&inventory->pool, text, &made, err);
	if (r < 0)
		return r;
	if (at) {
		rules_put(inventory, *at);
		*at = made;
	} else {
		inventory->policies[inventory->n_policies++] = made;
	}
	inventory->stale = true;
	return 0;
}

static void forget(struct inventory *inventory, struct rules **at)
{
	rules_put(inventory, *at);
	*at = inventory->policies[--inventory->n_policies];
	inventory->stale = true;
}

void inventory_policy_remove(struct inventory *inventory, const char *name, const char *uid)
{
	struct rules **at = find(inventory, name);

	if (at && !strcmp((*at)->uid, uid))
		forget(inventory, at);
}

void policies_clear(struct inventory *inventory)
{
	while (inventory->n_policies)
		forget(inventory, &inventory->policies[0]);
}
