// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The gateway's routing. All of it stands in the main table, and there is no `ip rule`: a single custom rule
 * makes the kernel walk rules and tables at each lookup and check sources in full, four times for a packet
 * out of the tunnel; that was a third of the whole cost (tests/bench/packets).
 *
 *   POD-RANGE encap ... dst NODE dev TUNNEL   back to the pods
 *   blackhole EGRESS-ADDRESS                  see add_egress_routes
 *   0.0.0.0/1, 128.0.0.0/1 via ROUTER mtu M   to the internet with the internet's MTU: so "fragmentation
 *                                             needed" comes from here, through the tunnel and with a route back,
 *                                             and the MSS clamp (rt mtu) knows the number. The default route
 *                                             is somebody else's and stays as it is.
 *   EXCLUDED, NODE via ROUTER                 the VPC keeps the uplink's MTU, which the tunnel needs
 *   NATIVE-SOURCE via ROUTER                  likewise, for answers to sources that come by VPC routing
 *
 * What holds when somebody flushes nftables is a filter on the tunnel device (netlink/guard.h).
 */
#include "gateway/table/desired.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

enum { TUNNEL_TTL = 64 };

static const uint8_t node_mac[6] = { 0x02, 0x65, 0x67, 0x77, 0x00, 0x02 };
static const uint8_t gateway_mac[6] = { 0x02, 0x65, 0x67, 0x77, 0x00, 0x01 };
static const struct ip4 tunnel_address = { 0xa9fe4002 }; /* 169.254.64.2, all gateways */
static const struct ip4 tunnel_peer = { 0xa9fe40fe };    /* 169.254.64.254, every node */

struct router {
	const struct gateway_view *view;
	const struct gateway_config *config;
	struct net_desired *net;
};

static struct rt_route ours(struct rt_route route)
{
	route.protocol = RT_PROTOCOL_EIPGW;
	route.table = RT_TABLE_MAIN;
	return route;
}

static void add_route(struct router *r, struct rt_route route)
{
	r->net->routes.v[r->net->routes.n++] = ours(route);
}

/*
 * The metric is the node's address: any number of its own for each node will do, since a pod has one route.
 * The kernel finds equal next hops by a hash that doesn't know the encapsulation but knows the metric: with
 * one metric, 100,000 routes to 1,000 nodes took 4.8 s instead of 0.6 s (Linux 6.18).
 */
struct rt_route gateway_pod_route(const struct gateway_view *view, struct ip4 node,
				  struct ip4_prefix pod)
{
	return ours((struct rt_route){ .dst = pod,
				       .type = RT_UNICAST,
				       .metric = node.v,
				       .oif = RT_OIF_TUNNEL,
				       .gateway = tunnel_peer,
				       .onlink = true,
				       .encap = { .id = view->config->tunnel.vni,
						  .src = gateway_address(view),
						  .dst = node,
						  .ttl = TUNNEL_TTL } });
}

static void add_pod_routes(struct router *r)
{
	const struct gateway_node *nodes = r->config->nodes.v;

	for (size_t i = 0; i < r->config->nodes.n; i++) {
		for (size_t j = 0; j < nodes[i].pod_cidrs.n; j++)
			add_route(r, gateway_pod_route(r->view, nodes[i].address,
						       nodes[i].pod_cidrs.v[j]));
	}
}

/* Nothing on this host has these addresses: without the routes, a packet to one that belongs to no
 * connection would be looked for in the subnet, where only we could answer. */
static void add_egress_routes(struct router *r)
{
	for (size_t i = 0; i < r->config->egress_ips.n; i++) {
		struct ip4 private = gateway_private(r->view, i);

		if (private.v)
			add_route(r, (struct rt_route){ .dst = { .addr = private, .len = 32 },
							.type = RT_BLACKHOLE });
	}
}

static struct rt_route vpc_route(const struct gateway_view *view, struct ip4_prefix prefix)
{
	return ours((struct rt_route){ .dst = prefix,
				       .type = RT_UNICAST,
				       .gateway = view->router,
				       .oif = view->uplink_ifindex,
				       .onlink = true });
}

static void add_vpc_route(struct router *r, struct ip4_prefix prefix)
{
	add_route(r, vpc_route(r->view, prefix));
}

static bool is_inside(struct ip4_prefix prefix, const struct ip4_prefixes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].len <= prefix.len && ip4_prefix_contains(list->v[i], prefix.addr))
			return true;
	}
	return false;
}

bool gateway_node_route(const struct gateway_view *view, struct ip4 node, struct rt_route *ret)
{
	struct ip4_prefix prefix = { .addr = node, .len = 32 };

	if (!view->router.v || is_inside(prefix, &view->config->always_excluded) ||
	    is_inside(prefix, &view->config->native.source_cidrs))
		return false;
	*ret = vpc_route(view, prefix);
	return true;
}

static bool is_listed_before(const struct ip4_prefixes *list, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (list->v[i].addr.v == list->v[index].addr.v &&
		    list->v[i].len == list->v[index].len)
			return true;
	}
	return false;
}

/* Without a router there is nothing to make them from, and pods' packets find no route. */
static void add_internet_routes(struct router *r)
{
	const struct ip4_prefixes *excluded = &r->config->always_excluded;
	const struct ip4_prefixes *native = &r->config->native.source_cidrs;
	const struct gateway_node *nodes = r->config->nodes.v;

	if (!r->view->router.v)
		return;
	for (uint32_t half = 0; half < 2; half++)
		add_route(r, (struct rt_route){ .dst = { .addr = { half << 31 }, .len = 1 },
						.type = RT_UNICAST,
						.gateway = r->view->router,
						.oif = r->view->uplink_ifindex,
						.mtu = r->config->gateway.internet_mtu,
						.onlink = true });
	for (size_t i = 0; i < excluded->n; i++) {
		/* Shorter ones are inside the halves anyway, and a half itself is taken. */
		if (excluded->v[i].len > 1 && !is_listed_before(excluded, i))
			add_vpc_route(r, excluded->v[i]);
	}
	for (size_t i = 0; i < native->n; i++) {
		if (!is_inside(native->v[i], excluded))
			add_vpc_route(r, native->v[i]);
	}
	for (size_t i = 0; i < r->config->nodes.n; i++) {
		struct rt_route route;

		if (gateway_node_route(r->view, nodes[i].address, &route))
			add_route(r, route);
	}
}

static size_t count_routes(const struct gateway_config *config)
{
	const struct gateway_node *nodes = config->nodes.v;
	size_t n = config->egress_ips.n + config->nodes.n + config->always_excluded.n +
		   config->native.source_cidrs.n + 2;

	for (size_t i = 0; i < config->nodes.n; i++)
		n += nodes[i].pod_cidrs.n;
	return n;
}

static void describe_tunnel(const struct gateway_view *view, struct net_desired *net)
{
	const struct tunnel_config *tunnel = &view->config->tunnel;

	memcpy(net->tunnel.name, tunnel->device, sizeof(net->tunnel.name));
	memcpy(net->tunnel.kind, "vxlan", sizeof("vxlan"));
	memcpy(net->tunnel.mac, gateway_mac, sizeof(gateway_mac));
	net->tunnel.mtu = view->tunnel_mtu;
	net->tunnel.up = net->tunnel.noarp = net->tunnel.vxlan_external = true;
	net->tunnel.vxlan_port = (uint16_t)tunnel->port;
	net->tunnel.vxlan_ttl = TUNNEL_TTL;
	net->tunnel_addr = tunnel_address;
	net->peer.dst = tunnel_peer;
	memcpy(net->peer.mac, node_mac, sizeof(node_mac));
	net->peer.permanent = true;
}

int gateway_describe_routing(const struct gateway_view *view, struct net_desired *ret)
{
	struct router r = { .view = view, .config = view->config, .net = ret };

	describe_tunnel(view, ret);
	ret->routes.v = calloc(count_routes(view->config), sizeof(*ret->routes.v));
	if (!ret->routes.v)
		return -ENOMEM;
	add_pod_routes(&r);
	add_egress_routes(&r);
	add_internet_routes(&r);
	net_desired_sort(ret);
	return 0;
}
