// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/ct.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/err.h"
#include "nat/nfnl.h"
#include "netlink/attr.h"

enum { LIST_MAX = 4 << 20 };

static bool is_u32(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) == 0;
}

static int decode_addresses(const struct nlattr *nest, struct ct_tuple *tuple)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);

		if (type != CTA_IP_V4_SRC && type != CTA_IP_V4_DST)
			continue;
		if (!is_u32(attr))
			return -EBADMSG;
		struct ip4 addr = { .v = ntohl(mnl_attr_get_u32(attr)) };

		*(type == CTA_IP_V4_SRC ? &tuple->src : &tuple->dst) = addr;
	}
	return 0;
}

static int decode_protocol(const struct nlattr *nest, struct ct_tuple *tuple)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		size_t len = mnl_attr_get_payload_len(attr);
		uint16_t type = mnl_attr_get_type(attr);
		bool wide = type == CTA_PROTO_SRC_PORT || type == CTA_PROTO_DST_PORT ||
			    type == CTA_PROTO_ICMP_ID;

		if (len < (wide ? 2u : 1u))
			return -EBADMSG;
		if (type == CTA_PROTO_NUM)
			tuple->protocol = mnl_attr_get_u8(attr);
		else if (type == CTA_PROTO_SRC_PORT || type == CTA_PROTO_ICMP_ID)
			tuple->src_port = ntohs(mnl_attr_get_u16(attr));
		else if (type == CTA_PROTO_DST_PORT)
			tuple->dst_port = ntohs(mnl_attr_get_u16(attr));
		else if (type == CTA_PROTO_ICMP_TYPE)
			tuple->icmp_type = mnl_attr_get_u8(attr);
		else if (type == CTA_PROTO_ICMP_CODE)
			tuple->icmp_code = mnl_attr_get_u8(attr);
	}
	return 0;
}

static int decode_tuple(const struct nlattr *nest, struct ct_tuple *tuple)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		int rc = 0;

		if (mnl_attr_get_type(attr) == CTA_TUPLE_IP)
			rc = decode_addresses(attr, tuple);
		else if (mnl_attr_get_type(attr) == CTA_TUPLE_PROTO)
			rc = decode_protocol(attr, tuple);
		if (rc)
			return rc;
	}
	return 0;
}

static int decode_tcp(const struct nlattr *nest, struct ct_entry *entry)
{
	const struct nlattr *info, *attr;

	attr_for_each_nested(info, nest) {
		if (mnl_attr_get_type(info) != CTA_PROTOINFO_TCP)
			continue;
		attr_for_each_nested(attr, info) {
			if (mnl_attr_get_type(attr) != CTA_PROTOINFO_TCP_STATE)
				continue;
			if (mnl_attr_validate(attr, MNL_TYPE_U8) < 0)
				return -EBADMSG;
			entry->tcp_state = mnl_attr_get_u8(attr);
		}
	}
	return 0;
}

static int decode_attr(const struct nlattr *attr, struct ct_entry *entry)
{
	uint32_t *number = NULL;

	switch (mnl_attr_get_type(attr)) {
	case CTA_TUPLE_ORIG:
		return decode_tuple(attr, &entry->orig);
	case CTA_TUPLE_REPLY:
		return decode_tuple(attr, &entry->reply);
	case CTA_PROTOINFO:
		return decode_tcp(attr, entry);
	case CTA_ZONE:
		if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
			return -EBADMSG;
		entry->zone = ntohs(mnl_attr_get_u16(attr));
		return 0;
	case CTA_ID:
		number = &entry->id;
		break;
	case CTA_MARK:
		number = &entry->mark;
		break;
	case CTA_STATUS:
		number = &entry->status;
		break;
	case CTA_TIMEOUT:
		number = &entry->timeout_s;
		break;
	default:
		return 0;
	}
	if (!is_u32(attr))
		return -EBADMSG;
	*number = ntohl(mnl_attr_get_u32(attr));
	return 0;
}

int ct_decode(const struct nlmsghdr *nlh, struct ct_entry *ret)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct ct_entry entry = { 0 };
	const struct nlattr *attr;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_CTNETLINK)
		return -ENOMSG;
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg))
		return -EBADMSG;
	if (nfg->nfgen_family != AF_INET)
		return -ENOMSG;
	attr_for_each(attr, nlh, sizeof(*nfg)) {
		int rc = decode_attr(attr, &entry);

		if (rc)
			return rc;
	}
	*ret = entry;
	return 0;
}

struct listing {
	bool (*keep)(const struct ct_entry *entry, void *data);
	void *data;
	struct ct_entries found;
};

static int on_entry(const struct nlmsghdr *nlh, void *data)
{
	struct listing *listing = data;
	struct ct_entries *found = &listing->found;
	struct ct_entry entry;
	int rc = ct_decode(nlh, &entry);

	if (rc)
		return rc == -ENOMSG ? 0 : rc;
	if (!listing->keep(&entry, listing->data))
		return 0;
	if (found->n >= LIST_MAX)
		return -E2BIG;
	if ((found->n & (found->n - 1)) == 0) {
		struct ct_entry *v = realloc(found->v, (found->n ? found->n * 2 : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		found->v = v;
	}
	found->v[found->n++] = entry;
	return 0;
}

static void forget_entries(void *data)
{
	struct listing *listing = data;

	listing->found.n = 0;
}

static int list(struct nfnl *nfnl, const struct nlmsghdr *request, struct listing *listing,
		struct ct_entries *ret, struct err *err)
{
	struct nfnl_dump dump = { .what = "connection tracking table",
				  .on_message = on_entry,
				  .restart = forget_entries,
				  .data = listing };
	int rc = nfnl_dump(nfnl, request, &dump, err);

	if (rc) {
		free(listing->found.v);
		return rc;
	}
	*ret = listing->found;
	return 0;
}

static struct nlmsghdr *list_request(struct nfnl *nfnl)
{
	return nfnl_request(nfnl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP,
			    AF_INET);
}

int ct_list(struct nfnl *nfnl, bool (*keep)(const struct ct_entry *entry, void *data), void *data,
	    struct ct_entries *ret, struct err *err)
{
	struct listing listing = { .keep = keep, .data = data };

	return list(nfnl, list_request(nfnl), &listing, ret, err);
}

/* What of the tuples is compared: bits of the kernel's enum ctnetlink_filter_flags, which its headers don't export. */
enum { FILTER_IP_SRC = 1 };

int ct_list_of(struct nfnl *nfnl, const struct ct_source *source, struct ct_entries *ret,
	       struct err *err)
{
	struct listing listing = { .keep = source->keep, .data = source->data };
	struct nlmsghdr *nlh = list_request(nfnl);
	bool is_reply = source->direction == CT_REPLY;
	struct nlattr *nest = mnl_attr_nest_start(nlh, is_reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(source->address.v));
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_FILTER);
	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, is_reply ? 0 : FILTER_IP_SRC);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, is_reply ? FILTER_IP_SRC : 0);
	mnl_attr_nest_end(nlh, nest);
	return list(nfnl, nlh, &listing, ret, err);
}

void ct_entries_done(struct ct_entries *entries)
{
	free(entries->v);
	*entries = (struct ct_entries){ 0 };
}

bool ct_tuple_equal(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return a->src.v == b->src.v && a->dst.v == b->dst.v && a->src_port == b->src_port &&
	       a->dst_port == b->dst_port && a->protocol == b->protocol &&
	       a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code;
}

void ct_put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct ct_tuple *tuple)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	struct nlattr *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(tuple->src.v));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, htonl(tuple->dst.v));
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, tuple->protocol);
	if (tuple->protocol == IPPROTO_ICMP) {
		mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, htons(tuple->src_port));
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_TYPE, tuple->icmp_type);
		mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_CODE, tuple->icmp_code);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(tuple->src_port));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(tuple->dst_port));
	}
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, nest);
}

int ct_delete(struct nfnl *nfnl, const struct ct_entry *entry, struct err *err)
{
	struct nlmsghdr *nlh =
		nfnl_request(nfnl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, AF_INET);
	struct nfnl_dump answer = { .what = "connection tracking entry" };

	ct_put_tuple(nlh, CTA_TUPLE_ORIG, &entry->orig);
	if (entry->zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, htons(entry->zone));
	mnl_attr_put_u32(nlh, CTA_ID, htonl(entry->id));
	return nfnl_talk(nfnl, nlh, &answer, err);
}
