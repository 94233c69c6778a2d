// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which changes by others call for a look. */
#include <stdlib.h>
#include <string.h>

#include "netlink/plan.h"
#include "netlink/rtnl.h"
#include "sample.h"
#include "unit.h"

#define IFINDEX 7
#define UPLINK 2

struct fixture {
	struct net_desired desired;
	char text[RT_TEXT_MAX];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->desired = sample_desired();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	net_desired_done(&f->desired);
	free(f);
	return 0;
}

static bool is_stale(struct fixture *f, struct rt_change change)
{
	f->text[0] = '\0';
	return net_change_is_stale(&f->desired, IFINDEX, &change, f->text);
}

static struct rt_change link_change(struct fixture *f)
{
	struct rt_change change = { .kind = RT_LINK, .link = f->desired.tunnel };

	change.link.ifindex = IFINDEX;
	return change;
}

static void the_tunnel_as_it_should_be_is_no_news(void **state)
{
	assert_false(is_stale(*state, link_change(*state)));
}

static void each_change_of_the_tunnel_is_news(void **state)
{
	struct fixture *f = *state;
	struct rt_change change = link_change(f);

	change.deleted = true;
	assert_true(is_stale(f, change));
	assert_string_equal(f->text, "link deleted: egw0");
	change = link_change(f);
	change.link.up = false;
	assert_true(is_stale(f, change));
	assert_string_equal(f->text, "link changed: egw0");
	change = link_change(f);
	change.link.mtu = 1500;
	assert_true(is_stale(f, change));
	change = link_change(f);
	change.link.noarp = false;
	assert_true(is_stale(f, change));
	change = link_change(f);
	change.link.mac[0] ^= 2;
	assert_true(is_stale(f, change));
	change = link_change(f);
	change.link.vxlan_port++;
	assert_true(is_stale(f, change));
	change = link_change(f);
	change.link.ifindex++; /* deleted and made again */
	assert_true(is_stale(f, change));
	change = link_change(f);
	sample_name(change.link.name, "renamed");
	assert_true(is_stale(f, change));
}

static void other_devices_are_no_news(void **state)
{
	struct rt_change change = link_change(*state);

	sample_name(change.link.name, "eth7");
	change.link.ifindex = IFINDEX + 1;
	assert_false(is_stale(*state, change));
	change.deleted = true;
	assert_false(is_stale(*state, change));
}

/* With such a device or its address the kernel drops our routes and says nothing. */
static void a_device_that_our_routes_use_is_news_with_its_addresses(void **state)
{
	struct fixture *f = *state;
	struct rt_change link = { .kind = RT_LINK, .link = { .ifindex = UPLINK, .name = "eth0" } };
	struct rt_change addr = { .kind = RT_ADDR, .deleted = true, .addr = { .ifindex = UPLINK } };

	assert_false(is_stale(f, link));
	assert_false(is_stale(f, addr));
	f->desired.routes.v[0].oif = UPLINK;
	assert_true(is_stale(f, link));
	assert_true(is_stale(f, addr));
}

static void our_address_gone_and_any_other_come_are_news(void **state)
{
	struct rt_change change = { .kind = RT_ADDR, .addr = { IFINDEX, { { SAMPLE_ADDR }, 32 } } };

	assert_false(is_stale(*state, change));
	change.deleted = true;
	assert_true(is_stale(*state, change));
	change.addr.addr.addr.v++;
	assert_false(is_stale(*state, change));
	change.deleted = false;
	assert_true(is_stale(*state, change));
	change.addr.ifindex++;
	assert_false(is_stale(*state, change));
}

static void the_peer_gone_or_changed_is_news(void **state)
{
	struct rt_change change = { .kind = RT_NEIGH, .neigh = sample_peer() };

	change.neigh.ifindex = IFINDEX;
	assert_false(is_stale(*state, change));
	change.deleted = true;
	assert_true(is_stale(*state, change));
	change.deleted = false;
	change.neigh.permanent = false;
	assert_true(is_stale(*state, change));
	change.neigh.permanent = true;
	change.neigh.mac[5]++;
	assert_true(is_stale(*state, change));
	change.neigh.dst.v++;
	assert_false(is_stale(*state, change));
}

static struct rt_change route_change(struct fixture *f, size_t index)
{
	return (struct rt_change){
		.kind = RT_ROUTE, .route = net_route_resolve(&f->desired.routes.v[index], IFINDEX)
	};
}

static void a_wanted_route_is_news_when_it_goes_and_not_when_it_comes(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < SAMPLE_ROUTES; i++) {
		struct rt_change change = route_change(f, i);

		assert_false(is_stale(f, change));
		change.deleted = true;
		assert_true(is_stale(f, change));
		assert_memory_equal(f->text, "route deleted: ", 15);
	}
}

/* NLM_F_REPLACE doesn't care for the protocol, and no deletion of ours is announced. */
static void a_foreign_route_with_our_key_is_news(void **state)
{
	struct rt_change change = route_change(*state, 0);

	change.route.protocol = 3;
	assert_true(is_stale(*state, change));
	change.deleted = true;
	assert_false(is_stale(*state, change));
}

static void a_foreign_route_elsewhere_is_no_news(void **state)
{
	struct rt_change change = route_change(*state, 0);

	change.route.protocol = 3;
	change.route.table = 254;
	assert_false(is_stale(*state, change));
}

static void an_unwanted_route_with_our_protocol_is_news_when_it_comes(void **state)
{
	struct rt_change change = route_change(*state, 0);

	change.route.table = 5000;
	assert_true(is_stale(*state, change));
	change.deleted = true;
	assert_false(is_stale(*state, change));
}

static void a_wanted_rule_is_news_when_it_goes(void **state)
{
	struct fixture *f = *state;
	struct rt_change change = { .kind = RT_RULE, .deleted = true };

	for (size_t i = 0; i < SAMPLE_RULES; i++) {
		change.rule = f->desired.rules.v[i];
		assert_true(is_stale(f, change));
	}
	assert_string_equal(f->text, "rule deleted: priority 603 from all nop protocol 101");
	change.rule.priority = 5;
	assert_false(is_stale(f, change));
}

static void any_rule_with_our_protocol_is_news_when_another_adds_it(void **state)
{
	struct fixture *f = *state;
	struct rt_change change = { .kind = RT_RULE, .rule = f->desired.rules.v[0] };

	assert_true(is_stale(f, change));
	change.rule.protocol = 0;
	assert_false(is_stale(f, change));
	change.deleted = true;
	assert_false(is_stale(f, change));
}

#define on_a_node(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_a_node(the_tunnel_as_it_should_be_is_no_news),
		on_a_node(each_change_of_the_tunnel_is_news),
		on_a_node(other_devices_are_no_news),
		on_a_node(a_device_that_our_routes_use_is_news_with_its_addresses),
		on_a_node(our_address_gone_and_any_other_come_are_news),
		on_a_node(the_peer_gone_or_changed_is_news),
		on_a_node(a_wanted_route_is_news_when_it_goes_and_not_when_it_comes),
		on_a_node(a_foreign_route_with_our_key_is_news),
		on_a_node(a_foreign_route_elsewhere_is_no_news),
		on_a_node(an_unwanted_route_with_our_protocol_is_news_when_it_comes),
		on_a_node(a_wanted_rule_is_news_when_it_goes),
		on_a_node(any_rule_with_our_protocol_is_news_when_another_adds_it),
	};

	return cmocka_run_group_tests_name("netlink/stale", tests, NULL, NULL);
}
