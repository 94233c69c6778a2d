// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The node's routing, from rule_priority P and table_base B on:
 *
 *   P    fwmark FLAG|N/MASK          -> table B+N          the lane's tunnel
 *   P+1  iif POD fwmark 0/MASK       -> table of the class  the routing guard
 *   P+2  iif TUNNEL                  -> table B+255         the way to pods that main doesn't know
 *
 * While a lane's egress IP goes from one gateway to another, main has a next hop that stands for the second one, to which
 * a rule of desired.c sends copies. The kernel looks for their way without a mark, but only by the tunnel: without the
 * route they end there.
 *
 * A lane's table must throw the gateways' own addresses: the route of the tunnel's outer packet is looked
 * up with the mark of the inner one, and would end in the tunnel again.
 *
 * The routing guard is what holds when somebody flushes nftables: then nothing marks, and the pod's packet
 * to a governed destination, unmarked, is sent into the tunnel device without a tunnel destination, where the
 * kernel drops it. While the table stands, every packet of a selected pod is marked, also the replies that go
 * their normal way, so the guard is never met. A unicast route to a device rather than a blackhole, since
 * the reverse path check of packets from outside looks here too (with mark 0), and takes "some device" for a
 * yes in loose mode, but a blackhole for a no. By device, not by "from POD": the CNI deletes every rule that
 * has a pod's address as its source (UpdateRuleListBySrc in amazon-vpc-cni-k8s).
 */
#include "node/desired.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"

enum {
	FALLBACK_METRIC = 4000000,
	GUARD_TABLES = 4096, /* from table_base + 256 */
	RETURN_TABLE = 255,
	TUNNEL_TTL = 64,
	TUNNEL_OVERHEAD = 50,
};

static const uint8_t node_mac[6] = { 0x02, 0x65, 0x67, 0x77, 0x00, 0x02 };
static const uint8_t gateway_mac[6] = { 0x02, 0x65, 0x67, 0x77, 0x00, 0x01 };
static const struct ip4 tunnel_address = { 0xa9fe4001 }; /* 169.254.64.1, all nodes */
static const struct ip4 tunnel_peer = { 0xa9fe40fe };    /* 169.254.64.254, every gateway */
static const struct ip4 second_hops = { 0xa9fe4100 };    /* 169.254.65.0 and the lane's number */

struct router {
	const struct node_view *view;
	struct net_desired *net;
	uint32_t flag, mask;
	bool failed;
};

static void add_route(struct router *r, struct rt_route route)
{
	struct rt_routes *routes = &r->net->routes;

	route.protocol = RT_PROTOCOL_EIPGW;
	if (r->failed)
		return;
	if ((routes->n & (routes->n - 1)) == 0) {
		struct rt_route *v =
			realloc(routes->v, (routes->n ? routes->n * 2 : 1) * sizeof(*v));

		r->failed = !v;
		if (!v)
			return;
		routes->v = v;
	}
	routes->v[routes->n++] = route;
}

static void add_rule(struct router *r, struct rt_rule rule)
{
	struct rt_rules *rules = &r->net->rules;

	rule.protocol = RT_PROTOCOL_EIPGW;
	rule.action = RT_RULE_TABLE;
	if (r->failed)
		return;
	if ((rules->n & (rules->n - 1)) == 0) {
		struct rt_rule *v = realloc(rules->v, (rules->n ? rules->n * 2 : 1) * sizeof(*v));

		r->failed = !v;
		if (!v)
			return;
		rules->v = v;
	}
	rules->v[rules->n++] = rule;
}

struct ip4 node_second_hop(unsigned lane)
{
	return (struct ip4){ second_hops.v + lane };
}

/* The n-th gateway of all egress IPs, first and second ones. */
static struct ip4 gateway_at(const struct router *r, size_t n)
{
	const struct node_egress *egress = r->view->egress->v;

	return n % 2 ? egress[n / 2].second : egress[n / 2].gateway;
}

static void add_throws(struct router *r, uint32_t table)
{
	for (size_t i = 0; i < 2 * r->view->egress->n; i++) {
		const struct ip4 gateway = gateway_at(r, i);
		bool again = gateway.v == 0;

		for (size_t j = 0; j < i && !again; j++)
			again = gateway_at(r, j).v == gateway.v;
		if (!again)
			add_route(r, (struct rt_route){ .table = table,
							.type = RT_THROW,
							.dst = { .addr = gateway, .len = 32 } });
	}
}

/* Through the tunnel to a gateway. */
static void add_way(struct router *r, uint32_t table, struct ip4_prefix dst, struct ip4 gateway)
{
	const struct node_config *config = r->view->config;

	add_route(r, (struct rt_route){ .table = table,
					.type = RT_UNICAST,
					.dst = dst,
					.oif = RT_OIF_TUNNEL,
					.gateway = tunnel_peer,
					.onlink = true,
					.encap = { .id = config->tunnel.vni,
						   .src = config->node.address,
						   .dst = gateway,
						   .ttl = TUNNEL_TTL } });
}

static void add_second(struct router *r, unsigned lane, struct ip4 gateway)
{
	const struct ip4_prefix hop = { .addr = node_second_hop(lane), .len = 32 };

	if (gateway.v && r->view->can_copy)
		add_way(r, RT_TABLE_MAIN, hop, gateway);
}

static void add_lane(struct router *r, unsigned lane, struct ip4 gateway)
{
	const struct node_config *config = r->view->config;
	uint32_t table = config->table_base + lane;

	if (gateway.v)
		add_way(r, table, (struct ip4_prefix){ 0 }, gateway);
	add_route(r, (struct rt_route){
			     .table = table, .type = RT_BLACKHOLE, .metric = FALLBACK_METRIC });
	add_throws(r, table);
	add_rule(r, (struct rt_rule){ .priority = config->rule_priority,
				      .table = table,
				      .mark = r->flag | lane,
				      .mark_mask = r->mask });
}

static void add_lanes(struct router *r)
{
	const struct node_egress *egress = r->view->egress->v;

	for (size_t i = 0; i < r->view->egress->n; i++) {
		uint8_t lane = lanes_find(r->view->lanes, egress[i].name);

		if (lane == LANE_NONE)
			continue;
		add_lane(r, lane, egress[i].gateway);
		add_second(r, lane, egress[i].second);
	}
}

/* Table numbers follow from the classes' content, so that they stay when other classes come and go. */
struct guard {
	const struct policy_class *class;
	uint32_t table;
};

static uint32_t guard_table(const struct router *r, const struct guard *guards, size_t n,
			    const struct policy_class *class)
{
	uint32_t slot = (uint32_t)(class->key % GUARD_TABLES);

	for (size_t i = 0; i < n; i++) {
		if (guards[i].class == class)
			return guards[i].table;
	}
	for (;; slot = (slot + 1) % GUARD_TABLES) {
		uint32_t table = r->view->config->table_base + 256 + slot;
		bool taken = false;

		for (size_t i = 0; i < n && !taken; i++)
			taken = guards[i].table == table;
		if (!taken)
			return table;
	}
}

/* What the class governs: its policies can have destinations in common, and a route is wanted once. */
static int unite_destinations(const struct router *r, const struct policy_class *class,
			      struct ip4_set *ret)
{
	int rc = 0;

	for (size_t i = 0; i < class->n_rules && !rc; i++) {
		const struct ip4_set *more =
			&r->view->policies->destinations[class->rules[i].policy];
		struct ip4_set both = { 0 };

		rc = ip4_set_union(ret, more, &both);
		ip4_set_done(ret);
		*ret = both;
	}
	return rc;
}

static void add_guard_route(struct router *r, uint32_t table, struct ip4_prefix dst)
{
	add_route(r, (struct rt_route){ .table = table,
					.type = RT_UNICAST,
					.dst = dst,
					.oif = RT_OIF_TUNNEL,
					.scope = RT_SCOPE_LINK });
	add_route(r, (struct rt_route){ .table = table,
					.type = RT_BLACKHOLE,
					.dst = dst,
					.metric = FALLBACK_METRIC });
}

static void add_guard_routes(struct router *r, const struct guard *guard)
{
	CLEANUP(ip4_set_done) struct ip4_set set = { 0 };
	struct ip4_prefix prefixes[62];

	if (unite_destinations(r, guard->class, &set)) {
		r->failed = true;
		return;
	}
	for (size_t i = 0; i < set.n; i++) {
		size_t n = ip4_range_to_prefixes(set.v[i], prefixes);

		for (size_t k = 0; k < n; k++)
			add_guard_route(r, guard->table, prefixes[k]);
	}
}

static void add_pod_guard(struct router *r, const struct pod *pod, uint32_t table)
{
	struct rt_rule rule = { .priority = r->view->config->rule_priority + 1,
				.table = table,
				.mark = 0,
				.mark_mask = r->mask };

	memcpy(rule.iif, pod->device, sizeof(rule.iif));
	add_rule(r, rule);
}

/* Two addresses behind one device can be of one class; the rule is the same then. */
static bool guarded_before(const struct router *r, size_t index, const struct policy_class *class)
{
	const struct pods *pods = r->view->pods;

	for (size_t i = 0; i < index; i++) {
		if (strcmp(pods->v[i].device, pods->v[index].device) == 0 &&
		    policy_class_of(r->view->policies, pods->v[i].address) == class)
			return true;
	}
	return false;
}

static void add_guards(struct router *r)
{
	const struct pods *pods = r->view->pods;
	CLEANUP(cleanup_free) struct guard *guards = calloc(pods->n + 1, sizeof(*guards));
	size_t n = 0;

	if (!guards) {
		r->failed = true;
		return;
	}
	for (size_t i = 0; i < pods->n; i++) {
		const struct policy_class *class =
			policy_class_of(r->view->policies, pods->v[i].address);

		if (!class || guarded_before(r, i, class))
			continue;
		struct guard guard = { class, guard_table(r, guards, n, class) };

		add_pod_guard(r, &pods->v[i], guard.table);
		bool known = false;

		for (size_t j = 0; j < n && !known; j++)
			known = guards[j].class == class;
		if (known)
			continue;
		guards[n++] = guard;
		add_guard_routes(r, &guard);
	}
}

static void add_return_ways(struct router *r)
{
	const struct node_config *config = r->view->config;
	const struct pods *pods = r->view->pods;
	uint32_t table = config->table_base + RETURN_TABLE;
	struct rt_rule rule = { .priority = config->rule_priority + 2, .table = table };
	bool any = false;

	for (size_t i = 0; i < pods->n; i++) {
		if (pods->v[i].in_main)
			continue;
		/* One address on two devices (its old owner is just going): the first one is as good. */
		if (i && pods->v[i - 1].address.v == pods->v[i].address.v &&
		    !pods->v[i - 1].in_main)
			continue;
		any = true;
		add_route(r, (struct rt_route){ .table = table,
						.type = RT_UNICAST,
						.dst = { .addr = pods->v[i].address, .len = 32 },
						.oif = pods->v[i].ifindex,
						.scope = RT_SCOPE_LINK });
	}
	memcpy(rule.iif, config->tunnel.device, sizeof(rule.iif));
	if (any)
		add_rule(r, rule);
}

int node_describe_routing(const struct node_view *view, struct net_desired *ret)
{
	const struct node_config *config = view->config;
	struct router r = { .view = view,
			    .net = ret,
			    .flag = config->mark.flag,
			    .mask = config->mark.flag | config->mark.index_mask };

	memcpy(ret->tunnel.name, config->tunnel.device, sizeof(ret->tunnel.name));
	memcpy(ret->tunnel.kind, "vxlan", sizeof("vxlan"));
	memcpy(ret->tunnel.mac, node_mac, sizeof(node_mac));
	ret->tunnel.mtu = view->tunnel_mtu;
	ret->tunnel.up = ret->tunnel.noarp = ret->tunnel.vxlan_external = true;
	ret->tunnel.vxlan_port = (uint16_t)config->tunnel.port;
	ret->tunnel.vxlan_ttl = TUNNEL_TTL;
	ret->tunnel_addr = tunnel_address;
	ret->peer.dst = tunnel_peer;
	memcpy(ret->peer.mac, gateway_mac, sizeof(gateway_mac));
	ret->peer.permanent = true;
	add_lanes(&r);
	add_guards(&r);
	add_return_ways(&r);
	if (r.failed)
		return -ENOMEM;
	net_desired_sort(ret);
	return 0;
}
