// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Which connection tracking entries are wrong for what is wanted now. An entry's NAT binding is made by its
 * first packet and lives as long as the entry, so connections that are older than a pod's selection, or
 * younger than its end, or were born while the table was flushed, must go; all others stay.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nat/ct.h"
#include "policy/policy.h"

struct node_audit {
	const struct policy_result *policies;
	uint32_t flag; /* of the connection mark */
};

/* Pure. True: the entry must be deleted. */
bool node_audit_is_stale(const struct node_audit *audit, const struct ct_entry *entry);
