// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/limits.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/config.h"

enum { PORT_MIN = 1024, PORT_MAX = 65535 };
enum { BLOCK_MIN = 16, BLOCK_MAX = 16384 };

static const struct config_key keys[] = {
	{ .name = "first_port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_limits, first_port),
	  .min = 0,
	  .max = PORT_MAX,
	  .def = "0",
	  .help = "first port of egress IPs that connections get; 0: the kernel's choice" },
	{ .name = "last_port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_limits, last_port),
	  .min = 0,
	  .max = PORT_MAX,
	  .def = "0",
	  .help = "last one; both or none of the two" },
	{ .name = "ports_per_pod",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_limits, ports_per_pod),
	  .min = 0,
	  .max = BLOCK_MAX,
	  .def = "0",
	  .help = "ports of each egress IP that are a pod's alone; 0: all have all" },
	{ .name = "shared_ports",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_limits, shared_ports),
	  .min = BLOCK_MIN,
	  .max = PORT_MAX,
	  .def = "4096",
	  .help = "with ports_per_pod: the range's lowest ports, for pods that get no block" },
	{ .name = "connections_per_pod",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_limits, connections_per_pod),
	  .min = 0,
	  .max = POLICY_CONNECTIONS_MAX,
	  .def = "0",
	  .help = "connections that a pod may have at a time; 0: any number" },
};
const struct config_table limits_config_table = { sizeof(struct gateway_limits), keys,
						  ARRAY_SIZE(keys) };

void limits_ports(const struct gateway_limits *limits, uint32_t *ret_first, uint32_t *ret_last)
{
	*ret_first = limits->first_port ? limits->first_port : PORT_MIN;
	*ret_last = limits->first_port ? limits->last_port : PORT_MAX;
}

int limits_config_check(const struct gateway_limits *limits, struct err *err)
{
	const bool has_range = limits->first_port || limits->last_port;
	uint32_t first, last, all;

	if (has_range && limits->first_port < PORT_MIN)
		return err_set(err, -EINVAL, "limits.first_port: is below %d", PORT_MIN);
	if (has_range && limits->last_port < limits->first_port)
		return err_set(err, -EINVAL, "limits.last_port: is before limits.first_port");
	if (!limits->ports_per_pod)
		return 0;
	limits_ports(limits, &first, &last);
	all = last - first + 1;
	if (limits->ports_per_pod < BLOCK_MIN)
		return err_set(err, -EINVAL, "limits.ports_per_pod: is below %d", BLOCK_MIN);
	if (limits->shared_ports + limits->ports_per_pod > all)
		return err_set(err, -EINVAL,
			       "limits.shared_ports: leaves no block of %u of the range's %u ports",
			       limits->ports_per_pod, all);
	return 0;
}
