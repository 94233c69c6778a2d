// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/cli.h"

#include <stddef.h>
#include <string.h>

#include "base/config.h"

/* As kubectl's plugin (kubectl-eipgw in the PATH) it's the same program. */
static const char *name_of(const char *path)
{
	return path && strstr(path, "kubectl-eipgw") ? "kubectl eipgw" : "eipgw";
}

int main(int argc, char *argv[])
{
	static const char *const sockets[] = {
		"/run/eipgw/gateway.sock",
		"/run/eipgw/node.sock",
		NULL,
	};
	const struct cli cli = { .out = stdout,
				 .err = stderr,
				 .name = name_of(argc > 0 ? argv[0] : NULL),
				 .sockets = sockets,
				 .gateway_config = config_choose("/etc/eipgw/gateway.json",
								 "/run/eipgw/gateway.json"),
				 .node_config = "/etc/eipgw/node.json",
				 .boot_state = "/run/eipgw/user-data.state" };

	return cli_main(&cli, argc, argv);
}
