// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The parts of the configuration that both daemons read alike: policies, ranges that are always excluded,
 * the tunnel. And the way from them to policy_compile.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "policy/policy.h"

struct err;

enum policy_ipv6 { POLICY_IPV6_DROP, POLICY_IPV6_ALLOW };

struct policy_config {
	char name[CONFIG_NAME_MAX];
	struct ip4_prefixes pod_cidrs;
	struct ip4_prefixes destination_cidrs;
	struct ip4_prefixes excluded_cidrs;
	struct config_names egress_ips;
	int ipv6;                     /* enum policy_ipv6, of the pods; for nodes */
	uint32_t connections_per_pod; /* 0: not said; for gateways */
};
extern const struct config_table policy_config_table;

struct tunnel_config {
	char device[16];
	uint32_t port;
	uint32_t vni;
	uint32_t mtu; /* 0: the uplink's less 50 */
};
extern const struct config_table tunnel_config_table;

/* What policies are compiled against. */
struct policy_config_context {
	const char *const *egress_names;
	size_t n_egress;
	const struct ip4_prefixes *always_excluded;
};

/*
 * Compiles policies (a config_list of policy_config) against the names of the egress IPs. 0; -EINVAL with
 * the path of the wrong value: an egress IP that isn't declared, a name used twice, and what policy_compile
 * finds; -ENOMEM.
 */
int policy_config_compile(const struct config_list *policies,
			  const struct policy_config_context *context, struct policy_result *ret,
			  struct err *err);
