// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* On the real kernel: whatever others do to ours is noticed, repaired, and then left alone. */
#include <stdlib.h>
#include <string.h>

#include "sync_fixture.h"

/* Somebody did something: it is noticed, `summary` repairs it, and nothing is left to do. */
static void assert_repaired(struct sync_fixture *f, const char *what, const char *summary)
{
	char text[RT_TEXT_MAX];

	netns_wait_until(f->loop, sync_fixture_is_stale, f, what);
	if (!strstr(f->what, what))
		fail_msg("told was \"%s\"", f->what);
	sync_fixture_run(f, text);
	assert_string_equal(text, summary);
	assert_int_equal(sync_fixture_run(f, NULL), 0);
}

static void a_deleted_link_comes_back_with_all_that_it_took_along(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("link del egw0");

	/* What is told first is that it goes down. */
	assert_repaired(f, "egw0", "2 link steps, 1 address, 1 neighbour, 1 route");
}

static void a_link_that_was_set_down_is_set_up(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("link set egw0 down");

	assert_repaired(f, "link changed: egw0", "1 link step, 1 neighbour, 1 route");
}

static void a_link_with_another_mac_stays_ours_and_gets_its_mac(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("link set egw0 address 02:00:00:00:00:99");

	assert_repaired(f, "link changed: egw0", "1 link step, 1 neighbour");
}

static void a_deleted_address_comes_back_with_the_route_that_it_took_along(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("addr del 169.254.64.1/32 dev egw0");

	assert_repaired(f, "address deleted: 169.254.64.1/32", "1 address, 1 neighbour, 1 route");
}

static void a_foreign_address_on_the_tunnel_goes(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("addr add 169.254.64.9/32 dev egw0");

	assert_repaired(f, "address changed: 169.254.64.9/32", "1 address");
}

static void a_deleted_neighbour_comes_back(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("neigh del 169.254.64.254 dev egw0");

	assert_repaired(f, "neighbour", "1 neighbour");
}

static void a_deleted_route_comes_back(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("route del throw 10.0.1.200 table 4096");

	assert_repaired(f, "route deleted: throw 10.0.1.200 table 4096 proto 101", "1 route");
}

static void a_flushed_table_comes_back(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("route flush table 4096");

	assert_repaired(f, "route deleted: ", "3 routes");
}

static void a_route_that_was_replaced_is_put_right(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("route replace default dev lo table 4096 proto 101");

	assert_repaired(f, "route changed: ", "1 route");
	assert_null(strstr(netns_ip_shows("route show table 4096"), "dev lo"));
}

static void a_deleted_rule_comes_back(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("rule del prio 601");

	assert_repaired(f, "rule deleted: priority 601", "1 rule");
}

static void a_copy_of_a_rule_goes(void **state)
{
	struct sync_fixture *f = *state;
	const struct rt_rule *rule = &f->desired.rules.v[1];
	struct rtnl *other;

	sync_fixture_settle(f);
	other = rtnl_open(&f->err);
	assert_non_null(other);
	assert_int_equal(rtnl_rule_append(other, rule, &f->err), 0);

	assert_repaired(f, "rule changed: priority 601", "1 rule");
	rtnl_close(other);
}

static void an_obsolete_rule_that_matches_more_goes_alone(void **state)
{
	struct sync_fixture *f = *state;
	const char *shown;

	sync_fixture_settle(f);
	netns_ip("rule add prio 601 lookup 4096 protocol 101");

	assert_repaired(f, "rule changed: priority 601", "3 rules");
	shown = netns_ip_shows("rule");
	assert_non_null(strstr(shown, "601:\tfrom all fwmark 0x1000/0x107f lookup 4096 proto 101"));
	assert_null(strstr(shown, "601:\tfrom all lookup 4096"));
}

static void stale_is_told_once_until_the_next_run(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("route flush table 4096");
	netns_ip("rule del prio 601");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);

	assert_int_equal(f->stales, 1);
	sync_fixture_run(f, NULL);
	netns_ip("rule del prio 601");
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	assert_int_equal(f->stales, 2);
}

/* A hundred notifications of what one run has repaired are no news. */
static void what_a_run_has_repaired_is_not_told_again(void **state)
{
	struct sync_fixture *f = *state;

	sync_fixture_settle(f);
	netns_ip("link set egw0 down");
	netns_ip("route flush table 4096");
	netns_ip("rule flush protocol 101");
	assert_true(sync_fixture_run(f, NULL) > 0);
	netns_run_for_ms(f->loop, NETNS_QUIET_MS);
	assert_int_equal(f->stales, 0);
	netns_ip("rule del prio 601");

	assert_repaired(f, "rule deleted: priority 601", "1 rule");
}

static void routes_by_the_uplink_come_back_with_it(void **state)
{
	struct sync_fixture *f = *state;
	struct rt_link uplink;

	netns_ip("link add eth0 type veth peer name eth0p");
	netns_ip("link set eth0p up");
	netns_ip("link set eth0 up");
	netns_ip("addr add 10.0.1.200/24 dev eth0");
	f->desired.routes.v = realloc(f->desired.routes.v,
				      (f->desired.routes.n + 1) * sizeof(*f->desired.routes.v));
	f->desired.routes.v[f->desired.routes.n] = (struct rt_route){
		.table = 4200, .gateway = { 0x0a000101 }, .mtu = 1500, .protocol = RT_PROTOCOL_EIPGW
	};
	assert_int_equal(rtnl_link_by_name(net_sync_rtnl(f->sync), "eth0", &uplink, &f->err), 0);
	f->desired.routes.v[f->desired.routes.n++].oif = uplink.ifindex;
	net_desired_sort(&f->desired);
	sync_fixture_settle(f);
	netns_ip("link set eth0 down"); /* The route goes without a word. */
	netns_ip("link set eth0 up");

	assert_repaired(f, "link changed: eth0", "1 route");
	assert_non_null(strstr(netns_ip_shows("route show table 4200"), "mtu 1500"));
}

#define FLOOD 30000

static void lost_notifications_are_told_and_a_run_follows(void **state)
{
	struct sync_fixture *f = *state;
	struct rt_route *routes = calloc(FLOOD, sizeof(*routes));
	const struct rt_route **pointers = calloc(FLOOD, sizeof(struct rt_route *));
	struct rtnl *other = rtnl_open(&f->err);

	assert_true(routes && pointers && other);
	sync_fixture_settle(f);
	for (uint32_t i = 0; i < FLOOD; i++) {
		routes[i] = sample_throw(5000, 0x0b000000 + i);
		routes[i].protocol = 4;
		pointers[i] = &routes[i];
	}
	assert_int_equal(rtnl_routes_add(other, pointers, FLOOD, NULL, &f->err), 0);
	netns_wait_until(f->loop, sync_fixture_is_stale, f, "the loss was told");

	assert_string_equal(f->what, "notifications were lost");
	assert_int_equal(f->losses, 1);
	assert_int_equal(net_sync_stats(f->sync).overruns, 1);
	assert_int_equal(sync_fixture_run(f, NULL), 0);
	rtnl_close(other);
	free(routes);
	free(pointers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		synced(routes_by_the_uplink_come_back_with_it),
		synced(lost_notifications_are_told_and_a_run_follows),
	};

	return cmocka_run_group_tests_name("netlink/kernel_repair", tests, NULL, NULL);
}
