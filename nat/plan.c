// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/rule.h>

#include "nat/expr.h"
#include "nat/observe.h"

struct planner {
	const struct nat_ruleset *desired;
	const struct nat_observed *seen; /* what counts as present: empty when the table is made anew */
	const struct nat_observed *before; /* what was really there, for the counters' values */
	struct nat_plan *plan;
	bool failed;
};

static struct nat_step *step_add(struct planner *p, enum nat_step_kind kind, const char *name,
				 size_t index)
{
	struct nat_plan *plan = p->plan;

	if (p->failed)
		return NULL;
	if (plan->n == 0 || (plan->n >= 16 && (plan->n & (plan->n - 1)) == 0)) {
		struct nat_step *v = realloc(plan->v, (plan->n ? plan->n * 2 : 16) * sizeof(*v));

		if (!v) {
			p->failed = true;
			return NULL;
		}
		plan->v = v;
	}
	struct nat_step *step = &plan->v[plan->n++];

	*step = (struct nat_step){ .kind = kind, .index = index };
	snprintf(step->name, sizeof(step->name), "%s", name);
	plan->by_kind[kind]++;
	return step;
}

static const struct nat_seen_counter *seen_counter(const struct nat_observed *seen, const char *name)
{
	for (size_t i = 0; i < seen->n_counters; i++) {
		if (strcmp(seen->counters[i].name, name) == 0)
			return &seen->counters[i];
	}
	return NULL;
}

static const struct nat_seen_chain *seen_chain(const struct nat_observed *seen, const char *name)
{
	for (size_t i = 0; i < seen->n_chains; i++) {
		if (strcmp(seen->chains[i].def.name, name) == 0)
			return &seen->chains[i];
	}
	return NULL;
}

static bool same_chain(const struct nat_chain *a, const struct nat_chain *b)
{
	if (a->hook != b->hook || strcmp(a->comment, b->comment) != 0)
		return false;
	if (a->hook == NAT_HOOK_NONE)
		return true;
	return a->priority == b->priority && a->nat == b->nat && a->policy_drop == b->policy_drop;
}

/* What a transaction can't change in place: the definition of a set or of a chain. */
static bool needs_rebuild(const struct nat_ruleset *desired, const struct nat_observed *seen)
{
	if (seen->odd)
		return true;
	for (size_t i = 0; i < seen->sets.n_sets; i++) {
		const struct nat_set *have = &seen->sets.sets[i];
		const struct nat_set *want = nat_set_find(desired, have->name);

		if (want && (want->kind != have->kind || want->size != have->size))
			return true;
	}
	for (size_t i = 0; i < seen->n_chains; i++) {
		const struct nat_chain *want =
			nat_chain_find(desired, seen->chains[i].def.name);

		if (want && !same_chain(want, &seen->chains[i].def))
			return true;
	}
	return false;
}

static bool counter_wanted(const struct nat_ruleset *desired, const char *name)
{
	for (size_t i = 0; i < desired->n_counters; i++) {
		if (strcmp(desired->counters[i], name) == 0)
			return true;
	}
	return false;
}

static void plan_additions(struct planner *p)
{
	const struct nat_ruleset *desired = p->desired;

	for (size_t i = 0; i < desired->n_counters; i++) {
		const char *name = desired->counters[i];
		const struct nat_seen_counter *before = seen_counter(p->before, name);

		if (seen_counter(p->seen, name))
			continue;
		struct nat_step *step = step_add(p, NAT_STEP_COUNTER_ADD, name, i);

		if (step && before) {
			step->packets = before->packets;
			step->bytes = before->bytes;
		}
	}
	for (size_t i = 0; i < desired->n_sets; i++) {
		if (!nat_set_find(&p->seen->sets, desired->sets[i].name))
			step_add(p, NAT_STEP_SET_ADD, desired->sets[i].name, i);
	}
	for (size_t i = 0; i < desired->n_chains; i++) {
		if (!seen_chain(p->seen, desired->chains[i].name))
			step_add(p, NAT_STEP_CHAIN_ADD, desired->chains[i].name, i);
	}
}

/* The canonical text of a desired rule; NULL and p->failed without memory. */
static char *wanted_text(struct planner *p, const struct nat_chain *chain, size_t rule)
{
	struct nftnl_rule *compiled =
		nat_expr_compile(p->desired->table, chain->name, &chain->rules[rule]);
	char *text = compiled ? nat_expr_text(compiled) : NULL;

	if (compiled)
		nftnl_rule_free(compiled);
	if (!text)
		p->failed = true;
	return text;
}

static bool rules_differ(struct planner *p, const struct nat_chain *want,
			 const struct nat_seen_chain *have)
{
	bool differ = want->n_rules != have->n_rules;

	for (size_t i = 0; i < want->n_rules && !differ && !p->failed; i++) {
		char *text = wanted_text(p, want, i);

		differ = text && strcmp(text, have->rules[i]) != 0;
		free(text);
	}
	return differ;
}

/* Marks in `changed` each desired chain whose rules must be written again, and flushes those that exist. */
static void plan_flushes(struct planner *p, bool *changed)
{
	for (size_t i = 0; i < p->seen->n_chains; i++) {
		const struct nat_seen_chain *have = &p->seen->chains[i];
		const struct nat_chain *want = nat_chain_find(p->desired, have->def.name);

		if (want && !rules_differ(p, want, have))
			continue;
		if (want)
			changed[want - p->desired->chains] = true;
		if (have->n_rules)
			step_add(p, NAT_STEP_CHAIN_FLUSH, have->def.name, 0);
	}
	for (size_t i = 0; i < p->desired->n_chains; i++) {
		if (!seen_chain(p->seen, p->desired->chains[i].name))
			changed[i] = true;
	}
}

static bool key_is_name(enum nat_set_kind kind)
{
	return kind == NAT_SET_IF_ADDR;
}

static int compare_elems(const void *a, const void *b)
{
	return nat_elem_compare(a, b);
}

/* The observed elements with their names as indexes into plan->names, sorted. NULL: none or no memory. */
static struct nat_elem *translated(struct planner *p, const struct nat_set *have)
{
	struct nat_elem *v = have->n ? malloc(have->n * sizeof(*v)) : NULL;
	const struct nat_ruleset *from = &p->seen->sets;
	uint32_t last_key = UINT32_MAX, last_data = UINT32_MAX, key = 0, data = 0;

	if (have->n && !v)
		p->failed = true;
	for (size_t i = 0; v && i < have->n; i++) {
		v[i] = have->v[i];
		if (key_is_name(have->kind)) {
			if (v[i].key != last_key)
				key = nat_name(&p->plan->names, from->names[v[i].key]);
			last_key = v[i].key;
			v[i].key = key;
		}
		if (nat_set_is_verdict_map(have->kind)) {
			if (v[i].data != last_data)
				data = nat_name(&p->plan->names, from->names[v[i].data]);
			last_data = v[i].data;
			v[i].data = data;
		}
	}
	if (p->plan->names.failed)
		p->failed = true;
	if (v)
		qsort(v, have->n, sizeof(*v), compare_elems);
	return v;
}

/* Those of a[0..na) that are not in b[0..nb), both sorted, as a step of their own. */
static void plan_difference(struct planner *p, enum nat_step_kind kind, const struct nat_set *set,
			    const struct nat_elem *a, size_t na, const struct nat_elem *b, size_t nb)
{
	struct nat_elem *only = na ? malloc(na * sizeof(*only)) : NULL;
	size_t n = 0, j = 0;

	if (na && !only) {
		p->failed = true;
		return;
	}
	for (size_t i = 0; i < na; i++) {
		while (j < nb && nat_elem_compare(&b[j], &a[i]) < 0)
			j++;
		if (j == nb || nat_elem_compare(&b[j], &a[i]) != 0)
			only[n++] = a[i];
	}
	struct nat_step *step = n ? step_add(p, kind, set->name, 0) : NULL;

	if (!step) {
		free(only);
		return;
	}
	step->set_kind = set->kind;
	step->elems = only;
	step->n_elems = n;
	*(kind == NAT_STEP_ELEMS_ADD ? &p->plan->elems_added : &p->plan->elems_deleted) += n;
}

/* Deletions of all sets before additions: a chain's last element goes before the chain does. */
static void plan_elems(struct planner *p, enum nat_step_kind kind)
{
	const struct nat_ruleset *desired = p->desired;

	for (size_t i = 0; i < p->seen->sets.n_sets && kind == NAT_STEP_ELEMS_DEL; i++) {
		const struct nat_set *have = &p->seen->sets.sets[i];
		const struct nat_set *want = nat_set_find(desired, have->name);
		struct nat_elem *v = translated(p, have);

		plan_difference(p, kind, have, v, v ? have->n : 0, want ? want->v : NULL,
				want ? want->n : 0);
		free(v);
	}
	for (size_t i = 0; i < desired->n_sets && kind == NAT_STEP_ELEMS_ADD; i++) {
		const struct nat_set *want = &desired->sets[i];
		const struct nat_set *have = nat_set_find(&p->seen->sets, want->name);
		struct nat_elem *v = have ? translated(p, have) : NULL;

		plan_difference(p, kind, want, want->v, want->n, v, v ? have->n : 0);
		free(v);
	}
}

static void plan_rules(struct planner *p, const bool *changed)
{
	for (size_t i = 0; i < p->desired->n_chains; i++) {
		const struct nat_chain *chain = &p->desired->chains[i];

		for (size_t j = 0; changed[i] && j < chain->n_rules; j++) {
			struct nat_step *step = step_add(p, NAT_STEP_RULE_ADD, chain->name, i);

			if (step)
				step->rule = j;
		}
	}
}

static void plan_removals(struct planner *p)
{
	for (size_t i = 0; i < p->seen->n_chains; i++) {
		if (!nat_chain_find(p->desired, p->seen->chains[i].def.name))
			step_add(p, NAT_STEP_CHAIN_DEL, p->seen->chains[i].def.name, 0);
	}
	for (size_t i = 0; i < p->seen->sets.n_sets; i++) {
		if (!nat_set_find(p->desired, p->seen->sets.sets[i].name))
			step_add(p, NAT_STEP_SET_DEL, p->seen->sets.sets[i].name, 0);
	}
	for (size_t i = 0; i < p->seen->n_counters; i++) {
		if (!counter_wanted(p->desired, p->seen->counters[i].name))
			step_add(p, NAT_STEP_COUNTER_DEL, p->seen->counters[i].name, 0);
	}
}

static void copy_names(struct planner *p)
{
	nat_ruleset_init(&p->plan->names, p->desired->table);
	/* Straight copies keep the indexes; nat_name would look each one up. */
	for (size_t i = 0; i < p->desired->n_names; i++) {
		if (nat_name(&p->plan->names, p->desired->names[i]) != i)
			p->failed = true;
	}
	if (p->plan->names.failed)
		p->failed = true;
}

int nat_plan_compute(const struct nat_ruleset *desired, const struct nat_observed *seen,
		     struct nat_plan *ret)
{
	static const struct nat_observed nothing = { 0 };
	struct nat_plan plan = { 0 };
	struct planner p = { .desired = desired, .seen = seen, .before = seen, .plan = &plan };
	bool *changed = calloc(desired->n_chains + 1, sizeof(*changed));

	if (!changed)
		return -ENOMEM;
	copy_names(&p);
	if (seen->has_table && needs_rebuild(desired, seen)) {
		plan.rebuild = true;
		step_add(&p, NAT_STEP_TABLE_DEL, desired->table, 0);
	}
	if (!seen->has_table || plan.rebuild) {
		p.seen = &nothing;
		step_add(&p, NAT_STEP_TABLE_ADD, desired->table, 0);
	}
	plan_additions(&p);
	plan_flushes(&p, changed);
	plan_elems(&p, NAT_STEP_ELEMS_DEL);
	plan_elems(&p, NAT_STEP_ELEMS_ADD);
	plan_rules(&p, changed);
	plan_removals(&p);
	free(changed);
	if (p.failed) {
		nat_plan_done(&plan);
		return -ENOMEM;
	}
	*ret = plan;
	return 0;
}

void nat_plan_done(struct nat_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->v[i].elems);
	free(plan->v);
	nat_ruleset_done(&plan->names);
	*plan = (struct nat_plan){ 0 };
}

const char *nat_plan_summary(const struct nat_plan *plan, char buf[static NAT_PLAN_TEXT_MAX])
{
	const struct {
		const char *word;
		size_t n;
	} parts[] = {
		{ "counter", plan->by_kind[NAT_STEP_COUNTER_ADD] + plan->by_kind[NAT_STEP_COUNTER_DEL] },
		{ "set", plan->by_kind[NAT_STEP_SET_ADD] + plan->by_kind[NAT_STEP_SET_DEL] },
		{ "chain", plan->by_kind[NAT_STEP_CHAIN_ADD] + plan->by_kind[NAT_STEP_CHAIN_DEL] },
		{ "rule", plan->by_kind[NAT_STEP_RULE_ADD] },
		{ "element", plan->elems_added + plan->elems_deleted },
	};
	size_t used = 0;

	buf[0] = '\0';
	if (plan->rebuild || plan->by_kind[NAT_STEP_TABLE_ADD]) {
		snprintf(buf, NAT_PLAN_TEXT_MAX, plan->rebuild ? "the table anew" : "the table");
		return buf;
	}
	if (plan->n && !plan->by_kind[NAT_STEP_RULE_ADD] && plan->by_kind[NAT_STEP_CHAIN_FLUSH])
		used = (size_t)snprintf(buf, NAT_PLAN_TEXT_MAX, "chains flushed");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i].n || used >= NAT_PLAN_TEXT_MAX)
			continue;
		used += (size_t)snprintf(buf + used, NAT_PLAN_TEXT_MAX - used, "%s%zu %s%s",
					 used ? ", " : "", parts[i].n, parts[i].word,
					 parts[i].n == 1 ? "" : "s");
	}
	return buf;
}
