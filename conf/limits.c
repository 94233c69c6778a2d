// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/limits.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/config.h"

enum { PORT_MIN = 1024, PORT_MAX = 65535 };

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

int limits_config_check(const struct gateway_limits *limits, struct err *err)
{
	if (!limits->first_port && !limits->last_port)
		return 0;
	if (limits->first_port < PORT_MIN)
		return err_set(err, -EINVAL, "limits.first_port: is below %d", PORT_MIN);
	if (limits->last_port < limits->first_port)
		return err_set(err, -EINVAL, "limits.last_port: is before limits.first_port");
	return 0;
}
