// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "config_example.h"

#include "base/cleanup.h"

static const char *const enforcement_names[] = { "strict", "best_effort", NULL };

static const struct config_key tunnel_keys[] = {
	{ .name = "device",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct example_tunnel, device),
	  .def = "\"egw0\"",
	  .help = "the tunnel's link" },
	{ .name = "port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct example_tunnel, port),
	  .min = 1,
	  .max = 65535,
	  .def = "4789",
	  .help = "UDP port" },
	{ .name = "mtu",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct example_tunnel, mtu),
	  .min = 576,
	  .max = 65535,
	  .help = "bytes; the uplink's less 50 when left out" },
};

static const struct config_table tunnel_table = {
	.size = sizeof(struct example_tunnel),
	.keys = tunnel_keys,
	.n_keys = ARRAY_SIZE(tunnel_keys),
};

static const struct config_key policy_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct example_policy, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "the policy's name" },
	{ .name = "pods",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct example_policy, pods),
	  .flags = CONFIG_REQUIRED,
	  .min = 1,
	  .max = 100000,
	  .help = "source addresses" },
	{ .name = "destinations",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct example_policy, destinations),
	  .max = 4,
	  .def = "[\"0.0.0.0/0\"]",
	  .help = "where to" },
	{ .name = "egress_ips",
	  .type = CONFIG_NAMES,
	  .offset = offsetof(struct example_policy, egress_ips),
	  .help = "which addresses" },
};

static const struct config_table policy_table = {
	.size = sizeof(struct example_policy),
	.keys = policy_keys,
	.n_keys = ARRAY_SIZE(policy_keys),
};

static const struct config_key proxy_keys[] = {
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct example_proxy, address),
	  .flags = CONFIG_REQUIRED,
	  .help = "where it listens" },
	{ .name = "port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct example_proxy, port),
	  .def = "3128",
	  .help = "TCP port" },
	{ .name = "bypass",
	  .type = CONFIG_PREFIXES,
	  .offset = offsetof(struct example_proxy, bypass),
	  .help = "what goes past it" },
};

static const struct config_table proxy_table = {
	.size = sizeof(struct example_proxy),
	.keys = proxy_keys,
	.n_keys = ARRAY_SIZE(proxy_keys),
};

static const struct config_key example_keys[] = {
	{ .name = "name",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct example, name),
	  .flags = CONFIG_REQUIRED,
	  .help = "who I am" },
	{ .name = "title",
	  .type = CONFIG_NAME,
	  .offset = offsetof(struct example, title),
	  .help = "optional, without a default" },
	{ .name = "uplink",
	  .type = CONFIG_IFNAME,
	  .offset = offsetof(struct example, uplink),
	  .flags = CONFIG_REQUIRED,
	  .help = "the link to the VPC" },
	{ .name = "address",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct example, address),
	  .flags = CONFIG_REQUIRED,
	  .help = "primary address" },
	{ .name = "second",
	  .type = CONFIG_IP4,
	  .offset = offsetof(struct example, second),
	  .help = "optional address" },
	{ .name = "priority",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct example, priority),
	  .min = 1,
	  .max = 32000,
	  .def = "600",
	  .help = "of the rule" },
	{ .name = "mark",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct example, mark),
	  .def = "\"0x1000\"",
	  .help = "a bit" },
	{ .name = "enforcement",
	  .type = CONFIG_ENUM,
	  .offset = offsetof(struct example, enforcement),
	  .enum_names = enforcement_names,
	  .def = "\"strict\"",
	  .help = "how hard" },
	{ .name = "tunnel",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct example, tunnel),
	  .sub = &tunnel_table,
	  .def = "{}",
	  .help = "the tunnel" },
	{ .name = "proxy",
	  .type = CONFIG_OBJECT,
	  .offset = offsetof(struct example, proxy),
	  .sub = &proxy_table,
	  .help = "optional, without a default" },
	{ .name = "tags",
	  .type = CONFIG_NAMES,
	  .offset = offsetof(struct example, tags),
	  .max = 3,
	  .help = "labels" },
	{ .name = "policies",
	  .type = CONFIG_LIST,
	  .offset = offsetof(struct example, policies),
	  .sub = &policy_table,
	  .help = "who is steered" },
};

const struct config_table example_table = {
	.size = sizeof(struct example),
	.keys = example_keys,
	.n_keys = ARRAY_SIZE(example_keys),
};
