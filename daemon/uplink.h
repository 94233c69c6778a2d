// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The device towards the VPC. */
#pragma once

#include "netlink/rt.h"

struct err;
struct rtnl;

/*
 * The link of that name; for "" that of the best default route in the main table, and `name` is filled in. 0; a
 * negative errno with the reason: no such link, no default route with a device, the kernel can't be asked.
 */
int uplink_find(struct rtnl *rtnl, char name[static RT_IFNAME_MAX], struct rt_link *ret,
		struct err *err);
/*
 * The next hop of the best default route in the main table on that device; 0: there is none. -EAGAIN and other
 * negative errnos: the kernel can't be asked.
 */
int uplink_router(struct rtnl *rtnl, int ifindex, struct ip4 *ret, struct err *err);
