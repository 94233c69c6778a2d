// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/ports.h"

#include "conf/gateway.h"

enum { FIRST = 1024, LAST = 65535 }; /* nf_nat_l4proto_unique_tuple */

uint32_t ports_capacity(const struct gateway_config *config)
{
	const struct gateway_limits *limits = &config->limits;

	return limits->first_port ? limits->last_port - limits->first_port + 1 : LAST - FIRST + 1;
}

unsigned ports_share(uint32_t used, uint32_t capacity)
{
	const uint64_t share = capacity ? (uint64_t)used * 100 / capacity : 0;

	return share < 100 ? (unsigned)share : 100;
}
