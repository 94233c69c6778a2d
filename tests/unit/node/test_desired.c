// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which packet goes where, over the table and the routing that a node describes. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FLAG 0x1000u
#define UNKNOWN (FLAG | NODE_INDEX_UNKNOWN)

static const char two_policies[] =
	"[{\"name\": \"payments\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"bank\"],"
	"  \"excluded_cidrs\": [\"198.51.100.0/24\"]},"
	" {\"name\": \"post\", \"pod_cidrs\": [\"10.0.1.48/28\"], \"egress_ips\": [\"mail\"],"
	"  \"destination_cidrs\": [\"198.51.100.0/24\"]}]";

struct row {
	const char *what;
	struct {
		const char *iif, *src, *dst;
		uint32_t mark, ct_mark;
		bool reply;
		uint32_t state;
		const char *oif; /* where main leads, "eth0" when NULL */
		uint8_t tcp_flags;
	} in;
	int end;
	const char *gateway, *counter;
};

static void check_row(const struct node_fixture *f, const struct row *row, bool lost)
{
	struct nat_packet packet = { .src = ip(row->in.src),
				     .dst = ip(row->in.dst),
				     .protocol = 6,
				     .tcp_flags = row->in.tcp_flags,
				     .mark = row->in.mark,
				     .ct_mark = row->in.ct_mark,
				     .ct_reply = row->in.reply,
				     .ct_state = row->in.state ? row->in.state : NAT_STATE_NEW };
	struct journey j;

	snprintf(packet.iif, sizeof(packet.iif), "%s", row->in.iif);
	snprintf(packet.oif, sizeof(packet.oif), "%s", row->in.oif ? row->in.oif : "");
	j = travel(f, packet, lost);
	if (j.end != (typeof(j.end))row->end)
		fail_msg("%s: ended in %d, wanted %d, counter %s", row->what, (int)j.end, row->end,
			 j.counter);
	if (row->gateway && j.gateway.v != ip(row->gateway).v)
		fail_msg("%s: another gateway", row->what);
	if (row->counter && strcmp(row->counter, j.counter) != 0)
		fail_msg("%s: counted by '%s', wanted '%s'", row->what, j.counter, row->counter);
	if (j.end == WENT_TUNNEL && packet.ct_state == NAT_STATE_NEW && !lost)
		assert_true(j.kept_source);
}

static const struct row packets[] = {
	{ "selected pod to the internet",
	  { "eni1", "10.0.1.50", "198.51.100.10" },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
	{ "selected by range, branch interface",
	  { "vlan3", "10.0.1.66", "198.51.100.10" },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
	{ "selected pod inside the VPC",
	  { "eni1", "10.0.1.50", "10.0.7.7" },
	  WENT_DIRECT,
	  NULL,
	  "" },
	{ "selected pod to a service",
	  { "eni1", "10.0.1.50", "172.20.0.10" },
	  WENT_DIRECT,
	  NULL,
	  "" },
	{ "selected pod to the metadata service",
	  { "eni1", "10.0.1.50", "169.254.169.254" },
	  WENT_DIRECT,
	  NULL,
	  "" },
	{ "unselected pod", { "eni2", "10.0.1.51", "198.51.100.10" }, WENT_DIRECT, NULL, "" },
	{ "reply of a node port",
	  { "eni1", "10.0.1.50", "198.51.100.10", .reply = true, .state = NAT_STATE_ESTABLISHED },
	  WENT_DIRECT,
	  NULL,
	  "direct" },
	{ "reply after the node lost its connections",
	  { "eni1", "10.0.1.50", "198.51.100.10", .ct_mark = UNKNOWN, .reply = true,
	    .state = NAT_STATE_ESTABLISHED },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
	{ "connection keeps the lane it has",
	  { "eni1", "10.0.1.50", "198.51.100.10", .ct_mark = FLAG | 1,
	    .state = NAT_STATE_ESTABLISHED },
	  WENT_TUNNEL,
	  "10.0.2.200",
	  "steered" },
	{ "connection whose lane is gone gets another",
	  { "eni1", "10.0.1.50", "198.51.100.10", .ct_mark = FLAG | 77,
	    .state = NAT_STATE_ESTABLISHED },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
	{ "spoofed by another pod",
	  { "eni2", "10.0.1.50", "198.51.100.10" },
	  WENT_NOWHERE,
	  NULL,
	  "guard_spoofed" },
	{ "pod that isn't known yet",
	  { "eni9", "10.0.1.60", "198.51.100.10" },
	  WENT_NOWHERE,
	  NULL,
	  "guard_unclassified" },
	{ "pod that isn't known yet, to the VPC",
	  { "eni9", "10.0.1.60", "10.0.7.7" },
	  WENT_DIRECT,
	  NULL,
	  "" },
	{ "new connection out of the tunnel",
	  { "egw0", "198.51.100.10", "10.0.1.50", .oif = "eni1", .tcp_flags = 0x02 },
	  WENT_NOWHERE,
	  NULL,
	  "tunnel_new" },
	{ "answer out of the tunnel",
	  { "egw0", "198.51.100.10", "10.0.1.50", .oif = "eni1", .tcp_flags = 0x12, .ct_mark = FLAG,
	    .reply = true, .state = NAT_STATE_ESTABLISHED },
	  WENT_DIRECT,
	  NULL,
	  "" },
	{ "out of the tunnel to no pod",
	  { "egw0", "198.51.100.10", "10.0.1.11", .oif = "eth0", .tcp_flags = 0x10 },
	  WENT_NOWHERE,
	  NULL,
	  "tunnel_stray" },
	{ "out of the tunnel to a pod that isn't selected",
	  { "egw0", "198.51.100.10", "10.0.1.51", .oif = "eni2", .tcp_flags = 0x10 },
	  WENT_NOWHERE,
	  NULL,
	  "tunnel_stray" },
	{ "steered connection of a pod that left its policy",
	  { "eni2", "10.0.1.51", "198.51.100.10", .ct_mark = FLAG, .state = NAT_STATE_ESTABLISHED },
	  WENT_NOWHERE,
	  NULL,
	  "guard_leak" },
	{ "answer that comes past the tunnel",
	  { "eth0", "198.51.100.10", "10.0.1.50", .oif = "eni1", .ct_mark = FLAG, .reply = true,
	    .state = NAT_STATE_ESTABLISHED },
	  WENT_NOWHERE,
	  NULL,
	  "guard_wrongway" },
	{ "somebody else's mark bits stay",
	  { "eni1", "10.0.1.50", "198.51.100.10", .mark = 0x80 },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
};

static void each_packet_goes_its_right_way(void **state)
{
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		check_row(&f, &packets[i], false);

	node_fixture_done(&f);
}

static void a_best_effort_node_lets_unknown_pods_go(void **state)
{
	static const struct row row = {
		"unknown pod", { "eni9", "10.0.1.60", "198.51.100.10" }, WENT_DIRECT, NULL, ""
	};
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "best_effort");

	check_row(&f, &row, false);

	node_fixture_done(&f);
}

static void a_pod_that_kubernetes_has_not_named_waits_on_a_strict_node(void **state)
{
	static const struct row rows[] = {
		{ "not named",
		  { "eni2", "10.0.1.51", "198.51.100.10" },
		  WENT_NOWHERE,
		  NULL,
		  "guard_unclassified" },
		{ "within the VPC", { "eni2", "10.0.1.51", "10.0.7.7" }, WENT_DIRECT, NULL, "" },
		{ "selected by its address, named or not",
		  { "eni1", "10.0.1.50", "198.51.100.10" },
		  WENT_TUNNEL,
		  "10.0.1.200",
		  "steered" },
	};
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	f.pods.v[0].known = f.pods.v[1].known = false;
	nat_ruleset_done(&f.table);
	assert_int_equal(node_describe_table(&f.view, &f.table), 0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&f, &rows[i], false);

	node_fixture_done(&f);
}

static void what_no_gateway_carries_now_ends_here_and_nowhere_else(void **state)
{
	static const struct row row = {
		"governed", { "eni1", "10.0.1.50", "198.51.100.10" }, WENT_NOWHERE, NULL, "steered"
	};
	struct node_fixture f;
	struct node_egress *egress;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	egress = f.config.egress_ips.v;
	egress[0].gateway.v = 0;
	nat_ruleset_done(&f.table);
	net_desired_done(&f.routing);
	assert_int_equal(node_describe_table(&f.view, &f.table), 0);
	assert_int_equal(node_describe_routing(&f.view, &f.routing), 0);

	check_row(&f, &row, false);
	for (size_t i = 0; i < f.routing.routes.n; i++)
		assert_false(f.routing.routes.v[i].type == RT_THROW &&
			     f.routing.routes.v[i].dst.addr.v == 0);

	node_fixture_done(&f);
}

static void a_pod_of_two_policies_goes_by_its_destination(void **state)
{
	static const struct row rows[] = {
		{ "first policy",
		  { "eni1", "10.0.1.50", "203.0.113.9" },
		  WENT_TUNNEL,
		  "10.0.1.200",
		  "steered" },
		{ "second policy",
		  { "eni1", "10.0.1.50", "198.51.100.10" },
		  WENT_TUNNEL,
		  "10.0.2.200",
		  "steered" },
		{ "only in the second",
		  { "eni2", "10.0.1.51", "198.51.100.10" },
		  WENT_TUNNEL,
		  "10.0.2.200",
		  "steered" },
		{ "only in the second, elsewhere",
		  { "eni2", "10.0.1.51", "203.0.113.9" },
		  WENT_DIRECT,
		  NULL,
		  "" },
	};
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, two_policies, "strict");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&f, &rows[i], false);

	node_fixture_done(&f);
}

static struct nat_chain *chain_named(struct nat_ruleset *rs, const char *prefix)
{
	for (size_t i = 0; i < rs->n_chains; i++) {
		if (strncmp(rs->chains[i].name, prefix, strlen(prefix)) == 0)
			return &rs->chains[i];
	}
	return NULL;
}

static void redescribe(struct node_fixture *f)
{
	nat_ruleset_done(&f->table);
	f->table = (struct nat_ruleset){ 0 };
	assert_int_equal(node_describe_table(&f->view, &f->table), 0);
}

/* Both policies of the pod have 198.51.100.0/24, and the first one decides, also when it has no egress IP. */
static const struct row overlapping[] = {
	{ "in both", { "eni1", "10.0.1.50", "198.51.100.10" }, WENT_NOWHERE, NULL, "no_egress" },
	{ "only in the second",
	  { "eni1", "10.0.1.50", "203.0.113.9" },
	  WENT_TUNNEL,
	  "10.0.1.200",
	  "steered" },
	{ "inside the VPC", { "eni1", "10.0.1.50", "10.0.7.7" }, WENT_DIRECT, NULL, "" },
	{ "reply of a node port",
	  { "eni1", "10.0.1.50", "198.51.100.10", .reply = true, .state = NAT_STATE_ESTABLISHED },
	  WENT_DIRECT,
	  NULL,
	  "direct" },
};

static void the_first_policy_decides_even_without_an_egress_ip(void **state)
{
	struct ip4_prefix pod = { ip("10.0.1.50"), 32 }, some = { ip("198.51.100.0"), 24 };
	struct ip4_prefix all = { .len = 0 };
	unsigned bank = 0;
	const struct policy_spec specs[] = {
		{ .name = "a",
		  .pods = &pod,
		  .n_pods = 1,
		  .destinations = &all,
		  .n_destinations = 1,
		  .egress = &bank,
		  .n_egress = 1,
		  .precedence = 2 },
		{ .name = "b",
		  .pods = &pod,
		  .n_pods = 1,
		  .destinations = &some,
		  .n_destinations = 1,
		  .precedence = 1 },
	};
	const char *const names[] = { "bank", "mail" };
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");
	struct policy_input input = { .specs = specs,
				      .n_specs = 2,
				      .egress_names = names,
				      .n_egress = 2,
				      .always_excluded = f.config.always_excluded.v,
				      .n_always_excluded = f.config.always_excluded.n,
				      .lenient = true };
	policy_result_done(&f.policies);
	assert_int_equal(policy_compile(&input, &f.policies, NULL), 0);
	redescribe(&f);
	for (size_t i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++)
		check_row(&f, &overlapping[i], false);

	/* And the guard alone. */
	chain_named(&f.table, "s_")->n_rules = 0;
	f.routing.rules.n = 0;
	for (size_t i = 0; i < 2; i++) {
		struct row row = overlapping[i];

		row.end = WENT_NOWHERE;
		row.gateway = NULL;
		row.counter = "guard_leak";
		check_row(&f, &row, false);
	}
	node_fixture_done(&f);
}

/* nft flush ruleset: nothing is marked and nothing is dropped by a rule; only routing is left. */
static void without_the_table_a_governed_packet_goes_nowhere(void **state)
{
	static const struct row rows[] = {
		{ "selected", { "eni1", "10.0.1.50", "198.51.100.10" }, WENT_NOWHERE, NULL, NULL },
		{ "selected, CNI's mark",
		  { "eni1", "10.0.1.50", "198.51.100.10", .mark = 0x80 },
		  WENT_NOWHERE,
		  NULL,
		  NULL },
		{ "branch interface",
		  { "vlan3", "10.0.1.66", "198.51.100.10" },
		  WENT_NOWHERE,
		  NULL,
		  NULL },
		{ "selected, VPC", { "eni1", "10.0.1.50", "10.0.7.7" }, WENT_DIRECT, NULL, NULL },
		{ "unselected", { "eni2", "10.0.1.51", "198.51.100.10" }, WENT_DIRECT, NULL, NULL },
	};
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&f, &rows[i], true);

	node_fixture_done(&f);
}

/* The guard must hold when what steers is gone, whichever part of it. */
static void the_guard_does_not_need_what_steers(void **state)
{
	static const char *const broken[] = { "s_", "steer", "lane_0" };
	static const struct row row = {
		"selected", { "eni1", "10.0.1.50", "198.51.100.10" }, WENT_NOWHERE, NULL, NULL
	};
	(void)state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct node_fixture f;

		node_fixture_init(&f, NULL, "strict");
		chain_named(&f.table, broken[i])->n_rules = 0;

		check_row(&f, &row, false);
		f.routing.rules.n = 0;
		check_row(&f, &row, false);

		node_fixture_done(&f);
	}
}

static void a_gateways_own_address_is_thrown_out_of_each_lane(void **state)
{
	struct node_fixture f;
	size_t throws = 0;
	(void)state;

	node_fixture_init(&f, NULL, "strict");

	for (size_t i = 0; i < f.routing.routes.n; i++)
		throws += f.routing.routes.v[i].type == RT_THROW;

	/* Two lanes, two gateways: without these the tunnel's outer packet ends in the tunnel again. */
	assert_int_equal(throws, 4);
	node_fixture_done(&f);
}

static void a_pod_that_main_does_not_know_gets_a_way_back(void **state)
{
	struct node_fixture f;
	size_t found = 0;
	(void)state;

	node_fixture_init(&f, NULL, "strict");

	for (size_t i = 0; i < f.routing.routes.n; i++)
		found += f.routing.routes.v[i].oif == 13 &&
			 f.routing.routes.v[i].dst.addr.v == ip("10.0.1.66").v;

	assert_int_equal(found, 1);
	node_fixture_done(&f);
}

static void a_tunnel_packet_must_come_from_a_gateway_and_the_vpc(void **state)
{
	static const struct {
		const char *iif, *src;
		enum nat_eval_verdict verdict;
	} rows[] = { { "eth0", "10.0.1.200", NAT_EVAL_ACCEPT },
		     { "eth0", "10.0.2.11", NAT_EVAL_DROP },
		     { "eth0", "10.0.3.200", NAT_EVAL_ACCEPT }, /* a member that carries nothing */
		     { "eni2", "10.0.1.200", NAT_EVAL_DROP } };
	struct node_fixture f;
	(void)state;

	node_fixture_init(&f, NULL, "strict");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nat_packet packet = { .src = ip(rows[i].src),
					     .dst = ip("10.0.1.11"),
					     .protocol = 17,
					     .dst_port = 4789,
					     .ct_state = NAT_STATE_NEW };

		snprintf(packet.iif, sizeof(packet.iif), "%s", rows[i].iif);
		assert_int_equal(
			nat_eval_hook(&f.table, NAT_HOOK_INPUT, &packet, NULL, NULL).verdict,
			rows[i].verdict);
	}
	node_fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_goes_its_right_way),
		cmocka_unit_test(a_tunnel_packet_must_come_from_a_gateway_and_the_vpc),
		cmocka_unit_test(a_best_effort_node_lets_unknown_pods_go),
		cmocka_unit_test(a_pod_that_kubernetes_has_not_named_waits_on_a_strict_node),
		cmocka_unit_test(what_no_gateway_carries_now_ends_here_and_nowhere_else),
		cmocka_unit_test(a_pod_of_two_policies_goes_by_its_destination),
		cmocka_unit_test(the_first_policy_decides_even_without_an_egress_ip),
		cmocka_unit_test(without_the_table_a_governed_packet_goes_nowhere),
		cmocka_unit_test(the_guard_does_not_need_what_steers),
		cmocka_unit_test(a_gateways_own_address_is_thrown_out_of_each_lane),
		cmocka_unit_test(a_pod_that_main_does_not_know_gets_a_way_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
