// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Makes the egress IPs this gateway's and keeps looking whether they still are: reads who it is from the
 * instance metadata, asks EC2, and does what own.h says. One question at a time.
 */
#pragma once

#include <stdbool.h>

#include "base/ip4.h"

struct cloud;
struct err;
struct gateway_config;
struct loop;
struct own;

/*
 * Begins at once. `on_change`: an egress IP became available or no longer is, or the last one was decided for
 * the first time. NULL with the reason: out of memory, or a URL that is none.
 */
struct cloud *cloud_new(struct loop *loop, const struct gateway_config *config,
			void (*on_change)(void *data), void *data, struct err *err);
/* Leaves everything in AWS as it is. NULL is fine. */
void cloud_free(struct cloud *cloud);
/* A new configuration. -ENOMEM: the old one stays. Not from inside on_change. */
int cloud_want(struct cloud *cloud, const struct gateway_config *config);

/* Where each egress IP stands; valid until the loop goes on. */
const struct own *cloud_own(const struct cloud *cloud);
/* The primary private address of the instance; 0 until the metadata have told it. */
struct ip4 cloud_address(const struct cloud *cloud);
/* It's known of each egress IP whether it is ours. */
bool cloud_is_decided(const struct cloud *cloud);
/* All of them are. */
bool cloud_is_complete(const struct cloud *cloud);
