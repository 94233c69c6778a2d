// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/account.h"

#include <endian.h>
#include <errno.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netlink/attr.h"

static int decode_u64(const struct nlattr *attr, uint64_t *ret)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
		return -EBADMSG;
	*ret = be64toh(mnl_attr_get_u64(attr));
	return 0;
}

static int decode_traffic(const struct nlattr *nest, struct ct_traffic *ret)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);
		int rc = 0;

		if (type == CTA_COUNTERS_PACKETS)
			rc = decode_u64(attr, &ret->packets);
		else if (type == CTA_COUNTERS_BYTES)
			rc = decode_u64(attr, &ret->bytes);
		if (rc)
			return rc;
	}
	return 0;
}

static int decode_times(const struct nlattr *nest, struct ct_account *ret)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, nest) {
		uint16_t type = mnl_attr_get_type(attr);
		uint64_t ns = 0;

		if (type != CTA_TIMESTAMP_START && type != CTA_TIMESTAMP_STOP)
			continue;
		if (decode_u64(attr, &ns) || ns > INT64_MAX)
			return -EBADMSG;
		*(type == CTA_TIMESTAMP_START ? &ret->start_ns : &ret->stop_ns) = (int64_t)ns;
	}
	return 0;
}

int ct_decode_account(const struct nlmsghdr *nlh, struct ct_account *ret)
{
	struct ct_account account = { 0 };
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		uint16_t type = mnl_attr_get_type(attr);
		int rc = 0;

		if (type == CTA_COUNTERS_ORIG || type == CTA_COUNTERS_REPLY) {
			rc = decode_traffic(attr, type == CTA_COUNTERS_ORIG ? &account.sent :
									      &account.received);
			account.is_counted = true;
		} else if (type == CTA_TIMESTAMP) {
			rc = decode_times(attr, &account);
		}
		if (rc)
			return rc;
	}
	*ret = account;
	return 0;
}
