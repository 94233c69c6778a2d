// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside netlink/ only: building the short texts of rt_*_format and net_op_format. */
#pragma once

#include <stddef.h>

#include "netlink/rt.h"

/* Adds to `buf` at `used`, cuts at RT_TEXT_MAX, returns the new length. */
size_t text_add(char buf[static RT_TEXT_MAX], size_t used, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The route without a verb; a device is called `tunnel` where the route says RT_OIF_TUNNEL. */
size_t text_add_route(char buf[static RT_TEXT_MAX], size_t used, const struct rt_route *route,
		      const char *tunnel);
/* Selectors and action, without the priority. */
size_t text_add_rule(char buf[static RT_TEXT_MAX], size_t used, const struct rt_rule *rule);
