// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What both daemons ask of the kernel beside their rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/ct.h"

struct err;
struct nfnl;

/*
 * Whether nf_tables answers to us. -EPERM: CAP_NET_ADMIN is missing; -EOPNOTSUPP and others: the kernel
 * lacks it. `err` says which.
 */
int kernel_check(const char *table, struct err *err);

/*
 * Ends exactly the tracked connections that `is_stale` says true for. Returns how many. Failures are
 * logged: such a connection keeps its old way until the next call.
 */
size_t kernel_end_connections(struct nfnl *nfnl,
			      bool (*is_stale)(const struct ct_entry *entry, void *data),
			      void *data);

/* Sets a kernel parameter (netlink/sysctl.h); a failure is logged with what it means. */
void kernel_set(const char *key, const char *value, const char *meaning);
