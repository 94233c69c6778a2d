// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * All that is told of one egress IP's flows goes through one batch, so that it keeps its order, whether it's from an event
 * or from a walk, and goes to all peers that are open. What a walk reads may be older than an event that was told
 * meanwhile: such a flow is left out of the walk.
 */
#include "peer/sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "nat/flow.h"
#include "peer/sender_internal.h"
#include "peer/told.h"

enum {
	BATCH_MS = 10,
	LOOK_MS = 1000,
	TOLD_MAX = 1 << 18 /* 4 MB; beyond, a walk may tell what is older than an event */
};

const char *sender_name(const struct sender *sender)
{
	return sender->name;
}

uint64_t sender_boot(const struct sender *sender)
{
	return sender->boot;
}

struct loop *sender_loop(const struct sender *sender)
{
	return sender->loop;
}

const struct peer_keys *sender_keys(const struct sender *sender)
{
	return &sender->keys;
}

const struct sender_times *sender_times(const struct sender *sender)
{
	return &sender->times;
}

struct peer_frame *sender_scratch(struct sender *sender)
{
	return &sender->scratch;
}

/* ---- what is told */

static void flush_batch(struct sender *sender, struct owned *owned)
{
	/* Whose ports a connection has is known before it is. */
	blocks_flush(sender, owned);
	for (size_t i = 0; owned->batch->n && i < sender->n_links; i++) {
		if (link_is_open(sender->links[i]))
			(void)link_send(sender->links[i], owned->batch);
	}
	owned->batch->n = 0;
	tales_flush(sender, owned);
}

void sender_flush(void *data)
{
	struct sender *sender = data;

	loop_timer_disarm(sender->flush);
	for (size_t i = 0; i < sender->n_owned; i++)
		flush_batch(sender, &sender->owned[i]);
	sender_pace(sender);
}

void sender_put(struct sender *sender, struct owned *owned, enum ct_flow_change change,
		const struct ct_flow *flow)
{
	struct peer_frame *batch = owned->batch;

	batch->flows[batch->n++] = (struct frame_flow){ .change = change, .flow = *flow };
	sender->count.told++;
	if (batch->n == FRAME_FLOWS_MAX)
		flush_batch(sender, owned);
	else if (!loop_timer_is_armed(sender->flush))
		loop_timer_arm_ms(sender->flush, BATCH_MS);
}

struct owned *sender_find(struct sender *sender, struct ip4 address)
{
	for (size_t i = 0; i < sender->n_owned; i++) {
		if (sender->owned[i].is.address.v == address.v)
			return &sender->owned[i];
	}
	return NULL;
}

/*
 * What becomes of an event. False: it isn't worth a word. A connection that was only asked for is asked for again; one
 * that has ended was told to be gone when it ended, not when its entry goes.
 */
static bool translate(const struct ct_flow *flow, enum ct_flow_change *change)
{
	uint8_t state = flow->tcp_state;

	if (flow->orig.protocol == IPPROTO_SCTP)
		return false;
	if (flow->orig.protocol != IPPROTO_TCP)
		return true;
	if (*change == CT_FLOW_GONE)
		return state != TCP_CONNTRACK_TIME_WAIT && state != TCP_CONNTRACK_CLOSE;
	if (state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE)
		*change = CT_FLOW_GONE;
	else if (state == TCP_CONNTRACK_SYN_RECV)
		*change = CT_FLOW_NEW;
	else
		*change = CT_FLOW_IS;
	return state >= TCP_CONNTRACK_SYN_RECV && state <= TCP_CONNTRACK_CLOSE;
}

static void on_event(enum ct_flow_change change, const struct ct_flow *flow, void *data)
{
	struct sender *sender = data;
	struct owned *owned = sender_find(sender, flow->nat);

	if (!owned || !translate(flow, &change))
		return;
	if (sender->walk)
		told_add(&sender->told, told_hash(&flow->orig, owned->is.egress));
	sender_put(sender, owned, change, flow);
	if (change == CT_FLOW_NEW)
		tales_put(sender, owned, flow, NULL);
}

static void spoil(struct sender *sender)
{
	sender->spoilt = true;
	for (size_t i = 0; i < sender->n_links; i++)
		sender->links[i]->walked = false;
	sender_want_walk(sender);
}

static void on_lost(void *data)
{
	struct sender *sender = data;

	sender->count.lost++;
	spoil(sender);
}

/* ---- who and whose */

static void look(void *data)
{
	struct sender *sender = data;

	for (size_t i = 0; i < sender->n_links; i++)
		link_look(sender->links[i]);
	loop_timer_arm_ms(sender->look, LOOK_MS);
}

void sender_set_keys(struct sender *sender, const struct peer_keys *keys)
{
	sender->keys = *keys;
}

static bool is_same_peer(const struct sender_peer *a, const struct sender_peer *b)
{
	return strcmp(a->name, b->name) == 0 && a->way.address.v == b->way.address.v &&
	       a->way.port == b->way.port && a->way.from.v == b->way.from.v;
}

static struct link *take_link(struct sender *sender, const struct sender_peer *peer)
{
	for (size_t i = 0; i < sender->n_links; i++) {
		struct link *link = sender->links[i];

		if (link && is_same_peer(&link->peer, peer)) {
			sender->links[i] = NULL;
			return link;
		}
	}
	return NULL;
}

int sender_set_peers(struct sender *sender, const struct sender_peer *peers, size_t n)
{
	struct link *fresh[SENDER_PEERS_MAX] = { NULL }, *links[SENDER_PEERS_MAX];

	if (n > SENDER_PEERS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		fresh[i] = link_new(sender, &peers[i]);
		for (size_t j = 0; !fresh[i] && j < i; j++)
			link_free(fresh[j]);
		if (!fresh[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		struct link *old = take_link(sender, &peers[i]);

		links[i] = old ? old : fresh[i];
		if (old)
			link_free(fresh[i]);
	}
	for (size_t i = 0; i < sender->n_links; i++)
		link_free(sender->links[i]);
	memcpy(sender->links, links, n * sizeof(links[0]));
	sender->n_links = n;
	sender_pace(sender);
	return 0;
}

static void owned_done(struct owned *owned)
{
	free(owned->batch);
	free(owned->tales);
	free(owned->blocks);
}

/* They hear nothing more of it, and needn't remember what they heard in the walk. */
static void leave(struct sender *sender, struct owned *owned)
{
	struct peer_frame *frame = &sender->scratch;

	flush_batch(sender, owned);
	frame->kind = FRAME_WALK_END;
	frame->egress = owned->is.egress;
	frame->complete = false;
	for (size_t i = 0; owned->in_walk && i < sender->n_links; i++) {
		if (sender->links[i]->in_walk)
			(void)link_send(sender->links[i], frame);
	}
	owned_done(owned);
}

static bool is_in(const struct sender_egress *egresses, size_t n, const struct sender_egress *is)
{
	for (size_t i = 0; i < n; i++) {
		if (egresses[i].egress == is->egress && egresses[i].address.v == is->address.v)
			return true;
	}
	return false;
}

static int add_owned(struct sender *sender, const struct sender_egress *is)
{
	struct owned owned = { .is = { is->egress, is->address, false },
			       .batch = calloc(1, sizeof(*owned.batch)),
			       .tales = calloc(1, sizeof(*owned.tales)),
			       .blocks = calloc(1, sizeof(*owned.blocks)) };

	if (!owned.batch || !owned.tales || !owned.blocks) {
		owned_done(&owned);
		return -ENOMEM;
	}
	owned.batch->kind = FRAME_FLOWS;
	owned.tales->kind = FRAME_TALES;
	owned.blocks->kind = FRAME_BLOCKS;
	owned.batch->egress = owned.tales->egress = owned.blocks->egress = is->egress;
	sender->owned[sender->n_owned++] = owned;
	return 0;
}

int sender_set_egresses(struct sender *sender, const struct sender_egress *egresses, size_t n)
{
	size_t kept = 0;
	int rc = 0;

	if (n > SENDER_EGRESSES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < sender->n_owned; i++) {
		if (is_in(egresses, n, &sender->owned[i].is))
			sender->owned[kept++] = sender->owned[i];
		else
			leave(sender, &sender->owned[i]);
	}
	sender->n_owned = kept;
	for (size_t i = 0; !rc && i < n; i++) {
		bool is_new = true;

		for (size_t j = 0; j < kept; j++)
			is_new = is_new && !is_in(&egresses[i], 1, &sender->owned[j].is);
		if (is_new)
			rc = add_owned(sender, &egresses[i]);
	}
	if (sender->n_owned > kept)
		spoil(sender);
	for (size_t i = 0; i < sender->n_owned; i++) {
		struct owned *owned = &sender->owned[i];

		for (size_t j = 0; j < n; j++) {
			if (is_in(&egresses[j], 1, &owned->is))
				tales_set_leaving(sender, owned, egresses[j].is_leaving);
		}
	}
	return rc;
}

static int64_t or_default(int64_t ms, int64_t otherwise)
{
	return ms ? ms : otherwise;
}

static bool start(struct sender *sender, const struct sender_config *config, struct err *err)
{
	static const struct ct_events_ops ops = { .on_flow = on_event, .on_lost = on_lost };
	const struct sender_times *times = &config->times;

	sender->times = (struct sender_times){ .refresh = or_default(times->refresh, 25000),
					       .walk = or_default(times->walk, 300000),
					       .rest = or_default(times->rest, 1000),
					       .hang = or_default(times->hang, 5000),
					       .retry = or_default(times->retry, 200) };
	sender->began = sender->ended = mono_add_ms(mono_now(), -sender->times.rest);
	sender->flush = loop_timer_new(config->loop, sender_flush, sender);
	sender->look = loop_timer_new(config->loop, look, sender);
	sender->next = loop_timer_new(config->loop, sender_walk, sender);
	sender->periodic = loop_timer_new(config->loop, sender_refresh, sender);
	if (!sender->flush || !sender->look || !sender->next || !sender->periodic) {
		err_set(err, -ENOMEM, "out of memory");
		return false;
	}
	sender->events = ct_events_new(config->loop, config->writer, &ops, sender, err);
	loop_timer_arm_ms(sender->look, LOOK_MS);
	loop_timer_arm_ms(sender->periodic, sender->times.refresh);
	return sender->events != NULL;
}

struct sender *sender_new(const struct sender_config *config, struct err *err)
{
	struct sender *sender = calloc(1, sizeof(*sender));

	if (!sender) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	sender->loop = config->loop;
	snprintf(sender->name, sizeof(sender->name), "%s", config->name);
	sender->boot = sender->dice = config->boot;
	sender->keys = *config->keys;
	sender->tell = config->tales;
	sender->blocks = config->blocks;
	sender->told.max = TOLD_MAX;
	if (start(sender, config, err))
		return sender;
	sender_free(sender);
	return NULL;
}

void sender_free(struct sender *sender)
{
	if (!sender)
		return;
	for (size_t i = 0; i < sender->n_links; i++)
		link_free(sender->links[i]);
	for (size_t i = 0; i < sender->n_owned; i++)
		owned_done(&sender->owned[i]);
	ct_walk_free(sender->walk);
	ct_events_free(sender->events);
	told_reset(&sender->told);
	loop_timer_free(sender->flush);
	loop_timer_free(sender->look);
	loop_timer_free(sender->next);
	loop_timer_free(sender->periodic);
	peer_keys_done(&sender->keys);
	free(sender);
}

void sender_status(const struct sender *sender, struct sender_status *ret)
{
	*ret = sender->count;
	ret->n = sender->n_links;
	for (size_t i = 0; i < sender->n_links; i++) {
		const struct link *link = sender->links[i];

		ret->links[i] = (struct sender_link_status){
			.name = link->peer.name,
			.linked = link->greeted,
			.complete = link_is_open(link) && link->walked &&
				    link->acknowledged >= link->walked_at,
			.sent = link->sequence,
			.acknowledged = link->acknowledged,
			.lag_ms = link_lag_ms(link),
			.queued = link->channel ? channel_queued(link->channel) : 0,
			.connections = link->connections,
			.overflows = link->overflows,
			.reason = link->reason,
		};
	}
}
