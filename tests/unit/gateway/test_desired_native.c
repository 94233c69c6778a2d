// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Route-table mode: which packet is taken without a tunnel. */
#include "desired_fixture.h"

#include <string.h>

/* The last one of the native sources lies outside of what is excluded. */
static const char native_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"always_excluded\": [\"10.0.0.0/16\", \"172.20.0.0/16\"],"
	" \"native\": {\"source_cidrs\": [\"10.0.3.0/24\", \"10.0.16.0/20\", \"10.9.0.0/16\"]},"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"                {\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.1.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]},"
	"           {\"name\": \"node2\", \"address\": \"10.9.2.11\", \"pod_cidrs\": [\"10.8.0.0/28\"]}],"
	" \"policies\": ["
	"  {\"name\": \"payments\", \"pod_cidrs\": [\"10.0.1.50/32\", \"10.0.3.20/32\", \"10.0.16.0/20\","
	"   \"10.9.0.0/24\", \"10.0.4.1/32\"],"
	"   \"excluded_cidrs\": [\"198.51.100.0/24\"], \"egress_ips\": [\"bank\"]},"
	"  {\"name\": \"post\", \"pod_cidrs\": [\"10.0.3.20/32\"], \"egress_ips\": [\"mail\"],"
	"   \"destination_cidrs\": [\"198.51.100.0/24\"]}]}";

static const char plain_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.1.11\", \"pod_cidrs\": [\"10.0.1.48/28\"]}],"
	" \"policies\": [{\"name\": \"all\", \"pod_cidrs\": [\"10.0.0.0/16\"], \"egress_ips\": [\"bank\"]}]}";

static const struct row native_packets[] = {
	{ .what = "native source",
	  .src = "10.0.3.20",
	  .dst = "203.0.113.9",
	  .iif = "eth0",
	  .leaves_as = "10.0.1.201" },
	{ .what = "its second policy",
	  .src = "10.0.3.20",
	  .dst = "198.51.100.10",
	  .iif = "eth0",
	  .leaves_as = "10.0.1.202" },
	{ .what = "by range",
	  .src = "10.0.20.1",
	  .dst = "203.0.113.9",
	  .iif = "eth0",
	  .leaves_as = "10.0.1.201" },
	{ .what = "outside of the VPC",
	  .src = "10.9.0.7",
	  .dst = "203.0.113.9",
	  .iif = "eth0",
	  .leaves_as = "10.0.1.201" },
	{ .what = "unselected", .src = "10.0.3.21", .dst = "203.0.113.9", .iif = "eth0" },
	{ .what = "excluded destination",
	  .src = "10.0.20.1",
	  .dst = "198.51.100.10",
	  .iif = "eth0" },
	{ .what = "to the VPC", .src = "10.0.3.20", .dst = "10.0.5.5", .iif = "eth0" },
	{ .what = "selected, but no native source",
	  .src = "10.0.4.1",
	  .dst = "203.0.113.9",
	  .iif = "eth0" },
	{ .what = "native source out of the tunnel",
	  .node = "10.0.1.11",
	  .src = "10.0.3.20",
	  .dst = "203.0.113.9" },
	{ .what = "a pod past the tunnel", .src = "10.0.1.50", .dst = "203.0.113.9", .iif = "eth0" },
	{ .what = "native source with a node's mark",
	  .node = "10.0.1.11",
	  .src = "10.0.3.20",
	  .dst = "203.0.113.9",
	  .iif = "eth0" },
	{ .what = "native source into the tunnel",
	  .src = "10.0.3.20",
	  .dst = "10.0.1.50",
	  .iif = "eth0",
	  .oif = "egw0" },
	{ .what = "pod beside it",
	  .node = "10.0.1.11",
	  .src = "10.0.1.50",
	  .dst = "203.0.113.9",
	  .leaves_as = "10.0.1.201" },
	{ .what = "answer to a native source",
	  .src = "203.0.113.9",
	  .dst = "10.0.3.20",
	  .iif = "eth0",
	  .state = NAT_STATE_ESTABLISHED,
	  .leaves_as = "" },
	{ .what = "unasked to a native source",
	  .src = "203.0.113.9",
	  .dst = "10.0.3.20",
	  .iif = "eth0" },
};

static void a_native_source_is_taken_only_without_the_tunnel(void **state)
{
	struct fixture f;
	(void)state;

	fixture_init_with(&f, native_text);

	for (size_t i = 0; i < sizeof(native_packets) / sizeof(native_packets[0]); i++)
		check_row(&f, &native_packets[i]);

	fixture_done(&f);
}

static size_t count_native(const struct fixture *f)
{
	const struct nat_chain *chain = nat_chain_find(&f->table, "filter_forward");
	size_t n = 0;

	for (size_t i = 0; i < chain->n_rules; i++)
		n += chain->rules[i].ops[0].kind == NAT_IIF &&
		     strcmp(chain->rules[i].ops[0].name, "eth0") == 0;
	for (size_t i = 0; i < f->table.n_sets; i++) {
		const struct nat_set *set = &f->table.sets[i];

		for (size_t j = 0; strncmp(set->name, "class_", 6) == 0 && j < set->n; j++)
			n += set->v[j].key == GATEWAY_NATIVE_MARK;
	}
	return n;
}

static void without_native_sources_nothing_is_taken_from_the_uplink(void **state)
{
	struct fixture f;
	(void)state;

	fixture_init_with(&f, plain_text);
	assert_int_equal(count_native(&f), 0);
	fixture_done(&f);
	fixture_init_with(&f, native_text);
	/* Two rules; one address, a range, and a /24 address by address. */
	assert_int_equal(count_native(&f), 2 + 1 + 1 + 256);
	fixture_done(&f);
}

static bool has_route(const struct fixture *f, const char *prefix)
{
	for (size_t i = 0; i < f->routing.routes.n; i++) {
		const struct rt_route *route = &f->routing.routes.v[i];
		char text[IP4_PREFIX_TEXT_MAX];

		if (strcmp(ip4_prefix_format(route->dst, text), prefix) == 0) {
			assert_int_equal(route->gateway.v, ip("10.0.1.1").v);
			assert_int_equal(route->mtu, 0);
			return true;
		}
	}
	return false;
}

static void answers_to_native_sources_keep_the_vpcs_mtu(void **state)
{
	struct fixture f;
	(void)state;

	fixture_init_with(&f, native_text);
	assert_true(has_route(&f, "10.9.0.0/16"));
	assert_false(has_route(&f, "10.0.3.0/24"));  /* excluded, as a part of the VPC */
	assert_false(has_route(&f, "10.9.2.11/32")); /* a node in a native range has its route */
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_native_source_is_taken_only_without_the_tunnel),
		cmocka_unit_test(without_native_sources_nothing_is_taken_from_the_uplink),
		cmocka_unit_test(answers_to_native_sources_keep_the_vpcs_mtu),
	};

	return cmocka_run_group_tests_name("native sources", tests, NULL, NULL);
}
