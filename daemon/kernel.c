// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/kernel.h"

#include <errno.h>

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
		return err_prefix(err, -EOPNOTSUPP, "the kernel has no netfilter netlink");
	rc = nat_observe(nfnl, table, &seen, err);
	nat_observed_done(&seen);
	nfnl_close(nfnl);
	if (rc == -EPERM)
		return err_set(err, rc,
			       "CAP_NET_ADMIN is missing: run as root or give the capability");
	if (rc < 0)
		return err_prefix(err, rc, "the kernel's nf_tables doesn't answer");
	return 0;
}

size_t kernel_end_connections(struct nfnl *nfnl,
			      bool (*is_stale)(const struct ct_entry *entry, void *data),
			      void *data)
{
	CLEANUP(ct_entries_done) struct ct_entries stale = { 0 };
	struct err err = ERR_NULL;
	size_t ended = 0;

	if (ct_list(nfnl, is_stale, data, &stale, &err)) {
		log_warning("conntrack", "%s; stale connections are looked for at the next change",
			    err.text);
		return 0;
	}
	for (size_t i = 0; i < stale.n; i++) {
		int rc = ct_delete(nfnl, &stale.v[i], &err);

		ended += rc == 0;
		if (rc && rc != -ENOENT)
			log_warning("conntrack", "%s; that connection keeps its old way", err.text);
	}
	if (ended)
		log_info("conntrack",
			 "ended connections whose source address was no longer right count=%zu",
			 ended);
	return ended;
}

void kernel_set(const char *key, const char *value, const char *meaning)
{
	struct err err = ERR_NULL;

	if (sysctl_write_checked(key, value, &err))
		log_warning("sysctl", "%s; %s", err.text, meaning);
}
