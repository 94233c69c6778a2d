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

static bool same_set(const struct nat_set *a, const struct nat_set *b)
{
	if (strcmp(a->name, b->name) != 0 || a->kind != b->kind || a->size != b->size ||
	    a->n != b->n)
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
	if (strcmp(a->name, b->name) != 0 || strcmp(a->comment, b->comment) != 0 ||
	    a->hook != b->hook || a->priority != b->priority || a->nat != b->nat ||
	    a->policy_drop != b->policy_drop || a->n_rules != b->n_rules)
		return false;
	for (size_t i = 0; i < a->n_rules; i++) {
		if (!same_rule(&a->rules[i], &b->rules[i]))
			return false;
	}
	return true;
}

bool nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b)
{
	if (strcmp(a->table, b->table) != 0 || a->n_counters != b->n_counters ||
	    a->n_sets != b->n_sets || a->n_chains != b->n_chains || a->n_names != b->n_names ||
	    !same_names(a->counters, b->counters, a->n_counters) ||
	    !same_names(a->names, b->names, a->n_names))
		return false;
	for (size_t i = 0; i < a->n_sets; i++) {
		if (!same_set(&a->sets[i], &b->sets[i]))
			return false;
	}
	for (size_t i = 0; i < a->n_chains; i++) {
		if (!same_chain(&a->chains[i], &b->chains[i]))
			return false;
	}
	return true;
}
