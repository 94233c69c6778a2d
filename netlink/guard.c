// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/guard.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/attr.h"
#include "netlink/socket.h"

enum { SOURCE_CHECK_OVERHEAD = 7 }; /* what write_source_check adds to the sources */

/* Where a filter hangs, and what it does. The kernel shows a filter's program as it was given. */
struct guard {
	const char *what;
	uint32_t parent;
	uint16_t priority; /* on the uplink one that nobody else is likely to have */
	uint32_t handle;
	const struct sock_filter *program;
	uint16_t length;
};

/* mark == 0 ? drop : go on with other filters. */
static const struct sock_filter mark_check[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT),
	BPF_STMT(BPF_RET | BPF_K, (uint32_t)TC_ACT_UNSPEC),
};

static const struct guard tunnel_guard = {
	.what = "filter on the tunnel device",
	.parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	.priority = 1,
	.handle = 1,
	.program = mark_check,
	.length = ARRAY_SIZE(mark_check),
};

static const struct guard uplink_guard = {
	.what = "filter on the uplink",
	.parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	.priority = 0x6567, /* "eg", as in the MACs of the tunnel */
	.handle = 0x6567,
};

enum {
	MESSAGE_MAX = 256 + (GUARD_SOURCES_MAX + SOURCE_CHECK_OVERHEAD) * sizeof(struct sock_filter)
};

struct message {
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];
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
				       int ifindex, uint32_t parent)
{
	struct nlmsghdr *nlh = tc_message(m, type, flags, ifindex);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	tc->tcm_parent = parent;
	return nlh;
}

static struct nlmsghdr *named_message(struct message *m, uint16_t type, uint16_t flags, int ifindex,
				      const struct guard *guard)
{
	struct nlmsghdr *nlh = filter_message(m, type, flags, ifindex, guard->parent);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	tc->tcm_handle = guard->handle;
	tc->tcm_info = TC_H_MAKE((uint32_t)guard->priority << 16, htons(ETH_P_ALL));
	mnl_attr_put_strz(nlh, TCA_KIND, "bpf");
	return nlh;
}

/* What a dump of a hook's filters shows. */
struct look {
	const struct guard *guard; /* NULL: any filter counts */
	bool found;
};

static bool is_program(const struct nlattr *options, const struct guard *guard)
{
	size_t size = guard->length * sizeof(*guard->program);
	const struct nlattr *attr;

	attr_for_each_nested(attr, options) {
		if (mnl_attr_get_type(attr) == TCA_BPF_OPS &&
		    mnl_attr_get_payload_len(attr) == size)
			return memcmp(mnl_attr_get_payload(attr), guard->program, size) == 0;
	}
	return false;
}

static int on_filter(const struct nlmsghdr *nlh, void *data)
{
	struct look *look = data;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(*tc))
		return 0;
	if (!look->guard) {
		look->found = true;
		return 0;
	}
	if (tc->tcm_handle != look->guard->handle || tc->tcm_info >> 16 != look->guard->priority)
		return 0;
	attr_for_each(attr, nlh, sizeof(*tc)) {
		if (mnl_attr_get_type(attr) == TCA_OPTIONS && is_program(attr, look->guard))
			look->found = true;
	}
	return 0;
}

static void forget(void *data)
{
	struct look *look = data;

	look->found = false;
}

/* -EINVAL: there is no clsact qdisc yet, and so no filter. */
static int look_for(struct rtnl *rtnl, int ifindex, uint32_t parent, struct look *look,
		    struct err *err)
{
	static const struct rtnl_dump_ops ops = { .on_message = on_filter, .restart = forget };
	struct message m;
	int rc = rtnl_dump(rtnl, filter_message(&m, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent),
			   &ops, look, err);

	if (rc == -EINVAL || rc == -ENOENT) {
		look->found = false;
		return 0;
	}
	return rc;
}

static struct nlmsghdr *qdisc_message(struct message *m, uint16_t type, uint16_t flags, int ifindex)
{
	struct nlmsghdr *nlh = tc_message(m, type, flags, ifindex);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	tc->tcm_parent = TC_H_CLSACT;
	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
	return nlh;
}

static int add_qdisc(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct message m;
	int rc = rtnl_request(
		rtnl, qdisc_message(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex), err);

	return rc == -EEXIST ? 0 : rc;
}

/* In the place of an older one of the same handle, without a moment between them. */
static int put_filter(struct rtnl *rtnl, int ifindex, const struct guard *guard, struct err *err)
{
	struct message m;
	struct nlmsghdr *nlh =
		named_message(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, ifindex, guard);
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put_u16(nlh, TCA_BPF_OPS_LEN, guard->length);
	mnl_attr_put(nlh, TCA_BPF_OPS, guard->length * sizeof(*guard->program), guard->program);
	mnl_attr_put_u32(nlh, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(nlh, options);
	return rtnl_request(rtnl, nlh, err);
}

static int ensure(struct rtnl *rtnl, int ifindex, const struct guard *guard, bool *ret_changed,
		  struct err *err)
{
	struct look look = { .guard = guard };
	int rc = look_for(rtnl, ifindex, guard->parent, &look, err);

	*ret_changed = false;
	if (rc || look.found)
		return rc ? err_prefix(err, rc, "%s", guard->what) : 0;
	rc = add_qdisc(rtnl, ifindex, err);
	if (!rc)
		rc = put_filter(rtnl, ifindex, guard, err);
	if (!rc)
		rc = look_for(rtnl, ifindex, guard->parent, &look, err);
	if (!rc && !look.found)
		rc = err_set(err, -EIO, "the kernel does not show what was sent");
	*ret_changed = rc == 0;
	return rc ? err_prefix(err, rc, "%s", guard->what) : 0;
}

int guard_ensure(struct rtnl *rtnl, int ifindex, bool *ret_added, struct err *err)
{
	return ensure(rtnl, ifindex, &tunnel_guard, ret_added, err);
}

/* mark == 0 or no IPv4 or source is one of these ? go on with other filters : drop. Returns the length. */
static uint16_t write_source_check(struct sock_filter *program, const struct guard_sources *sources)
{
	const uint32_t source = (uint32_t)SKF_NET_OFF + offsetof(struct iphdr, saddr);
	uint8_t left = (uint8_t)sources->n; /* comparisons between here and the end */
	struct sock_filter *at = program;

	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     (uint32_t)(SKF_AD_OFF + SKF_AD_MARK));
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(left + 4), 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0,
					     (uint8_t)(left + 2));
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source);
	for (size_t i = 0; i < sources->n; i++, left--)
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sources->v[i].v,
						     left, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (uint32_t)TC_ACT_UNSPEC);
	return (uint16_t)(at - program);
}

int guard_ensure_sources(struct rtnl *rtnl, int ifindex, const struct guard_sources *sources,
			 bool *ret_changed, struct err *err)
{
	struct sock_filter program[GUARD_SOURCES_MAX + SOURCE_CHECK_OVERHEAD];
	struct guard guard = uplink_guard;

	guard.program = program;
	guard.length = write_source_check(program, sources);
	return ensure(rtnl, ifindex, &guard, ret_changed, err);
}

static int remove_empty_qdisc(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct look in = { 0 }, out = { 0 };
	struct message m;
	int rc = look_for(rtnl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &in, err);

	if (!rc)
		rc = look_for(rtnl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &out, err);
	if (rc || in.found || out.found)
		return rc;
	rc = rtnl_request(rtnl, qdisc_message(&m, RTM_DELQDISC, 0, ifindex), err);
	return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
}

int guard_remove_sources(struct rtnl *rtnl, int ifindex, struct err *err)
{
	struct message m;
	int rc = rtnl_request(rtnl, named_message(&m, RTM_DELTFILTER, 0, ifindex, &uplink_guard),
			      err);

	/* No such filter, or no qdisc that could have one. */
	if (rc == -ENOENT || rc == -EINVAL)
		return 0;
	if (!rc)
		rc = remove_empty_qdisc(rtnl, ifindex, err);
	return rc ? err_prefix(err, rc, "%s", uplink_guard.what) : 0;
}
