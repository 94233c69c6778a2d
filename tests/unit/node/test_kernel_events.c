// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Random events of pods, one after the other, brought to the real kernel without looking at it; whatever came before, a whole
 * run must then find nothing to do. Addresses are given again, routes come before and after what Kubernetes says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nat/cmocka_all.h"
#include "../nat/kernel_fixture.h"
#include "base/cleanup.h"
#include "base/loop.h"
#include "nat/keeper.h"
#include "netlink/sync.h"
#include "node/desired.h"
#include "node/named.h"
#include "node/veth.h"
#include "policy/facts.h"
#include "policy/inventory.h"

enum { PODS = 10, ADDRESSES = 12, TURNS = 300 };

struct world {
	struct kernel *kernel;
	struct loop *loop;
	struct keeper *keeper;
	struct node_config config;
	struct inventory *inventory;
	struct lanes lanes;
	struct pods pods;
	struct node_egress egress[2];
	struct config_list egress_list;
	bool there[PODS];  /* Kubernetes has told of it */
	int route[PODS];   /* the last byte of its address; 0: none */
	bool branch[PODS]; /* the route stands in a table of its own */
	unsigned seed;
	char summary[256];
	bool changed;
};

static const char *const names[PODS] = {
	"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"
};

static unsigned below(struct world *w, unsigned n)
{
	return (unsigned)rand_r(&w->seed) % n;
}

static struct ip4 address(unsigned i)
{
	return (struct ip4){ 0x0a000100 + i };
}

static const char *device(size_t pod)
{
	static char name[VETH_NAME_MAX];

	assert_int_equal(veth_name("eni", "shop", names[pod], name), 0);
	return name;
}

static void add_policy(struct world *w, const char *name, bool allow_ip6)
{
	static const struct ip4_prefix all = { .len = 0 };
	const struct label_text label = { "egress", name };
	const struct selector_text pods = { .labels = &label, .n_labels = 1 };
	const struct inventory_selector selector = { .pods = &pods };
	const struct inventory_policy policy = { .name = name,
						 .uid = name,
						 .selectors = &selector,
						 .n_selectors = 1,
						 .destinations = &all,
						 .n_destinations = 1,
						 .gateway = "ours",
						 .egress_ips = &name,
						 .n_egress_ips = 1,
						 .allow_ip6 = allow_ip6 };

	assert_int_equal(inventory_policy_set(w->inventory, &policy, NULL), 0);
}

static void know_policies(struct world *w)
{
	static const struct inventory_egress known[] = { { "ours", "bank" }, { "ours", "mail" } };
	static const char *const lanes[] = { "ours/bank", "ours/mail" };
	const struct inventory_namespace space = { .name = "shop", .uid = "s" };

	assert_int_equal(inventory_egress_set(w->inventory, known, 2, NULL), 0);
	assert_int_equal(inventory_namespace_set(w->inventory, &space, NULL), 0);
	add_policy(w, "bank", false);
	add_policy(w, "mail", true);
	assert_int_equal(lanes_assign(&w->lanes, lanes, 2), 0);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(w->egress[i].name, sizeof(w->egress[i].name), "%s", lanes[i]);
		w->egress[i].gateway = (struct ip4){ 0x0a0001c8 + i };
	}
	w->egress_list = (struct config_list){ w->egress, 2 };
}

static void configure(struct world *w)
{
	static const char text[] =
		"{\"node\": {\"name\": \"node1\", \"address\": \"10.0.1.11\", \"uplink\": \"lo\"},"
		" \"always_excluded\": [\"10.0.0.0/16\"], \"egress_ips\": [], \"policies\": []}";
	struct err err = ERR_NULL;

	if (config_parse(&node_config_table, text, strlen(text), &w->config, &err))
		fail_msg("%s", err.text);
}

static struct node_view view_of(struct world *w)
{
	return (struct node_view){ .config = &w->config,
				   .policies = inventory_result(w->inventory),
				   .egress = &w->egress_list,
				   .lanes = &w->lanes,
				   .pods = &w->pods,
				   .tunnel_mtu = 1450,
				   .strict = inventory_is_strict(w->inventory),
				   .strict6 = inventory_is_strict6(w->inventory) };
}

static int describe(struct nat_ruleset *rs, struct net_desired *net, void *data, struct err *err)
{
	struct world *w = data;
	const struct policy_result *result;
	struct node_view view;

	assert_int_equal(pods_read(&w->pods, net_sync_rtnl(keeper_net_sync(w->keeper)), "eni", err),
			 0);
	assert_int_equal(inventory_compile(w->inventory, &result, err), 0);
	named_mark(&w->pods, "eni", w->inventory);
	view = view_of(w);
	assert_int_equal(node_describe_routing(&view, net), 0);
	return node_describe_table(&view, rs);
}

static int describe_second(struct nat_ruleset *rs, void *data, struct err *err)
{
	struct node_view view = view_of(data);

	(void)err;
	return node_describe_table6(&view, rs);
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct world *w = data;

	if (report->rc)
		fail_msg("%s", report->error);
	w->changed = report->changed;
	snprintf(w->summary, sizeof(w->summary), "%s", report->summary);
}

static void ip_route(const struct world *w, const char *verb, size_t pod)
{
	char text[IP4_TEXT_MAX];
	const char *argv[] = { "ip",    "route",
			       verb,    ip4_format(address((unsigned)w->route[pod]), text),
			       "dev",   device(pod),
			       "scope", "link",
			       "table", w->branch[pod] ? "100" : "main",
			       NULL };

	run_program(argv, false);
}

static int set_up(void **state)
{
	static const struct keeper_ops ops = { .describe = describe,
					       .describe_second = describe_second,
					       .on_run = on_run };
	struct world *w = calloc(1, sizeof(*w));
	struct err err = ERR_NULL;
	void *kernel;

	assert_non_null(w);
	if (kernel_set_up(&kernel))
		return -1;
	w->kernel = kernel;
	w->seed = 4789;
	for (size_t i = 0; i < PODS; i++) {
		const char *add[] = { "ip",   "link", "add",  device(i), "type",
				      "veth", "peer", "name", names[i],  NULL };

		run_program(add, false);
		run_program((const char *[]){ "ip", "link", "set", device(i), "up", NULL }, false);
		run_program((const char *[]){ "ip", "link", "set", names[i], "up", NULL }, false);
	}
	configure(w);
	w->inventory = inventory_new();
	know_policies(w);
	w->loop = loop_new();
	w->keeper = keeper_new(w->loop, NODE_TABLE, &ops, w, &err);
	assert_non_null(w->keeper);
	assert_int_equal(keeper_run(w->keeper, KEEPER_START, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	void *kernel = w->kernel;

	keeper_free(w->keeper);
	loop_free(w->loop);
	inventory_free(w->inventory);
	pods_done(&w->pods);
	config_done(&node_config_table, &w->config);
	free(w);
	return kernel_tear_down(&kernel);
}

/* Its label, address and state are others, or it is new. */
static void tell_pod(struct world *w, size_t i)
{
	static const char *const values[] = { "bank", "bank", "mail", "none" };
	const struct label_text label = { "egress", values[below(w, 4)] };
	const struct ip4 at = address(1 + below(w, ADDRESSES));
	const struct inventory_pod pod = { .namespace = "shop",
					   .name = names[i],
					   .uid = names[i],
					   .node = "node1",
					   .labels = &label,
					   .n_labels = 1,
					   .addresses = &at,
					   .n_addresses = below(w, 5) > 0,
					   .phase = below(w, 8) ? INVENTORY_RUNNING :
								  INVENTORY_SUCCEEDED,
					   .terminating = !below(w, 6) };

	assert_int_equal(inventory_pod_set(w->inventory, &pod, NULL), 0);
	w->there[i] = true;
}

static bool has_address(const struct world *w, int last)
{
	for (size_t i = 0; i < PODS; i++) {
		if (w->route[i] == last)
			return true;
	}
	return false;
}

/* The CNI's doing. */
static void change_route(struct world *w, size_t i)
{
	int last = 1 + (int)below(w, ADDRESSES);

	if (w->route[i]) {
		ip_route(w, "del", i);
		w->route[i] = 0;
	} else if (!has_address(w, last)) {
		w->route[i] = last;
		w->branch[i] = !below(w, 3);
		ip_route(w, "add", i);
	}
}

static void happen(struct world *w)
{
	size_t i = below(w, PODS);

	switch (below(w, 4)) {
	case 0:
		change_route(w, i);
		break;
	case 1:
		if (w->there[i])
			inventory_pod_remove(w->inventory, "shop", names[i], names[i]);
		w->there[i] = false;
		break;
	default:
		tell_pod(w, i);
	}
}

static void expect_rest(struct world *w)
{
	assert_int_equal(keeper_run(w->keeper, KEEPER_PERIODIC, NULL), 0);
	if (w->changed)
		fail_msg("a whole run still changed: %s", w->summary);
}

/* True: without a look. */
static bool go(struct world *w)
{
	struct err err = ERR_NULL;

	if (!keeper_next(w->keeper, &err))
		return true;
	if (err.text[0])
		fail_msg("%s", err.text);
	assert_int_equal(keeper_run(w->keeper, KEEPER_CHANGE, NULL), 0);
	return false;
}

static void after_any_event_a_whole_run_finds_nothing_to_do(void **state)
{
	struct world *w = *state;
	unsigned quick = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		for (unsigned n = 1 + below(w, 3); n; n--)
			happen(w);
		quick += go(w);
		expect_rest(w);
	}
	/* A class that has its first pod, or its last one no more, is other rules. */
	print_message("%u of %d without a look\n", quick, TURNS);
	assert_in_range(quick, TURNS / 2, TURNS - 1);
	assert_int_equal(keeper_stats(w->keeper).repairs, 0);
}

/* The same without a run in between, which would heal what went wrong. */
static void nothing_adds_up_over_many_events(void **state)
{
	struct world *w = *state;
	unsigned quick = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		happen(w);
		quick += go(w);
	}
	expect_rest(w);
	assert_in_range(quick, TURNS / 2, TURNS - 1);
}

static void select_pod(struct world *w, size_t i)
{
	const struct label_text label = { "egress", i % 2 ? "mail" : "bank" };
	const struct ip4 at = address(1 + (unsigned)i);
	const struct inventory_pod pod = { .namespace = "shop",
					   .name = names[i],
					   .uid = names[i],
					   .node = "node1",
					   .labels = &label,
					   .n_labels = 1,
					   .addresses = &at,
					   .n_addresses = 1,
					   .phase = INVENTORY_RUNNING };

	assert_int_equal(inventory_pod_set(w->inventory, &pod, NULL), 0);
}

static void make_all_selected(struct world *w)
{
	for (size_t i = 0; i < PODS; i++) {
		select_pod(w, i);
		w->route[i] = 1 + (int)i;
		ip_route(w, "add", i);
	}
	assert_int_equal(keeper_run(w->keeper, KEEPER_CHANGE, NULL), 0);
}

static void delete_rule_of(const struct world *w, size_t pod)
{
	char priority[16];
	const char *argv[] = { "ip", "rule", "del", "priority", priority, "iif", device(pod), NULL };

	snprintf(priority, sizeof(priority), "%u", w->config.rule_priority + 1);
	run_program(argv, false);
}

/* NULL: the rule of its's device. */
static const char *const foreign[] = {
	"add chain ip " NODE_TABLE
	" somebody", /* what is unheard of stands in the way of nothing */
	"add chain ip6 " NODE_TABLE " somebody",
	"flush map ip " NODE_TABLE " steer_pod",
	"delete table ip " NODE_TABLE,
	"delete table ip6 " NODE_TABLE,
	"delete element ip " NODE_TABLE " guard_pod { 10.0.1.1 }",
	"flush set ip6 " NODE_TABLE " dropped",
	NULL,
};

/* Then the first pod goes, which concerns just what is missing. */
static void what_somebody_else_did_is_a_run_s(void **state)
{
	struct world *w = *state;

	make_all_selected(w);
	assert_true(go(w));
	inventory_pod_remove(w->inventory, "shop", names[0], names[0]);
	assert_true(go(w));
	select_pod(w, 0);
	assert_true(go(w));
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		struct err err = ERR_NULL;

		print_message("%s\n", foreign[i] ? foreign[i] : "the rule of a device");
		if (foreign[i])
			nft(foreign[i]);
		else
			delete_rule_of(w, 0);
		inventory_pod_remove(w->inventory, "shop", names[0], names[0]);

		assert_int_equal(keeper_next(w->keeper, &err), KEEPER_MORE);

		assert_int_equal(keeper_run(w->keeper, KEEPER_CHANGE, NULL), 0);
		assert_true(w->changed);
		expect_rest(w);
		select_pod(w, 0);
		assert_int_equal(keeper_run(w->keeper, KEEPER_CHANGE, NULL), 0);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(after_any_event_a_whole_run_finds_nothing_to_do),
		TEST(nothing_adds_up_over_many_events),
		TEST(what_somebody_else_did_is_a_run_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
