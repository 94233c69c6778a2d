// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What Kubernetes says, as a node needs it: the policies that select its pods, the egress IPs with the gateway that
 * carries each now, and which of its pods are known.
 */
#pragma once

#include <stdbool.h>

#include "base/config.h"
#include "conf/node.h"
#include "node/pods.h"
#include "policy/lanes.h"

struct cluster;
struct err;
struct inventory;
struct loop;
struct policy_result;
struct world;

struct world_options {
	struct loop *loop;
	const struct node_config *config;
	struct pods *
		pods; /* of this node as the kernel has them; borrowed, and marked by world_refresh */
	/* Call world_refresh: not before all is known. `only_pods`: no policy changed, nor anything of gateways. */
	void (*on_change)(bool only_pods, void *data);
	void *data;
};

/* NULL with the reason. */
struct world *world_new(const struct world_options *options, struct err *err);
void world_free(struct world *world); /* NULL is fine; not from inside on_change */

/* Everything was told once. */
bool world_is_known(const struct world *world);
/* The pods were read anew. */
void world_see_pods(struct world *world);
/* A new configuration, of which the excluded ranges count; the old one may go afterwards. -ENOMEM. */
int world_configure(struct world *world, const struct node_config *config);
/*
 * Computes what follows from what was told, and assigns lanes. A failure leaves what was computed before in force:
 * 0 unless there is none; then a negative errno with the reason.
 */
int world_refresh(struct world *world, struct lanes *lanes, struct err *err);

/* As of the last refresh. */
const struct policy_result *world_policies(const struct world *world);
const struct config_list *world_egress(const struct world *world); /* struct node_egress */
/* The members of all groups, whether they carry anything or not. */
const struct ip4 *world_gateways(const struct world *world, size_t *ret_n);
bool world_is_strict(const struct world *world);
bool world_is_strict6(const struct world *world);
struct cluster *world_cluster(const struct world *world);
const struct inventory *world_inventory(const struct world *world);
/* What is known now is in the kernel. */
void world_in_kernel(struct world *world);
