// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: who had a block of ports then, by lines that say that one began, and lines that say that one ended. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct search_answer;
struct search_hit;
struct search_hits;

bool search_hits_add(struct search_hits *hits, const struct search_hit *hit); /* false: no memory */
void search_hits_done(struct search_hits *hits);

/*
 * `lines`: those that ended then or later, those that ended before, those that began; each the latest first, of one log. What the
 * answer is goes to it, of what ended before `most_before`. 0; -ENOMEM.
 */
int search_blocks_settle(struct search_hits *lines, size_t most_before,
			 struct search_answer *answer);
