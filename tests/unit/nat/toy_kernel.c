// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "toy_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/rule.h>

#include "cmocka_all.h"
#include "nat/expr.h"

static void refuse(const struct nat_step *step, const char *why)
{
	fail_msg("step %d '%s': %s", (int)step->kind, step->name, why);
}

#define need(condition, step, why)         \
	do {                               \
		if (!(condition))          \
			refuse(step, why); \
	} while (0)

struct toy_set *toy_set_find(struct toy_kernel *toy, const char *name)
{
	for (size_t i = 0; i < toy->n_sets; i++) {
		if (strcmp(toy->sets[i].name, name) == 0)
			return &toy->sets[i];
	}
	return NULL;
}

struct toy_chain *toy_chain_find(struct toy_kernel *toy, const char *name)
{
	for (size_t i = 0; i < toy->n_chains; i++) {
		if (strcmp(toy->chains[i].def.name, name) == 0)
			return &toy->chains[i];
	}
	return NULL;
}

static struct nat_seen_counter *counter_find(struct toy_kernel *toy, const char *name)
{
	for (size_t i = 0; i < toy->n_counters; i++) {
		if (strcmp(toy->counters[i].name, name) == 0)
			return &toy->counters[i];
	}
	return NULL;
}

static struct toy_elem elem_of(const struct nat_ruleset *names, enum nat_set_kind kind,
			       const struct nat_elem *elem)
{
	struct toy_elem toy = {
		.key = elem->key, .first = elem->first, .last = elem->last, .addr = elem->data
	};

	if (kind == NAT_SET_IF_ADDR) {
		memcpy(toy.device, names->names[elem->key], NAT_NAME_MAX);
		toy.key = 0;
	}
	if (nat_set_is_verdict_map(kind)) {
		memcpy(toy.chain, names->names[elem->data], NAT_NAME_MAX);
		toy.addr = 0;
	}
	return toy;
}

static bool same_key(const struct toy_elem *a, const struct toy_elem *b)
{
	return a->key == b->key && strcmp(a->device, b->device) == 0;
}

static void add_elem(struct toy_kernel *toy, struct toy_set *set, const struct toy_elem *elem,
		     const struct nat_step *step)
{
	need(!elem->chain[0] || toy_chain_find(toy, elem->chain), step, "no such chain");
	for (size_t i = 0; i < set->n; i++)
		need(!same_key(&set->elems[i], elem) || elem->first > set->elems[i].last ||
			     elem->last < set->elems[i].first,
		     step, "overlaps with an element");
	need(set->n < TOY_MAX, step, "toy is full");
	set->elems[set->n++] = *elem;
}

/* The kernel looks at the key only. */
static void del_elem(struct toy_set *set, const struct toy_elem *elem, const struct nat_step *step)
{
	for (size_t i = 0; i < set->n; i++) {
		struct toy_elem *have = &set->elems[i];

		if (!same_key(have, elem) || have->first != elem->first || have->last != elem->last)
			continue;
		*have = set->elems[--set->n];
		return;
	}
	refuse(step, "no such element");
}

static void take_elems(struct toy_kernel *toy, const struct nat_plan *plan,
		       const struct nat_step *step)
{
	struct toy_set *set = toy_set_find(toy, step->name);

	need(set && set->kind == step->set_kind, step, "no such set");
	need(step->n_elems > 0, step, "empty");
	for (size_t i = 0; i < step->n_elems; i++) {
		struct toy_elem elem = elem_of(&plan->names, set->kind, &step->elems[i]);

		if (step->kind == NAT_STEP_ELEMS_ADD)
			add_elem(toy, set, &elem, step);
		else
			del_elem(set, &elem, step);
	}
}

static void check_references(struct toy_kernel *toy, const struct nat_rule *rule,
			     const struct nat_step *step)
{
	for (size_t i = 0; i < NAT_OPS_MAX; i++) {
		const struct nat_op *op = &rule->ops[i];
		bool device = op->kind == NAT_IIF || op->kind == NAT_IIF_NOT ||
			      op->kind == NAT_OIF || op->kind == NAT_OIF_NOT;

		if (!op->name[0] || device)
			continue;
		if (op->kind == NAT_JUMP || op->kind == NAT_GOTO)
			need(toy_chain_find(toy, op->name), step, "no such chain");
		else if (op->kind == NAT_COUNT)
			need(counter_find(toy, op->name), step, "no such counter");
		else
			need(toy_set_find(toy, op->name), step, "no such set");
	}
}

static bool rules_refer_to(const struct toy_kernel *toy, const char *name, bool chain)
{
	for (size_t i = 0; i < toy->n_chains; i++) {
		for (size_t j = 0; j < toy->chains[i].n * NAT_OPS_MAX; j++) {
			const struct nat_op *op =
				&toy->chains[i].rules[j / NAT_OPS_MAX].ops[j % NAT_OPS_MAX];
			bool jump = op->kind == NAT_JUMP || op->kind == NAT_GOTO;

			if (strcmp(op->name, name) == 0 && jump == chain)
				return true;
		}
	}
	return false;
}

static bool elems_refer_to(const struct toy_kernel *toy, const char *chain)
{
	for (size_t i = 0; i < toy->n_sets; i++) {
		for (size_t j = 0; j < toy->sets[i].n; j++) {
			if (strcmp(toy->sets[i].elems[j].chain, chain) == 0)
				return true;
		}
	}
	return false;
}

static void add_counter(struct toy_kernel *toy, const struct nat_step *step)
{
	struct nat_seen_counter *counter = &toy->counters[toy->n_counters];

	need(!counter_find(toy, step->name), step, "counter exists");
	need(toy->n_counters < TOY_MAX, step, "toy is full");
	memcpy(counter->name, step->name, NAT_NAME_MAX);
	counter->packets = step->packets;
	counter->bytes = step->bytes;
	toy->n_counters++;
}

static void add_set(struct toy_kernel *toy, const struct nat_set *def, const struct nat_step *step)
{
	struct toy_set *set = &toy->sets[toy->n_sets];

	need(!toy_set_find(toy, step->name), step, "set exists");
	need(toy->n_sets < TOY_MAX, step, "toy is full");
	*set = (struct toy_set){ .kind = def->kind, .size = def->size };
	memcpy(set->name, def->name, NAT_NAME_MAX);
	toy->n_sets++;
}

static void add_chain(struct toy_kernel *toy, const struct nat_chain *def,
		      const struct nat_step *step)
{
	struct toy_chain *chain = &toy->chains[toy->n_chains];

	need(!toy_chain_find(toy, step->name), step, "chain exists");
	need(toy->n_chains < TOY_MAX, step, "toy is full");
	*chain = (struct toy_chain){ .def = *def };
	chain->def.rules = NULL;
	chain->def.n_rules = 0;
	toy->n_chains++;
}

static void add_rule(struct toy_kernel *toy, const struct nat_rule *rule,
		     const struct nat_step *step)
{
	struct toy_chain *chain = toy_chain_find(toy, step->name);

	need(chain && chain->n < TOY_MAX, step, "no such chain");
	check_references(toy, rule, step);
	chain->rules[chain->n++] = *rule;
}

static void flush_chain(struct toy_kernel *toy, const struct nat_step *step)
{
	struct toy_chain *chain = toy_chain_find(toy, step->name);

	need(chain && chain->n, step, "nothing to flush");
	chain->n = 0;
}

static void del_chain(struct toy_kernel *toy, const struct nat_step *step)
{
	struct toy_chain *chain = toy_chain_find(toy, step->name);

	need(chain && chain->n == 0, step, "no such empty chain");
	need(!rules_refer_to(toy, step->name, true), step, "a rule refers to the chain");
	need(!elems_refer_to(toy, step->name), step, "an element refers to the chain");
	*chain = toy->chains[--toy->n_chains];
}

static void del_set(struct toy_kernel *toy, const struct nat_step *step)
{
	struct toy_set *set = toy_set_find(toy, step->name);

	need(set, step, "no such set");
	need(!rules_refer_to(toy, step->name, false), step, "a rule refers to the set");
	*set = toy->sets[--toy->n_sets];
}

static void del_counter(struct toy_kernel *toy, const struct nat_step *step)
{
	struct nat_seen_counter *counter = counter_find(toy, step->name);

	need(counter, step, "no such counter");
	need(!rules_refer_to(toy, step->name, false), step, "a rule refers to the counter");
	*counter = toy->counters[--toy->n_counters];
}

static void take_table_step(struct toy_kernel *toy, const struct nat_step *step)
{
	bool deletes = step->kind == NAT_STEP_TABLE_DEL;

	need(toy->has_table == deletes, step, deletes ? "no table" : "table exists");
	*toy = (struct toy_kernel){ .has_table = !deletes };
}

static void take_step(struct toy_kernel *toy, const struct nat_ruleset *desired,
		      const struct nat_plan *plan, const struct nat_step *step)
{
	if (step->kind == NAT_STEP_TABLE_DEL || step->kind == NAT_STEP_TABLE_ADD) {
		take_table_step(toy, step);
		return;
	}
	need(toy->has_table, step, "no table");
	switch (step->kind) {
	case NAT_STEP_COUNTER_ADD:
		return add_counter(toy, step);
	case NAT_STEP_SET_ADD:
		return add_set(toy, &desired->sets[step->index], step);
	case NAT_STEP_CHAIN_ADD:
		return add_chain(toy, &desired->chains[step->index], step);
	case NAT_STEP_RULE_ADD:
		return add_rule(toy, &desired->chains[step->index].rules[step->rule], step);
	case NAT_STEP_CHAIN_FLUSH:
		return flush_chain(toy, step);
	case NAT_STEP_CHAIN_DEL:
		return del_chain(toy, step);
	case NAT_STEP_SET_DEL:
		return del_set(toy, step);
	case NAT_STEP_COUNTER_DEL:
		return del_counter(toy, step);
	default:
		return take_elems(toy, plan, step);
	}
}

void toy_take(struct toy_kernel *toy, const struct nat_ruleset *desired,
	      const struct nat_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		take_step(toy, desired, plan, &plan->v[i]);
}

void toy_load(struct toy_kernel *toy, const struct nat_ruleset *rs)
{
	struct nat_observed nothing = { 0 };
	struct nat_plan plan;

	*toy = (struct toy_kernel){ 0 };
	assert_int_equal(nat_plan_compute(rs, &nothing, &plan), 0);
	toy_take(toy, rs, &plan);
	nat_plan_done(&plan);
}

static char *rule_text(const struct nat_rule *rule)
{
	struct nftnl_rule *compiled = nat_expr_compile("t", "c", rule);
	char *text;

	assert_non_null(compiled);
	text = nat_expr_text(compiled);
	assert_non_null(text);
	nftnl_rule_free(compiled);
	return text;
}

static void observe_chain(const struct toy_chain *chain, struct nat_seen_chain *ret)
{
	ret->def = chain->def;
	ret->rules = calloc(chain->n + 1, sizeof(*ret->rules));
	assert_non_null(ret->rules);
	for (size_t i = 0; i < chain->n; i++)
		ret->rules[i] = rule_text(&chain->rules[i]);
	ret->n_rules = chain->n;
}

/* Backwards: the kernel's order isn't ours either. */
static void observe_set(const struct toy_set *set, struct nat_ruleset *ret)
{
	size_t index = nat_set_add(ret, set->name, set->kind, set->size);

	for (size_t i = set->n; i-- > 0;) {
		const struct toy_elem *elem = &set->elems[i];
		struct nat_elem seen = { elem->key, elem->first, elem->last, elem->addr };

		if (elem->device[0])
			seen.key = nat_name(ret, elem->device);
		if (elem->chain[0])
			seen.data = nat_name(ret, elem->chain);
		nat_elem_add(ret, index, seen);
	}
}

void toy_observe(const struct toy_kernel *toy, struct nat_observed *ret)
{
	*ret = (struct nat_observed){ .has_table = toy->has_table, .odd = toy->odd };
	nat_ruleset_init(&ret->sets, "t");
	ret->counters = calloc(TOY_MAX, sizeof(*ret->counters));
	ret->chains = calloc(TOY_MAX, sizeof(*ret->chains));
	assert_non_null(ret->counters);
	assert_non_null(ret->chains);
	memcpy(ret->counters, toy->counters, toy->n_counters * sizeof(*ret->counters));
	ret->n_counters = toy->n_counters;
	for (size_t i = 0; i < toy->n_sets; i++)
		observe_set(&toy->sets[i], &ret->sets);
	for (size_t i = 0; i < toy->n_chains; i++) {
		observe_chain(&toy->chains[i], &ret->chains[i]);
		assert_int_equal(
			nat_index_add(&ret->chain_index, ret->chains, sizeof(*ret->chains), i), 0);
		ret->n_chains++;
	}
}
