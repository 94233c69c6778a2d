// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has which ports of an egress IP is said by one gateway, and known to all. */
#include "gateway/group/failover_internal.h"

#include <errno.h>

static struct charge *find(const struct failover *f, uint64_t hash)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i]->hash == hash)
			return f->v[i];
	}
	return NULL;
}

static int list(uint64_t egress, size_t *at, struct peer_frame *ret, void *data)
{
	const struct failover *f = data;
	const struct charge *c = find(f, egress);

	return c ? f->options.blocks.list(c->index, at, ret, f->options.data) : -EAGAIN;
}

static void hear(const char *peer, const struct peer_frame *frame, void *data)
{
	const struct failover *f = data;
	const struct charge *c = find(f, frame->egress);

	if (c)
		f->options.blocks.hear(c->index, peer, frame, f->options.data);
}

struct replica_blocks blocks_of(struct failover *f)
{
	return (struct replica_blocks){ .tell = { list, f }, .take = hear, .data = f };
}

/* Who tells of connections: in a planned change he who gives it away, as long as he does. */
void blocks_follow_lead(struct charge *c)
{
	const struct failover *f = c->failover;
	const bool leads = !f->fenced[c->index] &&
			   decide_replicates(&c->decide, mono_now()) == DECIDE_REPLICATE_SEND;

	if (leads == c->leads)
		return;
	c->leads = leads;
	f->options.on_lead(c->index, f->options.data);
}

bool failover_leads(const struct failover *f, size_t egress)
{
	return egress < f->n && f->v[egress]->leads;
}

void failover_put_block(struct failover *f, size_t egress, const struct frame_block *block,
			uint16_t ports)
{
	if (f->replica && egress < f->n)
		replica_put_block(f->replica, f->v[egress]->hash, block, ports);
}

void failover_tell_blocks(struct failover *f)
{
	if (f->replica)
		replica_tell_blocks(f->replica);
}

void failover_want_blocks(struct failover *f)
{
	if (f->replica)
		replica_want_blocks(f->replica);
}
