// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * rtnetlink messages to values; attrs.h checks all that is framing. What a value can't hold sets its foreign_parts, so that nothing is ever
 * taken for ours because we failed to look at half of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "netlink/attrs.h"
#include "netlink/rtnl.h"

static int decode_vxlan(const struct nlattr *nest, struct rt_link *link)
{
	struct attrs attrs;
	uint8_t external = 0;
	uint16_t port = 0;
	int rc = attrs_parse_nested(nest, &attrs);

	if (rc < 0)
		return rc;
	rc = attrs_get_fixed(&attrs, IFLA_VXLAN_COLLECT_METADATA, sizeof(external), &external);
	if (rc == 0)
		rc = attrs_get_fixed(&attrs, IFLA_VXLAN_PORT, sizeof(port), &port);
	if (rc == 0)
		rc = attrs_get_fixed(&attrs, IFLA_VXLAN_TTL, sizeof(link->vxlan_ttl),
				     &link->vxlan_ttl);
	link->vxlan_external = external != 0;
	link->vxlan_port = ntohs(port);
	return rc;
}

static int decode_link_info(const struct nlattr *nest, struct rt_link *link)
{
	struct attrs attrs;
	int rc = attrs_parse_nested(nest, &attrs);

	if (rc < 0)
		return rc;
	rc = attrs_get_string(&attrs, IFLA_INFO_KIND, link->kind, sizeof(link->kind));
	if (rc < 0)
		return rc;
	if (strcmp(link->kind, "vxlan") == 0 && attrs.v[IFLA_INFO_DATA])
		return decode_vxlan(attrs.v[IFLA_INFO_DATA], link);
	return 0;
}

static int decode_link(const struct nlmsghdr *nlh, struct rt_change *change)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct rt_link *link = &change->link;
	struct attrs attrs;
	int rc = attrs_parse_message(nlh, sizeof(*ifi), &attrs);

	if (rc < 0)
		return rc;
	if (ifi->ifi_family != AF_UNSPEC) /* A bridge port's view of the same device. */
		return -ENOMSG;
	if (!attrs.v[IFLA_IFNAME])
		return -EBADMSG;
	link->ifindex = ifi->ifi_index;
	link->up = (ifi->ifi_flags & IFF_UP) != 0;
	link->noarp = (ifi->ifi_flags & IFF_NOARP) != 0;
	rc = attrs_get_string(&attrs, IFLA_IFNAME, link->name, sizeof(link->name));
	if (rc == 0)
		rc = attrs_get_u32(&attrs, IFLA_MTU, &link->mtu);
	/* Devices without Ethernet addresses have shorter or longer ones: not kept. */
	if (rc == 0 && attrs.v[IFLA_ADDRESS] &&
	    mnl_attr_get_payload_len(attrs.v[IFLA_ADDRESS]) == sizeof(link->mac))
		rc = attrs_get_fixed(&attrs, IFLA_ADDRESS, sizeof(link->mac), link->mac);
	if (rc == 0 && attrs.v[IFLA_LINKINFO])
		rc = decode_link_info(attrs.v[IFLA_LINKINFO], link);
	return rc;
}

static int decode_addr(const struct nlmsghdr *nlh, struct rt_change *change)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct rt_addr *addr = &change->addr;
	struct attrs attrs;
	int rc = attrs_parse_message(nlh, sizeof(*ifa), &attrs);

	if (rc < 0)
		return rc;
	if (ifa->ifa_family != AF_INET)
		return -ENOMSG;
	if (ifa->ifa_prefixlen > 32 || (!attrs.v[IFA_LOCAL] && !attrs.v[IFA_ADDRESS]))
		return -EBADMSG;
	addr->ifindex = (int)ifa->ifa_index;
	addr->addr.len = ifa->ifa_prefixlen;
	/* On point-to-point devices IFA_ADDRESS is the other end. */
	return attrs_get_ip4(&attrs, attrs.v[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS,
			     &addr->addr.addr);
}

static int decode_neigh(const struct nlmsghdr *nlh, struct rt_change *change)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct rt_neigh *neigh = &change->neigh;
	struct attrs attrs;
	int rc = attrs_parse_message(nlh, sizeof(*ndm), &attrs);

	if (rc < 0)
		return rc;
	if (ndm->ndm_family != AF_INET || (ndm->ndm_flags & NTF_PROXY))
		return -ENOMSG;
	if (!attrs.v[NDA_DST])
		return -EBADMSG;
	neigh->ifindex = ndm->ndm_ifindex;
	neigh->permanent = (ndm->ndm_state & NUD_PERMANENT) != 0;
	rc = attrs_get_ip4(&attrs, NDA_DST, &neigh->dst);
	if (rc == 0 && attrs.v[NDA_LLADDR] &&
	    mnl_attr_get_payload_len(attrs.v[NDA_LLADDR]) == sizeof(neigh->mac))
		rc = attrs_get_fixed(&attrs, NDA_LLADDR, sizeof(neigh->mac), neigh->mac);
	return rc;
}

static int decode_encap_ip(const struct nlattr *nest, struct rt_route *route)
{
	struct attrs attrs;
	uint64_t id = 0;
	uint16_t flags = 0;
	uint8_t tos = 0;
	int rc = attrs_parse_nested(nest, &attrs);

	if (rc == 0)
		rc = attrs_get_fixed(&attrs, LWTUNNEL_IP_ID, sizeof(id), &id);
	if (rc == 0)
		rc = attrs_get_ip4(&attrs, LWTUNNEL_IP_DST, &route->encap.dst);
	if (rc == 0)
		rc = attrs_get_ip4(&attrs, LWTUNNEL_IP_SRC, &route->encap.src);
	if (rc == 0)
		rc = attrs_get_fixed(&attrs, LWTUNNEL_IP_TTL, sizeof(route->encap.ttl),
				     &route->encap.ttl);
	if (rc == 0)
		rc = attrs_get_fixed(&attrs, LWTUNNEL_IP_TOS, sizeof(tos), &tos);
	if (rc == 0)
		rc = attrs_get_fixed(&attrs, LWTUNNEL_IP_FLAGS, sizeof(flags), &flags);
	if (rc < 0)
		return rc;
	id = be64toh(id);
	route->encap.id = (uint32_t)id;
	/* The kernel always dumps TOS and FLAGS, as 0 when they weren't given. */
	if (id > UINT32_MAX || tos || flags || attrs.v[LWTUNNEL_IP_OPTS] || !route->encap.dst.v)
		route->foreign_parts = true;
	return 0;
}

static int decode_encap(const struct attrs *attrs, struct rt_route *route)
{
	uint16_t type = LWTUNNEL_ENCAP_NONE;
	int rc = attrs_get_fixed(attrs, RTA_ENCAP_TYPE, sizeof(type), &type);

	if (rc < 0 || type == LWTUNNEL_ENCAP_NONE)
		return rc;
	if (type == LWTUNNEL_ENCAP_IP && attrs->v[RTA_ENCAP])
		return decode_encap_ip(attrs->v[RTA_ENCAP], route);
	route->foreign_parts = true;
	return 0;
}

static int decode_metrics(const struct nlattr *nest, struct rt_route *route)
{
	struct attrs attrs;
	int rc = attrs_parse_nested(nest, &attrs);

	if (rc < 0)
		return rc;
	for (unsigned i = 1; i <= ATTR_MAX; i++) {
		if (attrs.v[i] && i != RTAX_MTU)
			route->foreign_parts = true;
	}
	return attrs_get_u32(&attrs, RTAX_MTU, &route->mtu);
}

static enum rt_route_type route_type(uint8_t rtm_type)
{
	switch (rtm_type) {
	case RTN_UNICAST:
		return RT_UNICAST;
	case RTN_BLACKHOLE:
		return RT_BLACKHOLE;
	case RTN_THROW:
		return RT_THROW;
	default:
		return RT_OTHER;
	}
}

/* What stands in the message and has no place in struct rt_route. */
static bool route_has_foreign_parts(const struct attrs *attrs)
{
	static const bool known[ATTR_MAX + 1] = {
		[RTA_DST] = true,   [RTA_OIF] = true,        [RTA_GATEWAY] = true,
		[RTA_TABLE] = true, [RTA_PRIORITY] = true,   [RTA_METRICS] = true,
		[RTA_ENCAP] = true, [RTA_ENCAP_TYPE] = true, [RTA_MULTIPATH] = true,
		[RTA_PAD] = true,   [RTA_CACHEINFO] = true,  [RTA_NH_ID] = true,
	};

	for (unsigned i = 1; i <= ATTR_MAX; i++) {
		if (attrs->v[i] && !known[i])
			return true;
	}
	return attrs->beyond;
}

static int decode_route_attrs(const struct attrs *attrs, struct rt_route *route)
{
	uint32_t oif = 0;
	int rc = attrs_get_u32(attrs, RTA_TABLE, &route->table);

	if (rc == 0)
		rc = attrs_get_u32(attrs, RTA_PRIORITY, &route->metric);
	if (rc == 0)
		rc = attrs_get_ip4(attrs, RTA_GATEWAY, &route->gateway);
	if (rc == 0)
		rc = attrs_get_u32(attrs, RTA_OIF, &oif);
	if (rc < 0)
		return rc;
	if (oif > INT32_MAX)
		return -EBADMSG;
	route->oif = (int)oif;
	route->multipath = attrs->v[RTA_MULTIPATH] || attrs->v[RTA_NH_ID];
	route->foreign_parts = route_has_foreign_parts(attrs);
	if (attrs->v[RTA_METRICS])
		rc = decode_metrics(attrs->v[RTA_METRICS], route);
	if (rc == 0)
		rc = decode_encap(attrs, route);
	return rc;
}

static int decode_route(const struct nlmsghdr *nlh, struct rt_change *change)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct rt_route *route = &change->route;
	struct attrs attrs;
	int rc = attrs_parse_message(nlh, sizeof(*rtm), &attrs);

	if (rc < 0)
		return rc;
	if (rtm->rtm_family != AF_INET || (rtm->rtm_flags & RTM_F_CLONED))
		return -ENOMSG;
	route->table = rtm->rtm_table;
	route->tos = rtm->rtm_tos;
	route->protocol = rtm->rtm_protocol;
	route->scope = rtm->rtm_scope;
	route->type = route_type(rtm->rtm_type);
	route->onlink = (rtm->rtm_flags & RTNH_F_ONLINK) != 0;
	rc = attrs_get_prefix(&attrs, RTA_DST, rtm->rtm_dst_len, &route->dst);
	if (rc == 0)
		rc = decode_route_attrs(&attrs, route);
	return rc;
}

static uint8_t rule_action(uint8_t action)
{
	switch (action) {
	case FR_ACT_TO_TBL:
		return RT_RULE_TABLE;
	case FR_ACT_GOTO:
		return RT_RULE_GOTO;
	case FR_ACT_NOP:
		return RT_RULE_NOP;
	case FR_ACT_BLACKHOLE:
		return RT_RULE_BLACKHOLE;
	default:
		return RT_RULE_OTHER;
	}
}

static bool rule_has_foreign_parts(const struct fib_rule_hdr *hdr, const struct attrs *attrs)
{
	static const bool known[ATTR_MAX + 1] = {
		[FRA_DST] = true,
		[FRA_SRC] = true,
		[FRA_IIFNAME] = true,
		[FRA_OIFNAME] = true,
		[FRA_GOTO] = true,
		[FRA_PRIORITY] = true,
		[FRA_FWMARK] = true,
		[FRA_FWMASK] = true,
		[FRA_TABLE] = true,
		[FRA_PROTOCOL] = true,
		[FRA_PAD] = true,
		[FRA_SUPPRESS_PREFIXLEN] = true,
		[FRA_SUPPRESS_IFGROUP] = true,
	};
	uint32_t none = UINT32_MAX, prefixlen = none, group = none;

	for (unsigned i = 1; i <= ATTR_MAX; i++) {
		if (attrs->v[i] && !known[i])
			return true;
	}
	/* The kernel dumps a suppressor of -1 for "none"; too short an attribute reads as one that is set. */
	if (attrs_get_u32(attrs, FRA_SUPPRESS_PREFIXLEN, &prefixlen) < 0 ||
	    attrs_get_u32(attrs, FRA_SUPPRESS_IFGROUP, &group) < 0)
		return true;
	return attrs->beyond || prefixlen != none || group != none || hdr->tos ||
	       (hdr->flags & (FIB_RULE_INVERT | FIB_RULE_FIND_SADDR));
}

static int decode_rule_attrs(const struct attrs *attrs, struct rt_rule *rule)
{
	int rc = attrs_get_u32(attrs, FRA_PRIORITY, &rule->priority);

	if (rc == 0)
		rc = attrs_get_u32(attrs, FRA_TABLE, &rule->table);
	if (rc == 0)
		rc = attrs_get_u32(attrs, FRA_GOTO, &rule->target);
	if (rc == 0)
		rc = attrs_get_u32(attrs, FRA_FWMARK, &rule->mark);
	if (rc == 0)
		rc = attrs_get_u32(attrs, FRA_FWMASK, &rule->mark_mask);
	if (rc == 0)
		rc = attrs_get_fixed(attrs, FRA_PROTOCOL, sizeof(rule->protocol), &rule->protocol);
	if (rc == 0)
		rc = attrs_get_string(attrs, FRA_IIFNAME, rule->iif, sizeof(rule->iif));
	if (rc == 0)
		rc = attrs_get_string(attrs, FRA_OIFNAME, rule->oif, sizeof(rule->oif));
	return rc;
}

static int decode_rule(const struct nlmsghdr *nlh, struct rt_change *change)
{
	const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
	struct rt_rule *rule = &change->rule;
	struct attrs attrs;
	int rc = attrs_parse_message(nlh, sizeof(*hdr), &attrs);

	if (rc < 0)
		return rc;
	if (hdr->family != AF_INET)
		return -ENOMSG;
	rule->table = hdr->table;
	rule->action = rule_action(hdr->action);
	rc = attrs_get_prefix(&attrs, FRA_SRC, hdr->src_len, &rule->src);
	if (rc == 0)
		rc = attrs_get_prefix(&attrs, FRA_DST, hdr->dst_len, &rule->dst);
	if (rc == 0)
		rc = decode_rule_attrs(&attrs, rule);
	if (rc < 0)
		return rc;
	/* As the kernel reads its own messages: a mark alone is an exact one. */
	if (attrs.v[FRA_FWMARK] && !attrs.v[FRA_FWMASK])
		rule->mark_mask = UINT32_MAX;
	if (rule->mark_mask == 0)
		rule->mark = 0;
	if (rule->action != RT_RULE_TABLE)
		rule->table = 0;
	if (rule->action != RT_RULE_GOTO)
		rule->target = 0;
	rule->foreign_parts = rule_has_foreign_parts(hdr, &attrs);
	return 0;
}

int rtnl_decode(const struct nlmsghdr *nlh, struct rt_change *ret)
{
	static const struct {
		uint16_t new_type, del_type;
		enum rt_kind kind;
		int (*decode)(const struct nlmsghdr *nlh, struct rt_change *change);
	} rows[] = {
		{ RTM_NEWLINK, RTM_DELLINK, RT_LINK, decode_link },
		{ RTM_NEWADDR, RTM_DELADDR, RT_ADDR, decode_addr },
		{ RTM_NEWNEIGH, RTM_DELNEIGH, RT_NEIGH, decode_neigh },
		{ RTM_NEWROUTE, RTM_DELROUTE, RT_ROUTE, decode_route },
		{ RTM_NEWRULE, RTM_DELRULE, RT_RULE, decode_rule },
	};

	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rt_change change;
		int rc;

		if (nlh->nlmsg_type != rows[i].new_type && nlh->nlmsg_type != rows[i].del_type)
			continue;
		/* All of it: an initialiser needn't reach beyond the union's first member. */
		memset(&change, 0, sizeof(change));
		change.kind = rows[i].kind;
		change.deleted = nlh->nlmsg_type == rows[i].del_type;
		rc = rows[i].decode(nlh, &change);
		if (rc == 0)
			*ret = change;
		return rc;
	}
	return -ENOMSG;
}
