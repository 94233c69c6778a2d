// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/moves.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "gateway/table/places.h"
#include "policy/inventory.h"

bool moves_is_ours(const struct policy_class *class)
{
	for (size_t i = 0; class && i < class->n_rules; i++) {
		if (class->rules[i].egress != POLICY_EGRESS_NONE)
			return true;
	}
	return false;
}

static int init(struct moves *moves, size_t n)
{
	*moves = (struct moves){ .v = calloc(n + 1, sizeof(*moves->v)),
				 .new_nodes = calloc(n + 1, sizeof(struct ip4)),
				 .gone_nodes = calloc(n + 1, sizeof(struct ip4)) };
	if (moves->v && moves->new_nodes && moves->gone_nodes)
		return 0;
	moves_done(moves);
	return -ENOMEM;
}

void moves_done(struct moves *moves)
{
	free(moves->v);
	free(moves->new_nodes);
	free(moves->gone_nodes);
	*moves = (struct moves){ .v = NULL };
}

static bool is_native(const struct gateway_config *config, struct ip4 address)
{
	const struct ip4_prefixes *native = &config->native.source_cidrs;

	for (size_t i = 0; i < native->n; i++) {
		if (ip4_prefix_contains(native->v[i], address))
			return true;
	}
	return false;
}

/* Where an address of that node and class is taken from; node 0: nowhere. */
static struct place find_place(const struct moves_options *options, struct ip4 pod,
			       const char *node, uint64_t class)
{
	struct place place = { .pod = pod, .name = node };

	if (class && moves_is_ours(policy_class_find(options->policies, class)))
		place.node = options->node_address(node, options->data);
	return place;
}

static void note_node(struct ip4 *nodes, size_t *n, int rc, struct ip4 node)
{
	if (rc == PLACES_NODE)
		nodes[(*n)++] = node;
}

/* What comes before what goes, so that a node that keeps a pod stays. */
static int put_places(struct gateway_config *config, struct moves *moves, const struct place *now,
		      const struct place *was)
{
	int rc = 0;

	for (size_t i = 0; i < moves->n && rc >= 0; i++) {
		if (now[i].node.v && now[i].node.v != was[i].node.v)
			rc = places_put(&config->nodes, &now[i]);
		note_node(moves->new_nodes, &moves->n_new, rc, now[i].node);
		rc = rc < 0 ? rc : 0;
	}
	for (size_t i = 0; i < moves->n && rc >= 0; i++) {
		if (was[i].node.v && now[i].node.v != was[i].node.v)
			rc = places_drop(&config->nodes, &was[i]);
		note_node(moves->gone_nodes, &moves->n_gone, rc, was[i].node);
		rc = rc < 0 ? rc : 0;
	}
	return rc;
}

static int move_all(const struct moves_options *options, const struct inventory_changes *changes,
		    struct moves *moves)
{
	CLEANUP(cleanup_free) struct place *places = calloc(2 * changes->n + 1, sizeof(*places));
	struct place *now = places, *was;
	int rc;

	if (!places)
		return -ENOMEM;
	was = places + changes->n;
	for (size_t i = 0; i < changes->n; i++) {
		const struct inventory_delta *delta = &changes->v[i];

		if (is_native(options->config, delta->address))
			return -EAGAIN;
		now[i] = find_place(options, delta->address, delta->node, delta->class);
		was[i] = find_place(options, delta->address, delta->old_node, delta->old_class);
		moves->v[moves->n++] = (struct move){ .pod = delta->address,
						      .old_node = was[i].node,
						      .node = now[i].node,
						      .old_class = delta->old_class,
						      .class = delta->class };
	}
	rc = put_places(options->config, moves, now, was);
	return rc == -ENOENT || rc == -EEXIST ? -EAGAIN : rc;
}

int moves_make(const struct moves_options *options, const struct inventory_changes *changes,
	       struct moves *ret)
{
	int rc = init(ret, changes->n);

	if (rc)
		return rc;
	rc = move_all(options, changes, ret);
	if (rc)
		moves_done(ret);
	return rc;
}
