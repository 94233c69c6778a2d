// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Serves /metrics and /healthz, with the ceilings of site.h. */
#pragma once

#include <stdint.h>

#include "base/ip4.h"

struct err;
struct loop;
struct metrics_out;
struct metrics_server;

#define METRICS_TEXT_MAX (4u << 20) /* bytes */
#define METRICS_FRESH_MS 500

struct metrics_server_options {
	struct ip4 address;
	uint16_t port; /* 0: any */
	/* All families. 0; -errno with the reason: the answer is 503. */
	int (*write)(struct metrics_out *out, void *data, struct err *err);
	/* Why what the daemon is for isn't done now; NULL: it is. */
	const char *(*find_fault)(void *data);
	void *data; /* the server mustn't be freed from inside the two */
};

/* NULL with the reason: the address isn't this host's, the port is taken. */
struct metrics_server *metrics_server_new(struct loop *loop,
					  const struct metrics_server_options *options,
					  struct err *err);
void metrics_server_free(struct metrics_server *server); /* NULL is fine */
uint16_t metrics_server_port(const struct metrics_server *server);
