// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which device is whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "node/named.h"
#include "node/veth.h"
#include "policy/inventory.h"

static struct ip4 ip(const char *text)
{
	struct ip4 address;

	assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static struct pod behind(const char *device, const char *address)
{
	struct pod pod = { .address = ip(address), .in_main = true };

	snprintf(pod.device, sizeof(pod.device), "%s", device);
	return pod;
}

static const char *device_of(const char *prefix, const char *name)
{
	static char device[VETH_NAME_MAX];

	assert_int_equal(veth_name(prefix, "shop", name, device), 0);
	return device;
}

static void a_pod_s_addresses_are_those_behind_its_device(void **state)
{
	struct pod v[4];
	const struct pods pods = { v, ARRAY_SIZE(v) };
	struct ip4 found[4];

	(void)state;
	v[0] = behind(device_of("eni", "a"), "10.0.1.50");
	v[1] = behind(device_of("eni", "b"), "10.0.1.51");
	v[2] = behind(device_of("eni", "a"), "10.0.1.52");
	v[3] = behind(device_of("vlan", "strict"), "10.0.1.60");

	assert_int_equal(
		named_addresses(&pods, &(struct named_pod){ "eni", "shop", "a" }, found, 4), 2);
	assert_int_equal(found[0].v, ip("10.0.1.50").v);
	assert_int_equal(found[1].v, ip("10.0.1.52").v);
	assert_int_equal(
		named_addresses(&pods, &(struct named_pod){ "eni", "shop", "a" }, found, 1), 1);
	assert_int_equal(named_addresses(&pods, &(struct named_pod){ "eni", "shop", "strict" },
					 found, 4),
			 1);
	assert_int_equal(
		named_addresses(&pods, &(struct named_pod){ "eni", "shop", "c" }, found, 4), 0);
	assert_int_equal(
		named_addresses(&pods, &(struct named_pod){ "eni", "other", "a" }, found, 4), 0);
}

static void an_address_is_taken_by_whatever_device_it_is_behind(void **state)
{
	struct pod v[] = { behind(device_of("eni", "a"), "10.0.1.50"),
			   behind("eth5", "10.0.1.51") };
	const struct pods pods = { v, ARRAY_SIZE(v) };
	const struct ip4 addresses[] = { ip("10.0.1.9"), ip("10.0.1.51"), ip("10.0.1.52") };

	(void)state;
	assert_true(named_is_taken(&pods, addresses, 3));
	assert_false(named_is_taken(&pods, addresses, 1));
	assert_false(named_is_taken(&pods, &addresses[2], 1));
	assert_false(named_is_taken(&pods, addresses, 0));
}

static void tell(struct inventory *inventory, const char *name, const char *address)
{
	const struct ip4 addresses[] = { ip(address) };
	const struct inventory_pod pod = { .namespace = "shop",
					   .name = name,
					   .uid = name,
					   .node = "node1",
					   .addresses = addresses,
					   .n_addresses = 1,
					   .phase = INVENTORY_RUNNING };
	struct err err = ERR_NULL;

	if (inventory_pod_set(inventory, &pod, &err))
		fail_msg("%s", err.text);
}

struct row {
	const char *what, *device, *address;
	bool known;
};

/* `a` and `b` have devices as the CNI names them; `plain` is of a CNI that doesn't. */
static void a_device_is_known_if_its_pod_is(void **state)
{
	const struct row rows[] = {
		{ "named and told", "a", "10.0.1.50", true },
		{ "its address behind another pod's device", "b", "10.0.1.50", false },
		{ "nobody has told the address", "b", "10.0.1.51", false },
		{ "a pod without a device of its own name", "", "10.0.1.70", true },
	};
	const struct inventory_namespace space = { .name = "shop", .uid = "s" };
	CLEANUP(inventory_cleanup) struct inventory *inventory = inventory_new();
	const struct policy_result *result;
	struct pod v[ARRAY_SIZE(rows)];
	struct pods pods = { v, ARRAY_SIZE(v) };
	struct err err = ERR_NULL;

	(void)state;
	assert_non_null(inventory);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		v[i] = behind(rows[i].device[0] ? device_of("eni", rows[i].device) : "eth5",
			      rows[i].address);
	tell(inventory, "a", "10.0.1.50");
	tell(inventory, "plain", "10.0.1.70");
	assert_int_equal(inventory_compile(inventory, &result, &err), 0);
	named_mark(&pods, "eni", inventory);
	for (size_t i = 0; i < pods.n; i++)
		assert_false(v[i].known); /* the namespace could select them, and isn't known */

	assert_int_equal(inventory_namespace_set(inventory, &space, &err), 0);
	assert_int_equal(inventory_compile(inventory, &result, &err), 0);
	named_mark(&pods, "eni", inventory);

	for (size_t i = 0; i < pods.n; i++) {
		if (v[i].known != rows[i].known)
			fail_msg("%s: known is %d", rows[i].what, v[i].known);
	}

	/* Heard, and not computed: it may be selected. */
	tell(inventory, "b", "10.0.1.51");
	named_mark(&pods, "eni", inventory);
	assert_false(v[2].known);
	assert_int_equal(inventory_compile(inventory, &result, &err), 0);
	named_mark(&pods, "eni", inventory);
	assert_true(v[2].known);
}

/* `labels`: "drop" or NULL; `address` of either family or NULL. */
static void tell_any(struct inventory *inventory, const char *name, const char *label,
		     const char *address)
{
	const struct label_text labels[] = { { label, "yes" } };
	struct ip4 v4 = { 0 };
	struct ip6 v6 = { 0 };
	bool is6 = address && strchr(address, ':');
	const struct inventory_pod pod = { .namespace = "shop",
					   .name = name,
					   .uid = name,
					   .node = "node1",
					   .labels = labels,
					   .n_labels = label != NULL,
					   .addresses = &v4,
					   .n_addresses = address && !is6,
					   .addresses6 = &v6,
					   .n_addresses6 = is6,
					   .phase = INVENTORY_RUNNING };

	if (address && !is6)
		v4 = ip(address);
	assert_int_equal(inventory_pod_set(inventory, &pod, NULL), 0);
}

static void set_policy(struct inventory *inventory)
{
	const struct selector_text pods = {
		.labels = (const struct label_text[]){ { "drop", "yes" } }, .n_labels = 1
	};
	const struct inventory_selector selector = { .pods = &pods };
	const struct ip4_prefix all = { { 0 }, 0 };
	const char *const egress[] = { "bank" };
	const struct inventory_policy policy = { .name = "p",
						 .uid = "p",
						 .selectors = &selector,
						 .n_selectors = 1,
						 .destinations = &all,
						 .n_destinations = 1,
						 .gateway = "gw",
						 .egress_ips = egress,
						 .n_egress_ips = 1 };
	struct err err = ERR_NULL;

	if (inventory_policy_set(inventory, &policy, &err))
		fail_msg("%s", err.text);
}

/* By the pod's name, whatever addresses it has, or by an address behind a device that is called otherwise. */
static void a_device_is_judged_by_the_pod_that_it_is_of(void **state)
{
	static const struct {
		const char *name, *label, *address, *device;
		bool known, drops6;
	} rows[] = {
		{ "dual", "drop", "10.0.1.50", NULL, true, true },
		{ "six", "drop", "2001:db8::1", NULL, true, true },
		{ "early", "drop", NULL, NULL, true, true },
		{ "plain", NULL, "10.0.1.51", NULL, true, false },
		{ "plain6", NULL, "2001:db8::2", NULL, true, false },
		{ "foreign", "drop", "10.0.1.52", "enix1", true, true },
		{ "foreign2", NULL, "10.0.1.53", "enix2", true, false },
		/* Only IPv6, and a name that says nothing: nobody knows whose it is. */
		{ "foreign6", "drop", "2001:db8::3", "enix3", false, false },
		{ NULL, NULL, NULL, "eni00000000000", false, false },
	};
	const struct inventory_namespace space = { .name = "shop", .uid = "s" };
	CLEANUP(inventory_cleanup) struct inventory *inventory = inventory_new();
	struct pod_device devices[ARRAY_SIZE(rows)] = { 0 };
	struct pod v[ARRAY_SIZE(rows)];
	struct pods pods = { v, 0, devices, ARRAY_SIZE(devices) };
	const struct policy_result *result;

	(void)state;
	assert_non_null(inventory);
	set_policy(inventory);
	assert_int_equal(inventory_namespace_set(inventory, &space, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *device = rows[i].device ? rows[i].device :
						      device_of("eni", rows[i].name);

		devices[i].ifindex = 100 + (int)i;
		devices[i].known = devices[i].drops6 = i % 2; /* what was so before doesn't count */
		snprintf(devices[i].name, sizeof(devices[i].name), "%s", device);
		if (rows[i].name)
			tell_any(inventory, rows[i].name, rows[i].label, rows[i].address);
		if (rows[i].address && !strchr(rows[i].address, ':')) {
			v[pods.n] = behind(device, rows[i].address);
			v[pods.n++].ifindex = devices[i].ifindex;
		}
	}
	assert_int_equal(inventory_compile(inventory, &result, NULL), 0);

	named_mark(&pods, "eni", inventory);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (devices[i].known != rows[i].known || devices[i].drops6 != rows[i].drops6)
			fail_msg("%zu: known %d, drops %d", i, devices[i].known, devices[i].drops6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod_s_addresses_are_those_behind_its_device),
		cmocka_unit_test(an_address_is_taken_by_whatever_device_it_is_behind),
		cmocka_unit_test(a_device_is_known_if_its_pod_is),
		cmocka_unit_test(a_device_is_judged_by_the_pod_that_it_is_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
