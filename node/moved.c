// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/moved.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/facts.h"

static int compare(const void *pa, const void *pb)
{
	const struct moved_address *a = pa, *b = pb;

	return (a->address.v > b->address.v) - (a->address.v < b->address.v);
}

static int list(const struct inventory *inventory, struct moved *ret)
{
	struct inventory_address at;
	size_t cursor = 0, n = 0;

	while (inventory_next_address(inventory, &cursor, &at))
		n++;
	ret->v = calloc(n + 1, sizeof(*ret->v));
	ret->n = 0;
	if (!ret->v)
		return -ENOMEM;
	cursor = 0;
	while (ret->n < n && inventory_next_address(inventory, &cursor, &at)) {
		if (at.class)
			ret->v[ret->n++] = (struct moved_address){ at.address, at.class };
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

int moved_look(struct moved *moved, const struct inventory *inventory,
	       void (*fn)(struct ip4 address, void *data), void *data)
{
	struct moved now;
	size_t i = 0, j = 0;

	if (list(inventory, &now))
		return -ENOMEM;
	while (i < moved->n || j < now.n) {
		int order = i == moved->n ? 1 : j == now.n ? -1 : compare(&moved->v[i], &now.v[j]);

		if (order < 0)
			fn(moved->v[i].address, data);
		else if (order > 0 || moved->v[i].class != now.v[j].class)
			fn(now.v[j].address, data);
		i += order <= 0;
		j += order >= 0;
	}
	free(moved->v);
	*moved = now;
	return 0;
}

void moved_done(struct moved *moved)
{
	free(moved->v);
	*moved = (struct moved){ .v = NULL };
}
