// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside cluster: cluster.c follows the kinds, cluster_tell.c tells the owner, cluster_parts.c has the nodes and what is
 * asked. */
#pragma once

#include <assert.h>

#include "base/mono.h"
#include "base/pace.h"
#include "daemon/cluster.h"
#include "policy/inventory.h"

struct http;
struct kube_kind;
struct kube_reflector;
struct loop_timer;

enum { CLUSTER_KINDS = 5 };

enum { KIND_SAME = 1 /* what is kept of the object hasn't changed */ };

/* How one kind's objects are kept. *user has what must be known of the object when it goes. */
struct kind {
	const struct kube_kind *kube;
	unsigned change; /* enum cluster_change */
	int (*set)(struct cluster *cluster, const void *object, void **user, struct err *err);
	void (*remove)(struct cluster *cluster, const void *user); /* not NULL */
	void (*release)(void *user); /* after that, and at the end; may be NULL */
};

struct follow {
	struct cluster *cluster;
	const struct kind *kind;
	struct kube_reflector *reflector;
	bool is_synced, is_failing;
};

struct cluster_node {
	char *name;
	struct ip4 address;
};

struct cluster {
	/* node and group are those below; conf and excluded aren't used later */
	struct cluster_options options;
	char *node, *group;
	struct kube_config config;
	struct http *http;
	struct kube_client *client;
	struct follow follows[CLUSTER_KINDS];
	size_t n_follows;
	struct inventory *inventory;
	struct groups groups;
	struct group_egress *egress; /* in the inventory's order */
	size_t n_egress;
	struct ip4_prefixes excluded;
	struct cluster_node *nodes; /* sorted by name */
	size_t n_nodes;
	struct loop_timer *timer;
	unsigned changed; /* not told yet */
	struct pace pace; /* of telling */
	bool stale;       /* what was told isn't all in what was computed last */
	bool failed;      /* the last computation, and that was said */
	uint64_t pod_events;
	struct latency latency;
	char error[512];
	int error_id;
	struct mono error_since;
};

int cluster_node_set(struct cluster *cluster, const void *object, void **user, struct err *err);
void cluster_node_remove(struct cluster *cluster, const void *name);
/* *user is the object's name, which is allocated. */
int cluster_keep_name(void **user, const char *name, struct err *err);
void cluster_nodes_done(struct cluster *cluster);

extern const struct pace cluster_usual_pace;
void cluster_tell(struct cluster *cluster, unsigned what); /* soon */
void cluster_tell_of(struct follow *follow);               /* an object of it changed, or is gone */
void cluster_tell_now(void *data);                         /* a cluster */
