// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/cluster.h"
#include "node/named.h"
#include "policy/facts.h"

struct world {
	struct world_options options;
	char prefix[sizeof(((struct node_config *)NULL)->pod_interface_prefix)];
	struct cluster *cluster;
	struct config_list egress;
	struct ip4 *gateways;
	size_t n_gateways;
	bool named; /* the CNI names devices after pods: one was found so */
};

static void on_change(unsigned what, void *data)
{
	struct world *world = data;

	if (what == CLUSTER_IGNORED)
		return;
	world->options.on_change(what == CLUSTER_PODS, world->options.data);
}

static size_t find_addresses(const struct inventory_pod *pod, struct ip4 *ret, size_t max,
			     void *data)
{
	struct world *world = data;
	const struct pods *pods = world->options.pods;
	const struct named_pod named = { world->prefix, pod->namespace, pod->name };
	size_t n = named_addresses(pods, &named, ret, max);

	world->named = world->named || n;
	/* Its own device is gone, and the address is the next pod's, while the API still says that it has it. */
	if (!n && world->named && named_is_taken(pods, pod->addresses, pod->n_addresses))
		return CLUSTER_NO_ADDRESS;
	return n;
}

struct world *world_new(const struct world_options *options, struct err *err)
{
	const struct node_config *config = options->config;
	struct world *world = calloc(1, sizeof(*world));

	if (!world) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	world->options = *options;
	memcpy(world->prefix, config->pod_interface_prefix, sizeof(world->prefix));
	const struct cluster_options cluster = { .loop = options->loop,
						 .conf = &config->kubernetes,
						 .node = config->node.name,
						 .excluded = &config->always_excluded,
						 .on_change = on_change,
						 .addresses = find_addresses,
						 .data = world };

	world->cluster = cluster_new(&cluster, err);
	if (!world->cluster) {
		world_free(world);
		return NULL;
	}
	return world;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	cluster_free(world->cluster);
	free(world->egress.v);
	free(world->gateways);
	free(world);
}

bool world_is_known(const struct world *world)
{
	return cluster_is_synced(world->cluster);
}

void world_see_pods(struct world *world)
{
	(void)cluster_readdress(world->cluster);
}

int world_configure(struct world *world, const struct node_config *config)
{
	memcpy(world->prefix, config->pod_interface_prefix, sizeof(world->prefix));
	return cluster_exclude(world->cluster, &config->always_excluded);
}

/* Which of two is the first one means nothing, and there would be a moment between one route and the other. */
static void place(const struct world *world, const struct group_egress *now,
		  struct node_egress *ret)
{
	const struct node_egress *old = world->egress.v;
	size_t i = 0;

	ret->gateway = now->gateway;
	ret->second = now->second;
	while (i < world->egress.n && strcmp(old[i].name, ret->name) != 0)
		i++;
	if (i < world->egress.n && now->second.v && old[i].gateway.v == now->second.v) {
		ret->gateway = now->second;
		ret->second = now->gateway;
	}
}

/* Lanes follow the names, so that an egress IP keeps its own while others come and go. */
static int take_egress(struct world *world, struct lanes *lanes)
{
	size_t n = 0;
	const struct group_egress *list = cluster_egress(world->cluster, &n);
	struct node_egress *egress = calloc(n + 1, sizeof(*egress));
	const char *names[LANE_COUNT];

	if (!egress || n > LANE_COUNT) {
		free(egress);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(egress[i].name, list[i].full_name, sizeof(egress[i].name));
		place(world, &list[i], &egress[i]);
		names[i] = egress[i].name;
	}
	if (lanes_assign(lanes, names, n)) {
		free(egress);
		return -ENOSPC;
	}
	free(world->egress.v);
	world->egress = (struct config_list){ egress, n };
	return 0;
}

static int take_gateways(struct world *world)
{
	static const struct ip4_prefixes none = { .n = 0 };
	struct ip4_prefixes members;
	struct ip4 *gateways;
	int rc = groups_exclude(cluster_groups(world->cluster), &none, &members);

	if (rc)
		return rc;
	gateways = calloc(members.n + 1, sizeof(*gateways));
	for (size_t i = 0; gateways && i < members.n; i++)
		gateways[i] = members.v[i].addr;
	world->n_gateways = gateways ? members.n : 0;
	free(members.v);
	free(world->gateways);
	world->gateways = gateways;
	return gateways ? 0 : -ENOMEM;
}

struct taking {
	struct world *world;
	struct lanes *lanes;
};

static int take(void *data, struct err *err)
{
	const struct taking *taking = data;
	int rc = take_egress(taking->world, taking->lanes);

	if (!rc)
		rc = take_gateways(taking->world);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

int world_refresh(struct world *world, struct lanes *lanes, struct err *err)
{
	struct inventory *inventory = cluster_inventory(world->cluster);
	struct taking taking = { world, lanes };
	/* A pod's route may bring us here between its object's arrival and its telling. */
	bool always = inventory_has_news(inventory);
	int rc = cluster_refresh(world->cluster, always, take, &taking, err);

	named_mark(world->options.pods, world->prefix, inventory);
	return rc;
}

const struct policy_result *world_policies(const struct world *world)
{
	return inventory_result(cluster_inventory(world->cluster));
}

const struct config_list *world_egress(const struct world *world)
{
	return &world->egress;
}

const struct ip4 *world_gateways(const struct world *world, size_t *ret_n)
{
	*ret_n = world->n_gateways;
	return world->gateways;
}

bool world_is_strict(const struct world *world)
{
	return inventory_is_strict(cluster_inventory(world->cluster));
}

bool world_is_strict6(const struct world *world)
{
	return inventory_is_strict6(cluster_inventory(world->cluster));
}

struct cluster *world_cluster(const struct world *world)
{
	return world->cluster;
}

const struct inventory *world_inventory(const struct world *world)
{
	return cluster_inventory(world->cluster);
}

void world_in_kernel(struct world *world)
{
	cluster_in_kernel(world->cluster);
}
