// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/cluster.h"
#include "gateway/eks.h"
#include "gateway/table/moves.h"
#include "gateway/table/places.h"
#include "policy/facts.h"

struct world {
	struct world_options options;
	struct cluster *cluster;
	struct eks *eks; /* NULL: the login is another */
};

static void on_change(unsigned what, void *data)
{
	struct world *world = data;

	if (what == CLUSTER_IGNORED) {
		world->options.on_ignored(world->options.data);
		return;
	}
	world->options.on_change(what & (CLUSTER_EGRESS | CLUSTER_SYNCED), world->options.data);
}

static void on_login_known(void *data)
{
	struct world *world = data;

	cluster_begin(world->cluster);
}

/* True: it is another login, or that of EKS is under way. */
static bool open_login(struct world *world, const struct gateway_config *file, struct err *err)
{
	if (file->kubernetes.eks.cluster[0])
		world->eks = eks_new(world->options.loop, file, on_login_known, world, err);
	return world->eks || !file->kubernetes.eks.cluster[0];
}

static bool on_pods(const struct inventory_changes *changes, void *data)
{
	struct world *world = data;

	return world->options.on_pods(changes, world->options.data);
}

struct world *world_new(const struct world_options *options, struct err *err)
{
	const struct gateway_config *file = options->file;
	struct world *world = calloc(1, sizeof(*world));

	if (!world) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	world->options = *options;
	if (!open_login(world, file, err)) {
		world_free(world);
		return NULL;
	}
	const struct cluster_options cluster = { .loop = options->loop,
						 .conf = &file->kubernetes,
						 .token = eks_token,
						 .token_data = world->eks,
						 .is_held = world->eks,
						 .group = file->kubernetes.group,
						 .excluded = &file->always_excluded,
						 .on_change = on_change,
						 .on_pods = on_pods,
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
	eks_free(world->eks);
	free(world);
}

bool world_is_known(const struct world *world)
{
	return cluster_is_synced(world->cluster);
}

int world_configure(struct world *world, const struct gateway_config *file)
{
	world->options.file = file;
	return cluster_exclude(world->cluster, &file->always_excluded);
}

static const struct gateway_egress *find_configured(const struct gateway_config *file,
						    const char *name)
{
	const struct gateway_egress *list = file->egress_ips.v;

	for (size_t i = 0; i < file->egress_ips.n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static int make_egress(const struct gateway_config *file, const struct group_egress *from,
		       struct gateway_egress *ret, struct err *err)
{
	const struct gateway_egress *configured = find_configured(file, from->name);

	if (strlen(from->tag) >= sizeof(ret->tag))
		return err_set(err, -EINVAL, "egress IP %s: the tag has more than %zu characters",
			       from->name, sizeof(ret->tag) - 1);
	memcpy(ret->name, from->name, sizeof(ret->name));
	if (file->ownership == OWNERSHIP_STATIC) {
		/* The Elastic IP is the object's word, the private address the file's. */
		ret->public = from->public_ip;
		if (configured && configured->public.v == from->public_ip.v)
			ret->private = configured->private;
		return 0;
	}
	ret->public = from->public_ip;
	memcpy(ret->allocation_id, from->allocation_id, sizeof(ret->allocation_id));
	stpcpy(ret->tag, from->tag);
	return 0;
}

static char *dump_config(const struct gateway_config *file, size_t *ret_length)
{
	CLEANUP(cleanup_free) char *text = NULL;
	FILE *out = open_memstream(&text, ret_length);

	if (!out)
		return NULL;
	int rc = config_dump(&gateway_config_table, file, out);

	if (fclose(out) || rc)
		return NULL;
	return TAKE_PTR(text);
}

/* Dumping and reading it again copies all that the table knows, and will know. */
static struct gateway_config *copy_config(const struct gateway_config *file, struct err *err)
{
	size_t length = 0;
	CLEANUP(cleanup_free) char *text = dump_config(file, &length);
	CLEANUP(cleanup_free) struct gateway_config *copy = malloc(sizeof(*copy));

	if (!copy || !text) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	if (config_parse(&gateway_config_table, text, length, copy, err))
		return NULL;
	return TAKE_PTR(copy);
}

struct gateway_config *world_config(const struct world *world, struct err *err)
{
	const struct gateway_config *file = world->options.file;
	size_t n = 0;
	const struct group_egress *list = cluster_egress(world->cluster, &n);
	struct gateway_config *config = copy_config(file, err);
	struct gateway_egress *egress = config ? calloc(n + 1, sizeof(*egress)) : NULL;
	int rc = 0;

	if (!config)
		return NULL;
	if (!egress)
		rc = err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; egress && i < n && !rc; i++)
		rc = make_egress(file, &list[i], &egress[i], err);
	if (rc) {
		free(egress);
		config_done(&gateway_config_table, config);
		free(config);
		return NULL;
	}
	free(config->egress_ips.v);
	config->egress_ips = (struct config_list){ egress, n };
	return config;
}

static int list_places(const struct world *world, struct place **ret, size_t *ret_n)
{
	const struct inventory *inventory = cluster_inventory(world->cluster);
	struct inventory_address at;
	size_t cursor = 0, n = 0, i = 0;

	while (inventory_next_address(inventory, &cursor, &at))
		n++;
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	cursor = 0;
	while (inventory_next_address(inventory, &cursor, &at) && i < n) {
		struct ip4 node = cluster_node_address(world->cluster, at.node);

		if (node.v && at.class && moves_is_ours(inventory_class_of(inventory, at.address)))
			(*ret)[i++] = (struct place){ node, at.address, at.node };
	}
	*ret_n = i;
	return 0;
}

struct taking {
	const struct world *world;
	struct gateway_config *config;
};

static int take_nodes(void *data, struct err *err)
{
	CLEANUP(cleanup_free) struct place *places = NULL;
	const struct taking *taking = data;
	size_t n = 0;
	int rc = list_places(taking->world, &places, &n);

	if (!rc)
		rc = places_list(&taking->config->nodes, places, n);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

int world_refresh(struct world *world, struct gateway_config *config, struct err *err)
{
	struct taking taking = { world, config };

	return cluster_refresh(world->cluster, !config->nodes.v, take_nodes, &taking, err);
}

static struct ip4 node_address(const char *name, void *data)
{
	return cluster_node_address(data, name);
}

int world_move(const struct world *world, struct gateway_config *config,
	       const struct inventory_changes *changes, struct moves *ret)
{
	const struct moves_options options = { .config = config,
					       .policies = world_policies(world),
					       .node_address = node_address,
					       .data = world->cluster };

	return moves_make(&options, changes, ret);
}

const struct policy_result *world_policies(const struct world *world)
{
	return inventory_result(cluster_inventory(world->cluster));
}

struct cluster *world_cluster(const struct world *world)
{
	return world->cluster;
}
