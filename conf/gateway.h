// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* /etc/eipgw/gateway.json (eipgw-gateway.json(5)). */
#pragma once

#include <stdint.h>

#include "awsapi/ec2.h"
#include "base/config.h"
#include "conf/failover.h"
#include "conf/kubernetes.h"
#include "conf/limits.h"
#include "conf/listen.h"
#include "conf/log.h"
#include "conf/native.h"
#include "conf/self_test.h"
#include "policy/config.h"

struct err;

#define GATEWAY_NODES_MAX 65536
#define GATEWAY_TEXT_MAX 256 /* URLs, paths, tags; with NUL */

/* Who sees to it that the Elastic IPs are where the configuration says. */
enum gateway_ownership { OWNERSHIP_STATIC, OWNERSHIP_EC2 };

/* Whether established connections go past the chains (gateway/table/fast.h). */
enum gateway_fast_path { FAST_PATH_OFF, FAST_PATH_ON };

struct gateway_identity {
	char name[CONFIG_NAME_MAX];
	struct ip4
		address; /* primary private address: the tunnel's end; EC2: 0 if the metadata tell it */
	char uplink[16];
	uint32_t internet_mtu; /* bytes; what the internet gateway takes */
	enum gateway_fast_path fast_path;
};

struct gateway_egress {
	char name[CONFIG_NAME_MAX];
	struct ip4 public;  /* the Elastic IP */
	struct ip4 private; /* the address that carries it; not configured on the host */
	/* OWNERSHIP_EC2: exactly one of these and `public`; `private` 0 means any */
	char allocation_id[AWS_ID_MAX];
	char tag[GATEWAY_TEXT_MAX]; /* "Key=Value" */
};

/* "": the usual one. */
struct gateway_aws {
	char imds_url[GATEWAY_TEXT_MAX], ec2_url[GATEWAY_TEXT_MAX];
	char autoscaling_url[GATEWAY_TEXT_MAX];
	char region[AWS_ID_MAX];
	char ca_file[GATEWAY_TEXT_MAX];
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
	struct config_list egress_ips; /* struct gateway_egress */
	struct config_list nodes;      /* struct gateway_node */
	struct config_list policies;   /* struct policy_config */
	uint32_t conntrack_max;        /* entries; 0: from the memory */
	int ownership;                 /* enum gateway_ownership */
	int source;                    /* enum conf_source */
	struct kubernetes_conf kubernetes;
	struct gateway_aws aws;
	struct gateway_self_test self_test;
	struct gateway_native native;
	struct gateway_failover failover;
	struct gateway_limits limits;
	struct gateway_log log;
	struct listen_conf metrics, admin;
};

extern const struct config_table gateway_config_table;

/* What the table can't see. -EINVAL with a path. `data` is a struct gateway_config. */
int gateway_config_check(const void *data, struct err *err);
int gateway_config_compile(const struct gateway_config *config, struct policy_result *ret,
			   struct err *err);
