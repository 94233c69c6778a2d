// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "native" in gateway.json: sources that come by VPC routing, past the tunnel. */
#pragma once

#include <stdbool.h>

#include "base/config.h"
#include "base/ip4.h"

struct err;

#define NATIVE_TABLES_MAX 100 /* EC2 takes 200 values of a filter */

struct gateway_native {
	struct ip4_prefixes source_cidrs; /* none: there is no route-table mode */
	struct config_names route_tables; /* "rtb-..."; ownership ec2 only */
	char destination_cidr[IP4_PREFIX_TEXT_MAX];
};

extern const struct config_table native_config_table;

/* What the table can't see, save what concerns nodes too. `may_own`: ownership is ec2. -EINVAL with a path. */
int native_config_check(const struct gateway_native *native, bool may_own, struct err *err);
