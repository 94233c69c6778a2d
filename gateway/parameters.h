// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The kernel parameters that a gateway needs, each with its reason. */
#pragma once

#include <stdint.h>

#include "netlink/guard.h"

struct gateway_config;
struct gateway_view;
struct rtnl;

/* Sets those that differ, reads back, logs failures with what they mean. */
void parameters_set(const struct gateway_config *config);

/*
 * The filters on the tunnel device and on the uplink that hold when nftables is flushed (netlink/guard.h). Nobody tells when
 * they go, so each run of the keeper looks. Failures are logged.
 *
 * On the uplink packets may have the gateway's own address and those that carry egress IPs. Before the rules are changed it is
 * widened by those that are new, afterwards narrowed to what is left.
 */
struct parameters_guard {
	int uplink_ifindex; /* 0: no filter is there yet */
	struct guard_sources sources;
};
void parameters_widen_guard(struct parameters_guard *guard, struct rtnl *rtnl,
			    const struct gateway_view *view);
void parameters_settle_guard(struct parameters_guard *guard, struct rtnl *rtnl,
			     const struct gateway_view *view);
/* For deinstallation. 0 also if there is no such device; of all devices if the configuration has none. */
int parameters_remove_guard(struct rtnl *rtnl, const struct gateway_config *config,
			    struct err *err);

/*
 * How many connections fit: a tracked connection costs 384 bytes with accounting; a quarter of the memory
 * may go to them, at least 65,536 and at most 4,194,304 connections. The kernel's own default is 4,096 with
 * 512 MB of memory, which a handful of pods fill.
 */
uint32_t parameters_conntrack_max(uint64_t memory_bytes);

/*
 * How many buckets the hash of the tracked connections should have, if not as many as it has: the kernel makes them by its own
 * default for the connections, and leaves them when those are raised, so that each packet walks a chain. One for each connection, as
 * is the kernel's own ratio, at most 4,194,304; 8 bytes each. 0: leave them, since a full table has at most four to a bucket.
 */
uint32_t parameters_conntrack_buckets(uint32_t max, uint32_t buckets);
