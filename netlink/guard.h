// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Filters of a gateway's devices that stand outside of nftables, and hold when somebody flushes that: classic BPF
 * programs in a clsact qdisc (tc-bpf(8)). An `ip rule` could do some of it, but a single custom rule makes every route
 * lookup of the host dearer (a third per forwarded packet); these cost some hundredths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip4.h"

struct err;
struct rtnl;

/*
 * What the tunnel device receives: an unmarked packet is dropped, since then no rule said from which node it is.
 * Makes sure that the filter is there: reads, adds what is missing, reads back. *ret_added: it was missing. It goes with
 * the device. 0; -errno with the reason, -EOPNOTSUPP or -ENOENT where the kernel lacks cls_bpf.
 */
int guard_ensure(struct rtnl *rtnl, int ifindex, bool *ret_added, struct err *err);

/*
 * What the uplink sends: a marked IPv4 packet whose source is none of these is dropped. A pod's packet is marked from the
 * tunnel on; so one that the table let in, and that nobody translated since the table was flushed while the packet was under
 * way, ends here. As guard_ensure; *ret_changed: it was missing or had others.
 */
#define GUARD_SOURCES_MAX 200
struct guard_sources {
	struct ip4 v[GUARD_SOURCES_MAX];
	size_t n;
};
int guard_ensure_sources(struct rtnl *rtnl, int ifindex, const struct guard_sources *sources,
			 bool *ret_changed, struct err *err);
/* Removes it, and the clsact qdisc if nobody else has a filter there. 0 also if there was none. */
int guard_remove_sources(struct rtnl *rtnl, int ifindex, struct err *err);
