// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The kernel parameters that each daemon sets, each with its reason: for the daemons, and for who checks them. */
#pragma once

#include <stddef.h>

/* What %s in a key stands for. */
enum sysctl_place { SYSCTL_PLAIN, SYSCTL_UPLINK, SYSCTL_TUNNEL, SYSCTL_PLACE_COUNT };

struct sysctl_row {
	enum sysctl_place place;
	const char *key; /* netlink/sysctl.h */
	const char *value;
	const char *meaning; /* what is the matter where it's another */
};

struct sysctl_table {
	const struct sysctl_row *rows;
	size_t n;
};
extern const struct sysctl_table gateway_sysctls, node_sysctls;

#define SYSCTL_KEY_MAX 128
/* The key with the device; returns `buf`. */
const char *sysctl_row_key(const struct sysctl_row *row, const char *device,
			   char buf[static SYSCTL_KEY_MAX]);
/* Sets the rows of the place; a failure is logged with its meaning. `device`: NULL for SYSCTL_PLAIN. */
void sysctls_set(const struct sysctl_table *table, enum sysctl_place place, const char *device);
