// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: what the gateways of a group tell each other of blocks (FRAME_BLOCKS), and what one makes of it: who serves an egress IP
 * says who has which block, and those who don't have the same, so that whoever takes it over gives nobody's ports to somebody else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"

struct blocks;
struct peer_frame;

/* What was heard of one egress IP. Zeroed: nothing. */
struct blocks_ear {
	bool *seen; /* between the frame that begins and the one that ends all: whose word came; else NULL */
	bool is_refused; /* what was told last doesn't fit */
};
void blocks_ear_clear(struct blocks_ear *ear);

/*
 * The next of all that an egress IP has, those that rest too: into ret's ports, n and blocks. *at: 0 at first, then as it was left.
 * False: that was all.
 */
bool blocks_list(const struct blocks *blocks, unsigned egress, size_t *at, struct mono now,
		 struct peer_frame *ret);
/*
 * Takes a frame of who serves the egress IP, unless this gateway does. False: the other one's blocks are others than those that the
 * configuration makes here. Then nothing is taken until all that fits is told: what was known stays.
 */
bool blocks_hear(struct blocks *blocks, struct blocks_ear *ear, unsigned egress,
		 const struct peer_frame *frame, struct mono now);
