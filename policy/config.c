// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { PREFIXES_MAX = 1 << 20, DESTINATIONS_MAX = 4096 };

static const char *const ipv6_names[] = { "drop", "allow", NULL };

static const struct config_key policy_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct policy_config, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "name of the policy" },
	{ .name = "pod_cidrs",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct policy_config, pod_cidrs),
	  .flags = CONFIG_REQUIRED,
	  .max = PREFIXES_MAX,
	  .help = "sources: addresses or ranges of pods" },
	{ .name = "destination_cidrs",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct policy_config, destination_cidrs),
	  .max = DESTINATIONS_MAX,
	  .def = "[\"0.0.0.0/0\"]",
	  .help = "destinations that leave with the egress IP" },
	{ .name = "excluded_cidrs",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct policy_config, excluded_cidrs),
	  .max = DESTINATIONS_MAX,
	  .help = "destinations that don't, although destination_cidrs has them" },
	{ .name = "egress_ips",
	  .type = CONFIG_NAMES,
	  .offset = offsetof(struct policy_config, egress_ips),
	  .flags = CONFIG_REQUIRED,
	  .max = POLICY_EGRESS_MAX,
	  .help = "names of egress IPs; with several, each pod address sticks to one" },
	{ .name = "ipv6",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct policy_config, ipv6),
	  .enum_names = ipv6_names,
	  .def = "\"drop\"",
	  .help = "what nodes do with the pods' IPv6 to the internet" },
	{ .name = "connections_per_pod",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct policy_config, connections_per_pod),
	  .min = 0,
	  .max = POLICY_CONNECTIONS_MAX,
	  .def = "0",
	  .help = "connections that gateways let a pod have at a time; 0: as the gateway says" },
};
const struct config_table policy_config_table = { sizeof(struct policy_config), policy_keys,
						  ARRAY_SIZE(policy_keys) };

static const struct config_key tunnel_keys[] = {
	{ .name = "device",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct tunnel_config, device),
	  .def = "\"egw0\"",
	  .help = "name of the VXLAN device" },
	{ .name = "port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct tunnel_config, port),
	  .min = 1,
	  .max = 65535,
	  .def = "4789",
	  .help = "UDP port; the same on all nodes and gateways" },
	{ .name = "vni",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct tunnel_config, vni),
	  .min = 1,
	  .max = 0xffffff,
	  .def = "77",
	  .help = "VXLAN network identifier" },
	{ .name = "mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct tunnel_config, mtu),
	  .min = 0,
	  .max = 65485,
	  .def = "0",
	  .help = "bytes; 0: the uplink's MTU less 50" },
};
const struct config_table tunnel_config_table = { sizeof(struct tunnel_config), tunnel_keys,
						  ARRAY_SIZE(tunnel_keys) };

static int egress_indexes(const struct policy_config *policy, size_t index,
			  const struct policy_config_context *context, unsigned *ret,
			  struct err *err)
{
	const char *const *names = context->egress_names;
	size_t n = context->n_egress;

	if (policy->egress_ips.n == 0)
		return err_set(err, -EINVAL, "policies[%zu].egress_ips: is empty", index);
	for (size_t i = 0; i < policy->egress_ips.n; i++) {
		size_t j = 0;

		while (j < n && strcmp(names[j], policy->egress_ips.v[i]) != 0)
			j++;
		if (j == n)
			return err_mark(
				err, MSG_CONFIG_NO_SUCH_EGRESS,
				err_set(err, -EINVAL,
					"policies[%zu].egress_ips[%zu]: no egress IP has the name \"%s\"",
					index, i, policy->egress_ips.v[i]));
		ret[i] = (unsigned)j;
	}
	return 0;
}

static int check_names(const struct policy_config *policies, size_t n, struct err *err)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(policies[i].name, policies[j].name) == 0)
				return err_mark(
					err, MSG_CONFIG_TWICE,
					err_set(err, -EINVAL,
						"policies[%zu].name: \"%s\" is the name of policies[%zu] too",
						i, policies[i].name, j));
		}
	}
	return 0;
}

int policy_config_compile(const struct config_list *policies,
			  const struct policy_config_context *context, struct policy_result *ret,
			  struct err *err)
{
	const struct policy_config *list = policies->v;
	CLEANUP(cleanup_free) struct policy_spec *specs = calloc(policies->n + 1, sizeof(*specs));
	CLEANUP(cleanup_free)
	unsigned(*egress)[POLICY_EGRESS_MAX] = calloc(policies->n + 1, sizeof(*egress));
	int rc = check_names(list, policies->n, err);

	if (!specs || !egress)
		return err_set(err, -ENOMEM, "policies: out of memory");
	for (size_t i = 0; i < policies->n && !rc; i++) {
		const struct policy_config *p = &list[i];

		rc = egress_indexes(p, i, context, egress[i], err);
		specs[i] = (struct policy_spec){
			.name = p->name,
			.pods = p->pod_cidrs.v,
			.n_pods = p->pod_cidrs.n,
			.destinations = p->destination_cidrs.v,
			.n_destinations = p->destination_cidrs.n,
			.excluded = p->excluded_cidrs.v,
			.n_excluded = p->excluded_cidrs.n,
			.egress = egress[i],
			.n_egress = p->egress_ips.n,
			.connections = p->connections_per_pod,
		};
	}
	struct policy_input input = {
		.specs = specs,
		.n_specs = policies->n,
		.egress_names = context->egress_names,
		.n_egress = context->n_egress,
		.always_excluded = context->always_excluded->v,
		.n_always_excluded = context->always_excluded->n,
	};
	return rc ? rc : policy_compile(&input, ret, err);
}
