// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/gateway.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/gateway_internal.h"

enum { POD_CIDRS_MAX = 1 << 20, MTU_MIN = 1280, MTU_MAX = 9216, RANGE_PATH_MAX = 64 };

static const char *const fast_path_names[] = { "off", "on", NULL };

static const struct config_key identity_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct gateway_identity, name),
	  .help = "name of this gateway; user data: the instance's ID if left out" },
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_identity, address),
	  .help = "primary private address; end of the tunnel; ec2: from the metadata if left out" },
	{ .name = "uplink",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct gateway_identity, uplink),
	  .help = "device of the primary network interface; user data: found if left out" },
	{ .name = "internet_mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_identity, internet_mtu),
	  .min = MTU_MIN,
	  .max = MTU_MAX,
	  .def = "1500",
	  .help = "bytes; largest packet that the internet gateway takes" },
	{ .name = "fast_path",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_identity, fast_path),
	  .enum_names = fast_path_names,
	  .def = "\"off\"",
	  .help = "established connections go through a flowtable, where the kernel has it" },
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
	  .help = "the Elastic IP" },
	{ .name = "private",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct gateway_egress, private),
	  .help = "private address on the network interface that the Elastic IP is associated with; "
		  "ec2: any secondary one if left out" },
	{ .name = "allocation_id",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_egress, allocation_id),
	  .max = AWS_ID_MAX - 1,
	  .help = "ec2: the Elastic IP by its allocation ID" },
	{ .name = "tag",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_egress, tag),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "ec2: the Elastic IP by a tag that only it has, Key=Value" },
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

static const char *const ownership_names[] = { "static", "ec2", NULL };

static const struct config_key aws_keys[] = {
	{ .name = "imds_url",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_aws, imds_url),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "instance metadata service; for tests" },
	{ .name = "ec2_url",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_aws, ec2_url),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "EC2 API, instead of the region's public endpoint" },
	{ .name = "autoscaling_url",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_aws, autoscaling_url),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "Auto Scaling API, likewise" },
	{ .name = "region",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_aws, region),
	  .max = AWS_ID_MAX - 1,
	  .help = "instead of the instance's own" },
	{ .name = "ca_file",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_aws, ca_file),
	  .max = GATEWAY_TEXT_MAX - 1,
	  .help = "PEM file with the certificate authorities, instead of the system's" },
};
static const struct config_table aws_table = { sizeof(struct gateway_aws), aws_keys,
					       ARRAY_SIZE(aws_keys) };

static const struct config_key keys[] = {
	{ .name = "gateway",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, gateway),
	  .def = "{}",
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
	{ .name = "egress_ips",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, egress_ips),
	  .def = "[]",
	  .max = POLICY_EGRESS_MAX,
	  .sub = &egress_table,
	  .help = "egress IPs of this gateway" },
	{ .name = "nodes",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, nodes),
	  .def = "[]",
	  .max = GATEWAY_NODES_MAX,
	  .sub = &node_table,
	  .help = "nodes whose pods come here" },
	{ .name = "policies",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct gateway_config, policies),
	  .def = "[]",
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
	{ .name = "ownership",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_config, ownership),
	  .enum_names = ownership_names,
	  .def = "\"static\"",
	  .help = "static: somebody else associates the Elastic IPs; ec2: this daemon does" },
	{ .name = "source",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct gateway_config, source),
	  .enum_names = conf_source_names,
	  .def = "\"static\"",
	  .help = "where policies and nodes come from: static: this file; kubernetes: its objects" },
	{ .name = "kubernetes",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, kubernetes),
	  .def = "{}",
	  .sub = &gateway_kubernetes_table,
	  .help = "the group of gateways, and how the API server is reached" },
	{ .name = "aws",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, aws),
	  .def = "{}",
	  .sub = &aws_table,
	  .help = "how AWS is reached; with ec2 or kubernetes.eks" },
	{ .name = "self_test",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, self_test),
	  .def = "{}",
	  .sub = &self_test_config_table,
	  .help = "which address the internet sees" },
	{ .name = "native",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, native),
	  .def = "{}",
	  .sub = &native_config_table,
	  .help = "route-table mode: sources that need no tunnel" },
	{ .name = "failover",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, failover),
	  .def = "{}",
	  .sub = &failover_config_table,
	  .help = "the gateways of the group take over from each other" },
	{ .name = "limits",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, limits),
	  .def = "{}",
	  .sub = &limits_config_table,
	  .help = "ports of egress IPs, and how much of them one pod may take" },
	{ .name = "log",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, log),
	  .def = "{}",
	  .sub = &log_config_table,
	  .help = "each translated connection, with its pod" },
	{ .name = "metrics",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, metrics),
	  .def = "{}",
	  .sub = &metrics_config_table,
	  .help = "metrics over HTTP" },
	{ .name = "admin",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct gateway_config, admin),
	  .def = "{}",
	  .sub = &admin_config_table,
	  .help = "the status page, over HTTP" },
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

static const char *find_static_fault(const struct gateway_egress *egress, const char **ret_key)
{
	*ret_key = egress->allocation_id[0] ? "allocation_id" : egress->tag[0] ? "tag" : NULL;
	if (*ret_key)
		return "needs \"ownership\": \"ec2\"";
	*ret_key = !egress->public.v ? "public" : "private";
	return !egress->public.v || !egress->private.v ? "the key is missing" : NULL;
}

static const char *find_ec2_fault(const struct gateway_egress *egress, const char **ret_key)
{
	const char *equals = strchr(egress->tag, '=');
	int names = !!egress->public.v + !!egress->allocation_id[0] + !!egress->tag[0];

	*ret_key = "allocation_id";
	if (names != 1)
		return "exactly one of allocation_id, public and tag is needed";
	*ret_key = "tag";
	/* A filter for an empty value would find everything. */
	if (egress->tag[0] && (!equals || equals == egress->tag || !equals[1]))
		return "is not of the form Key=Value";
	return NULL;
}

/* Two sources would contradict each other some day. */
static int check_source(const struct gateway_config *config, struct err *err)
{
	if (config->source == SOURCE_STATIC)
		return 0;
	if (config->nodes.n || config->policies.n)
		return err_mark(err, MSG_CONFIG_TWO_SOURCES,
				err_set(err, -EINVAL,
					"%s: come from Kubernetes, as \"source\" says",
					config->nodes.n ? "nodes" : "policies"));
	if (config->ownership == OWNERSHIP_EC2 && config->egress_ips.n)
		return err_mark(
			err, MSG_CONFIG_TWO_SOURCES,
			err_set(err, -EINVAL,
				"egress_ips: come from the EgressGateway, as \"source\" says"));
	if (!config->kubernetes.group[0])
		return err_mark(err, MSG_CONFIG_MISSING_KEY,
				err_set(err, -EINVAL, "kubernetes.group: the key is missing"));
	return 0;
}

/* What each kind of ownership needs. */
static int check_ownership(const struct gateway_config *config, struct err *err)
{
	const struct gateway_egress *egress = config->egress_ips.v;
	bool is_static = config->ownership == OWNERSHIP_STATIC;
	const char *key = NULL;

	if (is_static && !config->gateway.address.v)
		return err_mark(err, MSG_CONFIG_MISSING_KEY,
				err_set(err, -EINVAL, "gateway.address: the key is missing"));
	for (size_t i = 0; i < config->egress_ips.n; i++) {
		const char *fault = is_static ? find_static_fault(&egress[i], &key) :
						find_ec2_fault(&egress[i], &key);

		if (fault)
			return err_mark(err, MSG_CONFIG_CONTRADICTS,
					err_set(err, -EINVAL, "egress_ips[%zu].%s: %s", i, key,
						fault));
	}
	return 0;
}

/* Which key two egress IPs have in common although it must differ, or NULL. */
static const char *find_same(const struct gateway_egress *a, const struct gateway_egress *b)
{
	if (strcmp(a->name, b->name) == 0)
		return "name";
	if (a->public.v && a->public.v == b->public.v)
		return "public";
	if (a->private.v && a->private.v == b->private.v)
		return "private";
	if (a->allocation_id[0] && strcmp(a->allocation_id, b->allocation_id) == 0)
		return "allocation_id";
	if (a->tag[0] && strcmp(a->tag, b->tag) == 0)
		return "tag";
	return NULL;
}

static int check_egress(const struct gateway_config *config, struct err *err)
{
	const struct gateway_egress *egress = config->egress_ips.v;

	for (size_t i = 0; i < config->egress_ips.n; i++) {
		if (egress[i].private.v && egress[i].private.v == config->gateway.address.v)
			return err_mark(
				err, MSG_CONFIG_OWN_ADDRESS,
				err_set(err, -EINVAL,
					"egress_ips[%zu].private: is the gateway's own address; the host would "
					"answer for its connections",
					i));
		for (size_t j = 0; j < i; j++) {
			const char *what = find_same(&egress[i], &egress[j]);

			if (what)
				return err_mark(
					err, MSG_CONFIG_TWICE,
					err_set(err, -EINVAL,
						"egress_ips[%zu].%s: is that of egress_ips[%zu] too",
						i, what, j));
		}
	}
	return 0;
}

/* Where a range stands in the configuration; node NATIVE: native.source_cidrs. */
#define NATIVE SIZE_MAX
struct source_range {
	struct ip4_range range;
	size_t node, cidr;
};

static int compare_ranges(const void *pa, const void *pb)
{
	const struct source_range *a = pa, *b = pb;

	if (a->range.first != b->range.first)
		return a->range.first < b->range.first ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

static const char *range_path(const struct source_range *range, char buf[static RANGE_PATH_MAX])
{
	if (range->node == NATIVE)
		snprintf(buf, RANGE_PATH_MAX, "native.source_cidrs[%zu]", range->cidr);
	else
		snprintf(buf, RANGE_PATH_MAX, "nodes[%zu].pod_cidrs[%zu]", range->node,
			 range->cidr);
	return buf;
}

static size_t add_ranges(struct source_range *to, size_t node, const struct ip4_prefixes *from)
{
	for (size_t i = 0; i < from->n; i++)
		to[i] = (struct source_range){ ip4_prefix_range(from->v[i]), node, i };
	return from->n;
}

/* A source comes from one node, or natively; two claims would make its replies go astray. */
static int check_sources(const struct gateway_config *config, struct err *err)
{
	const struct gateway_node *nodes = config->nodes.v;
	char a[RANGE_PATH_MAX], b[RANGE_PATH_MAX];
	size_t n = config->native.source_cidrs.n;

	for (size_t i = 0; i < config->nodes.n; i++)
		n += nodes[i].pod_cidrs.n;
	CLEANUP(cleanup_free) struct source_range *ranges = calloc(n + 1, sizeof(*ranges));

	if (!ranges)
		return err_set(err, -ENOMEM, "nodes: out of memory");
	n = add_ranges(ranges, NATIVE, &config->native.source_cidrs);
	for (size_t i = 0; i < config->nodes.n; i++)
		n += add_ranges(ranges + n, i, &nodes[i].pod_cidrs);
	qsort(ranges, n, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < n; i++) {
		if (ranges[i].range.first <= ranges[i - 1].range.last)
			return err_mark(err, MSG_CONFIG_OVERLAP,
					err_set(err, -EINVAL, "%s: overlaps %s",
						range_path(&ranges[i], a),
						range_path(&ranges[i - 1], b)));
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
		/* Its packets would have the mark of those that came without a tunnel. */
		if (!nodes[i].address.v)
			return err_mark(err, MSG_CONFIG_OWN_ADDRESS,
					err_set(err, -EINVAL, "nodes[%zu].address: is nobody's",
						i));
		if (nodes[i].address.v == config->gateway.address.v)
			return err_mark(err, MSG_CONFIG_OWN_ADDRESS,
					err_set(err, -EINVAL,
						"nodes[%zu].address: is the gateway's", i));
		all[i] = (uint64_t)nodes[i].address.v << 32 | i;
	}
	qsort(all, config->nodes.n, sizeof(*all), compare_addresses);
	for (size_t i = 1; i < config->nodes.n; i++) {
		if (all[i] >> 32 == all[i - 1] >> 32)
			return err_mark(err, MSG_CONFIG_TWICE,
					err_set(err, -EINVAL,
						"nodes[%u].address: is that of nodes[%u] too",
						(unsigned)all[i], (unsigned)all[i - 1]));
	}
	return 0;
}

/* Only user data may leave these out (conf/user_data.h), and they are filled in by the time that this is asked. */
static int check_identity(const struct gateway_identity *identity, struct err *err)
{
	if (!identity->name[0])
		return err_set(err, -EINVAL, "gateway.name: the key is missing");
	if (!identity->uplink[0])
		return err_set(err, -EINVAL, "gateway.uplink: the key is missing");
	return 0;
}

int gateway_config_check(const void *data, struct err *err)
{
	const struct gateway_config *config = data;
	CLEANUP(policy_result_done) struct policy_result result = { 0 };
	int rc = check_identity(&config->gateway, err);

	if (!rc)
		rc = check_source(config, err);
	if (!rc)
		rc = kubernetes_config_check(&config->kubernetes, err);
	if (!rc)
		rc = check_ownership(config, err);
	if (!rc)
		rc = check_egress(config, err);
	if (!rc)
		rc = check_node_addresses(config, err);
	if (!rc)
		rc = gateway_config_check_parts(config, err);
	if (!rc)
		rc = check_sources(config, err);
	return rc ? rc : gateway_config_compile(config, &result, err);
}
