// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Contract with the kernel: routes, one and many. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netns.h"
#include "sample.h"

static const struct rt_route_filter ours = { .protocol = RT_PROTOCOL_EIPGW };

static struct rt_route steering(const struct netns *ns)
{
	struct rt_route route = sample_default(SAMPLE_TABLE, SAMPLE_GATEWAY);

	return net_route_resolve(&route, ns->tunnel.ifindex);
}

static int replace(struct netns *ns, const struct rt_route *route)
{
	return rtnl_routes_replace(ns->rtnl, &route, 1, NULL, &ns->err);
}

static int add(struct netns *ns, const struct rt_route *route)
{
	return rtnl_routes_add(ns->rtnl, &route, 1, NULL, &ns->err);
}

static int del(struct netns *ns, const struct rt_route *route)
{
	return rtnl_routes_del(ns->rtnl, &route, 1, NULL, &ns->err);
}

static struct rt_routes list(struct netns *ns, const struct rt_route_filter *filter)
{
	struct rt_routes routes = { 0 };

	assert_ok(ns, rtnl_routes(ns->rtnl, filter, &routes, &ns->err));
	return routes;
}

/* Exactly one route passes the filter, and it is `want`. */
static void assert_only(struct netns *ns, const struct rt_route *want)
{
	struct rt_routes routes = list(ns, &ours);
	char have_text[RT_TEXT_MAX], want_text[RT_TEXT_MAX];

	assert_int_equal(routes.n, 1);
	assert_string_equal(rt_route_format(&routes.v[0], have_text),
			    rt_route_format(want, want_text));
	assert_int_equal(rt_route_compare(&routes.v[0], want), 0);
	free(routes.v);
}

static void an_encap_route_is_read_back_as_it_was_sent(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;

	netns_make_tunnel(ns);
	route = steering(ns);
	assert_ok(ns, replace(ns, &route));

	assert_only(ns, &route);
	assert_non_null(
		strstr(netns_ip_shows("route show table 4096"),
		       "default  encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64 tos 0 via "
		       "169.254.64.254 dev egw0 proto 101 onlink"));
}

static void throw_blackhole_and_mtu_routes_are_read_back_as_they_were_sent(void **state)
{
	struct netns *ns = *state;
	struct rt_route routes[4] = { sample_throw(SAMPLE_TABLE, SAMPLE_GATEWAY),
				      sample_blackhole(4294967294u), sample_blackhole(SAMPLE_TABLE),
				      sample_blackhole(SAMPLE_TABLE) };
	struct rt_routes have;

	netns_make_tunnel(ns);
	routes[3] = (struct rt_route){ .table = 100,
				       .dst = { { 0x0a020000 }, 16 },
				       .gateway = { SAMPLE_PEER },
				       .oif = ns->tunnel.ifindex,
				       .mtu = 1500,
				       .protocol = RT_PROTOCOL_EIPGW,
				       .onlink = true };
	for (size_t i = 0; i < 4; i++) {
		assert_ok(ns, add(ns, &routes[i]));
		have = list(ns, &(struct rt_route_filter){ .protocol = RT_PROTOCOL_EIPGW,
							   .table = routes[i].table });
		for (size_t k = 0; k < have.n; k++) {
			if (rt_route_compare(&have.v[k], &routes[i]) == 0)
				have.v[k].table = 0;
		}
		assert_true(have.n > 0 && (have.v[0].table == 0 || have.v[have.n - 1].table == 0));
		free(have.v);
	}
	assert_non_null(strstr(netns_ip_shows("route show table 100"), "mtu 1500"));
}

static void replace_leaves_one_route_of_a_key(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;

	netns_make_tunnel(ns);
	route = steering(ns);
	assert_ok(ns, replace(ns, &route));
	route.encap.dst.v++;
	route.mtu = 1400;
	assert_ok(ns, replace(ns, &route));
	assert_only(ns, &route);

	route = sample_blackhole(SAMPLE_TABLE);
	route.metric = 0;
	assert_ok(ns, replace(ns, &route)); /* of another type, the same key */
	assert_only(ns, &route);
}

static void add_refuses_a_key_that_a_foreign_route_has(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;

	netns_make_tunnel(ns);
	netns_ip("route add blackhole default table 4096 proto static");
	route = steering(ns);

	assert_int_equal(add(ns, &route), -EEXIST);
	assert_non_null(strstr(ns->err.text, "dst 10.0.1.200"));
	assert_non_null(
		strstr(netns_ip_shows("route show table 4096"), "blackhole default proto static"));
}

/* Why the plan adds: the kernel replaces whatever has the key. */
static void replace_takes_a_foreign_route_with_the_key(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;

	netns_make_tunnel(ns);
	netns_ip("route add blackhole default table 4096 proto static");
	route = steering(ns);
	assert_ok(ns, replace(ns, &route));

	assert_null(strstr(netns_ip_shows("route show table 4096"), "blackhole"));
}

static void deletion_takes_the_exact_route_only(void **state)
{
	struct netns *ns = *state;
	struct rt_route route, other;

	netns_make_tunnel(ns);
	netns_ip("route append default via 169.254.64.254 dev egw0 onlink table 4096 proto static");
	route = steering(ns);
	netns_ip("route append default encap ip id 77 src 10.0.1.11 dst 10.0.1.201 ttl 64 via "
		 "169.254.64.254 dev egw0 onlink table 4096 proto 101");
	netns_ip("route append default encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64 via "
		 "169.254.64.254 dev egw0 onlink table 4096 proto 101");
	other = route;
	other.encap.dst.v++;
	assert_ok(ns, del(ns, &route));

	assert_only(ns, &other);
	assert_int_equal(del(ns, &route), -ESRCH);
	assert_ok(ns, del(ns, &other));
	assert_non_null(strstr(netns_ip_shows("route show table 4096"), "proto static"));
}

static void routes_that_we_cannot_hold_are_marked_and_can_be_deleted(void **state)
{
	static const char *const routes[] = {
		"default dev egw0 src 169.254.64.1",
		"default dev egw0 advmss 1000",
		"default dev egw0 mtu lock 1400",
		"default dev egw0 tos 0x10",
		"default nexthop dev egw0 weight 1 nexthop dev lo weight 1",
		"unreachable default",
		"default encap ip id 77 dst 10.0.1.200 tos 4 dev egw0",
		"default encap ip id 77 dst 10.0.1.200 csum dev egw0",
		"default encap ip id 5000000000 dst 10.0.1.200 dev egw0",
	};
	struct netns *ns = *state;

	netns_make_tunnel(ns);
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct rt_routes have;

		netns_ip("route add table 4096 proto 101 %s", routes[i]);
		have = list(ns, &ours);
		assert_int_equal(have.n, 1);
		assert_true(have.v[0].foreign_parts || have.v[0].multipath || have.v[0].tos ||
			    have.v[0].type == RT_OTHER);
		assert_ok(ns, del(ns, &have.v[0]));
		free(have.v);
		have = list(ns, &ours);
		assert_int_equal(have.n, 0);
		free(have.v);
	}
}

static bool is_host_route(const struct rt_route *route, void *data)
{
	++*(size_t *)data;
	return route->dst.len == 32 && route->type == RT_UNICAST;
}

static void the_filter_keeps_by_protocol_table_and_function(void **state)
{
	struct netns *ns = *state;
	size_t seen = 0;
	struct rt_routes have;
	struct rt_route_filter filter = { .keep = is_host_route, .data = &seen, .table = 254 };

	netns_make_tunnel(ns);
	netns_ip("route add 10.0.1.50/32 dev egw0 scope link");
	netns_ip("route add 10.0.2.0/24 dev egw0 scope link");
	have = list(ns, &filter);
	assert_int_equal(have.n, 1);
	assert_int_equal(have.v[0].dst.addr.v, 0x0a000132);
	assert_int_equal(have.v[0].oif, ns->tunnel.ifindex);
	assert_int_equal(seen, 2);
	free(have.v);

	have = list(ns, &(struct rt_route_filter){ .table = 7777 });
	assert_int_equal(have.n, 0); /* a table that doesn't exist */
	free(have.v);
	have = list(ns, &ours);
	assert_int_equal(have.n, 0);
	free(have.v);
}

static void a_refusal_names_the_route_and_has_the_kernels_words(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;

	netns_make_tunnel(ns);
	route = steering(ns);
	netns_ip("link set egw0 down");

	assert_int_equal(replace(ns, &route), -ENETDOWN);
	assert_non_null(strstr(ns->err.text, "can't set route default encap ip id 77"));
	assert_non_null(strstr(ns->err.text, "Network is down"));
	assert_non_null(strstr(ns->err.text, "evice")); /* the extended acknowledgement */
}

#define MANY 5000

static void of_many_routes_the_good_ones_pass_and_the_bad_ones_are_counted(void **state)
{
	struct netns *ns = *state;
	struct rt_route *routes = calloc(MANY, sizeof(*routes));
	const struct rt_route **pointers = calloc(MANY, sizeof(struct rt_route *));
	struct rt_routes have;
	size_t failed = 0, bad = 0;

	netns_make_tunnel(ns);
	for (size_t i = 0; i < MANY; i++) {
		routes[i] = steering(ns);
		routes[i].dst = (struct ip4_prefix){ { 0x0a000000 + (uint32_t)i }, 32 };
		if (i % 7 == 3) { /* also at the end of a buffer, sooner or later */
			routes[i].oif = 99;
			bad++;
		}
		pointers[i] = &routes[i];
	}
	assert_int_equal(rtnl_routes_replace(ns->rtnl, pointers, MANY, &failed, &ns->err), -ENODEV);
	assert_int_equal(failed, bad);
	assert_non_null(strstr(ns->err.text, "10.0.0.3 "));
	have = list(ns, &ours);
	assert_int_equal(have.n, MANY - bad);
	free(have.v);

	assert_int_equal(rtnl_routes_del(ns->rtnl, pointers, MANY, &failed, &ns->err), -ESRCH);
	assert_int_equal(failed, bad);
	have = list(ns, &ours);
	assert_int_equal(have.n, 0);
	free(have.v);
	free(routes);
	free(pointers);
}

static void no_route_is_no_work(void **state)
{
	struct netns *ns = *state;
	size_t failed = 5;

	assert_ok(ns, rtnl_routes_replace(ns->rtnl, NULL, 0, &failed, &ns->err));
	assert_int_equal(failed, 0);
}

/* What the plan has to live with. */
static void the_last_address_takes_the_routes_of_the_device(void **state)
{
	struct netns *ns = *state;
	struct rt_route route;
	struct rt_routes have;

	netns_make_tunnel(ns);
	route = steering(ns);
	assert_ok(ns, replace(ns, &route));
	netns_ip("addr del 169.254.64.1/32 dev egw0");
	have = list(ns, &ours);

	assert_int_equal(have.n, 0);
	free(have.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_netns(an_encap_route_is_read_back_as_it_was_sent),
		in_a_netns(throw_blackhole_and_mtu_routes_are_read_back_as_they_were_sent),
		in_a_netns(replace_leaves_one_route_of_a_key),
		in_a_netns(add_refuses_a_key_that_a_foreign_route_has),
		in_a_netns(replace_takes_a_foreign_route_with_the_key),
		in_a_netns(deletion_takes_the_exact_route_only),
		in_a_netns(routes_that_we_cannot_hold_are_marked_and_can_be_deleted),
		in_a_netns(the_filter_keeps_by_protocol_table_and_function),
		in_a_netns(a_refusal_names_the_route_and_has_the_kernels_words),
		in_a_netns(of_many_routes_the_good_ones_pass_and_the_bad_ones_are_counted),
		in_a_netns(no_route_is_no_work),
		in_a_netns(the_last_address_takes_the_routes_of_the_device),
	};

	return cmocka_run_group_tests_name("netlink/kernel_route", tests, NULL, NULL);
}
