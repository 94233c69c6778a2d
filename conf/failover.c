// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "conf/failover.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static const struct config_key keys[] = {
	{ .name = "secret_file",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_failover, secret_file),
	  .max = FAILOVER_PATH_MAX - 1,
	  .help = "what the group's gateways share, one secret a line; none: this gateway is alone" },
	{ .name = "heartbeat_port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_failover, heartbeat_port),
	  .min = 1,
	  .max = UINT16_MAX,
	  .def = "7420",
	  .help = "UDP port; the same on all" },
	{ .name = "replication_port",
	  .type = CONFIG_U32,
	  .offset = offsetof(struct gateway_failover, replication_port),
	  .min = 1,
	  .max = UINT16_MAX,
	  .def = "7421",
	  .help = "TCP port; the same on all" },
	{ .name = "lease_namespace",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_failover, lease_namespace),
	  .max = FAILOVER_NAMESPACE_MAX - 1,
	  .def = "\"eipgw-system\"",
	  .help = "namespace of the Leases, one for each egress IP" },
	{ .name = "lifecycle_hook",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_failover, lifecycle_hook),
	  .max = FAILOVER_NAME_MAX - 1,
	  .help = "the Auto Scaling group's hook that waits until all is handed over" },
	{ .name = "auto_scaling_group",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct gateway_failover, auto_scaling_group),
	  .max = FAILOVER_NAME_MAX - 1,
	  .help = "its name, instead of that of the instance's tag" },
};
const struct config_table failover_config_table = { sizeof(struct gateway_failover), keys,
						    ARRAY_SIZE(keys) };

int failover_config_check(const struct gateway_failover *failover, bool may, bool has_native,
			  struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *const namespace = failover->lease_namespace;

	if (!failover_is_wanted(failover))
		return 0;
	if (!may)
		return err_mark(
			err, MSG_CONFIG_FAILOVER,
			err_set(err, -EINVAL,
				"failover.secret_file: needs \"source\": \"kubernetes\" and "
				"\"ownership\": \"ec2\""));
	if (has_native)
		return err_mark(
			err, MSG_CONFIG_FAILOVER,
			err_set(err, -EINVAL,
				"failover.secret_file: native.source_cidrs can't be taken over"));
	if (failover->secret_file[0] != '/')
		return err_mark(err, MSG_CONFIG_FAILOVER,
				err_set(err, -EINVAL, "failover.secret_file: is no absolute path"));
	if (!namespace[0] || namespace[strspn(namespace, letters)])
		return err_mark(err, MSG_CONFIG_FAILOVER,
				err_set(err, -EINVAL,
					"failover.lease_namespace: is no name of a namespace"));
	return 0;
}
