// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An egress IP that the internet sees wrongly: what pods may still do with it, and what the self-test may. */
#include "gateway/table/desired.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "gateway/audit.h"
#include "gateway/own/outside.h"
#include "nat/eval.h"

/* Two pods, each with an egress IP of its own; the nodes' ranges have the gateway's own address in them. */
static const char config_text[] =
	"{\"gateway\": {\"name\": \"gw\", \"address\": \"10.0.1.200\", \"uplink\": \"eth0\"},"
	" \"egress_ips\": [{\"name\": \"bank\", \"public\": \"203.0.113.100\", \"private\": \"10.0.1.201\"},"
	"                {\"name\": \"mail\", \"public\": \"203.0.113.101\", \"private\": \"10.0.1.202\"}],"
	" \"nodes\": [{\"name\": \"node1\", \"address\": \"10.0.2.11\", \"pod_cidrs\": [\"10.0.1.0/24\"]}],"
	" \"policies\": [{\"name\": \"one\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"bank\"]},"
	"              {\"name\": \"two\", \"pod_cidrs\": [\"10.0.1.51/32\"], \"egress_ips\": [\"mail\"]}],"
	" \"self_test\": {\"urls\": [\"http://198.51.100.10/\"]}}";

struct fixture {
	struct gateway_config config;
	struct policy_result policies;
	struct outside outside;
	struct gateway_view view;
	struct nat_ruleset table;
	struct net_desired routing;
};

static struct ip4 ip(const char *text)
{
	struct ip4 address = { 0 };

	assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static void judge(struct fixture *f, const char *seen)
{
	const struct outside_answer answer = { .seen = ip(seen) };

	outside_judge(&f->outside, 0, &answer, 1, mono_now());
}

static void describe(struct fixture *f)
{
	nat_ruleset_done(&f->table);
	net_desired_done(&f->routing);
	f->table = (struct nat_ruleset){ 0 };
	f->routing = (struct net_desired){ 0 };
	assert_int_equal(gateway_describe_table(&f->view, &f->table), 0);
	assert_int_equal(gateway_describe_routing(&f->view, &f->routing), 0);
}

/* "bank" was seen wrongly twice. */
static void fixture_init(struct fixture *f)
{
	struct err err = ERR_NULL;

	*f = (struct fixture){ 0 };
	if (config_parse(&gateway_config_table, config_text, strlen(config_text), &f->config,
			 &err) ||
	    gateway_config_check(&f->config, &err) ||
	    gateway_config_compile(&f->config, &f->policies, &err))
		fail_msg("%s", err.text);
	assert_int_equal(outside_init(&f->outside, &f->config), 0);
	f->view = (struct gateway_view){ .config = &f->config,
					 .policies = &f->policies,
					 .outside = &f->outside };
	for (size_t i = 0; i < 2; i++)
		outside_place(&f->outside, i, gateway_public(&f->view, i),
			      gateway_private(&f->view, i), mono_now());
	judge(f, "203.0.113.7");
	judge(f, "203.0.113.7");
	describe(f);
}

static void fixture_done(struct fixture *f)
{
	nat_ruleset_done(&f->table);
	net_desired_done(&f->routing);
	policy_result_done(&f->policies);
	outside_done(&f->outside);
	config_done(&gateway_config_table, &f->config);
}

/* The address that it leaves with, or 0. */
static uint32_t forwarded_as(const struct fixture *f, const char *pod)
{
	struct nat_packet packet = { .iif = "egw0",
				     .oif = "eth0",
				     .mark = gateway_node_mark(ip("10.0.2.11")),
				     .src = ip(pod),
				     .dst = ip("198.51.100.10"),
				     .protocol = IPPROTO_UDP,
				     .ct_state = NAT_STATE_NEW };

	if (nat_eval_hook(&f->table, NAT_HOOK_FORWARD, &packet, NULL, NULL).verdict !=
	    NAT_EVAL_ACCEPT)
		return 0;
	return nat_eval_hook(&f->table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL).snat_to.v;
}

static uint32_t self_test_leaves_as(const struct fixture *f, size_t egress)
{
	struct nat_packet packet = { .oif = "eth0",
				     .mark = gateway_egress_mark(egress),
				     .src = ip("10.0.1.200"),
				     .dst = ip("198.51.100.10"),
				     .protocol = IPPROTO_TCP,
				     .tcp_flags = 2,
				     .ct_state = NAT_STATE_NEW };

	assert_false(nat_eval_hook(&f->table, NAT_HOOK_OUTPUT, &packet, NULL, NULL).notrack);
	return nat_eval_hook(&f->table, NAT_HOOK_POSTROUTING, &packet, NULL, NULL).snat_to.v;
}

static bool is_in_wrong_set(const struct fixture *f, const char *private)
{
	const struct nat_set *set = nat_set_find(&f->table, GATEWAY_WRONG_SET);

	for (size_t i = 0; set && i < set->n; i++) {
		if (set->v[i].first == ip(private).v)
			return true;
	}
	return false;
}

static bool has_blackhole(const struct fixture *f, const char *private)
{
	for (size_t i = 0; i < f->routing.routes.n; i++) {
		const struct rt_route *route = &f->routing.routes.v[i];

		if (route->type == RT_BLACKHOLE && route->dst.addr.v == ip(private).v)
			return true;
	}
	return false;
}

static void only_the_self_test_leaves_with_what_is_seen_wrongly(void **state)
{
	struct fixture f;
	(void)state;

	fixture_init(&f);
	assert_int_equal(forwarded_as(&f, "10.0.1.50"), 0);
	assert_int_equal(forwarded_as(&f, "10.0.1.51"), ip("10.0.1.202").v);
	assert_int_equal(self_test_leaves_as(&f, 0), ip("10.0.1.201").v);
	assert_int_equal(self_test_leaves_as(&f, 1), ip("10.0.1.202").v);
	assert_true(is_in_wrong_set(&f, "10.0.1.201"));
	assert_false(is_in_wrong_set(&f, "10.0.1.202"));
	assert_true(has_blackhole(&f, "10.0.1.201"));

	judge(&f, "203.0.113.100");
	describe(&f);
	assert_int_equal(forwarded_as(&f, "10.0.1.50"), ip("10.0.1.201").v);
	assert_false(is_in_wrong_set(&f, "10.0.1.201"));

	f.view.outside = NULL;
	describe(&f);
	assert_null(nat_set_find(&f.table, GATEWAY_WRONG_SET));
	fixture_done(&f);
}

static void the_audit_ends_all_but_the_self_tests_connections(void **state)
{
	static const struct {
		const char *what, *src, *leaves_as;
		uint8_t protocol;
		uint32_t mark;
		bool stale, stale_without_tests;
	} rows[] = {
		{ "a pod's, seen wrongly", "10.0.1.50", "10.0.1.201", IPPROTO_TCP, 1, true, false },
		{ "a pod's, on another one", "10.0.1.50", "10.0.1.202", IPPROTO_TCP, 2, false,
		  false },
		{ "another pod's, seen wrongly", "10.0.1.51", "10.0.1.201", IPPROTO_UDP, 1, true,
		  false },
		{ "the self-test's", "10.0.1.200", "10.0.1.201", IPPROTO_TCP, 0, false, true },
		{ "the self-test's, gone since", "10.0.1.200", "10.0.1.209", IPPROTO_TCP, 0, false,
		  false },
		{ "the host's, no TCP", "10.0.1.200", "10.0.1.201", IPPROTO_UDP, 0, true, true },
		{ "with our source, but forwarded", "10.0.1.200", "10.0.1.201", IPPROTO_TCP, 1,
		  true, true },
		{ "nobody's", "10.0.1.52", "10.0.1.201", IPPROTO_TCP, 0, true, true },
		{ "the host's own", "10.0.1.200", "10.0.1.200", IPPROTO_TCP, 0, false, false },
	};
	struct fixture f;
	(void)state;

	fixture_init(&f);
	struct gateway_view without = f.view;

	without.outside = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ct_entry entry = {
			.orig = { .src = ip(rows[i].src),
				  .dst = ip("198.51.100.10"),
				  .protocol = rows[i].protocol },
			.reply = { .dst = ip(rows[i].leaves_as) },
			.mark = rows[i].mark,
		};

		if (gateway_audit_is_stale(&f.view, &entry) != rows[i].stale ||
		    gateway_audit_is_stale(&without, &entry) != rows[i].stale_without_tests)
			fail_msg("%s", rows[i].what);
	}
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_self_test_leaves_with_what_is_seen_wrongly),
		cmocka_unit_test(the_audit_ends_all_but_the_self_tests_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
