// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Watches what is in use of this gateway's egress IPs (traffic.h, usage.h): whether ports become short (pressure.h), and which
 * first packets the kernel refused for want of one; and who has as many connections as he may have (limits.h). docs/PORTS.md says
 * what users see of it.
 */
#pragma once

#include "gateway/table/desired.h"

struct err;
struct limiter;
struct loop;
struct portwatch;
struct pressure;
struct traffic;

struct portwatch_options {
	struct loop *loop;
	/* What holds now. The time is that of the call: nothing is kept of it. */
	struct gateway_view (*view)(const void *data);
	void (*on_pressure)(void *data); /* what pressure.h says is another matter now */
	/* The kernel's set of who is limited isn't right any more: see portwatch_limiter. */
	void (*on_limits)(void *data);
	void *data;
};
struct portwatch *portwatch_new(const struct portwatch_options *options, struct err *err);
void portwatch_free(struct portwatch *watch); /* NULL is fine */
/* What `view` says counts from now on. */
void portwatch_begin(struct portwatch *watch);

struct traffic *portwatch_traffic(const struct portwatch *watch);
const struct pressure *portwatch_pressure(const struct portwatch *watch);
struct limiter *portwatch_limiter(const struct portwatch *watch);
