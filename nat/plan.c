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

struct elem_list {
	struct nat_elem *v;
	size_t n;
};

struct planner {
	const struct nat_ruleset *desired;
	const struct nat_observed
		*seen; /* what counts as present: empty when the table is made anew */
	const struct nat_observed *before; /* what was really there, for the counters' values */
	struct nat_plan *plan;
	struct elem_list *lists; /* of each observed set, with the plan's names, sorted */
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

static const struct nat_seen_counter *seen_counter(const struct nat_observed *seen,
						   const char *name)
{
	for (size_t i = 0; i < seen->n_counters; i++) {
		if (strcmp(seen->counters[i].name, name) == 0)
			return &seen->counters[i];
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

/* Another declared size isn't worth making the table anew, as long as what is wanted fits with some room. */
static bool still_fits(const struct nat_set *want, const struct nat_set *have)
{
	if (want->size == have->size)
		return true;
	return want->size && have->size && want->n + want->n / 8 < have->size &&
	       have->size / 16 <= want->size;
}

/* What a transaction can't change in place: the definition of a set, a chain or a flowtable. */
static bool needs_rebuild(const struct nat_ruleset *desired, const struct nat_observed *seen)
{
	if (seen->odd || (seen->flowtable.name[0] &&
			  !nat_flowtable_equal(&desired->flowtable, &seen->flowtable)))
		return true;
	for (size_t i = 0; i < seen->sets.n_sets; i++) {
		const struct nat_set *have = &seen->sets.sets[i];
		const struct nat_set *want = nat_set_find(desired, have->name);

		if (want && (want->kind != have->kind || !still_fits(want, have)))
			return true;
	}
	for (size_t i = 0; i < seen->n_chains; i++) {
		const struct nat_chain *want = nat_chain_find(desired, seen->chains[i].def.name);

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

	if (desired->flowtable.name[0] && !p->seen->flowtable.name[0])
		step_add(p, NAT_STEP_FLOWTABLE_ADD, desired->flowtable.name, 0);
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
		if (!nat_seen_chain_find(p->seen, desired->chains[i].name))
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
		if (!nat_seen_chain_find(p->seen, p->desired->chains[i].name))
			changed[i] = true;
	}
}

/* `name` of the observed elements as an index into plan->names. Runs of one name are long. */
struct translation {
	uint32_t from, to;
};

static uint32_t translate(struct planner *p, struct translation *last, uint32_t name)
{
	if (last->from != name) {
		last->from = name;
		last->to = nat_name(&p->plan->names, p->seen->sets.names[name]);
	}
	return last->to;
}

static int compare_elems(const void *a, const void *b)
{
	return nat_elem_compare(a, b);
}

static void translate_set(struct planner *p, const struct nat_set *have, struct elem_list *list)
{
	struct translation key = { .from = UINT32_MAX }, data = { .from = UINT32_MAX };

	if (!have->n)
		return;
	list->v = malloc(have->n * sizeof(*list->v));
	if (!list->v) {
		p->failed = true;
		return;
	}
	list->n = have->n;
	for (size_t i = 0; i < have->n; i++) {
		struct nat_elem *elem = &list->v[i];

		*elem = have->v[i];
		if (have->kind == NAT_SET_IF_ADDR)
			elem->key = translate(p, &key, elem->key);
		if (nat_set_is_verdict_map(have->kind))
			elem->data = translate(p, &data, elem->data);
	}
	qsort(list->v, list->n, sizeof(*list->v), compare_elems);
}

static void translate_sets(struct planner *p)
{
	size_t n = p->seen->sets.n_sets;

	p->lists = n ? calloc(n, sizeof(*p->lists)) : NULL;
	if (n && !p->lists)
		p->failed = true;
	for (size_t i = 0; i < n && !p->failed; i++) {
		translate_set(p, &p->seen->sets.sets[i], &p->lists[i]);
		p->failed = p->failed || p->plan->names.failed;
	}
}

static void free_lists(struct planner *p)
{
	for (size_t i = 0; p->lists && i < p->seen->sets.n_sets; i++)
		free(p->lists[i].v);
	free(p->lists);
}

/* Writes those of `a` that are not in `b`, both sorted, to `ret` if it isn't NULL. Returns how many. */
static size_t difference(const struct elem_list *a, const struct elem_list *b, struct nat_elem *ret)
{
	size_t n = 0, j = 0;

	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && nat_elem_compare(&b->v[j], &a->v[i]) < 0)
			j++;
		if (j < b->n && nat_elem_compare(&b->v[j], &a->v[i]) == 0)
			continue;
		if (ret)
			ret[n] = a->v[i];
		n++;
	}
	return n;
}

/* Those of `a` that are not in `b`, as a step of their own. Mostly there are none: counted first. */
static void plan_difference(struct planner *p, enum nat_step_kind kind, const struct nat_set *set,
			    const struct elem_list *a, const struct elem_list *b)
{
	size_t n = p->failed ? 0 : difference(a, b, NULL);
	struct nat_elem *only = n ? malloc(n * sizeof(*only)) : NULL;
	struct nat_step *step = only ? step_add(p, kind, set->name, 0) : NULL;

	if (n && !step) {
		p->failed = true;
		free(only);
	}
	if (!step)
		return;
	difference(a, b, only);
	step->set_kind = set->kind;
	step->elems = only;
	step->n_elems = n;
	*(kind == NAT_STEP_ELEMS_ADD ? &p->plan->elems_added : &p->plan->elems_deleted) += n;
}

static struct elem_list list_of(const struct nat_set *set)
{
	return set ? (struct elem_list){ .v = set->v, .n = set->n } : (struct elem_list){ 0 };
}

/* Deletions of all sets before additions: a chain's last element goes before the chain does. */
static void plan_elems(struct planner *p)
{
	const struct nat_ruleset *have = &p->seen->sets;

	for (size_t i = 0; i < have->n_sets && !p->failed; i++) {
		struct elem_list want = list_of(nat_set_find(p->desired, have->sets[i].name));

		plan_difference(p, NAT_STEP_ELEMS_DEL, &have->sets[i], &p->lists[i], &want);
	}
	for (size_t i = 0; i < p->desired->n_sets && !p->failed; i++) {
		const struct nat_set *set = &p->desired->sets[i];
		const struct nat_set *seen = nat_set_find(have, set->name);
		struct elem_list want = list_of(set);
		struct elem_list none = { 0 };

		plan_difference(p, NAT_STEP_ELEMS_ADD, set, &want,
				seen ? &p->lists[seen - have->sets] : &none);
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

/* In the same order, so that desired's indexes hold in the plan too. */
static void copy_names(struct planner *p)
{
	nat_ruleset_init_of(&p->plan->names, nat_ruleset_table(p->desired));
	for (size_t i = 0; i < p->desired->n_names; i++)
		nat_name(&p->plan->names, p->desired->names[i]);
	if (p->plan->names.failed)
		p->failed = true;
}

static void plan_all(struct planner *p, bool *changed)
{
	static const struct nat_observed nothing = { 0 };

	copy_names(p);
	if (p->seen->has_table && needs_rebuild(p->desired, p->seen)) {
		p->plan->rebuild = true;
		step_add(p, NAT_STEP_TABLE_DEL, p->desired->table, 0);
	}
	if (!p->seen->has_table || p->plan->rebuild) {
		p->seen = &nothing;
		step_add(p, NAT_STEP_TABLE_ADD, p->desired->table, 0);
	}
	translate_sets(p);
	plan_additions(p);
	plan_flushes(p, changed);
	plan_elems(p);
	plan_rules(p, changed);
	plan_removals(p);
}

int nat_plan_compute(const struct nat_ruleset *desired, const struct nat_observed *seen,
		     struct nat_plan *ret)
{
	struct nat_plan plan = { 0 };
	struct planner p = { .desired = desired, .seen = seen, .before = seen, .plan = &plan };
	bool *changed = calloc(desired->n_chains + 1, sizeof(*changed));

	if (!changed)
		return -ENOMEM;
	plan_all(&p, changed);
	free(changed);
	free_lists(&p);
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
		{ "counter",
		  plan->by_kind[NAT_STEP_COUNTER_ADD] + plan->by_kind[NAT_STEP_COUNTER_DEL] },
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
