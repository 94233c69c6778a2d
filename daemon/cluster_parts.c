// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/cluster_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "kube/kinds.h"
#include "kube/reflector.h"

static size_t find_node(const struct cluster *cluster, const char *name, bool *ret_found)
{
	size_t low = 0, high = cluster->n_nodes;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(cluster->nodes[middle].name, name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct ip4 internal_address(const struct kube_node *node)
{
	for (size_t i = 0; i < node->addresses.n; i++) {
		const struct kube_node_address *address = &node->addresses.v[i];

		if (address->address.family == 4 && address->type &&
		    strcmp(address->type, "InternalIP") == 0)
			return address->address.v4;
	}
	return (struct ip4){ 0 };
}

int cluster_keep_name(void **user, const char *name, struct err *err)
{
	if (!*user)
		*user = strdup(name);
	return *user ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int cluster_node_set(struct cluster *cluster, const void *object, void **user, struct err *err)
{
	const struct kube_node *node = object;
	bool found;
	size_t place = find_node(cluster, node->meta.name, &found);

	if (cluster_keep_name(user, node->meta.name, err))
		return -ENOMEM;
	/* Kubelets write their Nodes' conditions again and again. */
	if (found && cluster->nodes[place].address.v == internal_address(node).v)
		return KIND_SAME;
	if (!found) {
		struct cluster_node *v =
			reallocarray(cluster->nodes, cluster->n_nodes + 1, sizeof(*v));
		char *name = v ? strdup(node->meta.name) : NULL;

		if (v)
			cluster->nodes = v;
		if (!name)
			return err_set(err, -ENOMEM, "out of memory");
		memmove(&v[place + 1], &v[place], (cluster->n_nodes - place) * sizeof(*v));
		v[place].name = name;
		cluster->n_nodes++;
	}
	cluster->nodes[place].address = internal_address(node);
	return 0;
}

void cluster_node_remove(struct cluster *cluster, const void *name)
{
	bool found;
	size_t place = find_node(cluster, name, &found);

	if (!found)
		return;
	free(cluster->nodes[place].name);
	cluster->n_nodes--;
	memmove(&cluster->nodes[place], &cluster->nodes[place + 1],
		(cluster->n_nodes - place) * sizeof(*cluster->nodes));
}

void cluster_nodes_done(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->n_nodes; i++)
		free(cluster->nodes[i].name);
	free(cluster->nodes);
}

struct ip4 cluster_node_address(const struct cluster *cluster, const char *name)
{
	bool found;
	size_t place = find_node(cluster, name, &found);

	return found ? cluster->nodes[place].address : (struct ip4){ 0 };
}

struct inventory *cluster_inventory(const struct cluster *cluster)
{
	return cluster->inventory;
}

const struct groups *cluster_groups(const struct cluster *cluster)
{
	return &cluster->groups;
}

const struct group_egress *cluster_egress(const struct cluster *cluster, size_t *ret_n)
{
	*ret_n = cluster->n_egress;
	return cluster->egress;
}

static int compute(struct cluster *cluster, int (*take)(void *data, struct err *err), void *data,
		   struct err *err)
{
	const struct policy_result *result;
	int rc = inventory_compile(cluster->inventory, &result, err);

	return rc ? rc : take(data, err);
}

int cluster_refresh(struct cluster *cluster, bool always, int (*take)(void *data, struct err *err),
		    void *data, struct err *err)
{
	struct err local = ERR_NULL;
	int rc = cluster->stale || always ? compute(cluster, take, data, &local) : 0;

	if (rc && !cluster->failed)
		log_error(MSG_POLICIES_FAILED, "kubernetes",
			  "policies: %s; what was computed before stays", local.text);
	cluster->failed = rc != 0;
	cluster->stale = cluster->stale && rc;
	if (inventory_result(cluster->inventory))
		return 0;
	return err_set(err, rc ? rc : -EAGAIN, "%s",
		       rc ? local.text : "Kubernetes hasn't told its objects yet");
}

void cluster_in_kernel(struct cluster *cluster)
{
	latency_done(&cluster->latency, mono_now());
}

struct kube_client *cluster_client(const struct cluster *cluster)
{
	return cluster->client;
}

void cluster_status(const struct cluster *cluster, struct cluster_status *ret)
{
	*ret = (struct cluster_status){ .is_synced = cluster_is_synced(cluster),
					.server = cluster->config.server,
					.error = cluster->error,
					.error_id = cluster->error_id };
	ret->pod_events = cluster->pod_events;
	latency_summarise(&cluster->latency, &ret->to_kernel_us);
	if (cluster->error[0])
		ret->error_seconds = mono_diff_ms(mono_now(), cluster->error_since) / 1000;
	for (size_t i = 0; i < cluster->n_follows; i++) {
		struct kube_reflector_status status;

		kube_reflector_status(cluster->follows[i].reflector, &status);
		ret->objects += status.objects;
		ret->lists += status.lists;
		ret->watches += status.watches;
		ret->events += status.events;
		ret->failures += status.failures;
	}
}
