// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside netlink/ only: the kernel's state, filtered to what can be ours. */
#pragma once

struct err;
struct net_observed;
struct rtnl;

/* 0; RTNL_E_STALE; -errno. On failure *ret is empty. */
int net_observe(struct rtnl *rtnl, const char *tunnel_name, struct net_observed *ret,
		struct err *err);
