// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What the daemons need from the kernel is done once, with their own functions, where nobody sees it: in a child
 * process with a network namespace of its own, which goes with it. The kernel loads missing modules meanwhile,
 * as it would for the daemons.
 */
#include "cli/gather.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "cli/facts.h"
#include "nat/ct.h"
#include "nat/nfnl.h"
#include "nat/ruleset.h"
#include "nat/sync.h"
#include "netlink/guard.h"
#include "netlink/rtnl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <sys/wait.h>

#define TABLE "eipgw_check"
#define DEVICE "eipgwcheck"
enum { PORT = 4789, PRIORITY_RAW = -300, PRIORITY_SRCNAT = 100 };

/* An operation of each kind that needs a module of its own. */
static int describe_table(struct nat_ruleset *rs)
{
	nat_ruleset_init(rs, TABLE);
	nat_counter_add(rs, "seen");
	nat_set_add(rs, "ranges", NAT_SET_RANGE, 0);
	nat_set_add(rs, "egress", NAT_MAP_MARK_ADDR, 0);
	nat_set_add(rs, "class_of", NAT_MAP_MARK_ADDR_MARK, 16);
	const size_t raw = nat_base_chain_add(rs, "raw", NAT_HOOK_PREROUTING, PRIORITY_RAW, 0);
	nat_rule_add(rs, raw, NAT_RULE({ NAT_UDP_DPORT, .value = PORT }, { NAT_NOTRACK }));
	const size_t filter = nat_base_chain_add(rs, "filter", NAT_HOOK_FORWARD, 0, NAT_BASE_DROP);
	nat_rule_add(rs, filter,
		     NAT_RULE({ NAT_CT_STATE, .mask = NAT_STATE_ESTABLISHED },
			      { NAT_CT_STATUS, .mask = NAT_STATUS_ASSURED }, { NAT_ACCEPT }));
	nat_rule_add(rs, filter,
		     NAT_RULE({ NAT_DADDR_IN, .name = "ranges" }, { NAT_COUNT, .name = "seen" },
			      { NAT_REJECT_ADMIN }));
	nat_rule_add(rs, filter,
		     NAT_RULE({ NAT_TCP_FLAGS, .mask = 0x06, .value = 0x02 }, { NAT_MSS_CLAMP }));
	nat_rule_add(rs, filter, NAT_RULE({ NAT_SET_MARK_MAP, .name = "class_of" }));
	nat_rule_add(rs, filter, NAT_RULE({ NAT_SET_CT_MARK, .mask = 0xff, .value = 1 }));
	const size_t nat =
		nat_base_chain_add(rs, "nat", NAT_HOOK_POSTROUTING, PRIORITY_SRCNAT, NAT_BASE_NAT);
	nat_rule_add(rs, nat, NAT_RULE({ NAT_SNAT_MARK, .name = "egress" }));
	return nat_ruleset_finish(rs);
}

static void ignore_stale(const char *what, void *data)
{
	(void)what;
	(void)data;
}

static int try_nf_tables(struct err *err)
{
	static const struct nat_sync_ops ops = { .on_stale = ignore_stale };
	CLEANUP(nat_ruleset_done) struct nat_ruleset ruleset;
	int rc = describe_table(&ruleset);

	if (rc != 0)
		return err_set(err, rc, "out of memory");
	struct nat_sync *const sync =
		nat_sync_new(NULL, (struct nat_table){ NAT_IP, TABLE }, &ops, NULL, err);
	rc = sync ? nat_sync_run(sync, &ruleset, NULL, NULL, err) : -EIO;
	nat_sync_free(sync);
	return rc;
}

static bool keep_none(const struct ct_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return false;
}

static int try_ctnetlink(struct err *err)
{
	CLEANUP(ct_entries_done) struct ct_entries entries = { 0 };
	struct nfnl *const nfnl = nfnl_open(err);
	const int rc = nfnl ? ct_list(nfnl, keep_none, NULL, &entries, err) : -EIO;

	if (nfnl)
		nfnl_close(nfnl);
	return rc;
}

static int try_vxlan(struct rtnl *rtnl, struct rt_link *ret, struct err *err)
{
	const struct rt_link link = { .name = DEVICE,
				      .kind = "vxlan",
				      .mac = { 0x02, 0x65, 0x67, 0x77, 0x00, 0x01 },
				      .mtu = 1450,
				      .noarp = true,
				      .up = true,
				      .vxlan_external = true,
				      .vxlan_port = PORT,
				      .vxlan_ttl = 64 };
	int rc = rtnl_link_add_vxlan(rtnl, &link, err);

	if (rc == 0)
		rc = rtnl_link_by_name(rtnl, DEVICE, ret, err);
	if (rc == 0) {
		struct rt_link up = link;

		up.ifindex = ret->ifindex;
		rc = rtnl_link_set(rtnl, &up, err);
	}
	return rc;
}

static int try_lwtunnel(struct rtnl *rtnl, const struct rt_link *link, struct err *err)
{
	const struct rt_route route = { .table = RT_TABLE_MAIN,
					.dst = { .addr = { 0xc6336400 }, .len = 24 },
					.type = RT_UNICAST,
					.protocol = RT_PROTOCOL_EIPGW,
					.oif = link->ifindex,
					.gateway = { 0xa9fe40fe },
					.onlink = true,
					.encap = { .id = 1, .dst = { 0x0a000001 }, .ttl = 64 } };
	const struct rt_route *const routes[] = { &route };
	/* Without any address the kernel has no table of local ones, and takes each gateway for a broadcast. */
	const struct rt_addr address = { .ifindex = link->ifindex,
					 .addr = { .addr = { 0xa9fe4002 }, .len = 32 } };
	size_t failed;
	const int rc = rtnl_addr_add(rtnl, &address, err);

	return rc ? rc : rtnl_routes_add(rtnl, routes, 1, &failed, err);
}

static void take(struct feature_fact *fact, int rc, const struct err *err)
{
	fact->state = rc == 0 ? FACT_KNOWN : FACT_FAILED;
	snprintf(fact->error, sizeof(fact->error), "%.190s", rc == 0 ? "" : err->text);
}

static void try_all(struct feature_fact facts[static FEATURE_COUNT])
{
	struct err err = ERR_NULL;
	struct rt_link link = { 0 };
	bool added;

	take(&facts[FEATURE_NF_TABLES], try_nf_tables(&err), &err);
	take(&facts[FEATURE_CTNETLINK], try_ctnetlink(&err), &err);
	struct rtnl *const rtnl = rtnl_open(&err);
	take(&facts[FEATURE_VXLAN], rtnl ? try_vxlan(rtnl, &link, &err) : -EIO, &err);
	if (facts[FEATURE_VXLAN].state == FACT_KNOWN) {
		take(&facts[FEATURE_LWTUNNEL], try_lwtunnel(rtnl, &link, &err), &err);
		take(&facts[FEATURE_BPF_FILTER], guard_ensure(rtnl, link.ifindex, &added, &err),
		     &err);
	}
	if (rtnl)
		rtnl_close(rtnl);
}

_Noreturn static void run_child(int fd)
{
	struct feature_fact facts[FEATURE_COUNT] = { 0 };
	size_t done = 0;

	if (unshare(CLONE_NEWNET) != 0)
		snprintf(facts[0].error, sizeof(facts[0].error), "%s", strerror(errno));
	else
		try_all(facts);
	while (done < sizeof(facts)) {
		const ssize_t n = write(fd, (const char *)facts + done, sizeof(facts) - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	_exit(0);
}

void gather_features(struct facts *facts)
{
	struct feature_fact found[FEATURE_COUNT];
	int pipe_fds[2];
	size_t done = 0;

	snprintf(facts->features[0].error, sizeof(facts->features[0].error),
		 "the process that tries can't be started, or died");
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return;
	const pid_t pid = fork();
	if (pid == 0)
		run_child(pipe_fds[1]);
	close(pipe_fds[1]);
	while (pid > 0 && done < sizeof(found)) {
		const ssize_t n = read(pipe_fds[0], (char *)found + done, sizeof(found) - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(pipe_fds[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (done == sizeof(found))
		memcpy(facts->features, found, sizeof(found));
}
