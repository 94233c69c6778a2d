// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A filter on what a device receives, outside of nftables: unmarked packets are dropped. It holds on a
 * gateway's tunnel device when somebody flushes nftables, since then nothing marks what came through the
 * tunnel. An `ip rule` would do the same, but a single custom rule makes every route lookup of the host dearer
 * (a third per forwarded packet); this costs a twentieth.
 */
#pragma once

#include <stdbool.h>

struct err;
struct rtnl;

/*
 * Makes sure that the filter is there: reads, adds what is missing (a clsact qdisc, a classic BPF filter at
 * priority 1 of its ingress; tc-bpf(8)), reads back. *ret_added: it was missing. It goes with the device.
 * 0; -errno with the reason, -EOPNOTSUPP or -ENOENT where the kernel lacks cls_bpf.
 */
int guard_ensure(struct rtnl *rtnl, int ifindex, bool *ret_added, struct err *err);
