// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Why a policy doesn't select a pod: the first label of each selector that is otherwise than wanted. */
#include "policy/facts.h"
#include "policy/inventory_internal.h"

#include <stdio.h>
#include <string.h>

enum { NAMED_MAX = 4 }; /* then "and N more" */

/* "\"a\", \"b\" or \"c\"" */
static const char *list_values(const struct selector_miss *miss, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < miss->n_wanted && i < NAMED_MAX && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s\"%s\"",
					 i == 0                 ? "" :
					 i + 1 < miss->n_wanted ? ", " :
								  " or ",
					 miss->wanted[i]->value);
	if (miss->n_wanted > NAMED_MAX && used < size)
		snprintf(buf + used, size - used, " and %zu more", miss->n_wanted - NAMED_MAX);
	return buf;
}

/* `whose`: "the pod". */
static void describe_miss(const struct selector_miss *miss, const char *whose,
			  struct inventory_miss *ret)
{
	const bool is_in = strcmp(miss->operator, "In") == 0;
	char values[300];

	ret->key = miss->key;
	list_values(miss, values, sizeof(values));
	if (!miss->value && is_in)
		snprintf(ret->text, sizeof(ret->text),
			 "%s has no label %.120s, which should be %.300s", whose, miss->key,
			 values);
	else if (!miss->value)
		snprintf(ret->text, sizeof(ret->text), "%s has no label %.120s", whose, miss->key);
	else if (miss->n_wanted)
		snprintf(ret->text, sizeof(ret->text), "%s's label %.120s is \"%.63s\", %s %.280s",
			 whose, miss->key, miss->value, is_in ? "not" : "and must not be", values);
	else
		snprintf(ret->text, sizeof(ret->text),
			 "%s has the label %.120s (\"%.63s\"), and must not have it", whose,
			 miss->key, miss->value);
}

/* False: it selects the pod. */
static bool find_miss(const struct rule_selector *selector, const struct entry *pod,
		      struct inventory_miss *ret)
{
	const bool asks_space = selector->has_spaces && selector->spaces.n;
	struct selector_miss miss;

	ret->key = NULL;
	if (asks_space && !pod->space->labels) {
		ret->missed = INVENTORY_MISSED_NAMESPACE_UNKNOWN;
		snprintf(ret->text, sizeof(ret->text),
			 "the namespace's labels, which it asks for, aren't known");
		return true;
	}
	if (asks_space && selector_find_miss(&selector->spaces, pod->space->labels, &miss)) {
		ret->missed = INVENTORY_MISSED_NAMESPACE;
		describe_miss(&miss, "the namespace", ret);
		return true;
	}
	if (selector->has_pods && selector_find_miss(&selector->pods, pod->labels, &miss)) {
		ret->missed = INVENTORY_MISSED_POD;
		describe_miss(&miss, "the pod", ret);
		return true;
	}
	return false;
}

bool inventory_next_miss(const struct inventory *inventory, const struct inventory_found *found,
			 const char *policy, size_t *cursor, struct inventory_miss *ret)
{
	const struct entry *pod = entry_find(inventory, found->pod.namespace, found->pod.name);
	const struct rules *rules = rules_find(inventory, policy);

	while (pod && rules && *cursor < rules->n_selectors) {
		const size_t at = (*cursor)++;

		ret->selector = (int)at;
		if (find_miss(&rules->selectors[at], pod, ret))
			return true;
	}
	return false;
}
