// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: the fast path, a table of its own, so that a kernel that can't do it goes without and nothing else changes. A connection
 * that is assured, and so was accepted by all chains, goes into a flowtable of the tunnel's device and the uplink; its packets
 * then pass neither routing nor chains, until it ends or idles. The filters of netlink/guard.h see them all the same.
 *
 * Only what leaves under an address that this gateway serves: forward comes before the fence, and a packet that the fence is
 * about to drop would take its connection past it. That is asked of the connection, since its mark is from when it began.
 *
 * A connection whose entry is deleted leaves the flowtable with it, at once: who ends connections needn't know of it.
 */
#pragma once

#include "nat/ruleset.h"

struct gateway_view;

#define GATEWAY_FAST_TABLE "eipgw_fast"

/*
 * What is served is part of the description of the chain: where it changes, the table is made anew, which takes all connections
 * back to the chains, where the fence is. 0, or as nat_ruleset_finish.
 */
int fast_describe(const struct gateway_view *view, struct nat_ruleset *ret);
