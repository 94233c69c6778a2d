// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/lanes.h"

static const char *const enforcement_names[] = { "strict", "best_effort", NULL };

static const struct config_key egress_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct node_egress, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "name of the egress IP" },
	{ .name = "gateway",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct node_egress, gateway),
	  .flags = CONFIG_REQUIRED,
	  .help = "VPC address of the gateway that carries it" },
};
static const struct config_table egress_table = { sizeof(struct node_egress), egress_keys,
						  ARRAY_SIZE(egress_keys) };

static const struct config_key node_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct node_identity, name),
	  .help = "name of this node, in Kubernetes its name there; else from NODE_NAME of the environment" },
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct node_identity, address),
	  .help = "primary private address, source of the tunnel; else from HOST_IP of the environment" },
	{ .name = "uplink",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct node_identity, uplink),
	  .help = "device of the primary network interface; else that of the default route" },
};
static const struct config_table node_table = { sizeof(struct node_identity), node_keys,
						ARRAY_SIZE(node_keys) };

static const struct config_key mark_keys[] = {
	{ .name = "flag",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct node_mark, flag),
	  .min = 1,
	  .max = UINT32_MAX,
	  .def = "\"0x1000\"",
	  .help = "one bit that says: steered" },
	{ .name = "index_mask",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct node_mark, index_mask),
	  .min = 0x7f,
	  .max = 0x7f,
	  .def = "\"0x7f\"",
	  .help = "the bits that hold the lane" },
};
static const struct config_table mark_table = { sizeof(struct node_mark), mark_keys,
						ARRAY_SIZE(mark_keys) };

static const struct config_key keys[] = {
	{ .name = "node",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct node_config, node),
	  .def = "{}",
	  .sub = &node_table,
	  .help = "this node" },
	{ .name = "pod_interface_prefix",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct node_config, pod_interface_prefix),
	  .def = "\"eni\"",
	  .help = "how the names of the pods' host devices begin" },
	{ .name = "enforcement",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct node_config, enforcement),
	  .enum_names = enforcement_names,
	  .def = "\"strict\"",
	  .help = "strict: a pod has no internet until it is classified" },
	{ .name = "always_excluded",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct node_config, always_excluded),
	  .max = 4096,
	  .help = "ranges that no policy governs: VPC, services" },
	{ .name = "always_excluded6",
	  .type = CONFIG_PREFIXES6,
	  .offset = offsetof(struct node_config, always_excluded6),
	  .max = 64,
	  .help = "ranges of IPv6 that stay open to pods whose IPv6 is dropped: the VPC's" },
	{ .name = "tunnel",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct node_config, tunnel),
	  .def = "{}",
	  .sub = &tunnel_config_table,
	  .help = "the tunnel to the gateways" },
	{ .name = "mark",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct node_config, mark),
	  .def = "{}",
	  .sub = &mark_table,
	  .help = "bits of the packet and connection mark" },
	{ .name = "rule_priority",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct node_config, rule_priority),
	  .min = 1,
	  .max = 32000,
	  .def = "600",
	  .help = "priority of the first ip rule; below 10 where security groups for pods are strict" },
	{ .name = "table_base",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct node_config, table_base),
	  .min = 256,
	  .max = 1000000000,
	  .def = "4096",
	  .help = "number of the first routing table" },
	{ .name = "egress_ips",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct node_config, egress_ips),
	  .def = "[]",
	  .max = LANE_COUNT,
	  .sub = &egress_table,
	  .help = "egress IPs and where they are" },
	{ .name = "policies",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct node_config, policies),
	  .def = "[]",
	  .max = POLICY_MAX,
	  .sub = &policy_config_table,
	  .help = "which pods leave with which egress IP" },
	{ .name = "source",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct node_config, source),
	  .enum_names = conf_source_names,
	  .def = "\"static\"",
	  .help = "where egress IPs and policies come from: static: this file; kubernetes: its objects" },
	{ .name = "kubernetes",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct node_config, kubernetes),
	  .def = "{}",
	  .sub = &node_kubernetes_table,
	  .help = "how the API server is reached" },
	{ .name = "metrics",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct node_config, metrics),
	  .def = "{}",
	  .sub = &metrics_config_table,
	  .help = "metrics over HTTP" },
};
const struct config_table node_config_table = { sizeof(struct node_config), keys,
						ARRAY_SIZE(keys) };

/* In a DaemonSet all nodes have one file, and the downward API tells them apart. */
int node_config_complete(void *data, struct err *err)
{
	struct node_config *config = data;
	const char *name = getenv("NODE_NAME"), *address = getenv("HOST_IP");

	if (!config->node.name[0]) {
		if (!name || !name[0])
			return err_mark(
				err, MSG_CONFIG_ENVIRONMENT,
				err_set(err, -EINVAL,
					"node.name: the key is missing, and NODE_NAME isn't set"));
		if (strlen(name) >= sizeof(config->node.name))
			return err_mark(err, MSG_CONFIG_ENVIRONMENT,
					err_set(err, -EINVAL,
						"node.name: NODE_NAME is too long: %.80s", name));
		stpcpy(config->node.name, name);
	}
	if (config->node.address.v)
		return 0;
	if (!address || !address[0])
		return err_mark(err, MSG_CONFIG_ENVIRONMENT,
				err_set(err, -EINVAL,
					"node.address: the key is missing, and HOST_IP isn't set"));
	if (ip4_parse(address, &config->node.address, err))
		return err_mark(err, MSG_CONFIG_ENVIRONMENT,
				err_prefix(err, -EINVAL, "node.address: HOST_IP"));
	return 0;
}

int node_config_compile(const struct node_config *config, struct policy_result *ret,
			struct err *err)
{
	const struct node_egress *egress = config->egress_ips.v;
	const char *names[LANE_COUNT];

	for (size_t i = 0; i < config->egress_ips.n; i++)
		names[i] = egress[i].name;
	struct policy_config_context context = { names, config->egress_ips.n,
						 &config->always_excluded };

	return policy_config_compile(&config->policies, &context, ret, err);
}

static int check_egress(const struct node_config *config, struct err *err)
{
	const struct node_egress *egress = config->egress_ips.v;

	for (size_t i = 0; i < config->egress_ips.n; i++) {
		if (egress[i].gateway.v == config->node.address.v)
			return err_mark(
				err, MSG_CONFIG_OWN_ADDRESS,
				err_set(err, -EINVAL,
					"egress_ips[%zu].gateway: is the address of this node", i));
		for (size_t j = 0; j < i; j++) {
			if (strcmp(egress[i].name, egress[j].name) == 0)
				return err_mark(
					err, MSG_CONFIG_TWICE,
					err_set(err, -EINVAL,
						"egress_ips[%zu].name: \"%s\" is the name of egress_ips[%zu] too",
						i, egress[i].name, j));
		}
	}
	return 0;
}

/* The gateways are reached directly: a policy that governed their addresses would send the tunnel into
 * itself. The VPC must therefore be excluded. */
static int check_gateways(const struct node_config *config, const struct policy_result *result,
			  struct err *err)
{
	const struct node_egress *egress = config->egress_ips.v;

	for (size_t i = 0; i < config->egress_ips.n; i++) {
		for (size_t j = 0; j < result->n_policies; j++) {
			if (ip4_set_contains(&result->destinations[j], egress[i].gateway))
				return err_mark(
					err, MSG_CONFIG_LOOP,
					err_set(err, -EINVAL,
						"egress_ips[%zu].gateway: is a destination of policies[%zu]; "
						"put the VPC's ranges into always_excluded",
						i, j));
		}
	}
	return 0;
}

/* Two sources would contradict each other some day. */
static int check_source(const struct node_config *config, struct err *err)
{
	if (config->source == SOURCE_STATIC)
		return 0;
	if (config->egress_ips.n || config->policies.n)
		return err_mark(err, MSG_CONFIG_TWO_SOURCES,
				err_set(err, -EINVAL,
					"%s: come from Kubernetes, as \"source\" says",
					config->egress_ips.n ? "egress_ips" : "policies"));
	return 0;
}

int node_config_check(const void *data, struct err *err)
{
	const struct node_config *config = data;
	CLEANUP(policy_result_done) struct policy_result result = { 0 };
	uint32_t flag = config->mark.flag;
	int rc;

	if (flag & (flag - 1))
		return err_mark(err, MSG_CONFIG_MARK,
				err_set(err, -EINVAL, "mark.flag: 0x%x has more than one bit",
					flag));
	if (flag & config->mark.index_mask)
		return err_mark(err, MSG_CONFIG_MARK,
				err_set(err, -EINVAL, "mark.flag: 0x%x is inside index_mask",
					flag));
	if (flag & 0xc080)
		return err_mark(
			err, MSG_CONFIG_MARK,
			err_set(err, -EINVAL,
				"mark.flag: 0x%x is used by the VPC CNI (0x80) or kube-proxy (0xc000)",
				flag));
	rc = check_source(config, err);
	if (!rc)
		rc = metrics_config_read(&config->metrics, config->node.address, NULL, err);
	if (!rc)
		rc = check_egress(config, err);
	if (!rc)
		rc = node_config_compile(config, &result, err);
	if (!rc)
		rc = check_gateways(config, &result, err);
	return rc;
}
