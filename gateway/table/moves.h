// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what the inventory tells of addresses, as a gateway sees it: which are taken from where now. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct gateway_config;
struct inventory_changes;
struct policy_class;
struct policy_result;

/* An address, and where its packets are taken from: a node and a class (a key), or nowhere. */
struct move {
	struct ip4 pod;
	struct ip4 old_node, node; /* v == 0: none */
	uint64_t old_class, class;
};

struct moves {
	struct move *v;
	size_t n;
	/* Nodes that have their first pod now, and those that have none any more. As many as moves at most. */
	struct ip4 *new_nodes, *gone_nodes;
	size_t n_new, n_gone;
};

struct moves_options {
	struct gateway_config *config; /* its nodes are brought up to date */
	const struct policy_result *policies;
	struct ip4 (*node_address)(const char *name, void *data); /* v == 0: not known */
	void *data;
};

/*
 * *ret is for moves_done. -EAGAIN: the changes need a whole computation, since they concern native sources, or don't fit to
 * what is there; -ENOMEM. After either config->nodes is no good until it's made anew.
 */
int moves_make(const struct moves_options *options, const struct inventory_changes *changes,
	       struct moves *ret);
void moves_done(struct moves *moves);

/* Pods that only others' egress IPs are for needn't be known here. NULL isn't. */
bool moves_is_ours(const struct policy_class *class);
