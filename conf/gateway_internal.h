// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside gateway.c: what its parts say of themselves. */
#pragma once

struct err;
struct gateway_config;

/* Those that have a file of their own. 0, or -EINVAL with the path of what is wrong. */
int gateway_config_check_parts(const struct gateway_config *config, struct err *err);
