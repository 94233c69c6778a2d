// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: which addresses' class is another one than when it was last looked, while the policies stayed as they were. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

struct inventory;

struct moved_address {
	struct ip4 address;
	uint64_t class;
};

struct moved { /* as last looked; sorted; only addresses with a class */
	struct moved_address *v;
	size_t n;
};

/* Calls for each difference, and remembers what is now. -ENOMEM: nothing was done. */
int moved_look(struct moved *moved, const struct inventory *inventory,
	       void (*fn)(struct ip4 address, void *data), void *data);
void moved_done(struct moved *moved);
