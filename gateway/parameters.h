// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The kernel parameters that a gateway needs, each with its reason. */
#pragma once

#include <stdint.h>

struct gateway_config;
struct rtnl;

/* Sets those that differ, reads back, logs failures with what they mean. */
void parameters_set(const struct gateway_config *config);

/*
 * The filter on the tunnel device that holds when nftables is flushed (netlink/guard.h). It goes with the
 * device and isn't watched, so each run of the keeper looks. A failure is logged.
 */
void parameters_guard(struct rtnl *rtnl, const struct gateway_config *config);

/*
 * How many connections fit: a tracked connection costs 384 bytes with accounting; a quarter of the memory
 * may go to them, at least 65,536 and at most 4,194,304 connections. The kernel's own default is 4,096 with
 * 512 MB of memory, which a handful of pods fill.
 */
uint32_t parameters_conntrack_max(uint64_t memory_bytes);
