// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Tells Kubernetes what this gateway does: the status of its EgressGateway, which nodes follow, and that of the
 * EgressPolicies that use it; and Events where something became wrong or well again. What a policy says of a gateway that
 * doesn't exist, every gateway tells, in the same words. Of a group, each member tells its own part, by the rules of
 * publish_plan.h.
 */
#pragma once

#include "gateway/table/desired.h"

struct cluster;
struct err;

struct loop;
struct publish;

/* `cluster` is borrowed and must outlive it; of `config` the names are copied. NULL with the reason. */
struct publish *publish_new(struct loop *loop, struct cluster *cluster,
			    const struct gateway_config *config, struct err *err);
void publish_free(struct publish *publish); /* what is published stays; NULL is fine */

/*
 * After a good run of the keeper: what is in the kernel now is told; in a group (view->failover) also when other facts
 * say so, and of that first which was taken over just now.
 */
void publish_gateway(struct publish *publish, const struct gateway_view *view);
/* In a group: `on_due` is to call publish_gateway, since time has gone by. */
void publish_on_due(struct publish *publish, void (*on_due)(void *data), void *data);
/* Soon, for all policies: something was computed anew. */
void publish_policies_soon(struct publish *publish);
