// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the kernel counts of connection tracking itself, in our network namespace. */
#pragma once

#include <stdint.h>

struct err;
struct nfnl;
struct nlmsghdr;

struct ct_stats {
	uint64_t entries, max; /* max: of the whole host */
	/* Since boot, of all processors: */
	uint64_t invalid; /* packets of no connection, in the middle of one, or malformed */
	uint64_t insert_failed; /* first packets that got no entry: no port was left, or a race was lost */
	uint64_t drop;          /* likewise; dropped for it, or since the table was full */
	uint64_t early_drop; /* entries that were ended to make room */
};

/* 0; -errno or NFNL_E_STALE with the reason. What an old kernel doesn't tell is 0. */
int ct_stats_read(struct nfnl *nfnl, struct ct_stats *ret, struct err *err);

/* Adds one answer to *ret. 0; -ENOMSG: of another kind; -EBADMSG: malformed. For tests. */
int ct_stats_decode(const struct nlmsghdr *nlh, struct ct_stats *ret);
