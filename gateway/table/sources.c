// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/sources.h"

#include "gateway/table/desired.h"

enum { RANGE_MIN = 256 }; /* addresses */

struct walk {
	const struct gateway_view *view;
	void (*take)(const struct source_part *part, void *data);
	void *data;
};

bool source_part_is_range(const struct source_part *part)
{
	return part->range.last - part->range.first >= RANGE_MIN;
}

/* Members are sorted and disjoint: the first one that can touch the range, by bisection. */
static size_t first_member(const struct policy_result *policies, uint32_t address)
{
	size_t low = 0, high = policies->n_members;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (policies->members[middle].range.last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void take_members(const struct walk *walk, uint32_t mark, struct ip4_range where)
{
	const struct policy_result *policies = walk->view->policies;

	for (size_t i = first_member(policies, where.first);
	     i < policies->n_members && policies->members[i].range.first <= where.last; i++) {
		struct source_part part = { .mark = mark,
					    .range = policies->members[i].range,
					    .class_index = policies->members[i].class_index };

		if (part.range.first < where.first)
			part.range.first = where.first;
		if (part.range.last > where.last)
			part.range.last = where.last;
		walk->take(&part, walk->data);
	}
}

static void take_pod(const struct walk *walk, uint32_t mark, struct ip4 address)
{
	const struct policy_class *class = gateway_class_of(walk->view, address);

	if (!class)
		return;
	const struct source_part part = {
		.mark = mark,
		.range = { address.v, address.v },
		.class_index = (size_t)(class - walk->view->policies->classes),
	};

	walk->take(&part, walk->data);
}

static void take_node(const struct walk *walk, const struct gateway_node *node)
{
	uint32_t mark = gateway_node_mark(node->address);

	for (size_t i = 0; i < node->pod_cidrs.n; i++) {
		if (walk->view->inventory)
			take_pod(walk, mark, node->pod_cidrs.v[i].addr);
		else
			take_members(walk, mark, ip4_prefix_range(node->pod_cidrs.v[i]));
	}
}

void sources_each(const struct gateway_view *view,
		  void (*take)(const struct source_part *part, void *data), void *data)
{
	const struct walk walk = { view, take, data };
	const struct gateway_node *nodes = view->config->nodes.v;
	const struct ip4_prefixes *native = &view->config->native.source_cidrs;

	for (size_t i = 0; i < view->config->nodes.n; i++)
		take_node(&walk, &nodes[i]);
	for (size_t i = 0; i < native->n; i++)
		take_members(&walk, GATEWAY_NATIVE_MARK, ip4_prefix_range(native->v[i]));
}
