// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* /etc/eipgw/gateway.json (eipgw-gateway.json(5)). */
#pragma once

#include <stdint.h>

#include "base/config.h"
#include "policy/config.h"

struct err;

#define GATEWAY_NODES_MAX 65536

struct gateway_identity {
	char name[CONFIG_NAME_MAX];
	struct ip4 address; /* primary private address: the tunnel's end */
	char uplink[16];
	uint32_t internet_mtu; /* bytes; what the internet gateway takes */
};

struct gateway_egress {
	char name[CONFIG_NAME_MAX];
	struct ip4 public;  /* the Elastic IP */
	struct ip4 private; /* the address that carries it; not configured on the host */
};

struct gateway_node {
	char name[CONFIG_NAME_MAX];
	struct ip4 address;
	struct ip4_prefixes pod_cidrs; /* which pod addresses live there */
};

struct gateway_config {
	struct gateway_identity gateway;
	struct ip4_prefixes always_excluded;
	struct tunnel_config tunnel;
	uint32_t rule_priority;
	uint32_t table_base;
	struct config_list egress_ips; /* struct gateway_egress */
	struct config_list nodes;      /* struct gateway_node */
	struct config_list policies;   /* struct policy_config */
	uint32_t conntrack_max;        /* entries; 0: from the memory */
};

extern const struct config_table gateway_config_table;

/* What the table can't see. -EINVAL with a path. `data` is a struct gateway_config. */
int gateway_config_check(const void *data, struct err *err);
int gateway_config_compile(const struct gateway_config *config, struct policy_result *ret,
			   struct err *err);
