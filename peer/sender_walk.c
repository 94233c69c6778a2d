// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* When all flows are told of, and how fast. */
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "peer/sender_internal.h"

/*
 * An event stands in line behind what was told before it: in our queue, in the sockets, and at the receiver, whose kernel
 * takes 50,000 to 80,000 flows a second. So a walk doesn't go further than twice AHEAD before what it told is acknowledged,
 * and an event waits for it no longer than some hundredths of a second. Frames of events don't count: however many there
 * are, the walk goes on.
 */
enum {
	AHEAD = 1024,
	LONG_LIFE_S = 900 /* needs no refresh: walks come three times as often */
};

static void schedule(struct sender *sender)
{
	int64_t took = mono_diff_ms(sender->ended, sender->began);
	int64_t rest = took > sender->times.rest ? took : sender->times.rest;

	rest -= mono_diff_ms(mono_now(), sender->ended);
	if (sender->due != NO_WALK && !sender->walk && !loop_timer_is_armed(sender->next))
		loop_timer_arm_ms(sender->next, rest);
}

void sender_want_walk(struct sender *sender)
{
	sender->due = WALK;
	schedule(sender);
}

void sender_refresh(void *data)
{
	struct sender *sender = data;

	/* Spread, so that the gateways of a group don't all walk at once. */
	sender->dice = sender->dice * 6364136223846793005u + 1442695040888963407u;
	loop_timer_arm_ms(sender->periodic,
			  sender->times.refresh - (int64_t)((sender->dice >> 33) % 20) *
							  sender->times.refresh / 100);
	if (mono_diff_ms(mono_now(), sender->last_walk) >= sender->times.walk)
		sender->due = WALK;
	else if (sender->due == NO_WALK)
		sender->due = REFRESH;
	schedule(sender);
}

/* Not to wait for: what is told now would be late in a second. */
void sender_refresh_now(struct sender *sender)
{
	if (sender->due == NO_WALK)
		sender->due = REFRESH;
	if (!sender->walk)
		loop_timer_arm_ms(sender->next, 0);
}

static bool is_followed(const struct sender *sender)
{
	for (size_t i = 0; i < sender->n_links; i++) {
		const struct link *link = sender->links[i];

		if (link_is_open(link) && link->acknowledged < link->mark)
			return false;
	}
	return true;
}

void sender_pace(struct sender *sender)
{
	bool pause;

	if (!sender->walk || sender->ahead < AHEAD)
		return;
	pause = !is_followed(sender);
	if (!pause) {
		for (size_t i = 0; i < sender->n_links; i++)
			sender->links[i]->mark = sender->links[i]->sequence;
		sender->ahead = 0;
	}
	if (pause != sender->paused)
		ct_walk_pause(sender->walk, pause);
	sender->paused = pause;
}

static bool lives(const struct ct_flow *flow)
{
	uint8_t protocol = flow->orig.protocol, state = flow->tcp_state;

	if (protocol == IPPROTO_TCP)
		return state >= TCP_CONNTRACK_SYN_RECV && state <= TCP_CONNTRACK_LAST_ACK;
	return protocol != IPPROTO_SCTP;
}

static void on_found(const struct ct_flow *flow, const struct nlmsghdr *nlh, void *data)
{
	struct sender *sender = data;
	struct owned *owned = sender_find(sender, flow->nat);
	struct ct_account account;

	if (!owned || !lives(flow) ||
	    told_has(&sender->told, told_hash(&flow->orig, owned->is.egress)))
		return;
	sender->n_found++;
	if (sender->kind == WALK || flow->timeout_s < LONG_LIFE_S) {
		sender_put(sender, owned, CT_FLOW_IS, flow);
		sender->ahead++;
	}
	if (tales_are_due(sender, owned, flow) && ct_decode_account(nlh, &account) == 0) {
		tales_put(sender, owned, flow, &account);
		sender->ahead++;
	}
	sender_pace(sender);
}

static void tell_end(struct sender *sender, struct link *link, bool complete)
{
	struct peer_frame *frame = &sender->scratch;

	frame->kind = FRAME_WALK_END;
	frame->complete = complete;
	for (size_t i = 0; link->in_walk && i < sender->n_owned; i++) {
		frame->egress = sender->owned[i].is.egress;
		if (sender->owned[i].in_walk)
			(void)link_send(link, frame);
	}
	link->walked = link->in_walk && complete && !sender->spoilt;
	link->walked_at = link->sequence;
	link->in_walk = false;
}

static void on_end(int rc, void *data)
{
	struct sender *sender = data;

	sender_flush(sender);
	for (size_t i = 0; sender->kind == WALK && i < sender->n_links; i++) {
		if (sender->links[i]->in_walk)
			tell_end(sender, sender->links[i], rc == 0);
	}
	ct_walk_free(sender->walk);
	sender->walk = NULL;
	tales_walk(sender, false);
	told_reset(&sender->told);
	sender->ended = mono_now();
	if (rc) {
		log_warning(MSG_REPLICATION_WALK, "replication", "a walk failed reason=%s",
			    strerror(-rc));
		sender->count.failed_walks++;
		sender->due = sender->kind > sender->due ? sender->kind : sender->due;
	} else if (sender->kind == WALK) {
		sender->count.walks++;
		sender->last_walk = sender->ended;
	} else {
		sender->count.refreshes++;
	}
	schedule(sender);
}

static void tell_begin(struct sender *sender, struct link *link)
{
	struct peer_frame *frame = &sender->scratch;

	/* Who has no room yet asks for a walk of his own when he has. */
	if (!link->greeted ||
	    (link->dirty && channel_queued(link->channel) > CHANNEL_QUEUE_MAX / 2))
		return;
	link->dirty = link->walked = false;
	link->in_walk = true;
	frame->kind = FRAME_WALK_BEGIN;
	for (size_t i = 0; link->in_walk && i < sender->n_owned; i++) {
		frame->egress = sender->owned[i].is.egress;
		(void)link_send(link, frame);
	}
	blocks_tell_link(sender, link);
}

static void walk_nothing(struct sender *sender)
{
	sender->spoilt = false;
	for (size_t i = 0; i < sender->n_links; i++) {
		tell_begin(sender, sender->links[i]);
		tell_end(sender, sender->links[i], true);
	}
}

static bool has_listener(const struct sender *sender)
{
	for (size_t i = 0; i < sender->n_links; i++) {
		if (sender->links[i]->greeted)
			return true;
	}
	return false;
}

void sender_walk(void *data)
{
	static const struct ct_walk_ops ops = { .on_message = on_found, .on_end = on_end };
	struct sender *sender = data;
	struct err err = ERR_NULL;

	sender->kind = sender->due;
	sender->due = NO_WALK;
	if (!has_listener(sender))
		return;
	if (!sender->n_owned) {
		walk_nothing(sender);
		return;
	}
	sender_flush(sender);
	sender->began = mono_now();
	sender->walk = ct_walk_new(sender->loop, &ops, sender, &err);
	if (!sender->walk) {
		log_warning(MSG_REPLICATION_WALK, "replication", "a walk can't begin reason=%s",
			    err.text);
		sender->count.failed_walks++;
		sender->ended = mono_now();
		sender->due = sender->kind;
		schedule(sender);
		return;
	}
	sender->paused = sender->spoilt = false;
	sender->ahead = 0;
	tales_walk(sender, true);
	if (sender->kind == REFRESH)
		return;
	for (size_t i = 0; i < sender->n_owned; i++)
		sender->owned[i].in_walk = true;
	for (size_t i = 0; i < sender->n_links; i++)
		tell_begin(sender, sender->links[i]);
}
