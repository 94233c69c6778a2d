// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which tracked connections are wrong for what the gateway wants now; see node/audit.h for the why. */
#pragma once

#include <stdbool.h>

#include "gateway/config.h"
#include "nat/ct.h"
#include "policy/policy.h"

struct own;

struct gateway_audit {
	const struct gateway_config *config;
	const struct policy_result *policies;
	const struct own *own; /* which egress IPs are available; NULL: all */
};

/* Pure. True: the entry must be deleted. */
bool gateway_audit_is_stale(const struct gateway_audit *audit, const struct ct_entry *entry);
