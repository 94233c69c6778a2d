// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A configuration that has each type, for the tests of base/config. */
#pragma once

#include "base/config.h"

struct example_tunnel {
	char device[16];
	uint32_t port;
	uint32_t mtu;
};

struct example_policy {
	char name[CONFIG_NAME_MAX];
	struct ip4_prefixes pods;
	struct ip4_prefixes destinations;
	struct config_names egress_ips;
};

struct example_proxy {
	struct ip4 address;
	uint32_t port;
	struct ip4_prefixes bypass; /* memory that an embedded struct owns */
	struct ip6_prefixes bypass6;
};

struct example {
	char name[CONFIG_NAME_MAX];
	char title[CONFIG_NAME_MAX];
	char uplink[16];
	struct ip4 address;
	struct ip4 second;
	uint32_t priority;
	uint32_t mark;
	int enforcement;
	struct example_tunnel tunnel;
	struct example_proxy proxy;
	struct config_names tags;
	struct config_list policies; /* struct example_policy */
};

extern const struct config_table example_table;

/* What the required keys need at least; more keys may follow behind a comma. */
#define EXAMPLE_REQUIRED "\"name\": \"n1\", \"uplink\": \"eth0\", \"address\": \"10.0.1.11\""
