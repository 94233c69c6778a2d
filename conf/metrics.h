// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* "metrics" in both files: where metrics are served, if at all (docs/METRICS.md). */
#pragma once

#include <stdint.h>

#include "base/config.h"
#include "base/ip4.h"

struct err;

#define METRICS_LISTEN_MAX 32

struct metrics_conf {
	char listen[METRICS_LISTEN_MAX]; /* "ADDRESS:PORT", or ":PORT" for the host's own; "": nowhere */
};

extern const struct config_table metrics_config_table;

/* Port 0: nowhere. */
struct metrics_place {
	struct ip4 address;
	uint16_t port;
};

/*
 * Checks and reads it; `ret` may be NULL. `own` is the address that the file has for the host itself; 0: none. Never all addresses at once: who
 * serves metrics to a network says on which. -EINVAL with a path.
 */
int metrics_config_read(const struct metrics_conf *conf, struct ip4 own, struct metrics_place *ret,
			struct err *err);
