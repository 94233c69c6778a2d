// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: how many connections an egress IP can have to one destination, and how many are too many. */
#pragma once

#include <stdint.h>

struct gateway_config;
struct usage_destination;

/* Ports that are given to connections: those of the configuration, or what the kernel uses for source ports above 1023. */
uint32_t ports_capacity(const struct gateway_config *config);
/* In percent, rounded down; at most 100. */
unsigned ports_share(uint32_t used, uint32_t capacity);

#define PORTS_PROTOCOL_MAX 8
/* "tcp". Returns `buf`, or a text that stays. */
const char *ports_protocol(uint8_t protocol, char buf[static PORTS_PROTOCOL_MAX]);
#define PORTS_DESTINATION_MAX 40
/* "tcp 198.51.100.10:443", "icmp 198.51.100.10". Returns `buf`. */
const char *ports_destination(const struct usage_destination *destination,
			      char buf[static PORTS_DESTINATION_MAX]);
