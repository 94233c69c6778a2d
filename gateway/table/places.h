// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: the nodes that host selected pods, with these pods' addresses, as the configuration has nodes (struct
 * gateway_node): sorted by address, and so are the addresses in them. All of them at once, or one more or less.
 */
#pragma once

#include <stddef.h>

#include "base/config.h"
#include "base/ip4.h"

struct place {
	struct ip4 node, pod;
	const char *name; /* of the node */
};

/* `places`, each once, are sorted here. *nodes is replaced. -ENOMEM: it stays. */
int places_list(struct config_list *nodes, struct place *places, size_t n);

enum places_code {
	PLACES_NODE = 1, /* done, and its node is new, or gone */
};
/* 0; PLACES_NODE; -EEXIST: it is there; -ENOMEM. */
int places_put(struct config_list *nodes, const struct place *place);
/* 0; PLACES_NODE; -ENOENT: it isn't there. */
int places_drop(struct config_list *nodes, const struct place *place);
