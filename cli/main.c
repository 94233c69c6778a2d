// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/cli.h"

#include <stddef.h>

int main(int argc, char *argv[])
{
	static const char *const sockets[] = {
		"/run/eipgw/gateway.sock",
		"/run/eipgw/node.sock",
		NULL,
	};
	const struct cli cli = { .out = stdout, .err = stderr, .sockets = sockets };

	return cli_main(&cli, argc, argv);
}
