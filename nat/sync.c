// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "nat/apply.h"
#include "nat/nfnl.h"
#include "nat/observe.h"
#include "netlink/attr.h"

enum { ROUNDS = 3, READS_PER_PASS = 1024, WATCH_BUFFER = 4 << 20 };

struct nat_sync {
	enum nat_family family;
	char table[NAT_NAME_MAX];
	struct nfnl *nfnl;
	struct mnl_socket *watch;
	struct nat_sync *peer; /* whose listening costs as much as our own, or NULL */
	struct loop_io *io;
	struct nat_sync_ops ops;
	void *data;
	bool stale; /* told, and not run since */
	struct nat_sync_stats stats;
	char receive[64 << 10];
};

static const struct {
	uint16_t message;
	const char *text;
} notices[] = {
	{ NFT_MSG_NEWTABLE, "table changed" },
	{ NFT_MSG_DELTABLE, "table deleted" },
	{ NFT_MSG_NEWCHAIN, "chain added" },
	{ NFT_MSG_DELCHAIN, "chain deleted" },
	{ NFT_MSG_NEWRULE, "rule added" },
	{ NFT_MSG_DELRULE, "rule deleted" },
	{ NFT_MSG_NEWSET, "set added" },
	{ NFT_MSG_DELSET, "set deleted" },
	{ NFT_MSG_NEWSETELEM, "set element added" },
	{ NFT_MSG_DELSETELEM, "set element deleted" },
	{ NFT_MSG_NEWOBJ, "object added" },
	{ NFT_MSG_DELOBJ, "object deleted" },
	{ NFT_MSG_NEWFLOWTABLE, "flowtable added" },
	{ NFT_MSG_DELFLOWTABLE, "flowtable deleted" },
};

const char *nat_sync_notice(const struct nlmsghdr *nlh, struct nat_table table, uint32_t own_port)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	bool ours = false;

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || nlh->nlmsg_pid == own_port ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ||
	    nfg->nfgen_family != nat_family_number(table.family))
		return NULL;
	/* Attribute 1 is the table's name in every message that has one (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE,
	 * ...); in NEWGEN it is a number, and NEWGEN isn't in the list. */
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			ours = strcmp(mnl_attr_get_str(attr), table.name) == 0;
	}
	for (size_t i = 0; ours && i < ARRAY_SIZE(notices); i++) {
		if ((nlh->nlmsg_type & 0xff) == notices[i].message)
			return notices[i].text;
	}
	return NULL;
}

static struct nat_table table_of(const struct nat_sync *sync)
{
	return (struct nat_table){ sync->family, sync->table };
}

static void tell_stale(struct nat_sync *sync, const char *what)
{
	if (sync->stale)
		return;
	sync->stale = true;
	sync->ops.on_stale(what, sync->data);
}

static void read_notices(struct nat_sync *sync, ssize_t got)
{
	int left = (int)got;

	for (const struct nlmsghdr *nlh = (void *)sync->receive; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		const char *what = nat_sync_notice(nlh, table_of(sync), nfnl_port_id(sync->nfnl));

		if (what)
			tell_stale(sync, what);
	}
}

static void watch_ready(int fd, unsigned events, void *data)
{
	struct nat_sync *sync = data;

	(void)events;
	for (int i = 0; i < READS_PER_PASS; i++) {
		ssize_t got = recv(fd, sync->receive, sizeof(sync->receive), MSG_DONTWAIT);

		if (got < 0 && errno == ENOBUFS) {
			sync->stats.overruns++;
			tell_stale(sync, "notifications were lost");
			continue;
		}
		if (got <= 0)
			return;
		read_notices(sync, got);
	}
}

/* `option`: NETLINK_ADD_MEMBERSHIP or NETLINK_DROP_MEMBERSHIP. */
static int watch_member(struct nat_sync *sync, int option)
{
	int group = NFNLGRP_NFTABLES;

	return mnl_socket_setsockopt(sync->watch, option, &group, sizeof(group));
}

static int watch_open(struct nat_sync *sync, struct loop *loop, struct err *err)
{
	int size = WATCH_BUFFER, fd;

	sync->watch = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!sync->watch || mnl_socket_bind(sync->watch, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    watch_member(sync, NETLINK_ADD_MEMBERSHIP) < 0)
		return err_set(err, -errno, "nf_tables notifications: %s", strerror(errno));
	fd = mnl_socket_get_fd(sync->watch);
	/* Without the privilege the default size stays; an overrun only costs a full read. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	sync->io = loop_io_new(loop, fd, LOOP_READ, watch_ready, sync);
	return sync->io ? 0 : err_set(err, -ENOMEM, "nf_tables notifications: out of memory");
}

struct nat_sync *nat_sync_new(struct loop *loop, struct nat_table table,
			      const struct nat_sync_ops *ops, void *data, struct err *err)
{
	struct nat_sync *sync = calloc(1, sizeof(*sync));

	if (!sync) {
		err_set(err, -ENOMEM, "nf_tables: out of memory");
		return NULL;
	}
	sync->family = table.family;
	snprintf(sync->table, sizeof(sync->table), "%s", table.name);
	sync->ops = *ops;
	sync->data = data;
	sync->nfnl = nfnl_open(err);
	if (!sync->nfnl || (loop && watch_open(sync, loop, err))) {
		nat_sync_free(sync);
		return NULL;
	}
	return sync;
}

void nat_sync_free(struct nat_sync *sync)
{
	if (!sync)
		return;
	if (sync->peer)
		sync->peer->peer = NULL;
	loop_io_free(sync->io);
	if (sync->watch)
		mnl_socket_close(sync->watch);
	nfnl_close(sync->nfnl);
	free(sync);
}

void nat_sync_pair(struct nat_sync *sync, struct nat_sync *peer)
{
	sync->peer = peer;
	peer->peer = sync;
}

static int first_difference(const struct nat_plan *plan, struct err *err)
{
	char summary[NAT_PLAN_TEXT_MAX];

	return err_set(err, -ELOOP,
		       "the kernel does not show what was sent: still wanted: %s (first: %s)",
		       nat_plan_summary(plan, summary), plan->n ? plan->v[0].name : "");
}

/* Whatever was said meanwhile about the peer's table is lost to it. */
static int watch_members(struct nat_sync *sync, int option)
{
	int rc = watch_member(sync, option);

	if (sync->peer && sync->peer->watch && watch_member(sync->peer, option) < 0)
		rc = -1;
	return rc;
}

/*
 * While anybody listens, the kernel makes a message of a whole page for each element and keeps them all until
 * the transaction ends: a second and 600 MB for a hundred thousand. So we don't listen to ourselves then. What
 * others do meanwhile is seen by the reading that follows, since it comes after joining again.
 */
static int apply_plan(struct nat_sync *sync, const struct nat_ruleset *desired,
		      const struct nat_plan *plan, struct err *err)
{
	bool unheard = sync->watch && plan->elems_added + plan->elems_deleted > NAT_SYNC_ELEMS_MAX;
	int rc;

	if (unheard)
		(void)watch_members(sync, NETLINK_DROP_MEMBERSHIP);
	rc = nat_apply(sync->nfnl, desired, plan, err);
	sync->stats.transactions++;
	if (unheard && watch_members(sync, NETLINK_ADD_MEMBERSHIP) < 0)
		return err_set(err, -errno, "nf_tables notifications: %s", strerror(errno));
	return rc;
}

struct round {
	bool last;    /* a difference is now an error */
	size_t steps; /* that were needed */
	char *summary;
};

/* One observation and, if it shows a difference, one transaction. */
static int run_round(struct nat_sync *sync, const struct nat_ruleset *desired, struct round *round,
		     struct err *err)
{
	struct nat_observed seen = { 0 };
	struct nat_plan plan = { 0 };
	int rc = nat_observe(sync->nfnl, table_of(sync), &seen, err);

	if (!rc && nat_plan_compute(desired, &seen, &plan))
		rc = err_set(err, -ENOMEM, "nf_tables plan: out of memory");
	nat_observed_done(&seen);
	if (!rc && plan.n && round->last)
		rc = first_difference(&plan, err);
	if (!rc && plan.n) {
		if (!round->summary[0])
			nat_plan_summary(&plan, round->summary);
		rc = apply_plan(sync, desired, &plan, err);
	}
	round->steps = plan.n;
	nat_plan_done(&plan);
	return rc;
}

/* Refusals that come of a change by others between our reading and our writing. */
static bool was_outrun(int rc)
{
	return rc == -ENOENT || rc == -EEXIST || rc == -EBUSY;
}

int nat_sync_run(struct nat_sync *sync, const struct nat_ruleset *desired, size_t *ret_changed,
		 char *ret_summary, struct err *err)
{
	char unused[NAT_PLAN_TEXT_MAX] = "";
	struct round round = { .summary = ret_summary ? ret_summary : unused };
	size_t changed = 0;
	int rc = 0;

	round.summary[0] = '\0';
	sync->stale = false;
	sync->stats.runs++;
	for (int i = 0; i <= ROUNDS; i++) {
		round.last = i == ROUNDS;
		rc = run_round(sync, desired, &round, err);
		if (was_outrun(rc) && !round.last)
			continue;
		if (rc || round.steps == 0)
			break;
		changed++;
	}
	if (rc)
		sync->stats.failures++;
	else if (ret_changed)
		*ret_changed = changed;
	return rc;
}

void nat_sync_hear(struct nat_sync *sync)
{
	if (sync->watch)
		watch_ready(mnl_socket_get_fd(sync->watch), LOOP_READ, sync);
}

/* A transaction of elements was made. */
static int count_small(struct nat_sync *sync, int rc)
{
	sync->stats.transactions++;
	if (rc)
		sync->stats.failures++;
	/* The notifications of it, before those of the next one find no room any more. */
	nat_sync_hear(sync);
	return rc;
}

int nat_sync_elems(struct nat_sync *sync, const struct nat_ruleset *names,
		   struct nat_changes changes, struct err *err)
{
	return count_small(sync, nat_apply_elems(sync->nfnl, names, changes, err));
}

int nat_sync_between(struct nat_sync *sync, const struct nat_ruleset *was,
		     const struct nat_ruleset *is, struct err *err)
{
	struct nat_plan plan;
	int rc = nat_plan_between(was, is, &plan);

	if (rc < 0)
		return err_set(err, rc, "nf_tables plan: out of memory");
	if (rc)
		return rc;
	if (plan.elems_added + plan.elems_deleted > NAT_SYNC_ELEMS_MAX)
		rc = NAT_PLAN_MORE;
	else if (plan.n)
		rc = count_small(sync, nat_apply(sync->nfnl, is, &plan, err));
	nat_plan_done(&plan);
	return rc;
}

int nat_sync_observe(struct nat_sync *sync, struct nat_observed *ret, struct err *err)
{
	return nat_observe(sync->nfnl, table_of(sync), ret, err);
}

int nat_sync_counters(struct nat_sync *sync, struct nat_observed *ret, struct err *err)
{
	return nat_observe_counters(sync->nfnl, table_of(sync), ret, err);
}

int nat_sync_cleanup(struct nat_sync *sync, struct err *err)
{
	return nat_apply_delete_table(sync->nfnl, table_of(sync), err);
}

struct nat_sync_stats nat_sync_stats(const struct nat_sync *sync)
{
	return sync->stats;
}
