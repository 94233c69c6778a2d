// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "failover" in gateway.json: gateways of a group that take egress IPs over from each other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"

struct err;

#define FAILOVER_PATH_MAX 256
#define FAILOVER_NAME_MAX 256     /* Auto Scaling's bound, with NUL */
#define FAILOVER_NAMESPACE_MAX 64 /* a DNS label, with NUL */

struct gateway_failover {
	char secret_file[FAILOVER_PATH_MAX]; /* peer/keys.h; "": this gateway is alone */
	uint32_t heartbeat_port;             /* UDP */
	uint32_t replication_port;           /* TCP */
	char lease_namespace[FAILOVER_NAMESPACE_MAX];
	/* gateway/group/drain.h; "": there is no hook; the group of the instance's tag */
	char lifecycle_hook[FAILOVER_NAME_MAX], auto_scaling_group[FAILOVER_NAME_MAX];
};

extern const struct config_table failover_config_table;

static inline bool failover_is_wanted(const struct gateway_failover *failover)
{
	return failover->secret_file[0];
}

/* `may`: egress IPs come from Kubernetes, and ownership is ec2. `has_native`: there are
 * sources that come by VPC routing, which nobody takes over. -EINVAL with a path. */
int failover_config_check(const struct gateway_failover *failover, bool may, bool has_native,
			  struct err *err);
