// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: lines of the log that may be an answer; of too many those of the highest order stay. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line that may be an answer. */
struct place {
	int64_t order; /* the lowest is dropped when there are too many */
	size_t file;
	uint64_t at;
};

/* A heap with the lowest order on top. */
struct places {
	struct place *v;
	size_t n, size, most;
	bool is_cut;
};

bool places_put(struct places *places, struct place place); /* false: no memory */
void places_sort(struct places *places); /* the highest first; nothing is put after it */
/* The one before is the same: told by an index, before it turned out to be spoilt, and found by reading through. */
bool places_is_again(const struct places *places, size_t i);
