// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What an inventory says about policies and pods. */
#include "given.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Compiled or taken, whichever is needed. */
static void settle(struct inventory *inv)
{
	if (!strcmp(given_taken(inv), "compile"))
		given_compiled(inv);
}

static void usual(struct inventory *inv)
{
	given_egress(inv, 2);
	given_space(inv, "pay", "a=1");
}

/* "N pods" and for each problem its name, number and sentence. */
static void assert_status(const struct inventory *inv, const char *name, const char *wanted)
{
	struct inventory_status status;
	char text[4096];
	size_t used;

	assert_int_equal(inventory_status(inv, name, &status), 0);
	used = (size_t)snprintf(text, sizeof(text), "%zu pods", status.n_pods);
	for (size_t i = 0; i < status.n_problems; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\n%s %zu: %s",
					 inventory_reason_name(status.problems[i].reason),
					 status.problems[i].n, status.problems[i].text);
	assert_string_equal(text, wanted);
}

static void the_pods_of_a_policy_are_counted_as_they_come_and_go(void **state)
{
	struct inventory_status status;
	(void)state;
	INVENTORY;
	usual(inv);
	given_policy(inv, "p", (struct policy_words){ .pods = "", .cidrs = "10.9.0.0/24" });
	assert_int_equal(inventory_status(inv, "p", &status), -EAGAIN);
	assert_int_equal(inventory_status(inv, "q", &status), -ENOENT);

	given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.1" });
	given_policy(inv, "range",
		     (struct policy_words){ .pods = "x=y",
					    .cidrs = "10.9.0.0/24",
					    .destinations = "127.0.0.0/8" });
	settle(inv);
	assert_status(inv, "p", "1 pods");
	given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.9.0.2" });
	given_pod(inv, "pay/c", (struct pod_words){ .ips = "10.0.0.3" });
	settle(inv);
	assert_status(inv, "p", "3 pods");
	assert_status(inv, "range",
		      "0 pods\nNoDestination 1: nothing is left of destinationCIDRs after "
		      "the excluded ranges");
	given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.9.0.2", .labels = "x=y" });
	settle(inv);
	assert_status(inv, "range",
		      "1 pods\nNoDestination 1: nothing is left of destinationCIDRs after "
		      "the excluded ranges");
	assert_int_equal(
		inventory_pod_set(
			inv, objects_pod("pay/a", (struct pod_words){ .phase = INVENTORY_FAILED }),
			NULL),
		0);
	inventory_pod_remove(inv, "pay", "b", "uidb");
	settle(inv);
	assert_status(inv, "p", "1 pods");
	given_compiled(inv);
	assert_status(inv, "p", "1 pods");
	given_policy(inv, "p", (struct policy_words){ .pods = "x=y" });
	assert_int_equal(inventory_status(inv, "p", &status), -EAGAIN);
	settle(inv);
	assert_status(inv, "p", "0 pods");
}

static void what_cannot_carry_a_policy_is_named(void **state)
{
	(void)state;
	INVENTORY;
	usual(inv);
	given_policy(inv, "p1", (struct policy_words){ .cidrs = "10.0.1.0/32", .gateway = "gone" });
	given_policy(inv, "p2",
		     (struct policy_words){ .cidrs = "10.0.2.0/32", .egress = "x w y z bank" });
	given_policy(inv, "p3", (struct policy_words){ .cidrs = "10.0.3.0/32", .egress = "x" });
	given_policy(inv, "p4",
		     (struct policy_words){ .cidrs = "11.0.0.0/8", .egress = "bank mail" });
	given_policy(inv, "p5",
		     (struct policy_words){ .cidrs = "10.0.5.0/32",
					    .destinations = "127.0.0.1/32" });
	given_policy(inv, "p6", (struct policy_words){ .cidrs = "10.0.6.0/32" });
	given_compiled(inv);

	assert_status(
		inv, "p1",
		"0 pods\nEgressGatewayUnknown 1: no egress IP of an EgressGateway \"gone\" is "
		"known; what the policy governs is dropped");
	assert_status(
		inv, "p2",
		"0 pods\nEgressIPUnknown 4: EgressGateway \"gw\" has no egress IP w, x, y and 1 "
		"more; the others are used");
	assert_status(
		inv, "p3",
		"0 pods\nEgressIPUnknown 1: EgressGateway \"gw\" has no egress IP x; what the "
		"policy governs is dropped");
	assert_status(
		inv, "p4",
		"0 pods\nTooManyAddresses 1: podCIDRs has more addresses than can be spread over "
		"several egress IPs (65536, all policies together 1048576); what the policy "
		"governs is dropped");
	assert_status(
		inv, "p5",
		"0 pods\nNoDestination 1: nothing is left of destinationCIDRs after the excluded "
		"ranges");
	assert_status(inv, "p6", "0 pods");
}

static void the_younger_of_two_in_conflict_says_so(void **state)
{
	(void)state;
	INVENTORY;
	usual(inv);
	given_policy(inv, "old",
		     (struct policy_words){
			     .pods = "a=1", .created_s = 1, .destinations = "9.0.0.0/8" });
	given_policy(inv, "young", (struct policy_words){ .pods = "b=1", .created_s = 2 });
	given_policy(inv, "apart",
		     (struct policy_words){
			     .pods = "b=1", .created_s = 0, .destinations = "127.0.0.0/8" });
	given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.1", .labels = "a=1" });
	given_pod(inv, "pay/b", (struct pod_words){ .ips = "10.0.0.2", .labels = "b=1" });
	settle(inv);
	assert_status(inv, "young", "1 pods");
	given_pod(inv, "pay/c", (struct pod_words){ .ips = "10.0.0.3", .labels = "a=1 b=1" });
	settle(inv);
	assert_status(inv, "old", "2 pods");
	assert_status(inv, "young",
		      "2 pods\nConflict 1: 1 pods are also in older policies with some of the same "
		      "destinations, and those govern them there: old");
	inventory_pod_remove(inv, "pay", "c", "uidc");
	settle(inv);
	assert_status(inv, "young", "1 pods");

	given_policy(inv, "range", (struct policy_words){ .cidrs = "10.7.0.0/16", .created_s = 3 });
	given_policy(inv, "part", (struct policy_words){ .cidrs = "10.7.7.7/32", .created_s = 4 });
	given_compiled(inv);
	assert_status(inv, "range", "0 pods");
	assert_status(inv, "part",
		      "0 pods\nConflict 1: 0 pods are also in older policies with some of the same "
		      "destinations, and those govern them there: range");
}

static void pods_that_cannot_be_served_are_named(void **state)
{
	char name[32], ip[32];
	(void)state;
	INVENTORY;
	usual(inv);
	given_policy(inv, "p", (struct policy_words){ .pods = "a=1" });
	given_policy(inv, "q", (struct policy_words){ .pods = "q=1", .destinations = "9.0.0.0/8" });
	for (int i = 9; i > 0; i--) {
		snprintf(name, sizeof(name), "pay/host%d", i);
		given_pod(inv, name,
			  (struct pod_words){ .ips = "10.0.8.8",
					      .host_network = true,
					      .labels = i > 5 ? "b=1" : "a=1" });
		snprintf(name, sizeof(name), "pay/x%d", i % 2);
		snprintf(ip, sizeof(ip), "10.0.0.%d", i % 2);
		given_pod(inv, name, (struct pod_words){ .ips = ip, .labels = "a=1" });
	}
	given_pod(inv, "pay/y", (struct pod_words){ .ips = "10.0.0.1", .created_s = 1 });
	settle(inv);

	assert_status(
		inv, "p",
		"2 pods\nAddressContested 1: several running pods that are selected differently "
		"have the same address, whose traffic is dropped: 10.0.0.1 (pay/y)\n"
		"HostNetworkPods 5: pods of the host's network have the node's address and are "
		"ignored: pay/host1, pay/host2, pay/host3 and 2 more");
	assert_status(inv, "q", "0 pods");
	inventory_pod_remove(inv, "pay", "y", "uidy");
	settle(inv);
	given_pod(inv, "pay/x1", (struct pod_words){ .ips = "10.0.0.1", .labels = "a=1 q=1" });
	settle(inv);
	assert_status(inv, "q",
		      "1 pods\nConflict 1: 1 pods are also in older policies with some of the same "
		      "destinations, and those govern them there: p");
}

static void whether_something_else_is_to_be_said_of_ignored_pods_is_known(void **state)
{
	(void)state;
	INVENTORY;
	given_usual(inv);
	assert_false(inventory_take_ignored(inv));
	given_pod(inv, "pay/host", (struct pod_words){ .host_network = true });
	assert_string_equal(given_taken(inv), "");
	assert_true(inventory_take_ignored(inv));
	assert_false(inventory_take_ignored(inv));

	/* Another label, of the pod or its namespace; not the same again. */
	given_pod(inv, "pay/host", (struct pod_words){ .host_network = true });
	assert_false(inventory_take_ignored(inv));
	given_pod(inv, "pay/host", (struct pod_words){ .host_network = true, .labels = "a=1" });
	assert_true(inventory_take_ignored(inv));
	given_space(inv, "pay", "team=pay b=1");
	assert_true(inventory_take_ignored(inv));
	given_space(inv, "rest", "c=1");
	assert_false(inventory_take_ignored(inv));
	inventory_pod_remove(inv, "pay", "host", "uidhost");
	assert_true(inventory_take_ignored(inv));

	/* Those that count are told otherwise. */
	given_pod(inv, "pay/second", (struct pod_words){ .ips = "10.0.0.2" });
	assert_false(inventory_take_ignored(inv));
}

static void why_a_pod_is_selected_can_be_said(void **state)
{
	struct inventory_found found;
	struct inventory_match match;
	size_t cursor = 0;
	(void)state;
	INVENTORY;
	usual(inv);
	given_policy(inv, "p",
		     (struct policy_words){ .pods = "no=1", .namespaces2 = "a=1", .created_s = 2 });
	given_policy(inv, "q", (struct policy_words){ .cidrs = "10.0.0.0/24", .created_s = 1 });
	given_policy(inv, "r", (struct policy_words){ .pods = "no=1" });
	given_pod(inv, "pay/a", (struct pod_words){ .ips = "10.0.0.1", .terminating = true });
	given_pod(inv, "new/a", (struct pod_words){ .host_network = true });
	given_compiled(inv);

	assert_false(inventory_find(inv, "pay", "b", &found));
	assert_true(inventory_find(inv, "new", "a", &found));
	assert_int_equal(found.state, INVENTORY_IS_HOST_NETWORK);
	assert_false(found.namespace_known);
	assert_true(inventory_find(inv, "pay", "a", &found));
	assert_int_equal(found.state, INVENTORY_COUNTS);
	assert_true(found.namespace_known && found.terminating);
	assert_int_equal(found.n_addresses, 1);
	assert_int_equal(found.addresses[0].v, objects_ip("10.0.0.1").v);
	assert_true(inventory_next_match(inv, &found, &cursor, &match));
	assert_string_equal(match.policy, "q");
	assert_int_equal(match.selector, -1);
	assert_true(match.by_address);
	assert_true(inventory_next_match(inv, &found, &cursor, &match));
	assert_string_equal(match.policy, "p");
	assert_int_equal(match.selector, 1);
	assert_false(match.by_address);
	assert_false(inventory_next_match(inv, &found, &cursor, &match));
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
		TEST(the_pods_of_a_policy_are_counted_as_they_come_and_go),
		TEST(what_cannot_carry_a_policy_is_named),
		TEST(the_younger_of_two_in_conflict_says_so),
		TEST(pods_that_cannot_be_served_are_named),
		TEST(whether_something_else_is_to_be_said_of_ignored_pods_is_known),
		TEST(why_a_pod_is_selected_can_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
