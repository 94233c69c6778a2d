// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Contract with the kernel: what others do is announced, what we do ourselves isn't. */
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "netns.h"
#include "sample.h"

struct fixture {
	struct netns *ns;
	struct loop *loop;
	struct rtnl_watch *watch;
	struct rt_change seen[64];
	size_t n;
	size_t floods; /* changes of flood_routes() */
	int overruns;
	/* what is waited for */
	enum rt_kind kind;
	bool deleted;
};

static void on_change(const struct rt_change *change, void *data)
{
	struct fixture *f = data;

	if (change->kind == RT_ROUTE && change->route.type == RT_THROW)
		f->floods++;
	else if (f->n < 64)
		f->seen[f->n++] = *change;
}

static void on_overrun(void *data)
{
	((struct fixture *)data)->overruns++;
}

static int set_up(void **state)
{
	static const struct rtnl_watch_ops ops = { .on_change = on_change,
						   .on_overrun = on_overrun };
	struct fixture *f = calloc(1, sizeof(*f));
	void *ns = NULL;

	assert_non_null(f);
	netns_set_up(&ns);
	f->ns = ns;
	netns_make_tunnel(f->ns);
	f->loop = loop_new();
	assert_non_null(f->loop);
	f->watch = rtnl_watch_new(f->loop, &ops, f, &f->ns->err);
	if (!f->watch)
		fail_msg("%s", f->ns->err.text);
	rtnl_watch_ignore(f->watch, f->ns->rtnl);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	void *ns = f->ns;

	rtnl_watch_free(f->watch);
	loop_free(f->loop);
	netns_tear_down(&ns);
	free(f);
	return 0;
}

static const struct rt_change *find(const struct fixture *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->seen[i].kind == f->kind && f->seen[i].deleted == f->deleted)
			return &f->seen[i];
	}
	return NULL;
}

static bool was_seen(void *data)
{
	return find(data) != NULL;
}

static const struct rt_change *expect(struct fixture *f, enum rt_kind kind, bool deleted)
{
	f->kind = kind;
	f->deleted = deleted;
	netns_wait_until(f->loop, was_seen, f, "the change was announced");
	return find(f);
}

static void a_foreign_deletion_of_the_link_is_seen(void **state)
{
	struct fixture *f = *state;

	netns_ip("link del egw0");

	assert_string_equal(expect(f, RT_LINK, true)->link.name, "egw0");
}

static void a_foreign_change_of_the_link_is_seen(void **state)
{
	struct fixture *f = *state;

	netns_ip("link set egw0 down");

	assert_false(expect(f, RT_LINK, false)->link.up);
}

static void a_foreign_deletion_of_the_address_is_seen(void **state)
{
	struct fixture *f = *state;

	netns_ip("addr del 169.254.64.1/32 dev egw0");

	assert_int_equal(expect(f, RT_ADDR, true)->addr.addr.addr.v, SAMPLE_ADDR);
}

static void a_foreign_deletion_of_the_neighbour_is_seen(void **state)
{
	struct fixture *f = *state;

	/* The kernel first announces it as failed, then perhaps as deleted. */
	netns_ip("neigh del 169.254.64.254 dev egw0");

	assert_int_equal(expect(f, RT_NEIGH, true)->neigh.dst.v, SAMPLE_PEER);
}

static void a_foreign_deletion_of_a_route_is_seen(void **state)
{
	struct fixture *f = *state;
	const struct rt_route route = sample_blackhole(SAMPLE_TABLE);
	const struct rt_route *pointer = &route;

	assert_ok(f->ns, rtnl_routes_add(f->ns->rtnl, &pointer, 1, NULL, &f->ns->err));
	netns_ip("route del blackhole default table 4096 metric 4000000");

	assert_int_equal(rt_route_compare(&expect(f, RT_ROUTE, true)->route, &route), 0);
}

static void a_foreign_deletion_of_a_rule_is_seen(void **state)
{
	struct fixture *f = *state;
	const struct rt_rule rule = sample_lookup(601, 0x1000, 4096);

	assert_ok(f->ns, rtnl_rule_add(f->ns->rtnl, &rule, &f->ns->err));
	netns_ip("rule del prio 601");

	assert_int_equal(rt_rule_compare(&expect(f, RT_RULE, true)->rule, &rule), 0);
}

/* What the kernel does in consequence isn't by us, and neither is the end of a neighbour that we delete. */
static void what_we_do_ourselves_is_not_reported(void **state)
{
	struct fixture *f = *state;
	const struct rt_rule rule = sample_lookup(601, 0x1000, 4096);
	const struct rt_route route = sample_blackhole(SAMPLE_TABLE);
	const struct rt_route *pointer = &route;
	struct rt_addr addr = { f->ns->tunnel.ifindex, { { SAMPLE_ADDR + 1 }, 32 } };
	struct rt_neigh neigh = sample_peer();

	neigh.ifindex = f->ns->tunnel.ifindex;
	neigh.dst.v--;
	assert_ok(f->ns, rtnl_rule_add(f->ns->rtnl, &rule, &f->ns->err));
	assert_ok(f->ns, rtnl_routes_add(f->ns->rtnl, &pointer, 1, NULL, &f->ns->err));
	assert_ok(f->ns, rtnl_addr_add(f->ns->rtnl, &addr, &f->ns->err));
	assert_ok(f->ns, rtnl_neigh_add(f->ns->rtnl, &neigh, &f->ns->err));
	assert_ok(f->ns, rtnl_addr_del(f->ns->rtnl, &addr, &f->ns->err));
	assert_ok(f->ns, rtnl_routes_del(f->ns->rtnl, &pointer, 1, NULL, &f->ns->err));
	assert_ok(f->ns, rtnl_rule_del(f->ns->rtnl, &rule, &f->ns->err));
	netns_ip("rule add prio 5 lookup 99"); /* The end: it comes after all of ours. */
	expect(f, RT_RULE, false);

	for (size_t i = 0; i < f->n; i++) {
		const struct rt_change *change = &f->seen[i];

		assert_true(change->kind != RT_NEIGH && change->kind != RT_ADDR);
		assert_true(change->kind != RT_RULE || change->rule.priority == 5);
		assert_true(change->kind != RT_ROUTE ||
			    change->route.protocol != RT_PROTOCOL_EIPGW);
	}
	assert_int_equal(f->overruns, 0);
}

#define FLOOD 30000

static struct rt_route *flood_routes(const struct rt_route ***ret_pointers)
{
	struct rt_route *routes = calloc(FLOOD, sizeof(*routes));
	const struct rt_route **pointers = calloc(FLOOD, sizeof(struct rt_route *));

	assert_true(routes && pointers);
	for (uint32_t i = 0; i < FLOOD; i++) {
		routes[i] = sample_throw(SAMPLE_TABLE, 0x0b000000 + i);
		pointers[i] = &routes[i];
	}
	*ret_pointers = pointers;
	return routes;
}

static bool overran(void *data)
{
	return ((struct fixture *)data)->overruns > 0;
}

static void a_flood_by_others_is_an_overrun_and_the_watch_goes_on(void **state)
{
	struct fixture *f = *state;
	const struct rt_route **pointers;
	struct rt_route *routes = flood_routes(&pointers);
	struct rtnl *other = rtnl_open(&f->ns->err);

	assert_non_null(other);
	assert_ok(f->ns, rtnl_routes_add(other, pointers, FLOOD, NULL, &f->ns->err));
	netns_wait_until(f->loop, overran, f, "the overrun was reported");
	netns_ip("rule add prio 5 lookup 99");

	assert_int_equal(expect(f, RT_RULE, false)->rule.priority, 5);
	rtnl_close(other);
	free(routes);
	free(pointers);
}

static void a_flood_of_our_own_is_no_overrun(void **state)
{
	struct fixture *f = *state;
	const struct rt_route **pointers;
	struct rt_route *routes = flood_routes(&pointers);

	assert_ok(f->ns, rtnl_routes_add(f->ns->rtnl, pointers, FLOOD, NULL, &f->ns->err));
	netns_ip("rule add prio 5 lookup 99");
	expect(f, RT_RULE, false);

	assert_int_equal(f->overruns, 0);
	assert_int_equal(f->floods, 0);
	free(routes);
	free(pointers);
}

#define while_watching(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		while_watching(a_foreign_deletion_of_the_link_is_seen),
		while_watching(a_foreign_change_of_the_link_is_seen),
		while_watching(a_foreign_deletion_of_the_address_is_seen),
		while_watching(a_foreign_deletion_of_the_neighbour_is_seen),
		while_watching(a_foreign_deletion_of_a_route_is_seen),
		while_watching(a_foreign_deletion_of_a_rule_is_seen),
		while_watching(what_we_do_ourselves_is_not_reported),
		while_watching(a_flood_by_others_is_an_overrun_and_the_watch_goes_on),
		while_watching(a_flood_of_our_own_is_no_overrun),
	};

	return cmocka_run_group_tests_name("netlink/kernel_watch", tests, NULL, NULL);
}
