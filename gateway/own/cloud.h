// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Makes the egress IPs this gateway's, and the routes of native sources, and keeps looking whether they still are:
 * reads who it is from the instance metadata, asks EC2, and does what own.h and native.h say. One question at a
 * time; only associations that a fail-over waits for go beside it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "http/retry.h"

struct cloud;
struct err;
struct gateway_config;
struct imds;
struct loop;
struct native;
struct own;

/*
 * Begins at once. `on_change`: an egress IP became available or no longer is, the last one was decided for the
 * first time, or all that is wanted became complete. NULL with the reason: out of memory, or a URL that is none.
 */
struct cloud *cloud_new(struct loop *loop, const struct gateway_config *config,
			void (*on_change)(void *data), void *data, struct err *err);
/* Leaves everything in AWS as it is. NULL is fine. */
void cloud_free(struct cloud *cloud);
/* A new configuration. -ENOMEM: the old one stays. Not from inside on_change. */
int cloud_want(struct cloud *cloud, const struct gateway_config *config);

/*
 * Right after cloud_new, for one gateway of a group: nothing is claimed until cloud_allow says so, also what comes with
 * a new configuration, unless it was wanted and allowed just so before. `on_where`, with the data of cloud_new: EC2 said
 * where an egress IP is, or a call failed: own_where has news, be it only that it's still so.
 */
void cloud_share(struct cloud *cloud, void (*on_where)(void *data));
/*
 * own_allow, and what follows: an association is called at once, beside whatever is under way, and tried again soon and
 * often; or one that is under way is given up. It calls nobody back, and may be called from on_change and on_where;
 * own_private may give something else afterwards.
 */
void cloud_allow(struct cloud *cloud, size_t i, bool allowed);
/* Asks EC2 now, at most once in OWN_CLAIM_MS, and not while it asks for patience. Also from callbacks. */
void cloud_verify_now(struct cloud *cloud);

/*
 * The kernel has what is held, as it was read back. Only with all egress IPs held, and none in STANDBY, is VPC
 * routing changed. Call it after each such run.
 */
void cloud_set_carried(struct cloud *cloud);

/* Where each egress IP stands, and VPC routing; valid until the loop goes on. */
const struct own *cloud_own(const struct cloud *cloud);
const struct native *cloud_native(const struct cloud *cloud);
/* The primary private address of the instance; 0 until the metadata have told it. */
struct ip4 cloud_address(const struct cloud *cloud);
/* Its availability zone; "" until then. */
const char *cloud_zone(const struct cloud *cloud);
/* As whom, and where, the Auto Scaling group is spoken to. */
struct cloud_access {
	const struct aws_caller *caller;
	const struct aws_endpoint *autoscaling;
	const char *instance_id;
	const char *group; /* by the instance's tag; "": not readable */
};

/* For drain.h, as long as the cloud. */
struct imds *cloud_imds(const struct cloud *cloud);
/* False until the metadata have told who this is. */
bool cloud_access(const struct cloud *cloud, struct cloud_access *ret);
/* Calls to EC2 since the start, and those that failed by why. */
struct cloud_counts {
	uint64_t calls, failures[HTTP_CLASS_COUNT];
};
struct cloud_counts cloud_counts(const struct cloud *cloud);
/* It's known of each egress IP whether it is ours. */
bool cloud_is_decided(const struct cloud *cloud);
/* All of them are, and native sources come here. */
bool cloud_is_complete(const struct cloud *cloud);
