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

#include "base/loop.h"
#include "netlink/sync.h"
#include "netns.h"
#include "sample.h"

struct fixture {
	struct loop *loop;
	struct net_sync *sync;
	struct net_desired desired;
	struct err err;
	int stales;
	char what[RT_TEXT_MAX];
	int foreign_links, foreign_routes, losses;
};

static void on_stale(const char *what, void *data)
{
	struct fixture *f = data;

	f->stales++;
	if (getenv("V"))
		printf("STALE %s\n", what);
	strncpy(f->what, what, sizeof(f->what) - 1);
}

static void on_foreign(const struct rt_change *change, void *data)
{
	struct fixture *f = data;

	f->foreign_links += change->kind == RT_LINK;
	f->foreign_routes += change->kind == RT_ROUTE;
}

static void on_lost(void *data)
{
	((struct fixture *)data)->losses++;
}

static void open_sync(struct fixture *f)
{
	static const struct net_sync_ops ops = { .on_stale = on_stale,
						 .on_foreign = on_foreign,
						 .on_lost = on_lost };

	f->sync = net_sync_new(f->loop, &ops, f, &f->err);
	if (!f->sync)
		fail_msg("%s", f->err.text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	netns_enter();
	f->desired = sample_desired();
	f->loop = loop_new();
	assert_non_null(f->loop);
	open_sync(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	net_sync_free(f->sync);
	loop_free(f->loop);
	net_desired_done(&f->desired);
	free(f);
	return 0;
}

/* Runs; returns the number of steps. */
static size_t run(struct fixture *f, char *summary)
{
	size_t steps = 0;

	if (net_sync_run(f->sync, &f->desired, &steps, summary, &f->err) != 0)
		fail_msg("%s", f->err.text);
	return steps;
}

static bool is_stale(void *data)
{
	return ((struct fixture *)data)->stales > 0;
}

/* Reaches the desired state and lets the kernel's own after-effects pass. */
static void settle(struct fixture *f)
{
	run(f, NULL);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	run(f, NULL);
	f->stales = 0;
}

/* Somebody did something: it is noticed, `summary` repairs it, and nothing is left to do. */
static void assert_repaired(struct fixture *f, const char *what, const char *summary)
{
	char text[RT_TEXT_MAX];

	netns_wait_until(f->loop, is_stale, f, what);
	if (!strstr(f->what, what))
		fail_msg("told was \"%s\"", f->what);
	run(f, text);
	assert_string_equal(text, summary);
	assert_int_equal(run(f, NULL), 0);
}

static void an_empty_namespace_becomes_the_desired_state(void **state)
{
	struct fixture *f = *state;
	char summary[RT_TEXT_MAX];
	const char *shown;

	/* Link; then set, address, neighbour; three routes; four rules. */
	assert_int_equal(run(f, summary), 11);
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
	struct fixture *f = *state;
	char summary[RT_TEXT_MAX];

	run(f, NULL);
	assert_int_equal(run(f, summary), 0);
	assert_string_equal(summary, "");
	net_sync_free(f->sync);
	open_sync(f);

	assert_int_equal(run(f, NULL), 0);
	assert_int_equal(net_sync_stats(f->sync).runs, 1);
	assert_int_equal(net_sync_stats(f->sync).steps, 0);
}

/* Neither our requests nor what the kernel does in consequence. */
static void our_own_work_is_not_stale(void **state)
{
	struct fixture *f = *state;

	run(f, NULL);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 0);
}

static void nothing_is_stale_before_the_first_run(void **state)
{
	struct fixture *f = *state;

	netns_ip("rule add prio 5 lookup 99 protocol 101");
	netns_ip("link add foreign0 type veth peer name foreign1");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 0);
	assert_true(f->foreign_links >= 2); /* but others' links are reported */
}

static void a_deleted_link_comes_back_with_all_that_it_took_along(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("link del egw0");

	/* What is told first is that it goes down. */
	assert_repaired(f, "egw0", "2 link steps, 1 address, 1 neighbour, 1 route");
}

static void a_link_that_was_set_down_is_set_up(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("link set egw0 down");

	assert_repaired(f, "link changed: egw0", "1 link step, 1 neighbour, 1 route");
}

static void a_link_with_another_mac_stays_ours_and_gets_its_mac(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("link set egw0 address 02:00:00:00:00:99");

	assert_repaired(f, "link changed: egw0", "1 link step, 1 neighbour");
}

static void a_deleted_address_comes_back_with_the_route_that_it_took_along(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("addr del 169.254.64.1/32 dev egw0");

	assert_repaired(f, "address deleted: 169.254.64.1/32", "1 address, 1 neighbour, 1 route");
}

static void a_foreign_address_on_the_tunnel_goes(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("addr add 169.254.64.9/32 dev egw0");

	assert_repaired(f, "address changed: 169.254.64.9/32", "1 address");
}

static void a_deleted_neighbour_comes_back(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("neigh del 169.254.64.254 dev egw0");

	assert_repaired(f, "neighbour", "1 neighbour");
}

static void a_deleted_route_comes_back(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("route del throw 10.0.1.200 table 4096");

	assert_repaired(f, "route deleted: throw 10.0.1.200 table 4096 proto 101", "1 route");
}

static void a_flushed_table_comes_back(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("route flush table 4096");

	assert_repaired(f, "route deleted: ", "3 routes");
}

static void a_route_that_was_replaced_is_put_right(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("route replace default dev lo table 4096 proto 101");

	assert_repaired(f, "route changed: ", "1 route");
	assert_null(strstr(netns_ip_shows("route show table 4096"), "dev lo"));
}

static void a_deleted_rule_comes_back(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("rule del prio 601");

	assert_repaired(f, "rule deleted: priority 601", "1 rule");
}

static void a_copy_of_a_rule_goes(void **state)
{
	struct fixture *f = *state;
	const struct rt_rule *rule = &f->desired.rules.v[1];
	struct rtnl *other;

	settle(f);
	other = rtnl_open(&f->err);
	assert_non_null(other);
	assert_int_equal(rtnl_rule_append(other, rule, &f->err), 0);

	assert_repaired(f, "rule changed: priority 601", "1 rule");
	rtnl_close(other);
}

static void an_obsolete_rule_that_matches_more_goes_alone(void **state)
{
	struct fixture *f = *state;
	const char *shown;

	settle(f);
	netns_ip("rule add prio 601 lookup 4096 protocol 101");

	assert_repaired(f, "rule changed: priority 601", "3 rules");
	shown = netns_ip_shows("rule");
	assert_non_null(strstr(shown, "601:\tfrom all fwmark 0x1000/0x107f lookup 4096 proto 101"));
	assert_null(strstr(shown, "601:\tfrom all lookup 4096"));
}

static void stale_is_told_once_until_the_next_run(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("route flush table 4096");
	netns_ip("rule del prio 601");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 1);
	run(f, NULL);
	netns_ip("rule del prio 601");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	assert_int_equal(f->stales, 2);
}

/* A hundred notifications of what one run has repaired are no news. */
static void what_a_run_has_repaired_is_not_told_again(void **state)
{
	struct fixture *f = *state;

	settle(f);
	netns_ip("link set egw0 down");
	netns_ip("route flush table 4096");
	netns_ip("rule flush protocol 101");
	assert_true(run(f, NULL) > 0);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	assert_int_equal(f->stales, 0);
	netns_ip("rule del prio 601");

	assert_repaired(f, "rule deleted: priority 601", "1 rule");
}

static void foreign_objects_are_never_touched(void **state)
{
	struct fixture *f = *state;
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

	settle(f);
	netns_ip("rule del prio 603");
	assert_int_equal(run(f, NULL), 1);
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
	struct fixture *f = *state;

	netns_ip("route add blackhole default metric 4000000 table 4096 proto static");

	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "blackhole default table 4096 metric 4000000"));
	assert_non_null(strstr(netns_ip_shows("route show table 4096"), "proto static"));
	assert_null(strstr(netns_ip_shows("rule"), "proto 101")); /* no rule without its routes */
	netns_ip("route del blackhole default metric 4000000 table 4096");
	run(f, NULL);
	assert_int_equal(run(f, NULL), 0);
	assert_string_equal(f->err.text, "");
}

static void a_foreign_device_of_our_name_is_an_error_and_stays(void **state)
{
	struct fixture *f = *state;

	netns_ip("link add egw0 type veth peer name egw1");

	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EEXIST);
	assert_non_null(strstr(f->err.text, "device egw0 is there and isn't ours (kind veth)"));
	assert_int_equal(net_sync_cleanup(f->sync, &f->desired, &f->err), 0);
	assert_non_null(strstr(netns_ip_shows("link"), "egw0"));
}

static void a_taken_port_is_an_error_that_names_it(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(4789) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(net_sync_run(f->sync, &f->desired, NULL, NULL, &f->err), -EADDRINUSE);
	assert_non_null(strstr(f->err.text, "UDP port 4789 is taken"));
	assert_true(net_sync_stats(f->sync).failures > 0);
	close(fd);

	run(f, NULL); /* The port is free again. */
	assert_int_equal(run(f, NULL), 0);
}

static void another_port_makes_the_tunnel_anew(void **state)
{
	struct fixture *f = *state;
	char summary[RT_TEXT_MAX];

	settle(f);
	f->desired.tunnel.vxlan_port = 4790;
	run(f, summary);

	assert_string_equal(summary, "3 link steps, 1 address, 1 neighbour, 1 route");
	assert_non_null(strstr(netns_ip_shows("-d link show egw0"), "dstport 4790"));
	assert_int_equal(run(f, NULL), 0);
}

static void another_gateway_replaces_one_route(void **state)
{
	struct fixture *f = *state;
	char summary[RT_TEXT_MAX];

	settle(f);
	for (size_t i = 0; i < f->desired.routes.n; i++) {
		if (f->desired.routes.v[i].type == RT_UNICAST)
			f->desired.routes.v[i].encap.dst.v++;
		if (f->desired.routes.v[i].type == RT_THROW)
			f->desired.routes.v[i].dst.addr.v++;
	}
	net_desired_sort(&f->desired);
	run(f, summary);

	assert_string_equal(summary, "3 routes"); /* new throw, default, old throw */
	assert_int_equal(run(f, NULL), 0);
}

static void routes_by_the_uplink_come_back_with_it(void **state)
{
	struct fixture *f = *state;

	netns_ip("link add eth0 type veth peer name eth0p");
	netns_ip("link set eth0p up");
	netns_ip("link set eth0 up");
	netns_ip("addr add 10.0.1.200/24 dev eth0");
	f->desired.routes.v = realloc(f->desired.routes.v,
				      (f->desired.routes.n + 1) * sizeof(*f->desired.routes.v));
	f->desired.routes.v[f->desired.routes.n] = (struct rt_route){
		.table = 4200, .gateway = { 0x0a000101 }, .mtu = 1500, .protocol = RT_PROTOCOL_EIPGW
	};
	sscanf(netns_ip_shows("-o link show eth0"),
	       "%d:", &f->desired.routes.v[f->desired.routes.n++].oif);
	net_desired_sort(&f->desired);
	settle(f);
	netns_ip("link set eth0 down"); /* The route goes without a word. */
	netns_ip("link set eth0 up");

	assert_repaired(f, "link changed: eth0", "1 route");
	assert_non_null(strstr(netns_ip_shows("route show table 4200"), "mtu 1500"));
}

static void a_cleanup_needs_no_loop_and_leaves_nothing(void **state)
{
	static const struct net_sync_ops none = { .on_stale = NULL };
	struct fixture *f = *state;
	struct net_sync *sync;

	settle(f);
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
	struct fixture *f = *state;

	settle(f);
	f->foreign_routes = 0;
	netns_ip("route add 10.0.1.50/32 dev egw0 scope link");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->foreign_routes, 1);
	assert_int_equal(f->stales, 0);
}

#define FLOOD 30000

static void lost_notifications_are_told_and_a_run_follows(void **state)
{
	struct fixture *f = *state;
	struct rt_route *routes = calloc(FLOOD, sizeof(*routes));
	const struct rt_route **pointers = calloc(FLOOD, sizeof(struct rt_route *));
	struct rtnl *other = rtnl_open(&f->err);

	assert_true(routes && pointers && other);
	settle(f);
	for (uint32_t i = 0; i < FLOOD; i++) {
		routes[i] = sample_throw(5000, 0x0b000000 + i);
		routes[i].protocol = 4;
		pointers[i] = &routes[i];
	}
	assert_int_equal(rtnl_routes_add(other, pointers, FLOOD, NULL, &f->err), 0);
	netns_wait_until(f->loop, is_stale, f, "the loss was told");

	assert_string_equal(f->what, "notifications were lost");
	assert_int_equal(f->losses, 1);
	assert_int_equal(net_sync_stats(f->sync).overruns, 1);
	assert_int_equal(run(f, NULL), 0);
	rtnl_close(other);
	free(routes);
	free(pointers);
}

#define synced(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		synced(an_empty_namespace_becomes_the_desired_state),
		synced(a_reached_state_costs_nothing_and_is_adopted_by_the_next_daemon),
		synced(our_own_work_is_not_stale),
		synced(nothing_is_stale_before_the_first_run),
		synced(a_deleted_link_comes_back_with_all_that_it_took_along),
		synced(a_link_that_was_set_down_is_set_up),
		synced(a_link_with_another_mac_stays_ours_and_gets_its_mac),
		synced(a_deleted_address_comes_back_with_the_route_that_it_took_along),
		synced(a_foreign_address_on_the_tunnel_goes),
		synced(a_deleted_neighbour_comes_back),
		synced(a_deleted_route_comes_back),
		synced(a_flushed_table_comes_back),
		synced(a_route_that_was_replaced_is_put_right),
		synced(a_deleted_rule_comes_back),
		synced(a_copy_of_a_rule_goes),
		synced(an_obsolete_rule_that_matches_more_goes_alone),
		synced(stale_is_told_once_until_the_next_run),
		synced(what_a_run_has_repaired_is_not_told_again),
		synced(foreign_objects_are_never_touched),
		synced(a_foreign_route_with_our_key_is_an_error_and_stays),
		synced(a_foreign_device_of_our_name_is_an_error_and_stays),
		synced(a_taken_port_is_an_error_that_names_it),
		synced(another_port_makes_the_tunnel_anew),
		synced(another_gateway_replaces_one_route),
		synced(routes_by_the_uplink_come_back_with_it),
		synced(a_cleanup_needs_no_loop_and_leaves_nothing),
		synced(others_routes_are_reported),
		synced(lost_notifications_are_told_and_a_run_follows),
	};

	return cmocka_run_group_tests_name("netlink/kernel_sync", tests, NULL, NULL);
}
