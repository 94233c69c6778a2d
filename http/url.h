// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside http/: what a URL says before it is used, as libcurl's own parser understands it. */
#pragma once

#include <stdbool.h>

struct err;

/*
 * 0, or -EINVAL: no http or https URL, or one with a user name or password in it. *ret_near: the host is
 * a link-local or loopback address (or localhost, or EC2's fd00:ec2::/32), which no proxy can stand for.
 */
int url_check(const char *url, bool *ret_near, struct err *err);
