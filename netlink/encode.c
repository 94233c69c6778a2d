// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/encode.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

static struct nlmsghdr *message_start(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

static struct nlmsghdr *message_end(struct nlmsghdr *nlh)
{
	assert(nlh->nlmsg_len <= ENCODE_MAX);
	return nlh;
}

static void put_ip4(struct nlmsghdr *nlh, uint16_t type, struct ip4 addr)
{
	mnl_attr_put_u32(nlh, type, htonl(addr.v));
}

static void put_ifname(struct nlmsghdr *nlh, uint16_t type, const char name[static RT_IFNAME_MAX])
{
	char copy[RT_IFNAME_MAX];

	memcpy(copy, name, sizeof(copy));
	copy[sizeof(copy) - 1] = '\0';
	mnl_attr_put_strz(nlh, type, copy);
}

static void put_link_flags(struct ifinfomsg *ifi, const struct rt_link *link)
{
	ifi->ifi_change = IFF_UP | IFF_NOARP;
	ifi->ifi_flags = (link->up ? (unsigned)IFF_UP : 0) |
			 (link->noarp ? (unsigned)IFF_NOARP : 0);
}

static void put_link_values(struct nlmsghdr *nlh, const struct rt_link *link)
{
	static const uint8_t none[sizeof(link->mac)];

	if (memcmp(link->mac, none, sizeof(none)) != 0)
		mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(link->mac), link->mac);
	if (link->mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, link->mtu);
}

struct nlmsghdr *encode_vxlan(void *buf, uint16_t flags, const struct rt_link *link)
{
	struct nlmsghdr *nlh = message_start(buf, RTM_NEWLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct rt_link down = *link;
	struct nlattr *info, *data;

	down.up = false;
	put_link_flags(ifi, &down);
	put_ifname(nlh, IFLA_IFNAME, link->name);
	put_link_values(nlh, link);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vxlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u8(nlh, IFLA_VXLAN_COLLECT_METADATA, 1);
	/* There is nothing to learn: the route says where a packet goes. */
	mnl_attr_put_u8(nlh, IFLA_VXLAN_LEARNING, 0);
	mnl_attr_put_u16(nlh, IFLA_VXLAN_PORT, htons(link->vxlan_port));
	if (link->vxlan_ttl)
		mnl_attr_put_u8(nlh, IFLA_VXLAN_TTL, link->vxlan_ttl);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return message_end(nlh);
}

struct nlmsghdr *encode_link_set(void *buf, uint16_t flags, const struct rt_link *link)
{
	struct nlmsghdr *nlh = message_start(buf, RTM_NEWLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = link->ifindex;
	put_link_flags(ifi, link);
	put_link_values(nlh, link);
	return message_end(nlh);
}

struct nlmsghdr *encode_vxlan_ttl(void *buf, uint16_t flags, const struct rt_link *link)
{
	struct nlmsghdr *nlh = message_start(buf, RTM_NEWLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *info, *data;

	ifi->ifi_index = link->ifindex;
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vxlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u8(nlh, IFLA_VXLAN_TTL, link->vxlan_ttl);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return message_end(nlh);
}

struct nlmsghdr *encode_inet_conf(void *buf, uint16_t flags, int ifindex, uint16_t number,
				  uint32_t value)
{
	struct nlmsghdr *nlh = message_start(buf, RTM_SETLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *spec, *inet, *conf;

	ifi->ifi_index = ifindex;
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet = mnl_attr_nest_start(nlh, AF_INET);
	conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);
	mnl_attr_put_u32(nlh, number, value);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, inet);
	mnl_attr_nest_end(nlh, spec);
	return message_end(nlh);
}

struct nlmsghdr *encode_link_del(void *buf, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = message_start(buf, RTM_DELLINK, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	return message_end(nlh);
}

struct nlmsghdr *encode_addr(void *buf, uint16_t type, uint16_t flags, const struct rt_addr *addr)
{
	struct nlmsghdr *nlh = message_start(buf, type, flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = addr->addr.len;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = (unsigned)addr->ifindex;
	put_ip4(nlh, IFA_LOCAL, addr->addr.addr);
	put_ip4(nlh, IFA_ADDRESS, addr->addr.addr);
	return message_end(nlh);
}

struct nlmsghdr *encode_neigh(void *buf, uint16_t type, uint16_t flags,
			      const struct rt_neigh *neigh)
{
	struct nlmsghdr *nlh = message_start(buf, type, flags);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	ndm->ndm_family = AF_INET;
	ndm->ndm_ifindex = neigh->ifindex;
	ndm->ndm_state = NUD_PERMANENT;
	put_ip4(nlh, NDA_DST, neigh->dst);
	if (type == RTM_NEWNEIGH)
		mnl_attr_put(nlh, NDA_LLADDR, sizeof(neigh->mac), neigh->mac);
	return message_end(nlh);
}

static void put_rule_action(struct nlmsghdr *nlh, struct fib_rule_hdr *hdr,
			    const struct rt_rule *rule)
{
	static const uint8_t actions[] = {
		[RT_RULE_TABLE] = FR_ACT_TO_TBL, [RT_RULE_GOTO] = FR_ACT_GOTO,
		[RT_RULE_NOP] = FR_ACT_NOP,      [RT_RULE_BLACKHOLE] = FR_ACT_BLACKHOLE,
		[RT_RULE_OTHER] = FR_ACT_UNSPEC, /* in a deletion: any */
	};

	assert(rule->action <= RT_RULE_OTHER);
	hdr->action = actions[rule->action];
	if (rule->action == RT_RULE_TABLE) {
		hdr->table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_UNSPEC;
		mnl_attr_put_u32(nlh, FRA_TABLE, rule->table);
	}
	if (rule->action == RT_RULE_GOTO)
		mnl_attr_put_u32(nlh, FRA_GOTO, rule->target);
}

struct nlmsghdr *encode_rule(void *buf, uint16_t type, uint16_t flags, const struct rt_rule *rule)
{
	struct nlmsghdr *nlh = message_start(buf, type, flags);
	struct fib_rule_hdr *hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));

	hdr->family = AF_INET;
	hdr->src_len = rule->src.len;
	hdr->dst_len = rule->dst.len;
	mnl_attr_put_u32(nlh, FRA_PRIORITY, rule->priority);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, rule->protocol);
	put_rule_action(nlh, hdr, rule);
	if (rule->src.len)
		put_ip4(nlh, FRA_SRC, rule->src.addr);
	if (rule->dst.len)
		put_ip4(nlh, FRA_DST, rule->dst.addr);
	/* The mark first: the kernel takes a mark without a mask for an exact one. */
	if (rule->mark_mask) {
		mnl_attr_put_u32(nlh, FRA_FWMARK, rule->mark);
		mnl_attr_put_u32(nlh, FRA_FWMASK, rule->mark_mask);
	}
	if (rule->iif[0])
		put_ifname(nlh, FRA_IIFNAME, rule->iif);
	if (rule->oif[0])
		put_ifname(nlh, FRA_OIFNAME, rule->oif);
	return message_end(nlh);
}

static void put_encap(struct nlmsghdr *nlh, const struct rt_encap *encap)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_ENCAP);

	mnl_attr_put_u64(nlh, LWTUNNEL_IP_ID, htobe64(encap->id));
	put_ip4(nlh, LWTUNNEL_IP_DST, encap->dst);
	if (encap->src.v)
		put_ip4(nlh, LWTUNNEL_IP_SRC, encap->src);
	if (encap->ttl)
		mnl_attr_put_u8(nlh, LWTUNNEL_IP_TTL, encap->ttl);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u16(nlh, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_IP);
}

static void put_next_hop(struct nlmsghdr *nlh, struct rtmsg *rtm, const struct rt_route *route)
{
	if (route->onlink)
		rtm->rtm_flags |= RTNH_F_ONLINK;
	if (route->gateway.v)
		put_ip4(nlh, RTA_GATEWAY, route->gateway);
	if (route->oif)
		mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)route->oif);
	if (route->encap.dst.v)
		put_encap(nlh, &route->encap);
	if (route->mtu) {
		struct nlattr *nest = mnl_attr_nest_start(nlh, RTA_METRICS);

		mnl_attr_put_u32(nlh, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(nlh, nest);
	}
}

struct nlmsghdr *encode_route(void *buf, uint16_t type, uint16_t flags,
			      const struct rt_route *route)
{
	static const uint8_t types[] = {
		[RT_UNICAST] = RTN_UNICAST,
		[RT_BLACKHOLE] = RTN_BLACKHOLE,
		[RT_THROW] = RTN_THROW,
		[RT_OTHER] = RTN_UNSPEC, /* in a deletion: any */
	};
	struct nlmsghdr *nlh = message_start(buf, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	bool partial = route->foreign_parts || route->multipath || route->type == RT_OTHER;

	assert(route->type <= RT_OTHER);
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = route->dst.len;
	rtm->rtm_tos = route->tos;
	rtm->rtm_table = route->table < 256 ? (uint8_t)route->table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = route->protocol;
	rtm->rtm_scope = route->scope;
	rtm->rtm_type = types[route->type];
	mnl_attr_put_u32(nlh, RTA_TABLE, route->table);
	if (route->dst.len)
		put_ip4(nlh, RTA_DST, route->dst.addr);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	if (type == RTM_DELROUTE && partial)
		rtm->rtm_scope = RT_SCOPE_NOWHERE;
	else
		put_next_hop(nlh, rtm, route);
	return message_end(nlh);
}
