// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/places.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/gateway.h"

static void nodes_done(struct config_list *nodes)
{
	struct gateway_node *v = nodes->v;

	for (size_t i = 0; v && i < nodes->n; i++)
		free(v[i].pod_cidrs.v);
	free(v);
	*nodes = (struct config_list){ 0 };
}

static int compare_places(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	if (a->node.v != b->node.v)
		return a->node.v < b->node.v ? -1 : 1;
	return a->pod.v < b->pod.v ? -1 : a->pod.v > b->pod.v;
}

static size_t count_same(const struct place *places, size_t n)
{
	size_t same = 1;

	while (same < n && places[same].node.v == places[0].node.v)
		same++;
	return same;
}

static int add_node(struct config_list *nodes, const struct place *places, size_t n)
{
	struct gateway_node *v = nodes->v, *node = &v[nodes->n];

	snprintf(node->name, sizeof(node->name), "%s", places[0].name);
	node->address = places[0].node;
	node->pod_cidrs.v = calloc(n, sizeof(*node->pod_cidrs.v));
	if (!node->pod_cidrs.v)
		return -ENOMEM;
	node->pod_cidrs.n = n;
	for (size_t i = 0; i < n; i++)
		node->pod_cidrs.v[i] = (struct ip4_prefix){ places[i].pod, 32 };
	nodes->n++;
	return 0;
}

static size_t count_nodes(const struct place *places, size_t n)
{
	size_t nodes = 0;

	for (size_t i = 0; i < n; i += count_same(&places[i], n - i))
		nodes++;
	return nodes;
}

int places_list(struct config_list *nodes, struct place *places, size_t n)
{
	struct config_list list = { 0 };
	size_t same;
	int rc = 0;

	if (n)
		qsort(places, n, sizeof(*places), compare_places);
	list.v = calloc(count_nodes(places, n) + 1, sizeof(struct gateway_node));
	if (!list.v)
		return -ENOMEM;
	for (size_t i = 0; i < n && !rc; i += same) {
		same = count_same(&places[i], n - i);
		rc = add_node(&list, &places[i], same);
	}
	if (rc) {
		nodes_done(&list);
		return rc;
	}
	nodes_done(nodes);
	*nodes = list;
	return 0;
}

static size_t find_node(const struct config_list *nodes, struct ip4 address, bool *ret_found)
{
	const struct gateway_node *v = nodes->v;
	size_t low = 0, high = nodes->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v[middle].address.v < address.v)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < nodes->n && v[low].address.v == address.v;
	return low;
}

static size_t find_pod(const struct ip4_prefixes *pods, struct ip4 address, bool *ret_found)
{
	size_t low = 0, high = pods->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pods->v[middle].addr.v < address.v)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < pods->n && pods->v[low].addr.v == address.v;
	return low;
}

static int put_node(struct config_list *nodes, size_t index, const struct place *place)
{
	struct config_list one = { .v = NULL };
	struct gateway_node *v = reallocarray(nodes->v, nodes->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	nodes->v = v;
	memmove(&v[index + 1], &v[index], (nodes->n - index) * sizeof(*v));
	memset(&v[index], 0, sizeof(*v));
	one.v = &v[index];
	if (add_node(&one, place, 1)) {
		memmove(&v[index], &v[index + 1], (nodes->n - index) * sizeof(*v));
		return -ENOMEM;
	}
	nodes->n++;
	return PLACES_NODE;
}

int places_put(struct config_list *nodes, const struct place *place)
{
	struct gateway_node *v = nodes->v;
	bool found;
	size_t index = find_node(nodes, place->node, &found);

	if (!found)
		return put_node(nodes, index, place);
	struct ip4_prefixes *pods = &v[index].pod_cidrs;
	size_t at = find_pod(pods, place->pod, &found);

	if (found)
		return -EEXIST;
	struct ip4_prefix *more = reallocarray(pods->v, pods->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	pods->v = more;
	memmove(&more[at + 1], &more[at], (pods->n - at) * sizeof(*more));
	more[at] = (struct ip4_prefix){ place->pod, 32 };
	pods->n++;
	return 0;
}

int places_drop(struct config_list *nodes, const struct place *place)
{
	struct gateway_node *v = nodes->v;
	bool found;
	size_t index = find_node(nodes, place->node, &found);

	if (!found)
		return -ENOENT;
	struct ip4_prefixes *pods = &v[index].pod_cidrs;
	size_t at = find_pod(pods, place->pod, &found);

	if (!found)
		return -ENOENT;
	pods->n--;
	memmove(&pods->v[at], &pods->v[at + 1], (pods->n - at) * sizeof(*pods->v));
	if (pods->n)
		return 0;
	free(pods->v);
	nodes->n--;
	memmove(&v[index], &v[index + 1], (nodes->n - index) * sizeof(*v));
	return PLACES_NODE;
}
