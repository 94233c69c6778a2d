// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Who has which ports of an egress IP that is ours, for peers who know of blocks: all of it whenever a walk begins, so that a peer
 * that is new or missed something has it, and each change as it comes.
 */
#include "base/loop.h"
#include "peer/sender_internal.h"

enum { BATCH_MS = 10 };

static bool listens(const struct link *link)
{
	return link_is_open(link) && channel_version(link->channel) >= CHANNEL_BLOCKS;
}

void blocks_flush(struct sender *sender, struct owned *owned)
{
	for (size_t i = 0; owned->blocks->n && i < sender->n_links; i++) {
		if (listens(sender->links[i]) && link_send(sender->links[i], owned->blocks))
			sender->count.blocks += owned->blocks->n;
	}
	owned->blocks->n = 0;
}

static struct owned *find(struct sender *sender, uint64_t egress)
{
	for (size_t i = 0; i < sender->n_owned; i++) {
		if (sender->owned[i].is.egress == egress)
			return &sender->owned[i];
	}
	return NULL;
}

void sender_put_block(struct sender *sender, uint64_t egress, const struct frame_block *block,
		      uint16_t ports)
{
	struct owned *owned = find(sender, egress);
	struct peer_frame *batch = owned ? owned->blocks : NULL;

	if (!owned)
		return;
	if (batch->ports != ports)
		blocks_flush(sender, owned);
	batch->ports = ports;
	batch->blocks[batch->n++] = *block;
	if (batch->n == FRAME_BLOCKS_MAX)
		blocks_flush(sender, owned);
	else if (!loop_timer_is_armed(sender->flush))
		loop_timer_arm_ms(sender->flush, BATCH_MS);
}

static void tell_all(struct sender *sender, struct link *link, uint64_t egress)
{
	const struct sender_blocks *ops = sender->blocks;
	struct peer_frame *frame = &sender->scratch;
	size_t at = 0;
	int rc = 1;

	for (bool begins = true; rc > 0; begins = false) {
		frame->kind = FRAME_BLOCKS;
		frame->egress = egress;
		frame->n = frame->ports = 0;
		rc = ops->list(egress, &at, frame, ops->data);
		frame->begins = begins;
		frame->ends = rc <= 0;
		if (rc < 0 || !link_send(link, frame))
			return;
		sender->count.blocks += frame->n;
	}
}

void blocks_tell_link(struct sender *sender, struct link *link)
{
	for (size_t i = 0; sender->blocks && listens(link) && i < sender->n_owned; i++)
		tell_all(sender, link, sender->owned[i].is.egress);
}

void sender_tell_blocks(struct sender *sender)
{
	/* What waits is part of what comes. */
	for (size_t i = 0; i < sender->n_owned; i++)
		sender->owned[i].blocks->n = 0;
	for (size_t i = 0; i < sender->n_links; i++)
		blocks_tell_link(sender, sender->links[i]);
}
