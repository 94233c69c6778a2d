// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgwd: gives the traffic of selected pods the address that an Elastic IP is associated with. */
#include "conf/gateway.h"
#include "daemon/frame.h"
#include "gateway/agent.h"
#include "gateway/tell/metrics.h"
#include "gateway/tell/page.h"
#include "gateway/tell/status.h"

int main(int argc, char *argv[])
{
	static const struct frame_spec spec = {
		.program = "eipgwd",
		.summary =
			"Translates the traffic of selected pods to the address of an Elastic IP.",
		.config_path = "/etc/eipgw/gateway.json",
		.other_config_path = "/run/eipgw/gateway.json", /* of the user data (boot.h) */
		.socket_path = "/run/eipgw/gateway.sock",
		.table = &gateway_config_table,
		.commands = gateway_commands,
		.metrics = &gateway_metrics,
		.admin = &gateway_admin,
		.check = gateway_config_check,
		.check_platform = agent_check_platform,
		.start = agent_start,
		.reload = agent_reload,
		.begin_stop = agent_begin_stop,
		.stop = agent_stop,
		.cleanup = agent_cleanup,
	};

	return frame_main(&spec, argc, argv);
}
