// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* One rule of inventory.h after the other. What they amount to together is in test_inventory_model.c. */
#include "given.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void only_pods_with_an_address_of_their_own_that_run_count(void **state)
{
	static const struct {
		const char *what;
		struct pod_words words;
		const char *class, *told;
	} rows[] = {
		{ "running",
		  { .ips = "10.0.0.9", .phase = INVENTORY_RUNNING },
		  "p=0",
		  "10.0.0.9 :->n1:+" },
		{ "pending, with an address",
		  { .ips = "10.0.0.9", .phase = INVENTORY_PENDING },
		  "p=0",
		  "10.0.0.9 :->n1:+" },
		{ "unknown",
		  { .ips = "10.0.0.9", .phase = INVENTORY_PHASE_UNKNOWN },
		  "p=0",
		  "10.0.0.9 :->n1:+" },
		{ "terminating",
		  { .ips = "10.0.0.9", .phase = INVENTORY_RUNNING, .terminating = true },
		  "p=0",
		  "10.0.0.9 :->n1:+" },
		{ "without an address", { .phase = INVENTORY_PENDING }, "-", "" },
		{ "succeeded", { .ips = "10.0.0.9", .phase = INVENTORY_SUCCEEDED }, "-", "" },
		{ "failed, terminating",
		  { .ips = "10.0.0.9", .phase = INVENTORY_FAILED, .terminating = true },
		  "-",
		  "" },
		{ "host network",
		  { .ips = "10.0.0.9", .phase = INVENTORY_RUNNING, .host_network = true },
		  "-",
		  "" },
		{ "two addresses", { .ips = "10.0.0.9 fd00::9" }, "p=0", "10.0.0.9 :->n1:+" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		INVENTORY;

		given_usual(inv);
		given_pod(inv, "pay/second", rows[i].words);
		if (strcmp(given_taken(inv), rows[i].told) != 0 ||
		    strcmp(objects_class(inv, "10.0.0.9"), rows[i].class) != 0)
			fail_msg("%s: %s", rows[i].what, objects_class(inv, "10.0.0.9"));
		/* Found as it is by both ways. */
		given_compiled(inv);
		assert_string_equal(objects_class(inv, "10.0.0.9"), rows[i].class);
	}
}

static void parts_of_a_selector_may_be_absent_or_empty(void **state)
{
	static const struct {
		struct policy_words words;
		const char *
			selected; /* of pay/a (app=a), pay/b (app=b), rest/a (app=a), new/a (app=a) */
	} rows[] = {
		{ { .namespaces = "" }, "1111" },
		{ { .pods = "" }, "1111" },
		{ { .namespaces = "", .pods = "" }, "1111" },
		{ { .namespaces = "team=pay" }, "1100" },
		{ { .pods = "app=a" }, "1011" },
		{ { .namespaces = "", .pods = "app=a" }, "1011" },
		{ { .namespaces = "team=pay", .pods = "app=a" }, "1000" },
		{ { .namespaces = "team=pay", .pods = "" }, "1100" },
		{ { .namespaces = "team:NotIn:pay" }, "0010" }, /* new isn't known */
		{ { .namespaces = "team:DoesNotExist" }, "0000" },
		{ { .namespaces = "team=pay", .pods = "app=b", .namespaces2 = "team=rest" },
		  "0110" },
		{ { .namespaces = NULL }, "0000" }, /* no selectors */
		{ { .cidrs = "10.0.0.1/32 10.0.0.2/31" }, "1110" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char selected[5] = "0000";
		INVENTORY;

		given_egress(inv, 1);
		given_space(inv, "pay", "team=pay");
		given_space(inv, "rest", "team=rest");
		given_policy(inv, "p", rows[i].words);
		given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.1", .labels = "app=a" });
		given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.0.0.2", .labels = "app=b" });
		given_pod(inv, "rest/a",
			  (struct pod_words){ .ips = "10.0.0.3", .labels = "app=a" });
		given_pod(inv, "new/a", (struct pod_words){ .ips = "10.0.0.4", .labels = "app=a" });
		given_compiled(inv);
		for (int k = 0; k < 4; k++) {
			char ip[IP4_TEXT_MAX];

			ip4_format((struct ip4){ 0x0a000001 + (uint32_t)k }, ip);
			selected[k] = *objects_class(inv, ip) == '-' ? '0' : '1';
		}
		if (strcmp(selected, rows[i].selected) != 0)
			fail_msg("row %zu: %s", i, selected);
	}
}

static void a_pod_may_come_before_its_namespace(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);

	given_pod(inv, "late/a", (struct pod_words){ .ips = "10.0.0.9" });
	assert_string_equal(given_taken(inv), ""); /* not classified */
	given_space(inv, "late", "team=pay");
	assert_string_equal(given_taken(inv), "10.0.0.9 :->n1:+");
	inventory_namespace_remove(inv, "late", "somebody else's");
	assert_string_equal(given_taken(inv), "");
	inventory_namespace_remove(inv, "late", "uidlate");
	assert_string_equal(given_taken(inv), "10.0.0.9 n1:+>:-");
	given_space(inv, "late", "team=rest");
	assert_string_equal(given_taken(inv), "10.0.0.9 :->n1:-");
}

static void labels_may_change_on_pod_and_namespace(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	given_policy(inv, "q",
		     (struct policy_words){ .pods = "app=a", .destinations = "9.0.0.0/8" });
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.0.2", .labels = "app=a" });
	given_pod(inv, "rest/b", (struct pod_words){ .ips = "10.0.0.3" });
	assert_string_equal(given_taken(inv), "compile");
	given_compiled(inv);

	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.0.2", .labels = "app=b" });
	assert_string_equal(given_taken(inv), "10.0.0.2 n1:+>n1:-");
	given_space(inv, "rest", "team=pay");
	assert_string_equal(given_taken(inv), "10.0.0.2 n1:->n1:+;10.0.0.3 n1:->n1:+");
	given_pod(inv, "rest/a", (struct pod_words){ .ips = "10.0.0.2", .labels = "app=a" });
	assert_string_equal(given_taken(inv), "compile"); /* the first one in both */
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.2"), "p=0,q=0");
	given_pod(inv, "rest/b", (struct pod_words){ .ips = "10.0.0.3", .labels = "app=a" });
	assert_string_equal(given_taken(inv), "10.0.0.3 n1:+>n1:+!");
}

static void a_burst_becomes_its_difference(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);

	for (int i = 0; i < 100; i++) {
		given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.2", .created_s = i });
		given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.0.0.3" });
		inventory_pod_remove(inv, "pay", "b", "uidb");
	}
	assert_string_equal(given_taken(inv), "10.0.0.2 :->n1:+");
	assert_string_equal(given_taken(inv), "");
	inventory_pod_remove(inv, "pay", "a", "uida");
	given_pod(inv, "pay/c", (struct pod_words){ .ips = "10.0.0.2", .node = "n2" });
	assert_string_equal(given_taken(inv), "10.0.0.2 n1:+>n2:+");
	given_pod(inv, "pay/c", (struct pod_words){ .ips = "10.0.0.4", .node = "n2" });
	assert_string_equal(given_taken(inv), "10.0.0.2 n2:+>:-;10.0.0.4 :->n2:+");
}

static void an_address_has_the_uid_of_who_has_it_now(void **state)
{
	static const char uuid[] = "0c4f1e2d-1111-4222-8333-0123456789ab";
	struct inventory_birth birth;
	(void)state;
	INVENTORY;
	given_usual(inv);

	given_pod(inv, "pay/c",
		  (struct pod_words){ .uid = uuid, .ips = "10.0.0.9", .created_s = 20 });
	assert_true(inventory_birth_of(inv, objects_ip("10.0.0.9"), &birth));
	assert_string_equal(birth.uid, uuid);
	assert_int_equal(birth.created_s, 20);
	given_pod(inv, "pay/c",
		  (struct pod_words){ .uid = "x", .ips = "10.0.0.9", .created_s = 30 });
	assert_true(inventory_birth_of(inv, objects_ip("10.0.0.9"), &birth));
	assert_string_equal(birth.uid, "x");
	assert_int_equal(birth.created_s, 30);
	inventory_pod_remove(inv, "pay", "c", "x");
	assert_false(inventory_birth_of(inv, objects_ip("10.0.0.9"), &birth));
}

static void events_of_an_earlier_object_are_ignored(void **state)
{
	struct inventory_owner owner;
	(void)state;
	INVENTORY;
	given_usual(inv);

	given_pod(inv, "pay/a",
		  (struct pod_words){ .uid = "2", .ips = "10.0.0.2", .created_s = 20 });
	given_pod(inv, "pay/a",
		  (struct pod_words){ .uid = "1", .ips = "10.0.0.3", .created_s = 10 });
	inventory_pod_remove(inv, "pay", "a", "1");
	assert_string_equal(given_taken(inv), "10.0.0.2 :->n1:+");
	given_pod(inv, "pay/a",
		  (struct pod_words){ .uid = "3", .ips = "10.0.0.2", .created_s = 20 });
	assert_string_equal(given_taken(inv), "");
	assert_true(inventory_owner_of(inv, objects_ip("10.0.0.2"), &owner));
	assert_string_equal(owner.namespace, "pay");
	assert_string_equal(owner.name, "a");
	assert_string_equal(owner.node, "n1");
	assert_false(owner.contested);
	assert_false(inventory_owner_of(inv, objects_ip("10.0.0.3"), &owner));
	inventory_pod_remove(inv, "pay", "a", "2");
	assert_true(inventory_owner_of(inv, objects_ip("10.0.0.2"), &owner));
	inventory_pod_remove(inv, "pay", "a", "3");
	assert_false(inventory_owner_of(inv, objects_ip("10.0.0.2"), &owner));
	assert_string_equal(given_taken(inv), "10.0.0.2 n1:+>:-");

	given_policy(inv, "p", (struct policy_words){ .uid = "9", .created_s = -1, .pods = "" });
	inventory_policy_remove(inv, "p", "9");
	inventory_policy_remove(inv, "p", "8");
	assert_string_equal(given_taken(inv), "");
	inventory_policy_remove(inv, "p", "uidp");
	assert_string_equal(given_taken(inv), "compile");
	given_compiled(inv);
	assert_string_equal(objects_class(inv, "10.0.0.2"), "-");
}

static void long_names_are_cut_and_stay_different(void **state)
{
	char name[POLICY_NAME_MAX], other[POLICY_NAME_MAX], long_name[254];
	(void)state;

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[253] = '\0';
	inventory_name(name, NULL, long_name);
	assert_int_equal(strlen(name), POLICY_NAME_MAX - 1);
	assert_int_equal(name[POLICY_NAME_MAX - 1 - 17], '~');
	long_name[252] = 'b';
	inventory_name(other, NULL, long_name);
	assert_string_not_equal(name, other);
	inventory_name(other, "gw", "bank");
	assert_string_equal(other, "gw/bank");
	memset(long_name, 'a', 60);
	long_name[60] = '\0';
	inventory_name(other, "gw", long_name);
	assert_string_equal(other + 3, long_name);
	inventory_name(other, "gws", long_name);
	assert_non_null(strchr(other, '~'));
}

struct refusal {
	const char *error;
	struct policy_words words;
};

static void what_is_refused_changes_nothing(void **state)
{
	static const struct refusal rows[] = {
		{ "spec.selectors[0].podSelector: matchExpressions[0].operator: \"Is\"",
		  { .pods = "a:Is:b" } },
		{ "spec.selectors[1].namespaceSelector: matchLabels[0].key: \"-\"",
		  { .pods = "", .namespaces2 = "-=b" } },
	};
	struct inventory_selector neither = { NULL, NULL };
	struct inventory_policy text;
	struct err err = ERR_NULL;
	(void)state;
	INVENTORY;
	given_usual(inv);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(inventory_policy_set(inv, objects_policy("p", rows[i].words),
						      &err),
				 -EINVAL);
		if (strncmp(err.text, rows[i].error, strlen(rows[i].error)) != 0)
			fail_msg("%s", err.text);
	}
	text = *objects_policy("p", (struct policy_words){ .pods = "" });
	text.selectors = &neither;
	assert_int_equal(inventory_policy_set(inv, &text, &err), -EINVAL);
	assert_string_equal(err.text, "spec.selectors[0]: has neither namespaceSelector nor "
				      "podSelector; all pods are podSelector: {}");
	text.selectors = NULL;
	text.n_selectors = 0;
	text.n_egress_ips = 0;
	assert_int_equal(inventory_policy_set(inv, &text, &err), -EINVAL);
	assert_string_equal(err.text, "spec.egressIPs: is empty");

	struct inventory_pod bad =
		*objects_pod("pay/first", (struct pod_words){ .ips = "10.0.0.2" });
	bad.n_labels = LABELS_MAX + 1;
	assert_int_equal(inventory_pod_set(inv, &bad, &err), -EINVAL);
	assert_string_equal(err.text,
			    "metadata.labels: has 1025 entries; at most 1024 are possible");
	bad = *objects_pod("pay/first", (struct pod_words){ .ips = "10.0.0.2 10.0.0.2" });
	assert_int_equal(inventory_pod_set(inv, &bad, &err), -EINVAL);
	assert_string_equal(given_taken(inv), "");
	assert_string_equal(objects_class(inv, "10.0.0.1"), "p=0");
}

static void policies_have_a_ceiling_and_say_whether_one_is_strict(void **state)
{
	char name[16];
	struct err err = ERR_NULL;
	(void)state;
	INVENTORY;

	assert_false(inventory_is_strict(inv));
	for (int i = 0; i < POLICY_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		given_policy(inv, name, (struct policy_words){ .pods = "", .best_effort = true });
	}
	assert_false(inventory_is_strict(inv));
	assert_int_equal(
		inventory_policy_set(inv, objects_policy("q", (struct policy_words){ .pods = "" }),
				     &err),
		-ENOSPC);
	assert_string_equal(err.text, "more than 1024 policies");
	given_policy(inv, "p0", (struct policy_words){ .pods = "" });
	assert_true(inventory_is_strict(inv));
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
		TEST(only_pods_with_an_address_of_their_own_that_run_count),
		TEST(parts_of_a_selector_may_be_absent_or_empty),
		TEST(a_pod_may_come_before_its_namespace),
		TEST(labels_may_change_on_pod_and_namespace),
		TEST(a_burst_becomes_its_difference),
		TEST(an_address_has_the_uid_of_who_has_it_now),
		TEST(events_of_an_earlier_object_are_ignored),
		TEST(long_names_are_cut_and_stay_different),
		TEST(what_is_refused_changes_nothing),
		TEST(policies_have_a_ceiling_and_say_whether_one_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
