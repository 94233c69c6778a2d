// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Single differences: which step answers each. The order of steps is test_plan_model.c's business. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan_fixture.h"
#include "unit.h"

static struct rt_route *observed_route(struct plan_fixture *f, enum rt_route_type type)
{
	struct rt_route *route = f->observed.routes.v;

	while (route < f->observed.routes.v + f->observed.routes.n && route->type != type)
		route++;
	assert_true(route < f->observed.routes.v + f->observed.routes.n);
	return route;
}

static void drop_route(struct plan_fixture *f, enum rt_route_type type)
{
	struct rt_routes *routes = &f->observed.routes;

	*observed_route(f, type) = routes->v[routes->n - 1];
	routes->n--;
}

static void an_equal_state_needs_no_step(void **state)
{
	struct plan_fixture *f = *state;

	plan_fixture_compute(f);

	assert_int_equal(f->plan.n, 0);
}

static void an_absent_tunnel_is_added_after_all_that_stops_packets(void **state)
{
	struct plan_fixture *f = *state;

	net_observed_done(&f->observed);
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f, "ip route add blackhole default table 4096 metric 4000000 proto 101",
		"ip route add throw 10.0.1.200 table 4096 proto 101",
		"ip rule add priority 603 from all nop protocol 101",
		"ip rule add priority 600 from all fwmark 0/0x1000 goto 603 protocol 101",
		"ip rule add priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101",
		"ip rule add priority 602 from all blackhole protocol 101",
		"ip link add egw0 address 02:65:67:77:00:02 mtu 8951 type vxlan external dstport 4789 ttl 64");
}

static void a_tunnel_with_another_port_is_made_anew(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.tunnel.vxlan_port = 4790;
	plan_fixture_compute(f);

	assert_int_equal(f->plan.n, 2);
	assert_int_equal(f->plan.v[0].kind, NET_LINK_DEL);
	assert_int_equal(f->plan.v[1].kind, NET_LINK_ADD);
}

static void a_tunnel_that_is_down_is_set_and_gets_its_neighbour_again(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.tunnel.up = false;
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f,
		"ip link set egw0 address 02:65:67:77:00:02 mtu 8951 arp off up type vxlan ttl 64",
		"ip neigh replace 169.254.64.254 lladdr 02:65:67:77:00:01 dev egw0 nud permanent");
}

static void each_property_of_the_tunnel_is_compared(void **state)
{
	struct plan_fixture *f = *state;
	const struct rt_link good = f->observed.tunnel;
	struct rt_link bad[5] = { good, good, good, good, good };

	bad[0].mac[5] ^= 1;
	bad[1].mtu--;
	bad[2].up = false;
	bad[3].noarp = false;
	bad[4].vxlan_ttl++;
	for (size_t i = 0; i < 5; i++) {
		f->observed.tunnel = bad[i];
		plan_fixture_compute(f);

		assert_int_equal(f->plan.by_kind[NET_LINK_SET], 1);
		net_plan_done(&f->plan);
	}
}

static void a_device_of_another_kind_is_left_alone(void **state)
{
	struct plan_fixture *f = *state;

	sample_name(f->observed.tunnel.kind, "dummy");

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "egw0"));
	assert_non_null(strstr(f->err.text, "dummy"));
	assert_int_equal(f->plan.n, 0);
}

static void a_vxlan_device_with_neither_our_mac_nor_our_address_is_left_alone(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.tunnel.mac[0] ^= 4;
	f->observed.addrs.n = 0;

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EEXIST);
}

static void a_vxlan_device_that_is_not_external_is_left_alone(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.tunnel.vxlan_external = false;

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EEXIST);
}

static void a_device_that_only_answers_to_the_name_is_left_alone(void **state)
{
	struct plan_fixture *f = *state;

	sample_name(f->observed.tunnel.name, "other");

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EEXIST);
}

static void our_address_is_added_before_another_is_deleted(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.addrs.v[0].addr.addr.v++;
	plan_fixture_compute(f);

	ASSERT_STEPS(f, "ip addr replace 169.254.64.1/32 dev egw0",
		     "ip addr del 169.254.64.2/32 dev egw0");
}

static void our_address_with_another_length_is_another_address(void **state)
{
	struct plan_fixture *f = *state;

	f->observed.addrs.v[0].addr.len = 24;
	plan_fixture_compute(f);

	ASSERT_STEPS(f, "ip addr replace 169.254.64.1/32 dev egw0",
		     "ip addr del 169.254.64.1/24 dev egw0");
}

static void a_neighbour_that_differs_is_replaced(void **state)
{
	struct plan_fixture *f = *state;
	const struct rt_neigh good = f->observed.neighs.v[0];
	struct rt_neigh bad[3] = { good, good, good };

	bad[0].mac[0] ^= 2;
	bad[1].permanent = false;
	bad[2].dst.v++;
	for (size_t i = 0; i < 3; i++) {
		f->observed.neighs.v[0] = bad[i];
		plan_fixture_compute(f);

		assert_int_equal(f->plan.n, 1);
		assert_int_equal(f->plan.v[0].kind, NET_NEIGH_ADD);
		net_plan_done(&f->plan);
	}
}

static void an_absent_route_is_added(void **state)
{
	struct plan_fixture *f = *state;

	drop_route(f, RT_UNICAST);
	plan_fixture_compute(f);

	ASSERT_STEPS(f,
		     "ip route add default encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64 via "
		     "169.254.64.254 dev egw0 onlink table 4096 proto 101");
}

static void a_route_by_the_tunnels_former_index_is_replaced(void **state)
{
	struct plan_fixture *f = *state;

	observed_route(f, RT_UNICAST)->oif = PLAN_FIXTURE_IFINDEX + 1;
	plan_fixture_compute(f);

	assert_int_equal(f->plan.n, 1);
	assert_int_equal(f->plan.v[0].kind, NET_ROUTE_REPLACE);
}

static void each_part_of_a_route_is_compared(void **state)
{
	struct plan_fixture *f = *state;
	struct rt_route *route = observed_route(f, RT_UNICAST);
	const struct rt_route good = *route;
	struct rt_route bad[11];

	for (size_t i = 0; i < 11; i++)
		bad[i] = good;
	bad[0].encap.id++;
	bad[1].encap.src.v++;
	bad[2].encap.dst.v++;
	bad[3].encap.ttl++;
	bad[4].gateway.v++;
	bad[5].mtu = 1500;
	bad[6].onlink = false;
	bad[7].multipath = true;
	bad[8].foreign_parts = true;
	bad[9].type = RT_OTHER;
	bad[10].scope = 253;
	for (size_t i = 0; i < 11; i++) {
		*route = bad[i];
		plan_fixture_compute(f);

		assert_int_equal(f->plan.n, 1);
		assert_int_equal(f->plan.v[0].kind, NET_ROUTE_REPLACE);
		net_plan_done(&f->plan);
	}
}

static void a_route_of_ours_that_nobody_wants_is_deleted(void **state)
{
	struct plan_fixture *f = *state;

	observed_route(f, RT_BLACKHOLE)->metric = 5;
	plan_fixture_compute(f);

	ASSERT_STEPS(f, "ip route add blackhole default table 4096 metric 4000000 proto 101",
		     "ip route del blackhole default table 4096 metric 5 proto 101");
}

static void of_two_routes_with_one_key_the_wrong_one_is_deleted(void **state)
{
	struct plan_fixture *f = *state;
	struct rt_routes *routes = &f->observed.routes;

	routes->v = realloc(routes->v, (routes->n + 1) * sizeof(*routes->v));
	routes->v[routes->n] = *observed_route(f, RT_UNICAST);
	routes->v[routes->n++].encap.dst.v++;
	plan_fixture_compute(f);

	ASSERT_STEPS(f,
		     "ip route del default encap ip id 77 src 10.0.1.11 dst 10.0.1.201 ttl 64 via "
		     "169.254.64.254 dev if7 onlink table 4096 proto 101");
}

static void removal_takes_rules_then_routes_then_the_tunnel(void **state)
{
	static const char del_default[] =
		"ip route del default encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64 via "
		"169.254.64.254 dev if7 onlink table 4096 proto 101";
	struct plan_fixture *f = *state;

	assert_int_equal(net_plan_compute_removal(&f->desired, &f->observed, &f->plan), 0);

	ASSERT_STEPS(
		f, "ip rule del priority 602 from all blackhole protocol 101",
		"ip rule del priority 601 from all fwmark 0x1000/0x107f lookup 4096 protocol 101",
		"ip rule del priority 600 from all fwmark 0/0x1000 goto 603 protocol 101",
		"ip rule del priority 603 from all nop protocol 101", del_default,
		"ip route del blackhole default table 4096 metric 4000000 proto 101",
		"ip route del throw 10.0.1.200 table 4096 proto 101", "ip link del egw0");
}

static void removal_leaves_a_foreign_device_of_our_name(void **state)
{
	struct plan_fixture *f = *state;

	sample_name(f->observed.tunnel.kind, "dummy");

	assert_int_equal(net_plan_compute_removal(&f->desired, &f->observed, &f->plan), 0);
	assert_int_equal(f->plan.by_kind[NET_LINK_DEL], 0);
	assert_int_equal(f->plan.n, SAMPLE_ROUTES + SAMPLE_RULES);
}

static void a_desired_route_with_a_foreign_protocol_is_refused(void **state)
{
	struct plan_fixture *f = *state;

	f->desired.routes.v[0].protocol = 3;

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "proto 3"));
}

static void two_desired_routes_with_one_key_are_refused(void **state)
{
	struct plan_fixture *f = *state;

	f->desired.routes.v[1] = f->desired.routes.v[0];
	f->desired.routes.v[1].encap.ttl++;

	assert_int_equal(net_plan_compute(&f->desired, &f->observed, &f->plan, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.text, "twice"));
}

static void steps_are_counted_in_words(void **state)
{
	size_t by_kind[NET_OP_KIND_COUNT] = { 0 };
	char text[RT_TEXT_MAX];

	(void)state;
	assert_string_equal(net_steps_format(by_kind, text), "");
	by_kind[NET_ROUTE_ADD] = 2;
	by_kind[NET_ROUTE_DEL] = 1;
	by_kind[NET_RULE_ADD] = 1;

	assert_string_equal(net_steps_format(by_kind, text), "3 routes, 1 rule");
}

static void a_blackhole_behind_a_route_of_its_prefix_comes_after_it(void **state)
{
	struct plan_fixture *f = *state;
	size_t n = f->desired.routes.n;
	struct rt_route *v = calloc(n + 2, sizeof(*v));

	/* A part of what a wider route takes already. */
	assert_non_null(v);
	memcpy(v, f->desired.routes.v, n * sizeof(*v));
	v[n] = sample_default(SAMPLE_TABLE, SAMPLE_GATEWAY);
	v[n + 1] = sample_blackhole(SAMPLE_TABLE);
	v[n].dst = v[n + 1].dst = (struct ip4_prefix){ { 0xc6336440 }, 26 };
	free(f->desired.routes.v);
	f->desired.routes = (struct rt_routes){ v, n + 2 };
	net_desired_sort(&f->desired);
	plan_fixture_compute(f);

	ASSERT_STEPS(
		f,
		"ip route add 198.51.100.64/26 encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64 via 169.254.64.254 dev "
		"egw0 onlink table 4096 proto 101",
		"ip route add blackhole 198.51.100.64/26 table 4096 metric 4000000 proto 101");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_node(an_equal_state_needs_no_step),
		on_a_node(an_absent_tunnel_is_added_after_all_that_stops_packets),
		on_a_node(a_tunnel_with_another_port_is_made_anew),
		on_a_node(a_tunnel_that_is_down_is_set_and_gets_its_neighbour_again),
		on_a_node(each_property_of_the_tunnel_is_compared),
		on_a_node(a_device_of_another_kind_is_left_alone),
		on_a_node(a_vxlan_device_with_neither_our_mac_nor_our_address_is_left_alone),
		on_a_node(a_vxlan_device_that_is_not_external_is_left_alone),
		on_a_node(a_device_that_only_answers_to_the_name_is_left_alone),
		on_a_node(our_address_is_added_before_another_is_deleted),
		on_a_node(our_address_with_another_length_is_another_address),
		on_a_node(a_neighbour_that_differs_is_replaced),
		on_a_node(an_absent_route_is_added),
		on_a_node(a_blackhole_behind_a_route_of_its_prefix_comes_after_it),
		on_a_node(a_route_by_the_tunnels_former_index_is_replaced),
		on_a_node(each_part_of_a_route_is_compared),
		on_a_node(a_route_of_ours_that_nobody_wants_is_deleted),
		on_a_node(of_two_routes_with_one_key_the_wrong_one_is_deleted),
		on_a_node(removal_takes_rules_then_routes_then_the_tunnel),
		on_a_node(removal_leaves_a_foreign_device_of_our_name),
		on_a_node(a_desired_route_with_a_foreign_protocol_is_refused),
		on_a_node(two_desired_routes_with_one_key_are_refused),
		cmocka_unit_test(steps_are_counted_in_words),
	};

	return cmocka_run_group_tests_name("netlink/plan", tests, NULL, NULL);
}
