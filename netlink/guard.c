// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/guard.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/attr.h"
#include "netlink/encode.h"
#include "netlink/socket.h"

enum { FILTER_PRIORITY = 1, FILTER_HANDLE = 1 };

/* mark == 0 ? drop : go on with other filters. The kernel shows a filter's program as it was given. */
static const struct sock_filter program[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT),
	BPF_STMT(BPF_RET | BPF_K, (uint32_t)TC_ACT_UNSPEC),
};

struct message {
	_Alignas(struct nlmsghdr) char buf[ENCODE_MAX];
};

static struct nlmsghdr *tc_message(struct message *m, uint16_t type, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(m->buf);
	struct tcmsg *tc;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = ifindex;
	return nlh;
}

static struct nlmsghdr *filter_message(struct message *m, uint16_t type, uint16_t flags,
				       int ifindex)
{
	struct nlmsghdr *nlh = tc_message(m, type, flags, ifindex);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	return nlh;
}

static bool is_our_program(const struct nlattr *options)
{
	const struct nlattr *attr;

	attr_for_each_nested(attr, options) {
		if (mnl_attr_get_type(attr) == TCA_BPF_OPS &&
		    mnl_attr_get_payload_len(attr) == sizeof(program))
			return memcmp(mnl_attr_get_payload(attr), program, sizeof(program)) == 0;
	}
	return false;
}

static int on_filter(const struct nlmsghdr *nlh, void *data)
{
	bool *found = data;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWTFILTER ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct tcmsg))
		return 0;
	attr_for_each(attr, nlh, sizeof(struct tcmsg)) {
		if (mnl_attr_get_type(attr) == TCA_OPTIONS && is_our_program(attr))
			*found = true;
	}
	return 0;
}

static void forget(void *data)
{
	bool *found = data;

	*found = false;
}

/* -EINVAL: there is no clsact qdisc yet, and so no filter. */
static int look(struct rtnl *rtnl, int ifindex, bool *ret_found, struct err *err)
{
	static const struct rtnl_dump_ops ops = { .on_message = on_filter, .restart = forget };
	struct message m;
	int rc = rtnl_dump(rtnl, filter_message(&m, RTM_GETTFILTER, NLM_F_DUMP, ifindex), &ops,
			   ret_found, err);

	if (rc == -EINVAL || rc == -ENOENT) {
		*ret_found = false;
		return 0;
	}
	return rc;
}

static int add_qdisc(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct message m;
	struct nlmsghdr *nlh = tc_message(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	int rc;

	tc->tcm_parent = TC_H_CLSACT;
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
	rc = rtnl_request(rtnl, nlh, err);
	return rc == -EEXIST ? 0 : rc;
}

static int add_filter(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct message m;
	struct nlmsghdr *nlh =
		filter_message(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, ifindex);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct nlattr *options;

	tc->tcm_handle = FILTER_HANDLE;
	tc->tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put_u16(nlh, TCA_BPF_OPS_LEN, ARRAY_SIZE(program));
	mnl_attr_put(nlh, TCA_BPF_OPS, sizeof(program), program);
	mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(nlh, options);
	return rtnl_request(rtnl, nlh, err);
}

int guard_ensure(struct rtnl *rtnl, int ifindex, bool *ret_added, struct err *err)
{
	bool found = false;
	int rc = look(rtnl, ifindex, &found, err);

	*ret_added = false;
	if (rc || found)
		return rc ? err_prefix(err, rc, "filter on the tunnel device") : 0;
	rc = add_qdisc(rtnl, ifindex, err);
	if (!rc)
		rc = add_filter(rtnl, ifindex, err);
	if (!rc)
		rc = look(rtnl, ifindex, &found, err);
	if (!rc && !found)
		rc = err_set(err, -EIO, "the kernel does not show what was sent");
	*ret_added = rc == 0;
	return rc ? err_prefix(err, rc, "filter on the tunnel device") : 0;
}
