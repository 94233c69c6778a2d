// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What Kubernetes makes of a gateway's configuration: the file's, with the egress IPs of its EgressGateway, and with
 * the nodes that host selected pods. The rest of eipgwd needn't know where its configuration comes from.
 */
#pragma once

#include <stdbool.h>

#include "conf/gateway.h"

struct cluster;
struct err;
struct inventory_changes;
struct loop;
struct moves;
struct policy_result;
struct world;

struct world_options {
	struct loop *loop;
	const struct gateway_config
		*file; /* as it was read; borrowed until world_configure or the end */
	/* Not before all is known. `other_egress`: world_config would give others; else world_refresh is enough. */
	void (*on_change)(bool other_egress, void *data);
	void (*on_ignored)(void *data); /* only what statuses say of policies may be otherwise */
	/* Nothing but pods: world_move and so on, or false: on_change follows. */
	bool (*on_pods)(const struct inventory_changes *changes, void *data);
	void *data;
};

struct world *world_new(const struct world_options *options, struct err *err);
void world_free(struct world *world); /* NULL is fine; not from inside on_change */

bool world_is_known(const struct world *world);
/* A new file; the old one may go afterwards. -ENOMEM. */
int world_configure(struct world *world, const struct gateway_config *file);

/*
 * A new configuration (free it with config_done and free): that of the file, with the group's egress IPs and no
 * nodes yet. With static ownership the file's egress_ips say which private address carries the one of that name; one
 * that it doesn't have isn't available. NULL with the reason: a tag too long, out of memory.
 */
struct gateway_config *world_config(const struct world *world, struct err *err);
/*
 * Brings policies and config->nodes up to date: each node that hosts pods which one of our egress IPs is for, with
 * their addresses. A failure leaves what was computed before: 0 unless there is none.
 */
int world_refresh(struct world *world, struct gateway_config *config, struct err *err);

/* moves_make of what is followed, with config->nodes of the last refresh. After a failure a refresh is needed. */
int world_move(const struct world *world, struct gateway_config *config,
	       const struct inventory_changes *changes, struct moves *ret);

/* As of the last refresh; NULL before the first. */
const struct policy_result *world_policies(const struct world *world);
struct cluster *world_cluster(const struct world *world);
