// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The whole way on the real kernel: whatever others do to ours is noticed, repaired, and then left alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sync_fixture.h"

static void an_empty_namespace_becomes_the_desired_state(void **state)
{
	struct sync_fixture *f = *state;
	char summary[RT_TEXT_MAX];
	const char *shown;

	/* Link; then set, address, neighbour; three routes; four rules. */
	assert_int_equal(sync_fixture_run(f, summary), 11);
	assert_string_equal(summary, "2 link steps, 1 address, 1 neighbour, 3 routes, 4 rules");
	shown = netns_ip_shows("route show table 4096");
	assert_non_null(
		strstr(shown, "default  encap ip id 77 src 10.0.1.11 dst 10.0.1.200 ttl 64"));
	assert_non_null(strstr(shown, "blackhole default proto 101 metric 4000000"));
	assert_non_null(strstr(shown, "throw 10.0.1.200 proto 101"));
	shown = netns_ip_shows("rule");
	assert_non_null(strstr(shown, "600:\tfrom all fwmark 0/0x1000 goto 603 proto 101"));
	assert_non_null(strstr(shown, "601:\tfrom all fwmark 0x1000/0x107f lookup 4096 proto 101"));
	assert_non_null(strstr(shown, "602:\tfrom all blackhole proto 101"));
	assert_non_null(strstr(shown, "603:\tfrom all nop proto 101"));
}

static void a_reached_state_costs_nothing_and_is_adopted_by_the_next_daemon(void **state)
{
	struct sync_fixture *f = *state;
	char summary[RT_TEXT_MAX];

	sync_fixture_run(f, NULL);
	assert_int_equal(sync_fixture_run(f, summary), 0);
	assert_string_equal(summary, "");
	net_sync_free(f->sync);
	sync_fixture_open(f);

	assert_int_equal(sync_fixture_run(f, NULL), 0);
	assert_int_equal(net_sync_stats(f->sync).runs, 1);
	assert_int_equal(net_sync_stats(f->sync).steps, 0);
}

/* Neither our requests nor what the kernel does in consequence. */
static void our_own_work_is_not_stale(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_run(f, NULL);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 0);
}

static void nothing_is_stale_before_the_first_run(void **state)
{
	struct sync_fixture *f = *state;

	netns_ip("rule add prio 5 lookup 99 protocol 101");
	netns_ip("link add foreign0 type veth peer name foreign1");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 0);
	assert_true(f->foreign_links >= 2); /* but others' links are reported */
}

static void foreign_objects_are_never_touched(void **state)
{
	struct sync_fixture *f = *state;
	char before[2][4096];

	netns_ip("link add eth0 type veth peer name eth0p");
	netns_ip("link set eth0 up");
	netns_ip("addr add 10.0.1.11/24 dev eth0");
	netns_ip("route add 10.5.0.0/16 dev eth0 proto static table 4096");
	netns_ip("route add throw 10.0.1.200 metric 5 table 4096 proto boot");
	netns_ip("rule add prio 600 fwmark 0x80/0x80 lookup main");
	netns_ip("rule add prio 601 fwmark 0x1000/0x107f lookup 4096");
	netns_ip("rule add prio 512 to 10.0.1.50 lookup main protocol 4");
	snprintf(before[0], sizeof(before[0]), "%s", netns_ip_shows("rule"));
	snprintf(before[1], sizeof(before[1]), "%s", netns_ip_shows("route show table 4096"));

	sync_fixture_settle(f);
	netns_ip("rule del prio 603");
	assert_int_equal(sync_fixture_run(f, NULL), 1);
	f->stales = 0;
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	netns_ip("route del 10.5.0.0/16 table 4096");
	netns_ip("route add 10.5.0.0/16 dev eth0 proto static table 4096");
	f->stales = 0;
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	assert_int_equal(f->stales, 0);

	assert_int_equal(net_sync_cleanup(f->sync, &f->desired, &f->err), 0);
	assert_string_equal(netns_ip_shows("rule"), before[0]);
	assert_string_equal(netns_ip_shows("route show table 4096"), before[1]);
	assert_null(strstr(netns_ip_shows("link"), "egw0"));
	assert_non_null(strstr(netns_ip_shows("addr show dev eth0"), "10.0.1.11/24"));
}

static void a_foreign_route_with_our_key_is_an_error_and_stays(void **state)
{
	struct sync_fixture *f = *state;

	netns_ip("route add blackhole default metric 4000000 table 4096 proto static");

	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "blackhole default table 4096 metric 4000000"));
	assert_non_null(strstr(netns_ip_shows("route show table 4096"), "proto static"));
	assert_null(strstr(netns_ip_shows("rule"), "proto 101")); /* no rule without its routes */
	netns_ip("route del blackhole default metric 4000000 table 4096");
	sync_fixture_run(f, NULL);
	assert_int_equal(sync_fixture_run(f, NULL), 0);
	assert_string_equal(f->err.text, "");
}

static void a_foreign_device_of_our_name_is_an_error_and_stays(void **state)
{
	struct sync_fixture *f = *state;

	netns_ip("link add egw0 type veth peer name egw1");

	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "device egw0 is there and isn't ours (kind veth)"));
	assert_int_equal(net_sync_cleanup(f->sync, &f->desired, &f->err), 0);
	assert_non_null(strstr(netns_ip_shows("link"), "egw0"));
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
	struct sync_fixture *f = *state;
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(4789) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EADDRINUSE);
	assert_non_null(strstr(f->err.text, "UDP port 4789 is taken"));
	assert_true(net_sync_stats(f->sync).failures > 0);
	close(fd);

	sync_fixture_run(f, NULL); /* The port is free again. */
	assert_int_equal(sync_fixture_run(f, NULL), 0);
}

static void another_port_makes_the_tunnel_anew(void **state)
{
	struct sync_fixture *f = *state;
	char summary[RT_TEXT_MAX];

	sync_fixture_settle(f);
	f->desired.tunnel.vxlan_port = 4790;
	sync_fixture_run(f, summary);

	assert_string_equal(summary, "3 link steps, 1 address, 1 neighbour, 1 route");
	assert_non_null(strstr(netns_ip_shows("-d link show egw0"), "dstport 4790"));
	assert_int_equal(sync_fixture_run(f, NULL), 0);
}

static void another_gateway_replaces_one_route(void **state)
{
	struct sync_fixture *f = *state;
	char summary[RT_TEXT_MAX];

	sync_fixture_settle(f);
	for (size_t i = 0; i < f->desired.routes.n; i++) {
		if (f->desired.routes.v[i].type == RT_UNICAST)
			f->desired.routes.v[i].encap.dst.v++;
		if (f->desired.routes.v[i].type == RT_THROW)
			f->desired.routes.v[i].dst.addr.v++;
	}
	net_desired_sort(&f->desired);
	sync_fixture_run(f, summary);

	assert_string_equal(summary, "3 routes"); /* new throw, default, old throw */
	assert_int_equal(sync_fixture_run(f, NULL), 0);
}

static void a_cleanup_needs_no_loop_and_leaves_nothing(void **state)
{
	static const struct net_sync_ops none = { .on_stale = NULL };
	struct sync_fixture *f = *state;
	struct net_sync *sync;

	sync_fixture_settle(f);
	sync = net_sync_new(NULL, &none, NULL, &f->err);
	assert_non_null(sync);
	assert_int_equal(net_sync_cleanup(sync, &f->desired, &f->err), 0);
	net_sync_free(sync);

	assert_null(strstr(netns_ip_shows("rule"), "101"));
	assert_string_equal(netns_ip_shows("route show table all proto 101"), "");
	assert_null(strstr(netns_ip_shows("link"), "egw0"));
}

static void others_routes_are_reported(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	f->foreign_routes = 0;
	netns_ip("route add 10.0.1.50/32 dev egw0 scope link");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->foreign_routes, 1);
	assert_int_equal(f->stales, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		synced(an_empty_namespace_becomes_the_desired_state),
		synced(a_reached_state_costs_nothing_and_is_adopted_by_the_next_daemon),
		synced(our_own_work_is_not_stale),
		synced(nothing_is_stale_before_the_first_run),
		synced(foreign_objects_are_never_touched),
		synced(a_foreign_route_with_our_key_is_an_error_and_stays),
		synced(a_foreign_device_of_our_name_is_an_error_and_stays),
		synced(a_taken_port_is_an_error_that_names_it),
		synced(another_port_makes_the_tunnel_anew),
		synced(another_gateway_replaces_one_route),
		synced(a_cleanup_needs_no_loop_and_leaves_nothing),
		synced(others_routes_are_reported),
	};

	return cmocka_run_group_tests_name("netlink/kernel_sync", tests, NULL, NULL);
}
