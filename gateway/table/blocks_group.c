// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/blocks_group.h"

#include <stdlib.h>

#include "gateway/table/blocks.h"
#include "peer/frame.h"

static size_t count(const struct blocks *blocks, unsigned egress, struct mono now)
{
	return blocks_numbers(blocks, egress, now).blocks;
}

bool blocks_list(const struct blocks *blocks, unsigned egress, size_t *at, struct mono now,
		 struct peer_frame *ret)
{
	const size_t all = count(blocks, egress, now);

	ret->ports = blocks_ports(blocks);
	for (ret->n = 0; *at < all && ret->n < FRAME_BLOCKS_MAX; (*at)++) {
		struct block block;
		const enum blocks_slot is = blocks_slot_at(blocks, egress, *at, now, &block);

		if (is != BLOCKS_FREE)
			ret->blocks[ret->n++] = (struct frame_block){ block.source,
								      block.first_port,
								      is == BLOCKS_GIVEN };
	}
	return *at < all;
}

static struct block block_of(unsigned egress, const struct peer_frame *frame, size_t i)
{
	const struct frame_block *is = &frame->blocks[i];

	return (struct block){ .source = is->source,
			       .egress = egress,
			       .first_port = is->first_port,
			       .last_port = (uint16_t)(is->first_port + frame->ports - 1) };
}

static bool fits(const struct blocks *blocks, unsigned egress, const struct peer_frame *frame)
{
	bool good = frame->ports == blocks_ports(blocks);

	for (size_t i = 0; good && i < frame->n; i++) {
		const struct block block = block_of(egress, frame, i);

		good = blocks_fit(blocks, &block);
	}
	return good;
}

void blocks_ear_clear(struct blocks_ear *ear)
{
	free(ear->seen);
	*ear = (struct blocks_ear){ .seen = NULL };
}

/* The number of a block is how far it lies from the first one. */
static size_t number_of(const struct blocks *blocks, const struct block *block)
{
	return (block->first_port - blocks_shared(blocks).last_port - 1u) / blocks_ports(blocks);
}

/* What nobody told of is given back. */
static void end(struct blocks *blocks, const struct blocks_ear *ear, unsigned egress,
		struct mono now)
{
	const size_t all = count(blocks, egress, now);

	for (size_t i = 0; ear->seen && i < all; i++) {
		struct block block;

		if (!ear->seen[i] && blocks_slot_at(blocks, egress, i, now, &block) == BLOCKS_GIVEN)
			(void)blocks_follow(blocks, &block, false, now);
	}
}

bool blocks_hear(struct blocks *blocks, struct blocks_ear *ear, unsigned egress,
		 const struct peer_frame *frame, struct mono now)
{
	if (frame->begins)
		blocks_ear_clear(ear);
	if (ear->is_refused || !fits(blocks, egress, frame)) {
		blocks_ear_clear(ear);
		ear->is_refused = true;
		return false;
	}
	if (!blocks_ports(blocks) || blocks_leads(blocks, egress))
		return true;
	/* Without memory nothing is given back now; all is told again after a while. */
	if (frame->begins)
		ear->seen = calloc(count(blocks, egress, now) + 1, sizeof(*ear->seen));
	for (size_t i = 0; i < frame->n; i++) {
		const struct block block = block_of(egress, frame, i);
		const bool is_given = frame->blocks[i].is_given;

		(void)blocks_follow(blocks, &block, is_given, now);
		if (ear->seen)
			ear->seen[number_of(blocks, &block)] = is_given;
	}
	if (!frame->ends)
		return true;
	end(blocks, ear, egress, now);
	blocks_ear_clear(ear);
	return true;
}
