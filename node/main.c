// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* eipgw-noded: steers the selected pods of this node to the gateways, and drops what can't be steered. */
#include "conf/node.h"
#include "daemon/frame.h"
#include "node/agent.h"
#include "node/cleanup.h"
#include "node/metrics.h"
#include "node/status.h"

int main(int argc, char *argv[])
{
	static const struct frame_spec spec = {
		.program = "eipgw-noded",
		.summary = "Steers the traffic of selected pods of this node to an egress gateway.",
		.config_path = "/etc/eipgw/node.json",
		.socket_path = "/run/eipgw/node.sock",
		.table = &node_config_table,
		.commands = node_commands,
		.metrics = &node_metrics,
		.complete = node_config_complete,
		.check = node_config_check,
		.check_platform = agent_check_platform,
		.start = agent_start,
		.reload = agent_reload,
		.stop = agent_stop,
		.cleanup = node_cleanup,
	};

	return frame_main(&spec, argc, argv);
}
