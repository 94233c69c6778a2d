// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a former run of the daemon left in the kernel and this one goes on with. */
#pragma once

struct lanes;
struct nat_sync;

/*
 * Lanes by their chains: "lane_N" with the egress IP's name as its comment. When the table can't be read,
 * that is logged and lanes are assigned anew; connections then change theirs once.
 */
void lanes_adopt(struct nat_sync *nat, struct lanes *ret);
