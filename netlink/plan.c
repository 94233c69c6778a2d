// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/sorted.h"
#include "netlink/plan_internal.h"
#include "netlink/text.h"

int net_plan_add(struct net_plan *plan, const struct net_op *op)
{
	/* The array has room for a power of two, so that its size needn't be kept. */
	if ((plan->n & (plan->n - 1)) == 0) {
		size_t capacity = plan->n ? plan->n * 2 : 1;
		struct net_op *v;

		if (capacity > NET_PLAN_STEPS_MAX)
			return -E2BIG;
		v = reallocarray(plan->v, capacity, sizeof(*v));
		if (!v)
			return -ENOMEM;
		plan->v = v;
	}
	plan->v[plan->n++] = *op;
	plan->by_kind[op->kind]++;
	return 0;
}

static int add_kind(struct net_plan *plan, enum net_op_kind kind)
{
	return net_plan_add(plan, &(struct net_op){ .kind = kind });
}

struct rt_route net_route_resolve(const struct rt_route *route, int tunnel_ifindex)
{
	struct rt_route resolved = *route;

	if (resolved.oif == RT_OIF_TUNNEL)
		resolved.oif = tunnel_ifindex;
	return resolved;
}

static bool has_addr(const struct net_observed *observed, struct ip4 addr)
{
	for (size_t i = 0; i < observed->addrs.n; i++) {
		if (observed->addrs.v[i].addr.addr.v == addr.v &&
		    observed->addrs.v[i].addr.len == 32)
			return true;
	}
	return false;
}

/* A changed MAC alone mustn't make us lose the device, nor a foreign one with a like name become ours. */
static bool tunnel_is_ours(const struct net_desired *desired, const struct net_observed *observed)
{
	const struct rt_link *link = &observed->tunnel;

	if (strcmp(link->name, desired->tunnel.name) != 0) /* Found by its alternative name. */
		return false;
	if (strcmp(link->kind, "vxlan") != 0 || !link->vxlan_external)
		return false;
	return memcmp(link->mac, desired->tunnel.mac, sizeof(link->mac)) == 0 ||
	       has_addr(observed, desired->tunnel_addr);
}

static bool link_differs(const struct rt_link *want, const struct rt_link *have)
{
	return memcmp(want->mac, have->mac, sizeof(want->mac)) != 0 || want->mtu != have->mtu ||
	       want->up != have->up || want->noarp != have->noarp ||
	       want->vxlan_ttl != have->vxlan_ttl;
}

static bool neigh_present(const struct net_desired *desired, const struct net_observed *observed)
{
	for (size_t i = 0; i < observed->neighs.n; i++) {
		const struct rt_neigh *neigh = &observed->neighs.v[i];

		if (neigh->dst.v == desired->peer.dst.v && neigh->permanent &&
		    memcmp(neigh->mac, desired->peer.mac, sizeof(neigh->mac)) == 0)
			return true;
	}
	return false;
}

/* Device, address, neighbour of a device that stays. The address is added before others go: with the last
 * address go all routes of the device. */
static int plan_tunnel(const struct net_desired *desired, const struct net_observed *observed,
		       struct net_plan *plan)
{
	bool set = link_differs(&desired->tunnel, &observed->tunnel);
	struct net_op op = { .kind = NET_ADDR_ADD };
	int rc = set ? add_kind(plan, NET_LINK_SET) : 0;

	op.addr.ifindex = observed->tunnel.ifindex;
	op.addr.addr = (struct ip4_prefix){ desired->tunnel_addr, 32 };
	if (rc == 0 && !has_addr(observed, desired->tunnel_addr))
		rc = net_plan_add(plan, &op);
	op.kind = NET_ADDR_DEL;
	for (size_t i = 0; rc == 0 && i < observed->addrs.n; i++) {
		op.addr = observed->addrs.v[i];
		if (op.addr.addr.addr.v != desired->tunnel_addr.v || op.addr.addr.len != 32)
			rc = net_plan_add(plan, &op);
	}
	/* The kernel forgets the neighbours of a device whose MAC or ARP flag changes or that goes down. */
	if (rc == 0 && (set || !neigh_present(desired, observed)))
		rc = add_kind(plan, NET_NEIGH_ADD);
	return rc;
}

static bool route_stops_packets(const struct rt_route *route)
{
	return route->type == RT_BLACKHOLE || route->type == RT_THROW;
}

/* The routes' part of a plan while it is made: what is observed, sorted by key, and who is gone. */
struct route_merge {
	const struct rt_route **observed; /* by key, then as the kernel listed them */
	bool *kept;
	size_t n;
	int tunnel_ifindex;
};

static int compare_observed(const void *a, const void *b)
{
	const struct rt_route *x = *(const struct rt_route *const *)a;
	const struct rt_route *y = *(const struct rt_route *const *)b;
	int order = rt_route_key_compare(x, y);

	if (order)
		return order;
	return x < y ? -1 : x > y;
}

static int merge_init(struct route_merge *merge, const struct net_observed *observed)
{
	merge->n = observed->routes.n;
	merge->tunnel_ifindex = observed->has_tunnel ? observed->tunnel.ifindex : 0;
	merge->observed = calloc(merge->n + 1, sizeof(const struct rt_route *));
	merge->kept = calloc(merge->n + 1, sizeof(bool));
	if (!merge->observed || !merge->kept)
		return -ENOMEM;
	for (size_t i = 0; i < merge->n; i++)
		merge->observed[i] = &observed->routes.v[i];
	qsort(merge->observed, merge->n, sizeof(const struct rt_route *), compare_observed);
	return 0;
}

static void merge_done(struct route_merge *merge)
{
	free(merge->observed);
	free(merge->kept);
}

/* What has to be done for one desired route; *at moves to the first observed one with this or a later key. */
static enum net_op_kind merge_route(struct route_merge *merge, const struct rt_route *route,
				    size_t *at)
{
	struct rt_route want = net_route_resolve(route, merge->tunnel_ifindex);
	size_t first;

	while (*at < merge->n && rt_route_key_compare(merge->observed[*at], &want) < 0)
		++*at;
	first = *at;
	for (size_t i = first; i < merge->n && rt_route_key_compare(merge->observed[i], &want) == 0;
	     i++) {
		if (rt_route_compare(merge->observed[i], &want) == 0) {
			merge->kept[i] = true;
			return NET_OP_KIND_COUNT; /* Nothing. */
		}
	}
	if (first == merge->n || rt_route_key_compare(merge->observed[first], &want) != 0)
		return NET_ROUTE_ADD;
	merge->kept[first] = true; /* The kernel replaces the first of that key. */
	return NET_ROUTE_REPLACE;
}

enum route_pass { PASS_STOPPING, PASS_FORWARDING, PASS_BACKUP };

/*
 * A blackhole that is to serve when the route before it is gone. That one comes first: until then packets that a wider
 * route takes well would be dropped, and answers to them by the reverse path check.
 */
static bool is_backup(const struct rt_routes *routes, size_t i)
{
	const struct rt_route *route = &routes->v[i], *before = &routes->v[i ? i - 1 : 0];

	return i > 0 && route->type == RT_BLACKHOLE && route->dst.len > 0 &&
	       !route_stops_packets(before) && before->table == route->table &&
	       before->dst.addr.v == route->dst.addr.v && before->dst.len == route->dst.len;
}

static enum route_pass pass_of(const struct rt_routes *routes, size_t i)
{
	if (is_backup(routes, i))
		return PASS_BACKUP;
	return route_stops_packets(&routes->v[i]) ? PASS_STOPPING : PASS_FORWARDING;
}

static int plan_new_routes(const struct net_desired *desired, struct route_merge *merge,
			   enum route_pass pass, struct net_plan *plan)
{
	size_t at = 0;

	for (size_t i = 0; i < desired->routes.n; i++) {
		const struct rt_route *route = &desired->routes.v[i];
		enum net_op_kind kind = merge_route(merge, route, &at);
		int rc;

		if (kind == NET_OP_KIND_COUNT || pass_of(&desired->routes, i) != pass)
			continue;
		rc = net_plan_add(plan, &(struct net_op){ .kind = kind, .route = route });
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int plan_old_routes(const struct route_merge *merge, enum route_pass pass,
			   struct net_plan *plan)
{
	for (size_t i = 0; i < merge->n; i++) {
		const struct rt_route *route = merge->observed[i];
		int rc;

		if (merge->kept[i] || route_stops_packets(route) != (pass == PASS_STOPPING))
			continue;
		rc = net_plan_add(plan, &(struct net_op){ .kind = NET_ROUTE_DEL, .route = route });
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * The tunnel has to be made, or made anew. The rules come first all the same: with the routes that stop
 * packets in place, steered ones are dropped until the tunnel is there, and a rule that is obsolete is
 * gone before its table loses the routes by the former device.
 */
static int plan_new_tunnel(const struct net_desired *desired, const struct net_observed *observed,
			   struct route_merge *merge, struct net_plan *plan)
{
	int rc = plan_new_routes(desired, merge, PASS_STOPPING, plan);

	if (rc == 0)
		rc = plan_new_routes(desired, merge, PASS_BACKUP, plan);
	if (rc == 0)
		rc = plan_rules(&desired->rules, &observed->rules, plan);
	if (rc == 0 && observed->has_tunnel)
		rc = add_kind(plan, NET_LINK_DEL);
	if (rc == 0)
		rc = add_kind(plan, NET_LINK_ADD);
	return rc;
}

static int plan_everything(const struct net_desired *desired, const struct net_observed *observed,
			   struct route_merge *merge, struct net_plan *plan)
{
	int rc = merge_init(merge, observed);

	if (rc < 0)
		return rc;
	if (!observed->has_tunnel || observed->tunnel.vxlan_port != desired->tunnel.vxlan_port)
		return plan_new_tunnel(desired, observed, merge, plan);
	rc = plan_tunnel(desired, observed, plan);
	if (rc == 0)
		rc = plan_new_routes(desired, merge, PASS_STOPPING, plan);
	if (rc == 0)
		rc = plan_new_routes(desired, merge, PASS_FORWARDING, plan);
	if (rc == 0)
		rc = plan_new_routes(desired, merge, PASS_BACKUP, plan);
	if (rc == 0)
		rc = plan_rules(&desired->rules, &observed->rules, plan);
	if (rc == 0)
		rc = plan_old_routes(merge, PASS_FORWARDING, plan);
	if (rc == 0)
		rc = plan_old_routes(merge, PASS_STOPPING, plan);
	return rc;
}

static int check_desired(const struct net_desired *desired, struct err *err)
{
	char text[RT_TEXT_MAX];

	for (size_t i = 0; i < desired->routes.n; i++) {
		const struct rt_route *route = &desired->routes.v[i];

		if (route->protocol != RT_PROTOCOL_EIPGW || route->type >= RT_OTHER)
			return err_set(err, -EINVAL, "route %s can't be one of ours",
				       rt_route_format(route, text));
		if (i > 0 && rt_route_key_compare(route - 1, route) >= 0)
			return err_set(err, -EINVAL, "route %s is wanted twice or out of order",
				       rt_route_format(route, text));
	}
	for (size_t i = 0; i < desired->rules.n; i++) {
		const struct rt_rule *rule = &desired->rules.v[i];

		if (rule->protocol != RT_PROTOCOL_EIPGW || rule->action >= RT_RULE_OTHER)
			return err_set(err, -EINVAL, "rule %s can't be one of ours",
				       rt_rule_format(rule, text));
		if (i > 0 && rt_rule_compare(rule - 1, rule) >= 0)
			return err_set(err, -EINVAL, "rule %s is wanted twice or out of order",
				       rt_rule_format(rule, text));
	}
	return 0;
}

int net_plan_compute(const struct net_desired *desired, const struct net_observed *observed,
		     struct net_plan *ret, struct err *err)
{
	struct route_merge merge = { 0 };
	struct net_plan plan = { 0 };
	int rc = check_desired(desired, err);

	if (rc < 0)
		return rc;
	if (observed->has_tunnel && !tunnel_is_ours(desired, observed))
		return err_mark(
			err, MSG_DEVICE_FOREIGN,
			err_set(err, -EEXIST,
				"device %s is there and isn't ours (kind %s%s): it is left alone, choose another "
				"name for the tunnel",
				desired->tunnel.name,
				observed->tunnel.kind[0] ? observed->tunnel.kind : "none",
				observed->tunnel.vxlan_external ? " external" : ""));
	rc = plan_everything(desired, observed, &merge, &plan);
	merge_done(&merge);
	if (rc < 0) {
		net_plan_done(&plan);
		return err_set(err, rc, "no memory for a plan");
	}
	*ret = plan;
	return 0;
}

int net_plan_compute_removal(const struct net_desired *desired, const struct net_observed *observed,
			     struct net_plan *ret)
{
	static const struct rt_rules no_rules;
	struct route_merge merge = { 0 };
	struct net_plan plan = { 0 };
	int rc = merge_init(&merge, observed);

	if (rc == 0)
		rc = plan_rules(&no_rules, &observed->rules, &plan);
	if (rc == 0)
		rc = plan_old_routes(&merge, PASS_FORWARDING, &plan);
	if (rc == 0)
		rc = plan_old_routes(&merge, PASS_STOPPING, &plan);
	if (rc == 0 && observed->has_tunnel && tunnel_is_ours(desired, observed))
		rc = add_kind(&plan, NET_LINK_DEL);
	merge_done(&merge);
	if (rc < 0) {
		net_plan_done(&plan);
		return rc;
	}
	*ret = plan;
	return 0;
}

void net_plan_done(struct net_plan *plan)
{
	free(plan->v);
	*plan = (struct net_plan){ 0 };
}

static int compare_routes(const void *a, const void *b)
{
	return rt_route_compare(a, b);
}

static int compare_rules(const void *a, const void *b)
{
	return rt_rule_compare(a, b);
}

void net_desired_sort(struct net_desired *desired)
{
	if (desired->routes.n > 1)
		qsort(desired->routes.v, desired->routes.n, sizeof(*desired->routes.v),
		      compare_routes);
	if (desired->rules.n > 1)
		qsort(desired->rules.v, desired->rules.n, sizeof(*desired->rules.v), compare_rules);
}

int net_desired_change(struct net_desired *desired, const struct net_delta *delta)
{
	const size_t size = sizeof(*desired->routes.v);
	struct sorted all = { desired->routes.v, desired->routes.n, size, compare_routes };
	struct sorted del = { delta->del.v, delta->del.n, size, compare_routes };
	struct sorted add = { delta->add.v, delta->add.n, size, compare_routes };
	int rc;

	if (del.n)
		qsort(del.v, del.n, size, compare_routes);
	if (add.n)
		qsort(add.v, add.n, size, compare_routes);
	rc = sorted_change(&all, &del, &add);
	if (rc)
		return rc;
	desired->routes.v = all.v;
	desired->routes.n = all.n;
	return 0;
}

void net_desired_done(struct net_desired *desired)
{
	free(desired->routes.v);
	free(desired->rules.v);
	*desired = (struct net_desired){ 0 };
}

void net_observed_done(struct net_observed *observed)
{
	free(observed->addrs.v);
	free(observed->neighs.v);
	free(observed->routes.v);
	free(observed->rules.v);
	*observed = (struct net_observed){ 0 };
}
