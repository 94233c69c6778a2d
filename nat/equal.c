// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/ruleset.h"

#include <string.h>

static bool same_names(const char (*a)[NAT_NAME_MAX], const char (*b)[NAT_NAME_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return true;
}

static bool same_definition(const struct nat_set *a, const struct nat_set *b)
{
	return a->kind == b->kind && a->size == b->size;
}

static bool same_elements(const struct nat_set *a, const struct nat_set *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (nat_elem_compare(&a->v[i], &b->v[i]) != 0)
			return false;
	}
	return true;
}

static bool same_rule(const struct nat_rule *a, const struct nat_rule *b)
{
	for (size_t i = 0; i < NAT_OPS_MAX; i++) {
		const struct nat_op *x = &a->ops[i], *y = &b->ops[i];

		if (x->kind != y->kind || x->mask != y->mask || x->value != y->value ||
		    strcmp(x->name, y->name) != 0)
			return false;
		if (x->kind == NAT_OP_END)
			break;
	}
	return true;
}

static bool same_chain(const struct nat_chain *a, const struct nat_chain *b)
{
	if (strcmp(a->comment, b->comment) != 0 || a->hook != b->hook ||
	    a->priority != b->priority || a->nat != b->nat || a->policy_drop != b->policy_drop ||
	    a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++) {
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	}
	return true;
}

bool nat_ruleset_same_shape(const struct nat_ruleset *a, const struct nat_ruleset *b)
{
	if (a->family != b->family || strcmp(a->table, b->table) != 0 ||
	    a->n_counters != b->n_counters || a->n_sets != b->n_sets ||
	    a->n_chains != b->n_chains || !same_names(a->counters, b->counters, a->n_counters))
		return false;
	if (!nat_flowtable_equal(&a->flowtable, &b->flowtable))
		return false;
	for (size_t i = 0; i < a->n_sets; i++) {
		const struct nat_set *set = nat_set_find(b, a->sets[i].name);

		if (!set || !same_definition(&a->sets[i], set))
			return false;
	}
	for (size_t i = 0; i < a->n_chains; i++) {
		const struct nat_chain *chain = nat_chain_find(b, a->chains[i].name);

		if (!chain || !same_chain(&a->chains[i], chain))
			return false;
	}
	return true;
}

bool nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b)
{
	if (a->n_names != b->n_names || !same_names(a->names, b->names, a->n_names) ||
	    !nat_ruleset_same_shape(a, b))
		return false;
	for (size_t i = 0; i < a->n_sets; i++) {
		if (!same_elements(&a->sets[i], &b->sets[i]))
			return false;
	}
	return true;
}
