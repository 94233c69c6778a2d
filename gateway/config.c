// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { POD_CIDRS_MAX = 1 << 20, MTU_MIN = 1280, MTU_MAX = 9216 };

static const struct config_key identity_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct gateway_identity, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "name of this gateway" },
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_identity, address),
	  .flags = CONFIG_REQUIRED,
	  .help = "primary private address; end of the tunnel" },
	{ .name = "uplink",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct gateway_identity, uplink),
	  .flags = CONFIG_REQUIRED,
	  .help = "device of the primary network interface" },
	{ .name = "internet_mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_identity, internet_mtu),
	  .min = MTU_MIN,
	  .max = MTU_MAX,
	  .def = "1500",
	  .help = "bytes; largest packet that the internet gateway takes" },
};
static const struct config_table identity_table = { sizeof(struct gateway_identity), identity_keys,
						    ARRAY_SIZE(identity_keys) };

static const struct config_key egress_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct gateway_egress, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "name of the egress IP" },
	{ .name = "public",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_egress, public),
	  .flags = CONFIG_REQUIRED,
	  .help = "the Elastic IP" },
	{ .name = "private",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_egress, private),
	  .flags = CONFIG_REQUIRED,
	  .help = "private address on the network interface that the Elastic IP is associated with" },
};
static const struct config_table egress_table = { sizeof(struct gateway_egress), egress_keys,
						  ARRAY_SIZE(egress_keys) };

static const struct config_key node_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct gateway_node, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "name of the node" },
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_node, address),
	  .flags = CONFIG_REQUIRED,
	  .help = "its primary private address; its end of the tunnel" },
	{ .name = "pod_cidrs",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct gateway_node, pod_cidrs),
	  .flags = CONFIG_REQUIRED,
	  .max = POD_CIDRS_MAX,
	  .help = "pod addresses that live there; others are not accepted from it" },
};
static const struct config_table node_table = { sizeof(struct gateway_node), node_keys,
						ARRAY_SIZE(node_keys) };

static const struct config_key keys[] = {
	{ .name = "gateway",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, gateway),
	  .flags = CONFIG_REQUIRED,
	  .sub = &identity_table,
	  .help = "this gateway" },
	{ .name = "always_excluded",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct gateway_config, always_excluded),
	  .max = 4096,
	  .help = "ranges that no policy governs: VPC, services" },
	{ .name = "tunnel",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, tunnel),
	  .def = "{}",
	  .sub = &tunnel_config_table,
	  .help = "the tunnel to the nodes" },
	{ .name = "rule_priority",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_config, rule_priority),
	  .min = 1,
	  .max = 32000,
	  .def = "600",
	  .help = "priority of the first ip rule" },
	{ .name = "table_base",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_config, table_base),
	  .min = 256,
	  .max = 1000000000,
	  .def = "4096",
	  .help = "number of the first routing table" },
	{ .name = "egress_ips",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, egress_ips),
	  .flags = CONFIG_REQUIRED,
	  .max = POLICY_EGRESS_MAX,
	  .sub = &egress_table,
	  .help = "egress IPs of this gateway" },
	{ .name = "nodes",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, nodes),
	  .flags = CONFIG_REQUIRED,
	  .max = GATEWAY_NODES_MAX,
	  .sub = &node_table,
	  .help = "nodes whose pods come here" },
	{ .name = "policies",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, policies),
	  .flags = CONFIG_REQUIRED,
	  .max = POLICY_MAX,
	  .sub = &policy_config_table,
	  .help = "which pods leave with which egress IP" },
	{ .name = "conntrack_max",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_config, conntrack_max),
	  .min = 0,
	  .max = 64u << 20,
	  .def = "0",
	  .help = "connections; 0: from the instance's memory" },
};
const struct config_table gateway_config_table = { sizeof(struct gateway_config), keys,
						   ARRAY_SIZE(keys) };

int gateway_config_compile(const struct gateway_config *config, struct policy_result *ret,
			   struct err *err)
{
	const struct gateway_egress *egress = config->egress_ips.v;
	const char *names[POLICY_EGRESS_MAX];

	for (size_t i = 0; i < config->egress_ips.n; i++)
		names[i] = egress[i].name;
	struct policy_config_context context = { names, config->egress_ips.n,
						 &config->always_excluded };

	return policy_config_compile(&config->policies, &context, ret, err);
}

static int check_egress(const struct gateway_config *config, struct err *err)
{
	const struct gateway_egress *egress = config->egress_ips.v;

	for (size_t i = 0; i < config->egress_ips.n; i++) {
		if (egress[i].private.v == config->gateway.address.v)
			return err_set(
				err, -EINVAL,
				"egress_ips[%zu].private: is the gateway's own address; the host would "
				"answer for its connections",
				i);
		for (size_t j = 0; j < i; j++) {
			const char *what = strcmp(egress[i].name, egress[j].name) == 0 ? "name" :
					   egress[i].public.v == egress[j].public.v    ? "public" :
					   egress[i].private.v == egress[j].private.v  ? "private" :
											 NULL;
			if (what)
				return err_set(err, -EINVAL,
					       "egress_ips[%zu].%s: is that of egress_ips[%zu] too",
					       i, what, j);
		}
	}
	return 0;
}

struct pod_range {
	struct ip4_range range;
	size_t node, cidr;
};

static int compare_ranges(const void *pa, const void *pb)
{
	const struct pod_range *a = pa, *b = pb;

	return a->range.first < b->range.first ? -1 : a->range.first > b->range.first;
}

/* A pod lives on one node; two claims would make its replies go astray. */
static int check_pod_ranges(const struct gateway_config *config, struct err *err)
{
	const struct gateway_node *nodes = config->nodes.v;
	size_t n = 0;

	for (size_t i = 0; i < config->nodes.n; i++)
		n += nodes[i].pod_cidrs.n;
	CLEANUP(cleanup_free) struct pod_range *ranges = calloc(n + 1, sizeof(*ranges));

	if (!ranges)
		return err_set(err, -ENOMEM, "nodes: out of memory");
	n = 0;
	for (size_t i = 0; i < config->nodes.n; i++) {
		for (size_t j = 0; j < nodes[i].pod_cidrs.n; j++)
			ranges[n++] = (struct pod_range){ ip4_prefix_range(nodes[i].pod_cidrs.v[j]),
							  i, j };
	}
	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < n; i++) {
		const struct pod_range *a = &ranges[i - 1], *b = &ranges[i];

		if (b->range.first <= a->range.last)
			return err_set(
				err, -EINVAL,
				"nodes[%zu].pod_cidrs[%zu]: overlaps nodes[%zu].pod_cidrs[%zu]",
				b->node, b->cidr, a->node, a->cidr);
	}
	return 0;
}

static int compare_addresses(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return *a < *b ? -1 : *a > *b;
}

static int check_node_addresses(const struct gateway_config *config, struct err *err)
{
	const struct gateway_node *nodes = config->nodes.v;
	/* address << 32 | index, so that the sorted list still says which nodes they are */
	CLEANUP(cleanup_free) uint64_t *all = calloc(config->nodes.n + 1, sizeof(*all));

	if (!all)
		return err_set(err, -ENOMEM, "nodes: out of memory");
	for (size_t i = 0; i < config->nodes.n; i++) {
		if (nodes[i].address.v == config->gateway.address.v)
			return err_set(err, -EINVAL, "nodes[%zu].address: is the gateway's", i);
		all[i] = (uint64_t)nodes[i].address.v << 32 | i;
	}
	qsort(all, config->nodes.n, sizeof(*all), compare_addresses);
	for (size_t i = 1; i < config->nodes.n; i++) {
		if (all[i] >> 32 == all[i - 1] >> 32)
			return err_set(err, -EINVAL, "nodes[%u].address: is that of nodes[%u] too",
				       (unsigned)all[i], (unsigned)all[i - 1]);
	}
	return 0;
}

int gateway_config_check(const void *data, struct err *err)
{
	const struct gateway_config *config = data;
	CLEANUP(policy_result_done) struct policy_result result = { 0 };
	int rc = check_egress(config, err);

	if (!rc)
		rc = check_node_addresses(config, err);
	if (!rc)
		rc = check_pod_ranges(config, err);
	return rc ? rc : gateway_config_compile(config, &result, err);
}
