// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Why a policy's selectors don't select a pod: which label, and what it should be. */
#include "given.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

/* "SELECTOR: text" of each miss of the policy "p" and the pod, a line each. */
static const char *misses(const struct inventory *inv, const char *space, const char *name)
{
	static char text[2048];
	struct inventory_found found;
	struct inventory_miss miss;
	size_t cursor = 0, used = 0;

	text[0] = '\0';
	assert_true(inventory_find(inv, space, name, &found));
	while (inventory_next_miss(inv, &found, "p", &cursor, &miss))
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d: %s",
					 used ? "\n" : "", miss.selector, miss.text);
	return text;
}

/* Of a pod with app=web, tier=db in a namespace with team=a. */
static const struct {
	struct policy_words policy;
	const char *text;
} rows[] = {
	{ { .pods = "app=web" }, "" },
	{ { .pods = "" }, "" },
	{ { .namespaces = "", .pods = "app=api" },
	  "0: the pod's label app is \"web\", not \"api\"" },
	{ { .pods = "app=web zone=1" }, "0: the pod has no label zone, which should be \"1\"" },
	{ { .namespaces = "team=pay" }, "0: the namespace's label team is \"a\", not \"pay\"" },
	{ { .namespaces = "owner=x", .pods = "app=api" },
	  "0: the namespace has no label owner, which should be \"x\"" },
	{ { .pods = "app:In:a,b,c" },
	  "0: the pod's label app is \"web\", not \"a\", \"b\" or \"c\"" },
	{ { .pods = "app:In:a,b,c,d,e,f" },
	  "0: the pod's label app is \"web\", not \"a\", \"b\", \"c\", \"d\" and 2 more" },
	{ { .pods = "app:NotIn:x,web" },
	  "0: the pod's label app is \"web\", and must not be \"x\" or \"web\"" },
	{ { .pods = "gone:Exists" }, "0: the pod has no label gone" },
	{ { .pods = "tier:DoesNotExist" },
	  "0: the pod has the label tier (\"db\"), and must not have it" },
	{ { .namespaces = "team=pay", .namespaces2 = "team=a", .pods2 = "app=api" },
	  "0: the namespace's label team is \"a\", not \"pay\"\n"
	  "1: the pod's label app is \"web\", not \"api\"" },
	{ { .pods = "app=api", .pods2 = "app=web" },
	  "0: the pod's label app is \"web\", not \"api\"" },
	{ { .cidrs = "10.9.0.0/24" }, "" },
};

static void each_selector_says_what_it_misses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		INVENTORY;
		given_space(inv, "pay", "team=a");
		given_pod(inv, "pay/a", (struct pod_words){ .labels = "app=web tier=db" });
		given_policy(inv, "p", rows[i].policy);
		if (strcmp(misses(inv, "pay", "a"), rows[i].text) != 0)
			fail_msg("row %zu: %s", i, misses(inv, "pay", "a"));
	}
}

static void a_namespace_that_is_not_known_is_said(void **state)
{
	(void)state;
	INVENTORY;
	given_pod(inv, "new/a", (struct pod_words){ .labels = "app=web", .host_network = true });
	given_policy(inv, "p", (struct policy_words){ .namespaces = "team=a", .pods2 = "app=web" });
	assert_string_equal(misses(inv, "new", "a"),
			    "0: the namespace's labels, which it asks for, aren't known");
}

static void nothing_is_missed_in_a_policy_that_is_not_there(void **state)
{
	struct inventory_found found;
	struct inventory_miss miss;
	size_t cursor = 0;
	(void)state;
	INVENTORY;
	given_pod(inv, "pay/a", (struct pod_words){ .labels = "app=web" });
	assert_true(inventory_find(inv, "pay", "a", &found));
	assert_false(inventory_next_miss(inv, &found, "p", &cursor, &miss));
}

static int teardown(void **state)
{
	(void)state;
	objects_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_selector_says_what_it_misses, teardown),
		cmocka_unit_test_teardown(a_namespace_that_is_not_known_is_said, teardown),
		cmocka_unit_test_teardown(nothing_is_missed_in_a_policy_that_is_not_there,
					  teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
