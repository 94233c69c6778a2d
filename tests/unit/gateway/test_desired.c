// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which packet a gateway lets through, and with which address, over the table that it describes. */
#include "desired_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "gateway/audit.h"
#include "gateway/own/own.h"
#include "gateway/parameters.h"

static const char config_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"always_excluded\": [\"10.0.0.0/16\", \"172.20.0.0/16\"],"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"                {\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.1.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]},"
	"           {\"name\": \"node2\", \"address\": \"10.0.2.11\", \"pod_cidrs\": [\"10.0.2.48/28\"]}],"
	" \"policies\": ["
	"  {\"name\": \"payments\", \"pod_cidrs\": [\"10.0.1.50/32\", \"10.0.2.48/30\"],"
	"   \"excluded_cidrs\": [\"198.51.100.0/24\"], \"egress_ips\": [\"bank\"]},"
	"  {\"name\": \"post\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"mail\"],"
	"   \"destination_cidrs\": [\"198.51.100.0/24\"]}]}";

static void fixture_init(struct fixture *f)
{
	fixture_init_with(f, config_text);
}

static const struct row packets[] = {
	{ .what = "pod by address",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9",
	  .leaves_as = "10.0.1.201" },
	{ .what = "the same pod, second policy",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "198.51.100.10",
	  .leaves_as = "10.0.1.202" },
	{ .what = "pod by range",
	  .node = "10.0.2.11",
	  .src = "10.0.2.50",
	  .dst = "203.0.113.9",
	  .leaves_as = "10.0.1.201" },
	{ .what = "excluded destination",
	  .node = "10.0.2.11",
	  .src = "10.0.2.50",
	  .dst = "198.51.100.10" },
	{ .what = "VPC destination", .node = "10.0.1.11", .src = "10.0.1.50", .dst = "10.0.3.4" },
	{ .what = "from the wrong node",
	  .node = "10.0.2.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9" },
	{ .what = "unknown node", .node = "10.0.1.99", .src = "10.0.1.50", .dst = "203.0.113.9" },
	{ .what = "no node's mark", .src = "10.0.1.50", .dst = "203.0.113.9" },
	{ .what = "unselected pod", .node = "10.0.1.11", .src = "10.0.1.51", .dst = "203.0.113.9" },
	{ .what = "the node's own address",
	  .node = "10.0.1.11",
	  .src = "10.0.1.11",
	  .dst = "203.0.113.9" },
	{ .what = "past the tunnel",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9",
	  .iif = "eth0" },
	{ .what = "from pod to pod",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9",
	  .oif = "egw0" },
	{ .what = "from outside, unasked",
	  .src = "203.0.113.9",
	  .dst = "10.0.1.50",
	  .iif = "eth0",
	  .oif = "egw0" },
	{ .what = "answer",
	  .src = "203.0.113.9",
	  .dst = "10.0.1.50",
	  .iif = "eth0",
	  .oif = "egw0",
	  .state = NAT_STATE_ESTABLISHED,
	  .leaves_as = "" },
	{ .what = "answer of an assured connection",
	  .src = "203.0.113.9",
	  .dst = "10.0.1.50",
	  .iif = "eth0",
	  .oif = "egw0",
	  .state = NAT_STATE_ESTABLISHED,
	  .status = NAT_STATUS_ASSURED,
	  .leaves_as = "" },
	{ .what = "invalid",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9",
	  .state = NAT_STATE_INVALID },
};

static void each_packet_leaves_with_its_address_or_not_at_all(void **state)
{
	struct fixture f;
	(void)state;

	fixture_init(&f);

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		check_row(&f, &packets[i]);

	fixture_done(&f);
}

static void a_tunnel_packet_is_marked_by_its_node_or_dropped(void **state)
{
	static const struct {
		const char *src;
		enum nat_eval_verdict verdict;
	} rows[] = { { "10.0.1.11", NAT_EVAL_ACCEPT }, { "10.0.1.12", NAT_EVAL_DROP } };
	struct fixture f;
	(void)state;

	fixture_init(&f);

	for (size_t i = 0; i < 2; i++) {
		struct nat_packet packet = { .iif = "eth0",
					     .src = ip(rows[i].src),
					     .dst = ip("10.0.1.200"),
					     .protocol = 17,
					     .dst_port = 4789,
					     .ct_state = NAT_STATE_NEW };

		assert_int_equal(
			nat_eval_hook(&f.table, NAT_HOOK_INPUT, &packet, NULL, NULL).verdict,
			rows[i].verdict);
		if (rows[i].verdict == NAT_EVAL_ACCEPT)
			assert_int_equal(packet.mark, gateway_node_mark(ip(rows[i].src)));
	}
	fixture_done(&f);
}

static void only_tunnel_packets_are_untracked(void **state)
{
	static const struct {
		const char *src;
		bool notrack;
	} rows[] = { { "10.0.1.11", true }, { "203.0.113.9", false } };
	struct fixture f;
	(void)state;

	fixture_init(&f);

	for (size_t i = 0; i < 2; i++) {
		struct nat_packet packet = { .iif = "eth0",
					     .src = ip(rows[i].src),
					     .dst = ip("10.0.1.201"),
					     .protocol = 17,
					     .dst_port = 4789 };

		assert_int_equal(
			nat_eval_hook(&f.table, NAT_HOOK_PREROUTING, &packet, NULL, NULL).notrack,
			rows[i].notrack);
	}
	fixture_done(&f);
}

/* The first rule of the chain is all that a packet of an assured connection meets. */
static void an_assured_connection_meets_one_rule(void **state)
{
	struct fixture f;
	const struct nat_chain *chain;
	(void)state;

	fixture_init(&f);
	chain = nat_chain_find(&f.table, "filter_forward");

	assert_non_null(chain);
	assert_int_equal(chain->rules[0].ops[0].kind, NAT_CT_STATUS);
	assert_int_equal(chain->rules[0].ops[1].kind, NAT_ACCEPT);
	assert_true(chain->policy_drop);
	fixture_done(&f);
}

static void only_connections_without_a_right_are_stale(void **state)
{
	static const struct {
		const char *what, *src, *dst, *leaves_as;
		uint32_t mark;
		bool stale;
	} rows[] = {
		{ "translated", "10.0.1.50", "203.0.113.9", "10.0.1.201", 1, false },
		{ "keeps the egress IP that it began with", "10.0.1.50", "203.0.113.9",
		  "10.0.1.202", 2, false },
		{ "untranslated", "10.0.1.50", "203.0.113.9", "10.0.1.50", 0, true },
		{ "egress IP that is gone", "10.0.1.50", "203.0.113.9", "10.0.1.209", 3, true },
		{ "no longer selected", "10.0.1.51", "203.0.113.9", "10.0.1.201", 1, true },
		{ "the host's own", "10.0.1.200", "203.0.113.9", "10.0.1.200", 0, false },
	};
	struct fixture f;
	(void)state;

	fixture_init(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ct_entry entry = {
			.orig = { .src = ip(rows[i].src), .dst = ip(rows[i].dst) },
			.reply = { .src = ip(rows[i].dst), .dst = ip(rows[i].leaves_as) },
			.mark = rows[i].mark,
		};

		if (gateway_audit_is_stale(&f.view, &entry) != rows[i].stale)
			fail_msg("%s: wanted %d", rows[i].what, rows[i].stale);
	}
	fixture_done(&f);
}

/* What EC2 took away: nothing leaves with it, nor with another one in its place. */
static void an_egress_ip_that_is_not_available_lets_nothing_out(void **state)
{
	struct own_egress egress[2] = {
		{ .state = OWN_LOST, .private_ip = ip("10.0.1.201") },
		{ .state = OWN_HELD, .private_ip = ip("10.0.1.202") },
	};
	const struct own own = { .v = egress, .n = 2 };
	static const struct row rows[] = {
		{ .what = "lost", .node = "10.0.1.11", .src = "10.0.1.50", .dst = "203.0.113.9" },
		{ .what = "held",
		  .node = "10.0.1.11",
		  .src = "10.0.1.50",
		  .dst = "198.51.100.10",
		  .leaves_as = "10.0.1.202" },
	};
	struct fixture f;
	struct ct_entry entry = { .orig = { .src = ip("10.0.1.50"), .dst = ip("203.0.113.9") },
				  .reply = { .dst = ip("10.0.1.201") },
				  .mark = 1 };
	(void)state;

	fixture_init(&f);
	nat_ruleset_done(&f.table);
	net_desired_done(&f.routing);
	f.table = (struct nat_ruleset){ 0 };
	f.routing = (struct net_desired){ 0 };
	f.view.own = &own;
	f.view.address = ip("10.0.1.99");
	f.config.gateway.address.v = 0;
	assert_int_equal(gateway_describe_table(&f.view, &f.table), 0);
	assert_int_equal(gateway_describe_routing(&f.view, &f.routing), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&f, &rows[i]);
	for (size_t i = 0; i < f.table.n_sets; i++) {
		if (strcmp(f.table.sets[i].name, "egress") == 0)
			assert_int_equal(f.table.sets[i].n, 1);
	}
	assert_true(gateway_audit_is_stale(&f.view, &entry));
	entry.reply.dst = ip("10.0.1.202");
	assert_false(gateway_audit_is_stale(&f.view, &entry));
	for (size_t i = 0; i < f.routing.routes.n; i++) {
		const struct rt_route *route = &f.routing.routes.v[i];

		assert_int_not_equal(route->dst.addr.v, ip("10.0.1.201").v);
		assert_false(route->dst.len == 32 && route->dst.addr.v == 0);
		if (route->encap.id)
			assert_int_equal(route->encap.src.v, ip("10.0.1.99").v);
	}
	fixture_done(&f);
}

static void the_connection_table_follows_the_memory(void **state)
{
	(void)state;

	assert_int_equal(parameters_conntrack_max(512ull << 20), 349525);
	assert_int_equal(parameters_conntrack_max(16ull << 20), 65536);
	assert_int_equal(parameters_conntrack_max(64ull << 30), 4194304);
}

static void the_buckets_follow_the_connections(void **state)
{
	static const struct {
		const char *what;
		uint32_t max, buckets, want;
	} rows[] = {
		{ "512 MB, Debian's default", 349525, 4096, 352256 },
		{ "1 GB, Debian's default", 699050, 8192, 704512 },
		{ "8 GB, Debian's default", 4194304, 65536, 4194304 },
		{ "4,194,304 and an operator's", 4194304, 1048576, 0 },
		{ "one too few", 4194304, 1048575, 4194304 },
		{ "as many as connections", 65536, 65536, 0 },
		{ "more than connections: never lowered", 65536, 1 << 20, 0 },
		{ "more connections than buckets are made for", 64u << 20, 65536, 4194304 },
		{ "and those it has", 64u << 20, 4194304, 0 },
		{ "connection tracking isn't there", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uint32_t got = parameters_conntrack_buckets(rows[i].max, rows[i].buckets);

		if (got != rows[i].want)
			fail_msg("%s: %u", rows[i].what, got);
		/* Settled: once they are set, there is nothing to do. */
		if (got)
			assert_int_equal(parameters_conntrack_buckets(rows[i].max, got), 0);
	}
}

/* With ownership ec2: the keys of two egress IPs, and what is wrong. */
static void each_elastic_ip_is_named_in_exactly_one_way(void **state)
{
	static const struct {
		const char *first, *second, *error; /* NULL: nothing */
	} rows[] = {
		{ "\"tag\": \"eipgw=bank\"", "\"allocation_id\": \"eipalloc-1\"", NULL },
		{ "\"public\": \"203.0.113.1\"", "\"tag\": \"a==\", \"private\": \"10.0.1.2\"",
		  NULL },
		{ "\"private\": \"10.0.1.2\"", "\"tag\": \"a=b\"",
		  "egress_ips[0].allocation_id: exactly one of allocation_id, public and tag is needed" },
		{ "\"tag\": \"a=b\"", "\"tag\": \"a=c\", \"public\": \"203.0.113.1\"",
		  "egress_ips[1].allocation_id: exactly one of allocation_id, public and tag is needed" },
		{ "\"tag\": \"ab\"", "\"tag\": \"a=b\"",
		  "egress_ips[0].tag: is not of the form Key=Value" },
		{ "\"tag\": \"a=\"", "\"tag\": \"a=b\"",
		  "egress_ips[0].tag: is not of the form Key=Value" },
		{ "\"tag\": \"=b\"", "\"tag\": \"a=b\"",
		  "egress_ips[0].tag: is not of the form Key=Value" },
		{ "\"tag\": \"a=b\"", "\"tag\": \"a=b\"",
		  "egress_ips[1].tag: is that of egress_ips[0] too" },
		{ "\"allocation_id\": \"eipalloc-1\"", "\"allocation_id\": \"eipalloc-1\"",
		  "egress_ips[1].allocation_id: is that of egress_ips[0] too" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];
		struct gateway_config config;
		struct err err = ERR_NULL;

		snprintf(
			text, sizeof(text),
			"{\"gateway\": {\"name\": \"gw\", \"uplink\": \"eth0\"}, \"ownership\": \"ec2\","
			" \"egress_ips\": [{\"name\": \"one\", %s}, {\"name\": \"two\", %s}],"
			" \"nodes\": [], \"policies\": []}",
			rows[i].first, rows[i].second);
		assert_int_equal(
			config_parse(&gateway_config_table, text, strlen(text), &config, &err), 0);
		assert_int_equal(gateway_config_check(&config, &err) < 0, rows[i].error != NULL);
		assert_string_equal(err.text, rows[i].error ? rows[i].error : "");
		config_done(&gateway_config_table, &config);
	}
}

static void the_configurations_faults_are_named(void **state)
{
	static const struct {
		const char *from, *to, *path;
	} rows[] = {
		{ "10.0.1.202", "10.0.1.201", "egress_ips[1].private" },
		{ ", \"public\": \"203.0.113.100\"", "",
		  "egress_ips[0].public: the key is missing" },
		{ ", \"private\": \"10.0.1.201\"", "",
		  "egress_ips[0].private: the key is missing" },
		{ ", \"address\": \"10.0.1.200\"", "", "gateway.address: the key is missing" },
		{ "\"203.0.113.100\"", "\"203.0.113.100\", \"tag\": \"a=b\"",
		  "egress_ips[0].tag: needs \"ownership\": \"ec2\"" },
		{ "203.0.113.101", "203.0.113.100", "egress_ips[1].public" },
		{ "10.0.1.201", "10.0.1.200", "egress_ips[0].private" },
		{ "10.0.2.48/28", "10.0.1.48/29", "nodes[" },
		{ "10.0.2.11", "10.0.1.11", "nodes[1].address" },
		{ "10.0.1.11", "0.0.0.0", "nodes[0].address" },
		{ "[\"mail\"]", "[\"male\"]", "policies[1].egress_ips[0]" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[sizeof(config_text) + 64];
		const char *at = strstr(config_text, rows[i].from);
		struct gateway_config config;
		struct err err = ERR_NULL;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - config_text), config_text,
			 rows[i].to, at + strlen(rows[i].from));
		assert_int_equal(
			config_parse(&gateway_config_table, text, strlen(text), &config, &err), 0);
		assert_true(gateway_config_check(&config, &err) < 0);
		if (strncmp(err.text, rows[i].path, strlen(rows[i].path)) != 0)
			fail_msg("'%s' doesn't begin with '%s'", err.text, rows[i].path);
		config_done(&gateway_config_table, &config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packet_leaves_with_its_address_or_not_at_all),
		cmocka_unit_test(a_tunnel_packet_is_marked_by_its_node_or_dropped),
		cmocka_unit_test(only_tunnel_packets_are_untracked),
		cmocka_unit_test(an_assured_connection_meets_one_rule),
		cmocka_unit_test(only_connections_without_a_right_are_stale),
		cmocka_unit_test(an_egress_ip_that_is_not_available_lets_nothing_out),
		cmocka_unit_test(each_elastic_ip_is_named_in_exactly_one_way),
		cmocka_unit_test(the_connection_table_follows_the_memory),
		cmocka_unit_test(the_buckets_follow_the_connections),
		cmocka_unit_test(the_configurations_faults_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
