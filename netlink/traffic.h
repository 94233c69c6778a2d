// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a network device counts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;
struct rtnl;

struct traffic {
	uint64_t packets, bytes, errors, dropped;
};
struct device_traffic {
	struct traffic received, sent;
};
/* 0; -ENODEV and others with the reason. */
int rtnl_device_traffic(struct rtnl *rtnl, const char *name, struct device_traffic *ret,
			struct err *err);

/*
 * What the driver counts beyond that, as `ethtool -S` shows it: `names` are looked for, and found[i] says whether values[i]
 * is there. 0, also if the driver has none of them, or nothing at all; -errno with the reason.
 */
struct driver_counters {
	const char *const *names;
	size_t n;
	uint64_t *values;
	uint8_t *found;
};
int driver_counters_read(const char *device, struct driver_counters *counters, struct err *err);
