// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * 100,000 pods with 8 labels, 2,000 deployments, 100 namespaces, 100 policies. Time and memory are printed. What is
 * asserted is a ratio: a change costs the same with few pods and with many. Memory only without a sanitizer.
 */
#include "given.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>

enum { PODS = 100000, FEW = 1000, POLICIES = 100, SPACES = 100, DEPLOYMENTS = 2000, NODES = 1000 };
enum { CHANGES = 2000, LABELS = 8 };

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double used_mib(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)(info.uordblks + info.hblkhd) / (1 << 20);
}

struct texts {
	char namespace[32], name[64], uid[40], node[48], values[LABELS][64];
	struct label_text labels[LABELS];
	struct ip4 address;
	struct inventory_pod pod;
};

/* As a deployment with the usual labels makes it, and one label that no other pod has: the dearest case. */
static const struct inventory_pod *make_pod(struct texts *t, unsigned i)
{
	static const char *const keys[LABELS] = {
		"app.kubernetes.io/name",
		"app.kubernetes.io/instance",
		"app.kubernetes.io/version",
		"app.kubernetes.io/part-of",
		"pod-template-hash",
		"team",
		"tier",
		"statefulset.kubernetes.io/pod-name",
	};
	unsigned deployment = i % DEPLOYMENTS;

	snprintf(t->namespace, sizeof(t->namespace), "namespace-%u", deployment % SPACES);
	snprintf(t->name, sizeof(t->name), "deployment-%u-6d4cf56db6-%05u", deployment, i);
	snprintf(t->uid, sizeof(t->uid), "%08x-1234-4321-abcd-%012x", i * 2654435761u, i);
	snprintf(t->node, sizeof(t->node), "ip-10-0-%u-%u.eu-central-1.compute.internal",
		 i % NODES / 250, i % NODES % 250);
	for (unsigned k = 0; k < LABELS; k++) {
		snprintf(t->values[k], sizeof(t->values[k]), "value-%u-%u", k,
			 k == 5 ? deployment / (DEPLOYMENTS / POLICIES) : deployment);
		t->labels[k] = (struct label_text){ keys[k], t->values[k] };
	}
	snprintf(t->values[LABELS - 1], sizeof(t->values[0]), "%s", t->name);
	t->address.v = 0x0a000000 + i * 2;
	t->pod = (struct inventory_pod){ .namespace = t->namespace,
					 .name = t->name,
					 .uid = t->uid,
					 .created_s = i,
					 .node = t->node,
					 .labels = t->labels,
					 .n_labels = LABELS,
					 .addresses = &t->address,
					 .n_addresses = 1,
					 .phase = INVENTORY_RUNNING };
	return &t->pod;
}

static struct inventory *fill(unsigned n)
{
	struct inventory *inv = inventory_new();
	struct texts t;
	char name[32], words[96];

	given_egress(inv, 2);
	for (unsigned i = 0; i < SPACES; i++) {
		snprintf(name, sizeof(name), "namespace-%u", i);
		snprintf(words, sizeof(words), "half=%u kubernetes.io/metadata.name=%s", i % 2,
			 name);
		given_space(inv, name, words);
	}
	for (unsigned i = 0; i < POLICIES; i++) {
		snprintf(name, sizeof(name), "policy-%u", i);
		snprintf(words, sizeof(words), "team=value-5-%u tier:Exists", i);
		given_policy(inv, name,
			     (struct policy_words){ .namespaces = i % 3 ? "" : "half:In:0,1",
						    .pods = words,
						    .egress = i % 2 ? "bank mail" : "bank" });
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(inventory_pod_set(inv, make_pod(&t, i), NULL), 0);
	return inv;
}

/* Microseconds for a pod that is deleted and made again, each taken. */
static double change_us(struct inventory *inv, unsigned n)
{
	struct inventory_changes changes;
	double start = cpu_ms();
	struct texts t;

	for (unsigned i = 0; i < CHANGES / 2; i++) {
		const struct inventory_pod *pod = make_pod(&t, i * 7919 % n);

		inventory_pod_remove(inv, pod->namespace, pod->name, pod->uid);
		assert_int_equal(inventory_take(inv, &changes), 0);
		assert_int_equal(changes.n, 1);
		assert_int_equal(inventory_pod_set(inv, pod, NULL), 0);
		assert_int_equal(inventory_take(inv, &changes), 0);
		assert_int_equal(changes.n, 1);
	}
	return (cpu_ms() - start) * 1e3 / CHANGES;
}

static void a_change_costs_the_same_with_few_pods_and_with_many(void **state)
{
	const struct policy_result *result;
	struct inventory_status status;
	double before = used_mib(), start = cpu_ms(), filled, compiled, told;
	(void)state;

	CLEANUP(inventory_cleanup) struct inventory *many = fill(PODS);
	filled = cpu_ms();
	double stored = used_mib() - before;
	given_compiled(many);
	compiled = cpu_ms();
	double all = used_mib() - before;
	result = inventory_result(many);
	assert_int_equal(inventory_status(many, "policy-7", &status), 0);
	told = cpu_ms();

	print_message(
		"100,000 pods, 100 policies: %.0f ms to store, %.0f ms to compute, %.1f ms for a "
		"status; %.1f MiB stored, %.1f MiB with the result\n",
		filled - start, compiled - filled, told - compiled, stored, all);
	assert_int_equal(result->n_members, PODS);
	assert_int_equal(result->n_classes, POLICIES + POLICIES / 2);
	assert_int_equal(status.n_pods, PODS / POLICIES);
	assert_int_equal(status.n_problems, 0);
#ifndef __SANITIZE_ADDRESS__
	assert_true(all < 60);
#endif

	CLEANUP(inventory_cleanup) struct inventory *few = fill(FEW);
	given_compiled(few);
	double few_us = change_us(few, FEW), many_us = change_us(many, PODS);

	print_message("a change: %.1f us with 1,000 pods, %.1f us with 100,000\n", few_us, many_us);
	assert_true(many_us < 20 * few_us);
	objects_done();
}

/* Labels of one namespace: its 1,000 pods, not all. */
static void a_namespaces_labels_touch_its_own_pods_only(void **state)
{
	struct inventory_changes changes;
	(void)state;

	CLEANUP(inventory_cleanup) struct inventory *inv = fill(PODS);
	given_policy(inv, "moved",
		     (struct policy_words){ .namespaces = "moved=1", .destinations = "9.0.0.0/8" });
	given_compiled(inv);
	given_space(inv, "namespace-7", "half=1 moved=1");
	if (inventory_take(inv, &changes) == INVENTORY_E_COMPILE)
		given_compiled(inv);
	double start = cpu_ms();
	given_space(inv, "namespace-7", "half=1");
	assert_int_equal(inventory_take(inv, &changes), 0);
	print_message("1,000 pods of a relabelled namespace: %.1f ms\n", cpu_ms() - start);
	assert_int_equal(changes.n, PODS / SPACES);
	objects_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_costs_the_same_with_few_pods_and_with_many),
		cmocka_unit_test(a_namespaces_labels_touch_its_own_pods_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
