// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has a connection, by the configuration's word and by Kubernetes'. */
#include "gateway/log/flowlog.h"

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "base/err.h"
#include "desired_fixture.h"
#include "nat/flow.h"
#include "natlog/record.h"
#include "policy/facts.h"
#include "policy/inventory.h"

#define NS INT64_C(1000000000)

static const char by_file[] =
	"{\"gateway\": {\"name\": \"gw-a\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	"\"egress_ips\": ["
	"{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"{\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	"\"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.1.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]}],"
	"\"policies\": ["
	"{\"name\": \"pay\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"bank\"],"
	" \"destination_cidrs\": [\"198.51.100.0/25\"]},"
	"{\"name\": \"post\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"mail\"],"
	" \"destination_cidrs\": [\"198.51.100.128/25\"]}]}";

struct asked {
	const char *what, *src, *dst, *nat;
	uint32_t mark;
	int64_t start_ns;
	bool is_logged;
	struct natlog_who who;
};

static void assert_text(const char *what, const char *which, const char *seen, const char *wanted)
{
	if (strcmp(seen ? seen : "-", wanted ? wanted : "-") != 0)
		fail_msg("%s: %s is %s, not %s", what, which, seen, wanted);
}

static void check(const struct gateway_view *view, const struct asked *asked)
{
	const struct ct_flow flow = {
		.orig = { .src = ip(asked->src), .dst = ip(asked->dst), .protocol = IPPROTO_TCP },
		.nat = ip(asked->nat),
		.mark = asked->mark
	};
	struct natlog_who who = { 0 };
	char uid[INVENTORY_UID_MAX] = "";

	if (flowlog_who(view, &flow, asked->start_ns, uid, &who) != asked->is_logged)
		fail_msg("%s: %s", asked->what, asked->is_logged ? "isn't logged" : "is logged");
	assert_text(asked->what, "namespace", who.namespace, asked->who.namespace);
	assert_text(asked->what, "name", who.name, asked->who.name);
	assert_text(asked->what, "uid", who.uid, asked->who.uid);
	assert_text(asked->what, "node", who.node, asked->who.node);
	assert_text(asked->what, "policy", who.policy, asked->who.policy);
	assert_text(asked->what, "egress", who.egress, asked->who.egress);
	assert_int_equal(who.public.v, asked->who.public.v);
}

static const struct asked by_file_rows[] = {
	{ "governed by the first",
	  "10.0.1.50",
	  "198.51.100.10",
	  "10.0.1.201",
	  1,
	  0,
	  true,
	  { .node = "node1", .policy = "pay", .egress = "bank", .public = { 0xcb007164 } } },
	{ "governed by the second",
	  "10.0.1.50",
	  "198.51.100.200",
	  "10.0.1.202",
	  2,
	  0,
	  true,
	  { .node = "node1", .policy = "post", .egress = "mail", .public = { 0xcb007165 } } },
	{ "given another egress IP before",
	  "10.0.1.50",
	  "198.51.100.200",
	  "10.0.1.201",
	  1,
	  0,
	  true,
	  { .node = "node1", .egress = "bank", .public = { 0xcb007164 } } },
	{ "the mark of another order",
	  "10.0.1.50",
	  "198.51.100.10",
	  "10.0.1.201",
	  2,
	  0,
	  true,
	  { .node = "node1", .policy = "pay", .egress = "bank", .public = { 0xcb007164 } } },
	{ "an egress IP of before",
	  "10.0.1.50",
	  "198.51.100.10",
	  "10.0.1.209",
	  1,
	  0,
	  true,
	  { .node = "node1" } },
	{ "selected no more",
	  "10.0.1.60",
	  "198.51.100.10",
	  "10.0.1.201",
	  1,
	  0,
	  true,
	  { .node = "node1", .egress = "bank", .public = { 0xcb007164 } } },
	{ "the host's own", "10.0.1.200", "198.51.100.10", "10.0.1.201", 0, 0, false, { 0 } },
	{ "a mark that is none of ours",
	  "10.0.1.50",
	  "198.51.100.10",
	  "10.0.1.201",
	  0x1000,
	  0,
	  false,
	  { 0 } },
};

static void a_configuration_says_policy_node_and_egress_ip(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init_with(&f, by_file);
	for (size_t i = 0; i < sizeof(by_file_rows) / sizeof(by_file_rows[0]); i++)
		check(&f.view, &by_file_rows[i]);
	fixture_done(&f);
}

static void set_pod(struct inventory *inventory, const char *name, const char *address,
		    int64_t created_s)
{
	const struct ip4 at = ip(address);
	const struct inventory_pod pod = { .namespace = "shop",
					   .name = name,
					   .uid = name,
					   .created_s = created_s,
					   .node = "node1",
					   .addresses = &at,
					   .n_addresses = 1,
					   .phase = INVENTORY_RUNNING };
	struct err err = ERR_NULL;

	if (inventory_pod_set(inventory, &pod, &err))
		fail_msg("%s", err.text);
}

static struct inventory *cluster_of(void)
{
	static const struct ip4_prefix all = { .len = 0 };
	static const char *const egress_names[] = { "bank" };
	static const struct inventory_egress egress[] = { { "ours", "bank" } };
	const struct selector_text everything = { .n_labels = 0 };
	const struct inventory_selector selector = { .pods = &everything };
	const struct inventory_namespace space = { .name = "shop", .uid = "shop" };
	const struct ip4_prefix far = { ip("10.9.0.0"), 24 };
	const struct inventory_policy policy = { .name = "pay",
						 .uid = "pay",
						 .selectors = &selector,
						 .n_selectors = 1,
						 .pod_cidrs = &far,
						 .n_pod_cidrs = 1,
						 .destinations = &all,
						 .n_destinations = 1,
						 .gateway = "ours",
						 .egress_ips = egress_names,
						 .n_egress_ips = 1 };
	struct inventory *inventory = inventory_new();
	const struct policy_result *result;
	struct err err = ERR_NULL;

	assert_non_null(inventory);
	assert_int_equal(inventory_egress_set(inventory, egress, 1, &err), 0);
	assert_int_equal(inventory_namespace_set(inventory, &space, &err), 0);
	assert_int_equal(inventory_policy_set(inventory, &policy, &err), 0);
	set_pod(inventory, "web", "10.0.1.50", 1000);
	if (inventory_compile(inventory, &result, &err))
		fail_msg("%s", err.text);
	return inventory;
}

#define WEB                                                                        \
	{                                                                          \
		.namespace = "shop", .name = "web", .uid = "web", .node = "node1", \
		.policy = "pay", .egress = "bank", .public = {                     \
			0xcb007164                                                 \
		}                                                                  \
	}
#define NOBODY                                                              \
	{                                                                   \
		.policy = "pay", .egress = "bank", .public = { 0xcb007164 } \
	}

static void kubernetes_says_the_pod_if_nobody_else_can_have_been_it(void **state)
{
	const struct asked rows[] = {
		{ "begins now", "10.0.1.50", "198.51.100.10", "10.0.1.201", 1, 0, true, WEB },
		{ "began after the pod", "10.0.1.50", "198.51.100.10", "10.0.1.201", 1, 2000 * NS,
		  true, WEB },
		{ "in its first second", "10.0.1.50", "198.51.100.10", "10.0.1.201", 1,
		  1000 * NS + 1, true, WEB },
		{ "began before the pod", "10.0.1.50", "198.51.100.10", "10.0.1.201", 1,
		  1000 * NS - 1, true, NOBODY },
		{ "by address", "10.9.0.7", "198.51.100.10", "10.0.1.201", 1, 0, true, NOBODY },
	};
	struct fixture f;
	struct inventory *inventory = cluster_of();

	(void)state;
	fixture_init_with(&f, by_file);
	f.view.inventory = inventory;
	f.view.policies = inventory_result(inventory);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&f.view, &rows[i]);
	inventory_free(inventory);
	fixture_done(&f);
}

static void before_anything_is_known_only_the_egress_ip_is_told(void **state)
{
	const struct asked row = { "early",
				   "10.0.1.50",
				   "198.51.100.10",
				   "10.0.1.201",
				   1,
				   0,
				   true,
				   { .egress = "bank", .public = { 0xcb007164 } } };
	struct inventory *inventory = inventory_new();
	struct gateway_view view;
	struct fixture f;

	(void)state;
	assert_non_null(inventory);
	fixture_init_with(&f, by_file);
	view = f.view;
	view.policies = NULL;
	view.inventory = inventory;
	check(&view, &row);
	inventory_free(inventory);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_says_policy_node_and_egress_ip),
		cmocka_unit_test(kubernetes_says_the_pod_if_nobody_else_can_have_been_it),
		cmocka_unit_test(before_anything_is_known_only_the_egress_ip_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
