// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/ct_stats.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/cleanup.h"
#include "nat/nfnl.h"
#include "netlink/attr.h"

enum {
	GLOBAL = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS,
	PER_CPU = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU,
};

/* All are 32 bits in network byte order. */
static const struct row {
	uint16_t message, attr;
	size_t offset;
} rows[] = {
	{ GLOBAL, CTA_STATS_GLOBAL_ENTRIES, offsetof(struct ct_stats, entries) },
	{ GLOBAL, CTA_STATS_GLOBAL_MAX_ENTRIES, offsetof(struct ct_stats, max) },
	{ PER_CPU, CTA_STATS_INVALID, offsetof(struct ct_stats, invalid) },
	{ PER_CPU, CTA_STATS_INSERT_FAILED, offsetof(struct ct_stats, insert_failed) },
	{ PER_CPU, CTA_STATS_DROP, offsetof(struct ct_stats, drop) },
	{ PER_CPU, CTA_STATS_EARLY_DROP, offsetof(struct ct_stats, early_drop) },
};

static int add(struct ct_stats *stats, uint16_t message, const struct nlattr *attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].message != message || rows[i].attr != mnl_attr_get_type(attr))
			continue;
		if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
			return -EBADMSG;
		*(uint64_t *)((char *)stats + rows[i].offset) += ntohl(mnl_attr_get_u32(attr));
	}
	return 0;
}

int ct_stats_decode(const struct nlmsghdr *nlh, struct ct_stats *ret)
{
	const struct nlattr *attr;

	if (nlh->nlmsg_type != GLOBAL && nlh->nlmsg_type != PER_CPU)
		return -ENOMSG;
	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(struct nfgenmsg)))
		return -EBADMSG;
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (add(ret, nlh->nlmsg_type, attr))
			return -EBADMSG;
	}
	return 0;
}

static int on_message(const struct nlmsghdr *nlh, void *data)
{
	const int rc = ct_stats_decode(nlh, data);

	return rc == -ENOMSG ? 0 : rc;
}

static void restart(void *data)
{
	*(struct ct_stats *)data = (struct ct_stats){ 0 };
}

int ct_stats_read(struct nfnl *nfnl, struct ct_stats *ret, struct err *err)
{
	struct ct_stats stats = { 0 };
	const struct nfnl_dump cpus = { "statistics of connection tracking", on_message, restart,
					&stats };
	const struct nfnl_dump all = { "size of connection tracking", on_message, NULL, &stats };
	int rc = nfnl_dump(nfnl, nfnl_request(nfnl, PER_CPU, NLM_F_DUMP, AF_UNSPEC), &cpus, err);

	if (!rc)
		rc = nfnl_talk(nfnl, nfnl_request(nfnl, GLOBAL, 0, AF_UNSPEC), &all, err);
	if (!rc)
		*ret = stats;
	return rc;
}
