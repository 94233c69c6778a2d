// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Steps in words: as the iproute2 command that a person would type, and counted. */
#include "netlink/plan.h"
#include "netlink/text.h"

#define MAC_FORMAT "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static void format_link(const struct net_op *op, const struct rt_link *link,
			char buf[static RT_TEXT_MAX])
{
	size_t used;

	if (op->kind == NET_LINK_DEL) {
		text_add(buf, 0, "ip link del %s", link->name);
		return;
	}
	used = text_add(buf, 0, "ip link %s %s address " MAC_FORMAT " mtu %u",
			op->kind == NET_LINK_ADD ? "add" : "set", link->name, MAC_ARGS(link->mac),
			link->mtu);
	if (op->kind == NET_LINK_ADD) {
		text_add(buf, used, " type vxlan external dstport %u ttl %u", link->vxlan_port,
			 link->vxlan_ttl);
		return;
	}
	text_add(buf, used, " arp %s %s type vxlan ttl %u", link->noarp ? "off" : "on",
		 link->up ? "up" : "down", link->vxlan_ttl);
}

static void format_on_tunnel(const struct net_op *op, const struct net_desired *desired,
			     char buf[static RT_TEXT_MAX])
{
	char text[IP4_TEXT_MAX];

	if (op->kind == NET_NEIGH_ADD)
		text_add(buf, 0, "ip neigh replace %s lladdr " MAC_FORMAT " dev %s nud permanent",
			 ip4_format(desired->peer.dst, text), MAC_ARGS(desired->peer.mac),
			 desired->tunnel.name);
	else
		text_add(buf, 0, "ip addr %s %s/%u dev %s",
			 op->kind == NET_ADDR_ADD ? "replace" : "del",
			 ip4_format(op->addr.addr.addr, text), op->addr.addr.len,
			 desired->tunnel.name);
}

const char *net_op_format(const struct net_op *op, const struct net_desired *desired,
			  char buf[static RT_TEXT_MAX])
{
	static const char *const verbs[] = {
		[NET_ROUTE_ADD] = "ip route add ", [NET_ROUTE_REPLACE] = "ip route replace ",
		[NET_ROUTE_DEL] = "ip route del ", [NET_RULE_ADD] = "ip rule add",
		[NET_RULE_DEL] = "ip rule del",
	};

	buf[0] = '\0';
	switch (op->kind) {
	case NET_LINK_ADD:
	case NET_LINK_DEL:
	case NET_LINK_SET:
		format_link(op, &desired->tunnel, buf);
		break;
	case NET_ADDR_ADD:
	case NET_ADDR_DEL:
	case NET_NEIGH_ADD:
		format_on_tunnel(op, desired, buf);
		break;
	case NET_ROUTE_ADD:
	case NET_ROUTE_REPLACE:
	case NET_ROUTE_DEL:
		text_add_route(buf, text_add(buf, 0, "%s", verbs[op->kind]), op->route,
			       desired->tunnel.name);
		break;
	case NET_RULE_ADD:
	case NET_RULE_DEL:
		text_add_rule(buf,
			      text_add(buf, 0, "%s priority %u ", verbs[op->kind],
				       op->rule->priority),
			      op->rule);
		break;
	case NET_OP_KIND_COUNT:
		break;
	}
	return buf;
}

const char *net_steps_format(const size_t by_kind[static NET_OP_KIND_COUNT],
			     char buf[static RT_TEXT_MAX])
{
	const struct {
		const char *one, *many;
		size_t n;
	} rows[] = {
		{ "link step", "link steps",
		  by_kind[NET_LINK_ADD] + by_kind[NET_LINK_DEL] + by_kind[NET_LINK_SET] },
		{ "address", "addresses", by_kind[NET_ADDR_ADD] + by_kind[NET_ADDR_DEL] },
		{ "neighbour", "neighbours", by_kind[NET_NEIGH_ADD] },
		{ "route", "routes",
		  by_kind[NET_ROUTE_ADD] + by_kind[NET_ROUTE_REPLACE] + by_kind[NET_ROUTE_DEL] },
		{ "rule", "rules", by_kind[NET_RULE_ADD] + by_kind[NET_RULE_DEL] },
	};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].n)
			used = text_add(buf, used, "%s%zu %s", used ? ", " : "", rows[i].n,
					rows[i].n == 1 ? rows[i].one : rows[i].many);
	}
	return buf;
}
