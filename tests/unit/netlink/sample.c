// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

struct rt_link sample_tunnel(void)
{
	return (struct rt_link){ .name = "egw0",
				 .kind = "vxlan",
				 .mac = SAMPLE_MAC,
				 .mtu = 8951,
				 .up = true,
				 .noarp = true,
				 .vxlan_external = true,
				 .vxlan_port = 4789,
				 .vxlan_ttl = 64 };
}

struct rt_neigh sample_peer(void)
{
	return (struct rt_neigh){ .dst = { SAMPLE_PEER },
				  .mac = SAMPLE_PEER_MAC,
				  .permanent = true };
}

struct rt_route sample_default(uint32_t table, uint32_t gateway)
{
	return (struct rt_route){ .table = table,
				  .gateway = { SAMPLE_PEER },
				  .oif = RT_OIF_TUNNEL,
				  .encap = { 77, { SAMPLE_NODE }, { gateway }, 64 },
				  .protocol = RT_PROTOCOL_EIPGW,
				  .onlink = true };
}

struct rt_route sample_throw(uint32_t table, uint32_t gateway)
{
	return (struct rt_route){ .table = table,
				  .dst = { { gateway }, 32 },
				  .type = RT_THROW,
				  .protocol = RT_PROTOCOL_EIPGW };
}

struct rt_route sample_blackhole(uint32_t table)
{
	return (struct rt_route){ .table = table,
				  .metric = 4000000,
				  .type = RT_BLACKHOLE,
				  .protocol = RT_PROTOCOL_EIPGW };
}

struct rt_rule sample_lookup(uint32_t priority, uint32_t mark, uint32_t table)
{
	return (struct rt_rule){ .priority = priority,
				 .protocol = RT_PROTOCOL_EIPGW,
				 .table = table,
				 .mark = mark,
				 .mark_mask = 0x107f };
}

struct rt_rule sample_goto(uint32_t priority, uint32_t target)
{
	return (struct rt_rule){ .priority = priority,
				 .action = RT_RULE_GOTO,
				 .protocol = RT_PROTOCOL_EIPGW,
				 .target = target,
				 .mark = 0,
				 .mark_mask = 0x1000 };
}

struct rt_rule sample_blackhole_rule(uint32_t priority)
{
	return (struct rt_rule){ .priority = priority,
				 .action = RT_RULE_BLACKHOLE,
				 .protocol = RT_PROTOCOL_EIPGW };
}

struct rt_rule sample_nop(uint32_t priority)
{
	return (struct rt_rule){ .priority = priority,
				 .action = RT_RULE_NOP,
				 .protocol = RT_PROTOCOL_EIPGW };
}

bool sample_same_addr(const struct rt_addr *a, const struct rt_addr *b)
{
	return a->ifindex == b->ifindex && a->addr.addr.v == b->addr.addr.v &&
	       a->addr.len == b->addr.len;
}

void sample_name(char ret[static RT_IFNAME_MAX], const char *name)
{
	assert_true(strlen(name) < RT_IFNAME_MAX);
	memset(ret, 0, RT_IFNAME_MAX);
	memcpy(ret, name, strlen(name));
}

void *sample_copy(const void *v, size_t n, size_t size)
{
	void *copy = calloc(n + 1, size);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, v, n * size);
	return copy;
}

struct net_desired sample_desired(void)
{
	const struct rt_route routes[SAMPLE_ROUTES] = {
		sample_default(SAMPLE_TABLE, SAMPLE_GATEWAY),
		sample_throw(SAMPLE_TABLE, SAMPLE_GATEWAY), sample_blackhole(SAMPLE_TABLE)
	};
	const struct rt_rule rules[SAMPLE_RULES] = { sample_goto(600, 603),
						     sample_lookup(601, 0x1000, SAMPLE_TABLE),
						     sample_blackhole_rule(602), sample_nop(603) };
	struct net_desired desired = {
		.tunnel = sample_tunnel(),
		.tunnel_addr = { SAMPLE_ADDR },
		.peer = sample_peer(),
		.routes = { sample_copy(routes, SAMPLE_ROUTES, sizeof(routes[0])), SAMPLE_ROUTES },
		.rules = { sample_copy(rules, SAMPLE_RULES, sizeof(rules[0])), SAMPLE_RULES },
	};

	net_desired_sort(&desired);
	return desired;
}

struct net_observed sample_observed(const struct net_desired *desired, int ifindex)
{
	const struct rt_addr addr = { ifindex, { desired->tunnel_addr, 32 } };
	struct rt_neigh peer = desired->peer;
	struct net_observed observed = { .has_tunnel = true, .tunnel = desired->tunnel };

	peer.ifindex = ifindex;
	observed.tunnel.ifindex = ifindex;
	observed.addrs = (struct rt_addrs){ sample_copy(&addr, 1, sizeof(addr)), 1 };
	observed.neighs = (struct rt_neighs){ sample_copy(&peer, 1, sizeof(peer)), 1 };
	observed.routes.n = desired->routes.n;
	observed.routes.v =
		sample_copy(desired->routes.v, desired->routes.n, sizeof(*observed.routes.v));
	for (size_t i = 0; i < observed.routes.n; i++)
		observed.routes.v[i] = net_route_resolve(&observed.routes.v[i], ifindex);
	observed.rules.n = desired->rules.n;
	observed.rules.v =
		sample_copy(desired->rules.v, desired->rules.n, sizeof(*observed.rules.v));
	return observed;
}
