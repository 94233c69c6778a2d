// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What both daemons ask of the kernel beside their rules. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nat/ct.h"

struct err;
struct nfnl;

/*
 * Whether nf_tables answers to us. -EPERM: CAP_NET_ADMIN is missing; -EOPNOTSUPP and others: the kernel
 * lacks it. `err` says which.
 */
int kernel_check(const char *table, struct err *err);

/* Whether this network namespace has IPv6 at all: the command line may forbid it (ipv6.disable=1). */
bool kernel_has_ip6(void);

/*
 * Ends exactly the tracked connections that `source->keep` says true for, whatever their source if `all`. *ret grows by
 * their number, and may be NULL. What fails is logged; a negative errno if none could be looked at.
 */
int kernel_end_connections(struct nfnl *nfnl, const struct ct_source *source, bool all,
			   uint64_t *ret);

/* Sets a kernel parameter (netlink/sysctl.h); a failure is logged with what it means. */
void kernel_set(const char *key, const char *value, const char *meaning);
