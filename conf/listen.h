// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Where something is served over HTTP, if at all: "metrics" in both files (docs/METRICS.md), "admin" in the gateway's
 * (docs/STATUS-PAGE.md).
 */
#pragma once

#include <stdint.h>

#include "base/config.h"
#include "base/ip4.h"

struct err;

#define LISTEN_TEXT_MAX 32

struct listen_conf {
	char listen[LISTEN_TEXT_MAX]; /* "ADDRESS:PORT", or ":PORT"; "": nowhere */
};

extern const struct config_table
	metrics_config_table; /* of a struct listen_conf, as is the next one */
extern const struct config_table admin_config_table;

/* Port 0: nowhere. */
struct listen_place {
	struct ip4 address;
	uint16_t port;
};

/*
 * Checks and reads it; `ret` may be NULL. `own` is what ":PORT" stands for: the address that the file has for the host itself; 0: none.
 * Never all addresses at once: who serves to a network says on which. -EINVAL with a path.
 */
int metrics_config_read(const struct listen_conf *conf, struct ip4 own, struct listen_place *ret,
			struct err *err);
/* Likewise; ":PORT" is at loopback: there is no login, and the page has pods' names and addresses. */
int admin_config_read(const struct listen_conf *conf, struct listen_place *ret, struct err *err);
