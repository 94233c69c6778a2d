// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "daemon/objects.h"
#include "kube/kinds.h"

static void a_time_is_read_and_what_is_none_is_0(void **state)
{
	(void)state;
	assert_int_equal(object_created("1970-01-02T00:00:01Z"), 86401);
	assert_int_equal(object_created("2026-11-28T09:00:00Z"), 1795856400);
	assert_int_equal(object_created("yesterday"), 0);
	assert_int_equal(object_created(NULL), 0);
}

/* The copy must stand when the object is gone: what it was made of is overwritten here. */
static void a_pod_s_copy_owns_all_that_it_says(void **state)
{
	char name[] = "web-0", key[] = "app", value[] = "web", node[] = "node1";
	struct kube_label labels[] = { { key, value } };
	struct kube_address ips[] = { { .text = "10.0.1.50", .family = 4, .v4 = { 0x0a000132 } },
				      { .text = "fd00::5", .family = 6, .v6 = { 0xfd, [15] = 5 } },
				      { .text = "nonsense" } };
	struct kube_pod pod = { .meta = { .name = name,
					  .namespace = "shop",
					  .uid = "u1",
					  .created = "1970-01-01T00:00:05Z",
					  .is_going = true,
					  .labels = { labels, 1 } },
				.node = node,
				.phase = KUBE_PHASE_FAILED,
				.ips = { ips, 3 } };
	struct inventory_pod *copy = object_pod(&pod);

	(void)state;
	assert_non_null(copy);
	name[0] = key[0] = value[0] = node[0] = 'X';
	ips[0].v4.v = 0;
	assert_string_equal(copy->name, "web-0");
	assert_string_equal(copy->node, "node1");
	assert_string_equal(copy->labels[0].key, "app");
	assert_string_equal(copy->labels[0].value, "web");
	assert_int_equal(copy->created_s, 5);
	assert_int_equal(copy->n_addresses, 1);
	assert_int_equal(copy->addresses[0].v, 0x0a000132);
	assert_int_equal(copy->n_addresses6, 1);
	assert_int_equal(copy->addresses6[0].v[15], 5);
	assert_int_equal(copy->phase, INVENTORY_FAILED);
	assert_true(copy->terminating);
	free(copy);
}

/* status.podIP alone, as a kubelet of old writes it. */
static void one_address_is_enough(void **state)
{
	const struct kube_pod pod = {
		.meta = { .name = "p", .namespace = "n", .uid = "u" },
		.ip = { .text = "10.0.1.9", .family = 4, .v4 = { 0x0a000109 } }
	};
	struct inventory_pod *copy = object_pod(&pod);

	(void)state;
	assert_int_equal(copy->n_addresses, 1);
	assert_int_equal(copy->addresses[0].v, 0x0a000109);
	assert_null(copy->node);
	free(copy);
}

static void a_selector_that_is_absent_stays_so(void **state)
{
	const char *values[] = { "a", "b" };
	struct kube_expression expressions[] = { { "team", "In", { values, 2 } } };
	struct kube_pod_selector selectors[] = {
		{ .has_pods = true },
		{ .has_namespaces = true, .namespaces = { .expressions = { expressions, 1 } } },
	};
	const char *egress[] = { "bank" };
	const struct kube_policy policy = { .meta = { .name = "p", .uid = "u", .generation = 3 },
					    .selectors = { selectors, 2 },
					    .gateway = "partners",
					    .egress_ips = { egress, 1 },
					    .enforcement = KUBE_ENFORCEMENT_BEST_EFFORT };
	struct inventory_policy *copy = object_policy(&policy);

	(void)state;
	assert_non_null(copy);
	assert_null(copy->selectors[0].namespaces);
	assert_non_null(copy->selectors[0].pods);
	assert_int_equal(copy->selectors[0].pods->n_labels, 0);
	assert_null(copy->selectors[1].pods);
	assert_string_equal(copy->selectors[1].namespaces->expressions[0].values[1], "b");
	assert_string_equal(copy->egress_ips[0], "bank");
	assert_true(copy->best_effort);
	assert_false(copy->allow_ip6);
	/* Nothing said is everywhere, as the CRD's default says. */
	assert_int_equal(copy->n_destinations, 1);
	assert_int_equal(copy->destinations[0].len, 0);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_read_and_what_is_none_is_0),
		cmocka_unit_test(a_pod_s_copy_owns_all_that_it_says),
		cmocka_unit_test(one_address_is_enough),
		cmocka_unit_test(a_selector_that_is_absent_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
