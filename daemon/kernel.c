// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/kernel.h"

#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "nat/nfnl.h"
#include "nat/observe.h"
#include "netlink/sysctl.h"

int kernel_check(const char *table, struct err *err)
{
	struct nat_observed seen = { 0 };
	struct nfnl *nfnl = nfnl_open(err);
	int rc;

	if (!nfnl)
		return err_mark(err, MSG_PLATFORM,
				err_prefix(err, -EOPNOTSUPP,
					   "the kernel has no netfilter netlink"));
	rc = nat_observe(nfnl, (struct nat_table){ NAT_IP, table }, &seen, err);
	nat_observed_done(&seen);
	nfnl_close(nfnl);
	if (rc == -EPERM)
		return err_mark(
			err, MSG_PLATFORM,
			err_set(err, rc,
				"CAP_NET_ADMIN is missing: run as root or give the capability"));
	if (rc < 0)
		return err_mark(err, MSG_PLATFORM,
				err_prefix(err, rc, "the kernel's nf_tables doesn't answer"));
	return 0;
}

bool kernel_has_ip6(void)
{
	return access("/proc/self/net/if_inet6", F_OK) == 0;
}

static size_t delete_entries(struct nfnl *nfnl, const struct ct_entries *entries)
{
	struct err err = ERR_NULL;
	size_t ended = 0;

	for (size_t i = 0; i < entries->n; i++) {
		int rc = ct_delete(nfnl, &entries->v[i], &err);

		ended += rc == 0;
		if (rc && rc != -ENOENT)
			log_warning(MSG_CONNECTION_KEPT, "conntrack",
				    "%s; that connection keeps its old way", err.text);
	}
	return ended;
}

int kernel_end_connections(struct nfnl *nfnl, const struct ct_source *source, bool all,
			   uint64_t *ret)
{
	CLEANUP(ct_entries_done) struct ct_entries stale = { 0 };
	struct err err = ERR_NULL;
	int rc = all ? ct_list(nfnl, source->keep, source->data, &stale, &err) :
		       ct_list_of(nfnl, source, &stale, &err);

	if (rc) {
		log_warning(MSG_CONNECTIONS_UNREAD, "conntrack",
			    "%s; stale connections are looked for at the next change", err.text);
		return rc < 0 ? rc : -EAGAIN;
	}
	size_t ended = delete_entries(nfnl, &stale);

	if (ret)
		*ret += ended;
	if (ended)
		log_info("conntrack",
			 "ended connections whose source address was no longer right count=%zu",
			 ended);
	return 0;
}

void kernel_set(const char *key, const char *value, const char *meaning)
{
	struct err err = ERR_NULL;

	if (sysctl_write_checked(key, value, &err))
		log_warning(MSG_SYSCTL, "sysctl", "%s; %s", err.text, meaning);
}
