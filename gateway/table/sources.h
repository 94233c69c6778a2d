// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: the sources that a gateway takes packets from, and where from. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct gateway_view;
struct policy_class;

struct source_part {
	uint32_t mark; /* of the node, or GATEWAY_NATIVE_MARK */
	struct ip4_range range;
	size_t class_index; /* in view->policies */
};
/*
 * More addresses than that side by side are a range; fewer go address by address: a range is dear to change (the kernel copies
 * the whole set for each transaction), and neighbours are what pods of one node usually are.
 */
bool source_part_is_range(const struct source_part *part);

/* Each part of a class's members that lives in one range of a node, or of the native sources. */
void sources_each(const struct gateway_view *view,
		  void (*take)(const struct source_part *part, void *data), void *data);
