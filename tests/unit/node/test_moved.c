// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/moved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "policy/inventory.h"

static void add_policy(struct inventory *inventory)
{
	static const struct ip4_prefix all = { .len = 0 };
	static const char *const egress[] = { "bank" };
	static const struct inventory_egress known = { "ours", "bank" };
	const struct label_text label = { "egress", "bank" };
	const struct selector_text pods = { .labels = &label, .n_labels = 1 };
	const struct inventory_selector selector = { .pods = &pods };
	const struct inventory_policy policy = { .name = "payments",
						 .uid = "1",
						 .selectors = &selector,
						 .n_selectors = 1,
						 .destinations = &all,
						 .n_destinations = 1,
						 .gateway = "ours",
						 .egress_ips = egress,
						 .n_egress_ips = 1 };

	assert_int_equal(inventory_egress_set(inventory, &known, 1, NULL), 0);
	assert_int_equal(inventory_policy_set(inventory, &policy, NULL), 0);
}

static void set_pod(struct inventory *inventory, const char *name, uint32_t address,
		    const char *label)
{
	const struct label_text egress = { "egress", label };
	const struct ip4 at = { address };
	const struct inventory_pod pod = { .namespace = "default",
					   .name = name,
					   .uid = name,
					   .node = "node1",
					   .labels = &egress,
					   .n_labels = 1,
					   .addresses = &at,
					   .n_addresses = 1,
					   .phase = INVENTORY_RUNNING };

	assert_int_equal(inventory_pod_set(inventory, &pod, NULL), 0);
}

static void note(struct ip4 address, void *data)
{
	char *text = data;

	snprintf(text + strlen(text), 64 - strlen(text), "%u ", address.v);
}

/* What is told after everything was computed anew. */
static void expect(struct moved *moved, struct inventory *inventory, const char *expected)
{
	const struct policy_result *result;
	char text[64] = "";

	assert_int_equal(inventory_compile(inventory, &result, NULL), 0);
	assert_int_equal(moved_look(moved, inventory, note, text), 0);
	assert_string_equal(text, expected);
	text[0] = '\0';
	assert_int_equal(moved_look(moved, inventory, note, text), 0);
	assert_string_equal(text, "");
}

static void each_address_of_another_class_is_told_once(void **state)
{
	CLEANUP(inventory_cleanup) struct inventory *inventory = inventory_new();
	CLEANUP(moved_done) struct moved moved = { .v = NULL };

	(void)state;
	add_policy(inventory);
	set_pod(inventory, "a", 3, "bank");
	set_pod(inventory, "b", 1, "bank");
	set_pod(inventory, "c", 2, "other");
	expect(&moved, inventory, "1 3 ");
	set_pod(inventory, "c", 2, "bank");
	set_pod(inventory, "a", 3, "other");
	expect(&moved, inventory, "2 3 ");
	inventory_pod_remove(inventory, "default", "b", "b");
	set_pod(inventory, "d", 4, "other");
	expect(&moved, inventory, "1 ");
	/* Two pods that are selected differently contest an address: nothing leaves with it. */
	set_pod(inventory, "e", 2, "other");
	expect(&moved, inventory, "2 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_of_another_class_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
