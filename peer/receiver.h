// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Takes what other gateways tell of their flows, and brings it into this kernel ahead of time, with the address that
 * carries the same egress IP here. Who owns what is decided elsewhere, and asked for.
 *
 * Nothing is taken for an egress IP that is ours, nor from who doesn't own it; who is believed later has to begin anew: his
 * connection is ended within a second.
 * After a complete walk, entries of its egress IP that weren't told of are removed. Entries that are translated to anything
 * else than the address of an egress IP that isn't ours are never touched.
 *
 * Who has which ports is passed on, under the same conditions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "nat/flow.h"
#include "peer/beat.h"
#include "peer/channel.h"
#include "peer/frame.h"

struct err;
struct loop;
struct receiver;

#define RECEIVER_EGRESSES_MAX BEAT_CLAIMS_MAX
/* The entry of a flow whose owner is gone lives so much longer here than it would have there: three refreshes. */
#define RECEIVER_GRACE_S 75

struct receiver_config {
	struct loop *loop;
	struct ct_writer
		*writer; /* outlives it; must not evict anything by itself: see receiver_new */
	struct channel_place place;
	const char *name; /* ours; copied, as the keys are */
	uint64_t boot;
	const struct peer_keys *keys;
	bool (*is_member)(const char *peer, void *data); /* of the group */
	bool (*is_owner)(const char *peer, uint64_t egress, void *data);
	/* The life of a flow that was told of before, and who had it, as the other one's sender_tales say. NULL: not wanted. */
	void (*on_tale)(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
			size_t n, void *data);
	/* A frame of BLOCKS. NULL: not wanted. */
	void (*on_blocks)(const char *peer, const struct peer_frame *frame, void *data);
	void *data;
};

/* Tells the writer what to keep (ct_writer_keep). */
struct receiver *receiver_new(const struct receiver_config *config, struct err *err);
void receiver_free(struct receiver *receiver);
uint16_t receiver_port(const struct receiver *receiver);
void receiver_set_keys(struct receiver *receiver,
		       const struct peer_keys *keys); /* for new connections */

struct receiver_egress {
	uint64_t egress;    /* beat_hash of its name */
	struct ip4 address; /* that carries it here */
	uint32_t mark;      /* of its connections here */
	bool is_ours;       /* from now on: nothing is taken, nothing removed */
};
/* -E2BIG: nothing has changed. */
int receiver_set_egresses(struct receiver *receiver, const struct receiver_egress *egresses,
			  size_t n);

/* What was told of blocks couldn't be used, and now can: who tells begins anew, as soon as he's believed. */
void receiver_want_blocks(struct receiver *receiver);

struct receiver_egress_status {
	uint64_t egress;
	char from[FRAME_NAME_MAX]; /* who told of it last; "": nobody has */
	/* All that he told in a walk is in this kernel; and what he told since, as long as we are linked. */
	bool complete;
	bool linked;
	struct mono heard; /* the last word of it */
};
struct receiver_status {
	size_t n;
	struct receiver_egress_status egresses[RECEIVER_EGRESSES_MAX];
	size_t links;   /* of who said who he is */
	uint64_t taken; /* changes */
	uint64_t tales;
	uint64_t blocks;  /* words of them, old and new */
	uint64_t ignored; /* frames of who doesn't own it, or of what is ours */
	uint64_t broken;  /* connections that were ended here for a fault, a gap among them */
	uint64_t swept;   /* entries that nobody told of */
	uint64_t sweeps, failed_sweeps;
};
void receiver_status(const struct receiver *receiver, struct receiver_status *ret);
