// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The rules' part of a plan. The trap is deletion: the kernel removes the first rule that has at least
 * the selectors named, so that "delete `from all lookup 5000`" may hit `fwmark 1 lookup 5000` at the same
 * priority (fib_rules.c, rule_find). We therefore follow what the kernel's list will be, and where the
 * first hit is a rule that stays, we append a second copy of it first: the deletion takes the one in
 * front, and at no time is the rule missing.
 *
 * Order inside the additions: nop (the aims of gotos), goto, lookups, blackholes. A goto without its aim
 * is skipped by the kernel, so that what it was meant to jump over would catch everything for a moment.
 * Deletions go the other way round.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netlink/plan_internal.h"

struct entry {
	const struct rt_rule *rule;
	uint64_t place; /* within its priority: the order of arrival */
	bool alive;
	bool wanted;
};

/* The kernel's list as it is at this step of the plan. */
struct list {
	struct entry *v;
	size_t n;
	uint64_t next_place;
};

static unsigned rank(const struct rt_rule *rule)
{
	switch (rule->action) {
	case RT_RULE_NOP:
		return 0;
	case RT_RULE_GOTO:
		return 1;
	case RT_RULE_TABLE:
		return 2;
	default:
		return 3;
	}
}

#define RANK_COUNT 4

static bool prefix_selects(struct ip4_prefix asked, struct ip4_prefix has)
{
	return asked.len == 0 || (asked.len == has.len && asked.addr.v == has.addr.v);
}

static bool name_selects(const char *asked, const char *has)
{
	return asked[0] == '\0' || strncmp(asked, has, RT_IFNAME_MAX) == 0;
}

/* Would a deletion that names `asked` hit `rule`? */
static bool deletion_hits(const struct rt_rule *asked, const struct rt_rule *rule)
{
	if (asked->priority != rule->priority || asked->protocol != rule->protocol)
		return false;
	if (asked->action != RT_RULE_OTHER && asked->action != rule->action)
		return false;
	if (asked->action == RT_RULE_TABLE && asked->table != rule->table)
		return false;
	if (asked->mark_mask && asked->mark && asked->mark != rule->mark)
		return false;
	if (asked->mark_mask && asked->mark_mask != rule->mark_mask)
		return false;
	return prefix_selects(asked->src, rule->src) && prefix_selects(asked->dst, rule->dst) &&
	       name_selects(asked->iif, rule->iif) && name_selects(asked->oif, rule->oif);
}

bool plan_rule_is_single(const struct rt_rule *rule, const struct rt_rules *among)
{
	size_t hits = 0;

	for (size_t i = 0; i < among->n; i++)
		hits += deletion_hits(rule, &among->v[i]);
	return hits == 1;
}

/* What a deletion of `unwanted` takes: itself, or what stands before it. */
static struct entry *first_hit(struct list *list, struct entry *unwanted)
{
	struct entry *first = unwanted;

	for (size_t i = 0; i < list->n; i++) {
		struct entry *entry = &list->v[i];

		if (entry->alive && entry->place < first->place &&
		    deletion_hits(unwanted->rule, entry->rule))
			first = entry;
	}
	return first;
}

static int add_step(struct net_plan *plan, enum net_op_kind kind, const struct rt_rule *rule)
{
	return net_plan_add(plan, &(struct net_op){ .kind = kind, .rule = rule });
}

/* Gets rid of one unwanted entry; may take others that are unwanted too. */
static int remove_entry(struct list *list, struct entry *unwanted, struct net_plan *plan)
{
	while (unwanted->alive) {
		struct entry *hit = first_hit(list, unwanted);
		int rc = 0;

		if (hit->wanted)
			rc = add_step(plan, NET_RULE_ADD, hit->rule);
		if (rc == 0)
			rc = add_step(plan, NET_RULE_DEL, unwanted->rule);
		if (rc < 0)
			return rc;
		if (hit->wanted)
			hit->place = list->next_place++; /* The copy at the end is what is left. */
		else
			hit->alive = false;
	}
	return 0;
}

/* Marks the observed rule that is `rule`; false: there is none. Of several equal ones the last, since a
 * deletion takes the first. */
static bool claim(struct list *list, const struct rt_rule *rule)
{
	for (size_t i = list->n; i-- > 0;) {
		struct entry *entry = &list->v[i];

		if (!entry->wanted && rt_rule_compare(entry->rule, rule) == 0) {
			entry->wanted = true;
			return true;
		}
	}
	return false;
}

static int add_missing(struct list *list, const struct rt_rules *desired, struct net_plan *plan)
{
	CLEANUP(cleanup_free) bool *present = calloc(desired->n + 1, sizeof(*present));

	if (!present)
		return -ENOMEM;
	for (size_t i = 0; i < desired->n; i++)
		present[i] = claim(list, &desired->v[i]);
	for (unsigned r = 0; r < RANK_COUNT; r++) {
		for (size_t i = 0; i < desired->n; i++) {
			const struct rt_rule *rule = &desired->v[i];
			int rc;

			if (present[i] || rank(rule) != r)
				continue;
			rc = add_step(plan, NET_RULE_ADD, rule);
			if (rc < 0)
				return rc;
			list->v[list->n++] = (struct entry){ .rule = rule,
							     .place = list->next_place++,
							     .alive = true,
							     .wanted = true };
		}
	}
	return 0;
}

int plan_rules(const struct rt_rules *desired, const struct rt_rules *observed,
	       struct net_plan *plan)
{
	CLEANUP(cleanup_free)
	struct entry *entries = calloc(desired->n + observed->n + 1, sizeof(*entries));
	struct list list = { .v = entries, .n = observed->n, .next_place = observed->n };
	int rc;

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < observed->n; i++)
		entries[i] = (struct entry){ .rule = &observed->v[i], .place = i, .alive = true };
	rc = add_missing(&list, desired, plan);
	for (unsigned r = RANK_COUNT; rc == 0 && r-- > 0;) {
		for (size_t i = 0; rc == 0 && i < observed->n; i++) {
			if (!entries[i].wanted && rank(entries[i].rule) == r)
				rc = remove_entry(&list, &entries[i], plan);
		}
	}
	return rc;
}
