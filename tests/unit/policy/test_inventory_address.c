// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Whose an address is, and where it may go: rules of inventory.h, one after the other. */
#include "given.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Old and new have the address, in any order of events. */
static const struct {
	const char *what;
	struct pod_words old, new;
	const char *owner;
	bool contested;
} pairs[] = {
	{ "the old one is terminating",
	  { .terminating = true, .created_s = 5 },
	  { 0 },
	  "pay/new",
	  false },
	{ "both are terminating",
	  { .terminating = true },
	  { .terminating = true, .created_s = 5 },
	  "pay/new",
	  false },
	{ "both terminating, of one second",
	  { .terminating = true, .uid = "1" },
	  { .terminating = true, .uid = "2" },
	  "pay/new",
	  false },
	{ "likewise, by UUIDs",
	  { .terminating = true, .uid = "9fffffff-ffff-ffff-ffff-ffffffffffff" },
	  { .terminating = true, .uid = "a0000000-0000-0000-0000-000000000000" },
	  "pay/new",
	  false },
	{ "likewise, a UUID and other text",
	  { .terminating = true, .uid = "9fffffff-ffff-ffff-ffff-ffffffffffff" },
	  { .terminating = true, .uid = "9g" },
	  "pay/new",
	  false },
	{ "none is terminating", { .created_s = 1 }, { .created_s = 2 }, "pay/new", true },
	{ "the old one has ended",
	  { .phase = INVENTORY_SUCCEEDED, .created_s = 5 },
	  { 0 },
	  "pay/new",
	  false },
	{ "the other one is of the host",
	  { .host_network = true, .created_s = 5 },
	  { 0 },
	  "pay/new",
	  false },
};

static void of_two_pods_with_one_address_one_has_it(void **state)
{
	(void)state;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(pairs); i++) {
		struct pod_words old = pairs[i / 2].old, new = pairs[i / 2].new;
		struct inventory_owner owner;
		char name[64];
		INVENTORY;

		given_usual(inv);
		old.ips = new.ips = "10.0.0.2";
		old.node = "n2";
		if (i % 2)
			given_pod(inv, "pay/new", new);
		given_pod(inv, "rest/old", old);
		if (!(i % 2))
			given_pod(inv, "pay/new", new);
		if (pairs[i / 2].contested) {
			assert_string_equal(given_taken(inv), "compile");
			given_compiled(inv);
		} else {
			assert_string_equal(given_taken(inv), "10.0.0.2 :->n1:+");
		}
		assert_true(inventory_owner_of(inv, objects_ip("10.0.0.2"), &owner));
		snprintf(name, sizeof(name), "%s/%s", owner.namespace, owner.name);
		if (strcmp(name, pairs[i / 2].owner) != 0 ||
		    owner.contested != pairs[i / 2].contested)
			fail_msg("%s: %s %d", pairs[i / 2].what, name, owner.contested);
		assert_string_equal(objects_class(inv, "10.0.0.2"),
				    pairs[i / 2].contested ? "p=-" : "p=0");
	}
}

static void a_contested_address_is_of_all_policies_and_goes_nowhere(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "q",
		     (struct policy_words){ .namespaces = "team=rest",
					    .cidrs = "10.0.0.2/32",
					    .destinations = "9.0.0.0/8" });
	given_compiled(inv);

	given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.2" });
	given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.0.0.2", .created_s = 1 });
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.2"), "p=0,q=0"); /* of one mind */
	given_pod(inv, "rest/c", (struct pod_words){ .ips = "10.0.0.2" });
	assert_string_equal(given_taken(inv), "compile");
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.2"), "p=-,q=-");
	inventory_pod_remove(inv, "pay", "a", "uida");
	assert_string_equal(given_taken(inv), "");
	given_pod(inv, "pay/b",
		  (struct pod_words){ .ips = "10.0.0.2", .created_s = 1, .terminating = true });
	assert_string_equal(given_taken(inv), "compile"); /* rest/c alone: q=0 */
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.2"), "q=0");
}

static void the_older_policy_governs_what_two_have(void **state)
{
	const struct policy_result *result;
	const struct policy_rule *rule;
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "b",
		     (struct policy_words){ .pods = "",
					    .egress = "mail",
					    .created_s = -5,
					    .destinations = "9.0.0.0/8" });
	given_policy(inv, "a",
		     (struct policy_words){ .pods = "",
					    .egress = "mail",
					    .created_s = 0,
					    .destinations = "8.0.0.0/7" });
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.0.2" });
	given_egress(inv, 2);
	given_compiled(inv);

	assert_string_equal(objects_class(inv, "10.0.0.1"), "b=1,a=1,p=0");
	assert_string_equal(objects_class(inv, "10.0.0.2"), "b=1,a=1");
	result = inventory_result(inv);
	rule = policy_rule_of(result, objects_ip("10.0.0.1"), objects_ip("9.1.1.1"));
	assert_string_equal(result->names[rule->policy], "b");
	rule = policy_rule_of(result, objects_ip("10.0.0.1"), objects_ip("8.1.1.1"));
	assert_string_equal(result->names[rule->policy], "a");
	rule = policy_rule_of(result, objects_ip("10.0.0.1"), objects_ip("7.1.1.1"));
	assert_string_equal(result->names[rule->policy], "p");
}

static void without_a_known_egress_ip_a_policy_governs_still(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "some",
		     (struct policy_words){ .cidrs = "10.1.0.1/32", .egress = "mail bank x" });
	given_policy(inv, "none", (struct policy_words){ .cidrs = "10.1.0.2/32", .egress = "x y" });
	given_policy(inv, "other",
		     (struct policy_words){ .cidrs = "10.1.0.3/32", .gateway = "other" });
	given_compiled(inv);

	assert_string_equal(objects_class(inv, "10.1.0.1"), "some=0");
	assert_string_equal(objects_class(inv, "10.1.0.2"), "none=-");
	assert_string_equal(objects_class(inv, "10.1.0.3"), "other=-");
	given_egress(inv, 3);
	assert_string_equal(given_taken(inv), "compile");
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.1.0.3"), "other=2");
	given_egress(inv, 3);
	assert_string_equal(given_taken(inv), "");
	given_egress(inv, 0);
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.1"), "p=-");
}

static void a_range_that_is_too_large_to_spread_hurts_only_its_policy(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_egress(inv, 2);
	given_policy(inv, "large",
		     (struct policy_words){ .cidrs = "11.0.0.0/15", .egress = "bank mail" });
	given_compiled(inv);

	assert_string_equal(objects_class(inv, "10.0.0.1"), "p=0");
	assert_string_equal(objects_class(inv, "11.0.0.1"), "large=-");
}

static void a_pod_in_a_range_has_the_ranges_class_before_and_after(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "r", (struct policy_words){ .cidrs = "10.0.1.0/24" });
	given_compiled(inv);

	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.1.7" });
	assert_string_equal(given_taken(inv), "10.0.1.7 :+>n1:+");
	assert_string_equal(objects_class(inv, "10.0.1.7"), "r=0");
	inventory_pod_remove(inv, "rest", "a", "uida");
	assert_string_equal(given_taken(inv), "10.0.1.7 n1:+>:+");
	assert_string_equal(objects_class(inv, "10.0.1.7"), "r=0");
}

static void the_addresses_and_their_nodes_can_be_walked(void **state)
{
	struct inventory_address address;
	size_t cursor = 0, n = 0;
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.0.2", .node = "n2" });
	given_pod(inv, "new/a", (struct pod_words){ .ips = "10.0.0.3" });
	assert_string_equal(given_taken(inv), "10.0.0.2 :->n2:-");

	while (inventory_next_address(inv, &cursor, &address)) {
		uint32_t last = address.address.v & 0xff;

		assert_string_equal(address.node, last == 1 ? "n1" : last == 2 ? "n2" : "");
		assert_int_equal(address.class != 0, last == 1);
		n++;
	}
	assert_int_equal(n, 3);
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names in order: "!" is dropped, "?" has an unknown namespace. */
static const char *locals_of(struct inventory *inv, const char *node)
{
	static char text[512];
	char words[16][16];
	struct inventory_local pod;
	size_t cursor = 0, n = 0;

	while (n < ARRAY_SIZE(words) && inventory_next_local(inv, node, &cursor, &pod))
		snprintf(words[n++], sizeof(words[0]), "%s%s%s", pod.name, pod.drops6 ? "!" : "",
			 pod.namespace_known ? "" : "?");
	qsort(words, n, sizeof(words[0]), compare_words);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 words[i]);
	return text;
}

static void the_ipv6_of_selected_pods_is_to_be_dropped(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "allow", (struct policy_words){ .pods = "v6=yes", .allow_ip6 = true });
	given_policy(inv, "range", (struct policy_words){ .cidrs = "10.0.9.0/24" });
	given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.0.0.3 fd00::b" });
	given_pod(inv, "pay/a", (struct pod_words){ .ips = "fd00::a", .node = "n2" });
	given_pod(inv, "rest/c",
		  (struct pod_words){ .ips = "10.0.0.4 fd00::c", .labels = "v6=yes" });
	given_pod(inv, "pay/d",
		  (struct pod_words){ .ips = "10.0.0.5 fd00::d", .labels = "v6=yes" });
	given_pod(inv, "rest/e", (struct pod_words){ .ips = "10.0.9.1 fd00::e" });
	given_pod(inv, "pay/f",
		  (struct pod_words){ .ips = "10.0.0.6 fd00::f", .phase = INVENTORY_FAILED });

	given_pod(inv, "pay/g", (struct pod_words){ .ips = "" });
	given_pod(inv, "pay/h", (struct pod_words){ .ips = "10.0.0.7", .host_network = true });
	given_pod(inv, "unheard/i", (struct pod_words){ .ips = "10.0.0.8" });

	/* Of the one whose namespace isn't known nothing can be said yet; g's addresses come later. */
	assert_string_equal(locals_of(inv, "n1"), "b! c d! e! first! g! i?");
	assert_string_equal(locals_of(inv, "n2"), "a!");
	assert_string_equal(locals_of(inv, "n3"), "");
}

static bool is_told6(struct inventory *inv)
{
	struct inventory_changes changes;

	assert_int_equal(inventory_take(inv, &changes), 0);
	assert_int_equal(changes.n, 0);
	return changes.ip6;
}

/* Their IPv4 addresses don't tell, since they have none, or stay of the same class. */
static void what_changes_about_ipv6_is_told(void **state)
{
	const char *uid = "uida";

	(void)state;
	INVENTORY;
	given_usual(inv);
	given_compiled(inv);
	assert_false(is_told6(inv));
	given_pod(inv, "rest/four", (struct pod_words){ .ips = "10.0.0.9", .host_network = true });
	assert_false(is_told6(inv));
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "fd00::a" });
	assert_true(is_told6(inv));
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "fd00::a" });
	assert_false(is_told6(inv));
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "fd00::a", .labels = "v6=yes" });
	assert_true(is_told6(inv));
	given_space(inv, "rest", "team=rest,more=1");
	assert_true(is_told6(inv));
	assert_false(is_told6(inv));
	inventory_pod_remove(inv, "rest", "a", uid);
	assert_true(is_told6(inv));
	given_space(inv, "rest", "team=rest");
	assert_false(is_told6(inv));
}

static void strict_waits_only_where_a_strict_policy_drops(void **state)
{
	(void)state;
	INVENTORY;
	assert_false(inventory_is_strict6(inv));
	given_policy(inv, "open", (struct policy_words){ .pods = "a=b", .allow_ip6 = true });
	given_policy(inv, "lax", (struct policy_words){ .pods = "a=b", .best_effort = true });
	assert_true(inventory_is_strict(inv));
	assert_false(inventory_is_strict6(inv));
	given_policy(inv, "both", (struct policy_words){ .pods = "a=b" });
	assert_true(inventory_is_strict6(inv));
}

static int teardown(void **state)
{
	(void)state;
	objects_done();
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_two_pods_with_one_address_one_has_it),
		TEST(a_contested_address_is_of_all_policies_and_goes_nowhere),
		TEST(the_older_policy_governs_what_two_have),
		TEST(without_a_known_egress_ip_a_policy_governs_still),
		TEST(a_range_that_is_too_large_to_spread_hurts_only_its_policy),
		TEST(a_pod_in_a_range_has_the_ranges_class_before_and_after),
		TEST(the_addresses_and_their_nodes_can_be_walked),
		TEST(the_ipv6_of_selected_pods_is_to_be_dropped),
		TEST(what_changes_about_ipv6_is_told),
		TEST(strict_waits_only_where_a_strict_policy_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
