// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is there already and the daemon goes by: what a former run of it left in the kernel, and the uplink. */
#pragma once

#include <stdint.h>

struct err;
struct lanes;
struct nat_sync;
struct node_config;
struct rtnl;

/*
 * Lanes by their chains: "lane_N" with the egress IP's name as its comment. When the table can't be read,
 * that is logged and lanes are assigned anew; connections then change theirs once.
 */
void lanes_adopt(struct nat_sync *nat, struct lanes *ret);

/* That of the tunnel: as configured, else the uplink's without what the tunnel adds. Negative errno with the reason. */
int adopt_mtu(struct rtnl *rtnl, struct node_config *config, uint32_t *ret, struct err *err);
