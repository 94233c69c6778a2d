// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Lives of flows, for peers who know of them: behind the flow itself when it begins, and with what was counted so far in walks. In a
 * refresh those of a part of all flows, so that it costs what it costs however many there are. Of an egress IP that is being
 * handed over all once more, at once, and then no counts any more: from then on both gateways translate, and only the other
 * one's count.
 */
#include <stdlib.h>

#include "base/loop.h"
#include "peer/sender_internal.h"

enum { BATCH_MS = 10, PER_REFRESH = 16384, SHARE_ONE = 1 << 16 };

void tales_flush(struct sender *sender, struct owned *owned)
{
	struct peer_frame *tales = owned->tales;

	for (size_t i = 0; tales->n && i < sender->n_links; i++) {
		struct link *link = sender->links[i];

		if (!link_is_open(link) || channel_version(link->channel) < CHANNEL_TALES)
			continue;
		for (size_t j = 0; link_is_open(link) && j < tales->n; j++)
			link_tell_who(link, &tales->tales[j].tale);
		if (link_is_open(link))
			(void)link_send(link, tales);
	}
	tales->n = 0;
}

static bool has_listener(const struct sender *sender)
{
	for (size_t i = 0; i < sender->n_links; i++) {
		const struct link *link = sender->links[i];

		if (link_is_open(link) && channel_version(link->channel) >= CHANNEL_TALES)
			return true;
	}
	return false;
}

void tales_put(struct sender *sender, struct owned *owned, const struct ct_flow *flow,
	       const struct ct_account *account)
{
	const struct sender_tales *ops = sender->tell;
	struct frame_tale *item = &owned->tales->tales[owned->tales->n];

	if (!ops || !has_listener(sender) || !ops->tell(flow, account, &item->tale, ops->data))
		return;
	item->orig = flow->orig;
	sender->count.tales++;
	/* They stand behind the flows that they are about. */
	if (++owned->tales->n == FRAME_TALES_MAX)
		sender_flush(sender);
	else if (!loop_timer_is_armed(sender->flush))
		loop_timer_arm_ms(sender->flush, BATCH_MS);
}

/* Another part each time. */
static bool is_in_part(const struct sender *sender, const struct owned *owned,
		       const struct ct_flow *flow)
{
	const uint64_t hash = told_hash(&flow->orig, owned->is.egress ^ sender->dice);

	return sender->n_last <= PER_REFRESH ||
	       hash % SHARE_ONE < PER_REFRESH * (uint64_t)SHARE_ONE / sender->n_last;
}

bool tales_are_due(const struct sender *sender, const struct owned *owned,
		   const struct ct_flow *flow)
{
	if (!sender->tell || owned->last == LAST_DUE || owned->last == LAST_TOLD)
		return false;
	return sender->kind == WALK || owned->last == LAST_NOW || is_in_part(sender, owned, flow);
}

void tales_set_leaving(struct sender *sender, struct owned *owned, bool is_leaving)
{
	if (is_leaving == owned->is.is_leaving)
		return;
	owned->is.is_leaving = is_leaving;
	owned->last = is_leaving ? LAST_DUE : LAST_NONE;
	if (is_leaving && sender->tell)
		sender_refresh_now(sender);
}

void tales_walk(struct sender *sender, bool begins)
{
	for (size_t i = 0; i < sender->n_owned; i++) {
		struct owned *owned = &sender->owned[i];

		if (begins && owned->last == LAST_DUE)
			owned->last = LAST_NOW;
		else if (!begins && owned->last == LAST_NOW)
			owned->last = LAST_TOLD;
	}
	if (!begins)
		sender->n_last = sender->n_found;
	sender->n_found = 0;
}
