// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What Kubernetes says, for both daemons: follows pods, namespaces, EgressPolicies and EgressGateways (and Nodes,
 * for a gateway), and keeps them as an inventory (policy/inventory.h) and a list of egress IPs. While the API server is
 * away, everything stays as it was last told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "daemon/groups.h"
#include "daemon/latency.h"
#include "kube/config.h"

struct cluster;
struct err;
struct inventory;
struct inventory_changes;
struct inventory_pod;
struct inventory_policy;
struct kube_client;
struct kubernetes_conf;
struct loop;

/* What may be otherwise now. */
enum cluster_change {
	CLUSTER_PODS = 1,     /* pods, namespaces */
	CLUSTER_POLICIES = 2, /* EgressPolicies */
	CLUSTER_EGRESS = 4,   /* egress IPs, or who carries them */
	CLUSTER_NODES = 8,    /* where nodes are */
	CLUSTER_SYNCED = 16,  /* for the first time, all of it is known */
	CLUSTER_IGNORED = 32, /* pods that no policy can have, and that inventory_status tells of */
};

#define CLUSTER_NO_ADDRESS SIZE_MAX

struct cluster_options {
	struct loop *loop;
	const struct kubernetes_conf *conf;
	kube_token_fn token; /* with kubernetes.eks: whom to ask for tokens; outlives the cluster */
	void *token_data;
	bool is_held;      /* nothing is asked before cluster_begin */
	const char *node;  /* only this one's pods, and no Nodes; NULL: all. Copied. */
	const char *group; /* only this EgressGateway's egress IPs are known; NULL: all. Copied. */
	const struct ip4_prefixes *excluded; /* ranges that no policy governs. Copied. */
	/*
	 * Bits of enum cluster_change: cluster_refresh brings it about. The first event after a quiet time is told at
	 * once, several of a burst together. Not before CLUSTER_SYNCED, and not for what is told of pods and changes
	 * nobody's class: inventory_take was asked. CLUSTER_IGNORED comes alone, and needs no refresh.
	 */
	void (*on_change)(unsigned what, void *data);
	/*
	 * Nothing changed but pods, and of them this (a large burst comes in several calls): true if it is dealt with, or
	 * will be by what the inventory says then. False: on_change follows, as without this function. Not while a
	 * refresh is due. May be NULL.
	 */
	bool (*on_pods)(const struct inventory_changes *changes, void *data);
	/*
	 * The pod's IPv4 addresses, if they are known better than by its status: 0 if not, CLUSTER_NO_ADDRESS if it has
	 * none, whatever that says. May be NULL.
	 */
	size_t (*addresses)(const struct inventory_pod *pod, struct ip4 *ret, size_t max,
			    void *data);
	void *data;
};

/* NULL with the reason: the configuration leads nowhere, out of memory. The API server needn't answer. */
struct cluster *cluster_new(const struct cluster_options *options, struct err *err);
/* Of one that was held: there is something to log in with now, or a reason why not that is worth telling. */
void cluster_begin(struct cluster *cluster);
/* NULL is fine. Not from inside on_change. */
void cluster_free(struct cluster *cluster);

/* All kinds were listed once. Before, what is there is incomplete and not to be acted upon. */
bool cluster_is_synced(const struct cluster *cluster);
struct inventory *cluster_inventory(const struct cluster *cluster);
const struct groups *cluster_groups(const struct cluster *cluster);
/* The egress IPs in the order of the inventory's indexes. */
const struct group_egress *cluster_egress(const struct cluster *cluster, size_t *ret_n);
/* The node's InternalIP; 0: not known. */
struct ip4 cluster_node_address(const struct cluster *cluster, const char *name);
struct kube_client *cluster_client(const struct cluster *cluster);

/* For each EgressPolicy that is known, in no order. */
void cluster_each_policy(const struct cluster *cluster,
			 void (*fn)(const struct inventory_policy *policy, void *data), void *data);
/* What `addresses` says may be otherwise now. Calls nothing back; CLUSTER_PODS if it returns true. */
bool cluster_readdress(struct cluster *cluster);
/* A new list of excluded ranges. -ENOMEM. */
int cluster_exclude(struct cluster *cluster, const struct ip4_prefixes *excluded);

/*
 * Computes anew what follows from all that was told, if something was that needs it, or `always`: inventory_compile, and
 * then `take`, which gives 0 or a negative errno with the reason. A failure leaves what was computed before in force: it
 * is logged, once in a row, and 0 is returned, unless nothing was ever computed: -EAGAIN, or why.
 */
int cluster_refresh(struct cluster *cluster, bool always, int (*take)(void *data, struct err *err),
		    void *data, struct err *err);
/* What is known now is in the kernel: for the latencies. */
void cluster_in_kernel(struct cluster *cluster);

struct cluster_status {
	bool is_synced;
	unsigned long long pod_events; /* since all was known */
	struct latency_summary
		to_kernel_us; /* from their bytes' arrival on, of those that changed something */
	const char *server;
	const char *error; /* what doesn't work now; "": all does */
	int error_id;      /* its cause, of base/message.h */
	long long error_seconds;
	unsigned long long objects, lists, watches, events, failures;
};
void cluster_status(const struct cluster *cluster, struct cluster_status *ret);
