// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "limits" in gateway.json: which ports egress IPs have, and how much of them one pod may take (docs/PORTS.md). */
#pragma once

#include <stdint.h>

#include "base/config.h"

struct err;

struct gateway_limits {
	uint32_t first_port, last_port; /* 0, 0: what the kernel uses */
	uint32_t ports_per_pod;       /* size of a source's block of each egress IP; 0: no blocks */
	uint32_t shared_ports;        /* the range's lowest, for sources without a block */
	uint32_t connections_per_pod; /* 0: any number; of policies that say nothing of it */
};

/* The ports that connections get: as configured, or what the kernel uses for source ports above 1023
 * (nf_nat_l4proto_unique_tuple). */
void limits_ports(const struct gateway_limits *limits, uint32_t *ret_first, uint32_t *ret_last);

extern const struct config_table limits_config_table;

/* What the table can't see. -EINVAL with a path. */
int limits_config_check(const struct gateway_limits *limits, struct err *err);
