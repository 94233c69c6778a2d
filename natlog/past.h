// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: short lists of stints, in one piece of memory. Most have one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "nat/history.h"

struct past_cell;

struct past {                /* zeroed: empty */
	struct past_cell *v; /* by number - 1 */
	size_t n, size;
	uint32_t free; /* the first that is; 0: none */
};

/* The list's number; 0: it is empty, or there is no memory. */
uint32_t past_put(struct past *past, const struct ct_stint *stints, size_t n);
void past_drop(struct past *past, uint32_t number); /* 0 is fine */
size_t past_get(const struct past *past, uint32_t number,
		struct ct_stint ret[static CT_STINTS_MAX]);
void past_done(struct past *past);
