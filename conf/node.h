// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* /etc/eipgw/node.json (eipgw-node.json(5)). */
#pragma once

#include <stdint.h>

#include "base/config.h"
#include "conf/kubernetes.h"
#include "conf/listen.h"
#include "policy/config.h"

struct err;

enum node_enforcement { NODE_STRICT, NODE_BEST_EFFORT };

struct node_egress {
	char name[CONFIG_NAME_MAX];
	struct ip4 gateway; /* VPC address of the gateway that carries it now */
	struct ip4
		second; /* of one that gets a copy of each packet; 0: none. Only Kubernetes tells it */
};

struct node_identity {
	char name[CONFIG_NAME_MAX];
	struct ip4 address; /* primary private address: the tunnel's outer source */
	char uplink[16];    /* "": the default route's device */
};

struct node_mark {
	uint32_t flag;       /* one bit: "steered" */
	uint32_t index_mask; /* 0x7f: where the lane stands */
};

struct node_config {
	struct node_identity node;
	char pod_interface_prefix[16];
	int enforcement; /* enum node_enforcement */
	struct ip4_prefixes always_excluded;
	struct ip6_prefixes always_excluded6;
	struct tunnel_config tunnel;
	struct node_mark mark;
	uint32_t rule_priority;
	uint32_t table_base;
	struct config_list egress_ips; /* struct node_egress */
	struct config_list policies;   /* struct policy_config */
	int source; /* enum conf_source: Kubernetes' has neither of the two above */
	struct kubernetes_conf kubernetes;
	struct listen_conf metrics;
};

extern const struct config_table node_config_table;

/* What the file leaves out and the environment knows. -EINVAL with a path. `data` is a struct node_config. */
int node_config_complete(void *data, struct err *err);
/* What the table can't see. -EINVAL with a path. `data` is a struct node_config. */
int node_config_check(const void *data, struct err *err);

/* The policies of the configuration, compiled. `ret` is freed with policy_result_done. */
int node_config_compile(const struct node_config *config, struct policy_result *ret,
			struct err *err);
