// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/flow_internal.h"

#include <netinet/in.h>

#include <libmnl/libmnl.h>

#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

bool ct_flow_of(const struct ct_entry *entry, struct ct_flow *ret)
{
	uint8_t protocol = entry->orig.protocol;

	if (entry->zone || entry->reply.dst.v == entry->orig.src.v ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_ICMP &&
	     protocol != IPPROTO_SCTP))
		return false;
	*ret = (struct ct_flow){
		.orig = entry->orig,
		.nat = entry->reply.dst,
		/* An ICMP tuple has one id, which is kept as the source's port. */
		.nat_port = protocol == IPPROTO_ICMP ? entry->reply.src_port :
						       entry->reply.dst_port,
		.tcp_state = protocol == IPPROTO_TCP ? entry->tcp_state : 0,
		.mark = entry->mark,
		.status = entry->status & (IPS_SEEN_REPLY | IPS_ASSURED),
		.timeout_s = entry->timeout_s,
		.id = entry->id,
	};
	return true;
}

/* The reply as it would be without translation; the kernel changes it as it translates. */
static struct ct_tuple inverse(const struct ct_tuple *tuple)
{
	struct ct_tuple reply = {
		.src = tuple->dst,
		.dst = tuple->src,
		.src_port = tuple->dst_port,
		.dst_port = tuple->src_port,
		.protocol = tuple->protocol,
	};

	if (tuple->protocol == IPPROTO_ICMP) {
		/* Types 8, 13, 15 and 17 are answered by 0, 14, 16 and 18: RFC 792, RFC 950. */
		reply.src_port = tuple->src_port;
		reply.dst_port = 0;
		reply.icmp_type = tuple->icmp_type == 8 ? 0 : tuple->icmp_type + 1;
		reply.icmp_code = tuple->icmp_code;
	}
	return reply;
}

struct ct_tuple flow_reply(const struct ct_flow *flow)
{
	struct ct_tuple reply = inverse(&flow->orig);

	reply.dst = flow->nat;
	*(flow->orig.protocol == IPPROTO_ICMP ? &reply.src_port : &reply.dst_port) = flow->nat_port;
	return reply;
}

static struct nlmsghdr *message(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static void put_translation(struct nlmsghdr *nlh, const struct ct_flow *flow)
{
	struct nlattr *nat = mnl_attr_nest_start(nlh, CTA_NAT_SRC);
	struct nlattr *port;

	mnl_attr_put_u32(nlh, CTA_NAT_V4_MINIP, htonl(flow->nat.v));
	mnl_attr_put_u32(nlh, CTA_NAT_V4_MAXIP, htonl(flow->nat.v));
	port = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
	mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MIN, htons(flow->nat_port));
	mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MAX, htons(flow->nat_port));
	mnl_attr_nest_end(nlh, port);
	mnl_attr_nest_end(nlh, nat);
}

static void put_tcp(struct nlmsghdr *nlh, const struct ct_flow *flow)
{
	static const struct nf_ct_tcp_flags liberal = { .flags = IP_CT_TCP_FLAG_BE_LIBERAL,
							.mask = IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE,
			flow->tcp_state ? flow->tcp_state : TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

static void put_state(struct nlmsghdr *nlh, const struct ct_flow *flow)
{
	mnl_attr_put_u32(nlh, CTA_STATUS,
			 htonl((flow->status & (IPS_SEEN_REPLY | IPS_ASSURED)) | IPS_CONFIRMED));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(flow->timeout_s));
	mnl_attr_put_u32(nlh, CTA_MARK, htonl(flow->mark));
	if (flow->orig.protocol == IPPROTO_TCP)
		put_tcp(nlh, flow);
}

struct nlmsghdr *flow_create(void *buf, const struct ct_flow *flow)
{
	struct nlmsghdr *nlh = message(buf, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL);
	const struct ct_tuple reply = inverse(&flow->orig);

	ct_put_tuple(nlh, CTA_TUPLE_ORIG, &flow->orig);
	ct_put_tuple(nlh, CTA_TUPLE_REPLY, &reply);
	put_translation(nlh, flow);
	put_state(nlh, flow);
	return nlh;
}

/* The reply's tuple has the translation in it, and so is the flow's alone. */
struct nlmsghdr *flow_update(void *buf, const struct ct_flow *flow)
{
	struct nlmsghdr *nlh = message(buf, IPCTNL_MSG_CT_NEW, 0);
	const struct ct_tuple reply = flow_reply(flow);

	ct_put_tuple(nlh, CTA_TUPLE_REPLY, &reply);
	put_state(nlh, flow);
	return nlh;
}

struct nlmsghdr *flow_remove(void *buf, const struct ct_flow *flow)
{
	struct nlmsghdr *nlh = message(buf, IPCTNL_MSG_CT_DELETE, 0);
	const struct ct_tuple reply = flow_reply(flow);

	ct_put_tuple(nlh, CTA_TUPLE_REPLY, &reply);
	if (flow->id)
		mnl_attr_put_u32(nlh, CTA_ID, htonl(flow->id));
	return nlh;
}

struct nlmsghdr *flow_query(void *buf, uint16_t type, const struct ct_tuple *tuple)
{
	struct nlmsghdr *nlh = message(buf, IPCTNL_MSG_CT_GET, 0);

	ct_put_tuple(nlh, type, tuple);
	return nlh;
}

struct nlmsghdr *flow_list(void *buf)
{
	return message(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
}
