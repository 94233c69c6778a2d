// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The kernel's routing objects as plain values, as far as eipgw uses them. What is zero is absent.
 * Devices are named by ifindex; names are resolved by whoever builds the value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

/*
 * Our routing protocol number (rtm_protocol, FRA_PROTOCOL): how our routes and rules are told from
 * foreign ones. 101 is free in the kernel's rtnetlink.h and in iproute2's rt_protos.
 */
#define RT_PROTOCOL_EIPGW 101
#define RT_IFNAME_MAX 16

struct rt_link {
	int ifindex;
	char name[RT_IFNAME_MAX];
	char kind[16]; /* "vxlan", "veth", ... or "" */
	uint8_t mac[6];
	uint32_t mtu;
	bool up;
	bool noarp;
	bool vxlan_external; /* IFLA_VXLAN_COLLECT_METADATA */
	uint16_t vxlan_port; /* host byte order */
	uint8_t vxlan_ttl;
};

struct rt_addr {
	int ifindex;
	struct ip4_prefix addr; /* the full address with its prefix length (host bits kept) */
};

struct rt_neigh {
	int ifindex;
	struct ip4 dst;
	uint8_t mac[6];
	bool permanent;
};

enum rt_route_type { RT_UNICAST, RT_BLACKHOLE, RT_THROW, RT_OTHER };

/* A light-weight tunnel, `encap ip id .. src .. dst .. ttl ..`; dst.v == 0: none. */
struct rt_encap {
	uint32_t id;
	struct ip4 src;
	struct ip4 dst;
	uint8_t ttl;
};

/* A gateway keeps one for each pod: 48 bytes. */
struct rt_route {
	uint32_t table;
	struct ip4_prefix dst;
	uint32_t metric;
	struct ip4 gateway; /* v == 0: none */
	int oif;
	struct rt_encap encap;
	uint32_t mtu;
	uint8_t tos; /* part of the kernel's key; ours have none */
	uint8_t protocol;
	uint8_t scope; /* RT_SCOPE_* as the kernel counts; 0 = universe */
	enum rt_route_type type : 3;
	bool onlink : 1;
	bool multipath : 1; /* more than one next hop, or a next-hop object: equal to no desired route */
	bool foreign_parts : 1; /* has what this struct can't hold (preferred source, further metrics, an
				 * encapsulation of another kind, ...): equal to no desired route */
};

enum rt_rule_action { RT_RULE_TABLE, RT_RULE_GOTO, RT_RULE_NOP, RT_RULE_BLACKHOLE, RT_RULE_OTHER };

struct rt_rule {
	uint32_t priority;
	uint8_t action; /* enum rt_rule_action */
	uint8_t protocol;
	uint32_t table;        /* RT_RULE_TABLE */
	uint32_t target;       /* RT_RULE_GOTO: the priority to go on at */
	struct ip4_prefix src; /* len 0: any */
	struct ip4_prefix dst;
	char iif[RT_IFNAME_MAX];
	char oif[RT_IFNAME_MAX];
	uint32_t mark;
	uint32_t mark_mask; /* 0: no mark test. mark 0 with a mask is a test for "bits are clear" */
	bool foreign_parts; /* has selectors that this struct can't hold: equal to no desired rule */
};

struct rt_links {
	struct rt_link *v;
	size_t n;
};
struct rt_addrs {
	struct rt_addr *v;
	size_t n;
};
struct rt_neighs {
	struct rt_neigh *v;
	size_t n;
};
struct rt_routes {
	struct rt_route *v;
	size_t n;
};
struct rt_rules {
	struct rt_rule *v;
	size_t n;
};

/* Total orders, for sorting and merging; 0 means the same object in every field that the kernel keeps. */
int rt_route_compare(const struct rt_route *a, const struct rt_route *b);
int rt_rule_compare(const struct rt_rule *a, const struct rt_rule *b);
/* Orders by what NLM_F_REPLACE replaces: table, prefix, metric, tos. */
int rt_route_key_compare(const struct rt_route *a, const struct rt_route *b);

/* As iproute2 would show them; `buf` is returned. */
#define RT_TEXT_MAX 256
const char *rt_route_format(const struct rt_route *route, char buf[static RT_TEXT_MAX]);
const char *rt_rule_format(const struct rt_rule *rule, char buf[static RT_TEXT_MAX]);
