// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Tells the other gateways of the flows of the egress IPs that this one owns. Who owns what is decided elsewhere.
 *
 * Events of the kernel go to all others as they come. A walk through all flows fills in what they can't know: when a
 * connection to one of them has begun, an egress IP has become ours, or events were lost; and every some minutes, in case
 * that. A refresh, more often, is a walk that tells only of what would age out at the others although it lives here: the
 * kernel has no events for packets that only put a timeout off.
 *
 * Nothing waits for a peer. When one doesn't read, its queue fills, what has no room is left out, and a walk follows when
 * there is room again; when it acknowledges nothing for long, the connection is given up and begun anew. A walk waits for
 * the peers that it is for, so that what happens meanwhile is told in time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/beat.h"
#include "peer/channel.h"
#include "peer/frame.h"

struct ct_writer;
struct err;
struct loop;
struct sender;

#define SENDER_PEERS_MAX BEAT_MEMBERS_MAX
#define SENDER_EGRESSES_MAX BEAT_CLAIMS_MAX

struct sender_times {    /* milliseconds; 0: the default */
	int64_t refresh; /* between refreshes: 25 s */
	int64_t walk;    /* between walks: 300 s */
	int64_t rest;    /* from the end of one to the next at least: 1 s */
	int64_t hang;    /* without an acknowledgement that is due: 5 s */
	int64_t retry; /* until the first new attempt to connect, then doubled up to 5 s: 200 ms */
};

/* What is known of a flow's life: the NAT log's. */
struct sender_tales {
	/* account: what was counted so far; NULL: it has just begun. False: nothing is known. */
	bool (*tell)(const struct ct_flow *flow, const struct ct_account *account,
		     struct ct_tale *ret, void *data);
	/* The meaning of ct_tale's `who`: how many bytes; 0: it has none any more. */
	size_t (*who)(uint32_t who, uint8_t *ret, size_t size, void *data);
	void *data;
};

/* Who has which ports. */
struct sender_blocks {
	/*
	 * The next of what an egress IP has: into ret's ports, n and blocks. *at: 0 at first, then as it was left. 1: there is more;
	 * 0: that was all; -EAGAIN: it isn't known yet, and sender_tell_blocks follows when it is.
	 */
	int (*list)(uint64_t egress, size_t *at, struct peer_frame *ret, void *data);
	void *data;
};

struct sender_config {
	struct loop *loop;
	const struct ct_writer *writer; /* whose doings aren't told of; may be NULL */
	const char *name;               /* ours; copied, as the keys are */
	uint64_t boot;
	const struct peer_keys *keys;
	struct sender_times times;
	const struct sender_tales *tales;   /* borrowed; NULL: there are none */
	const struct sender_blocks *blocks; /* likewise */
};

struct sender *sender_new(const struct sender_config *config, struct err *err);
void sender_free(struct sender *sender);

struct sender_peer {
	char name[FRAME_NAME_MAX]; /* must be what the other side says of itself */
	struct channel_way way;
};
/* A peer that stays as it is keeps its connection. -E2BIG, -ENOMEM: nothing has changed. */
int sender_set_peers(struct sender *sender, const struct sender_peer *peers, size_t n);
void sender_set_keys(struct sender *sender, const struct peer_keys *keys); /* for new connections */

struct sender_egress {
	uint64_t egress;    /* beat_hash of its name */
	struct ip4 address; /* that carries it here */
	/* To another one, who translates as well: what was counted is told of now, and not later. */
	bool is_leaving;
};
/* Those that are ours; about what isn't any more, nothing is said from now on. -E2BIG, -ENOMEM: nothing has changed. */
int sender_set_egresses(struct sender *sender, const struct sender_egress *egresses, size_t n);

/* A block was given or given back; of an egress IP that isn't ours nothing is said. `ports`: of each block. */
void sender_put_block(struct sender *sender, uint64_t egress, const struct frame_block *block,
		      uint16_t ports);
/* All blocks are others now: they are told anew. */
void sender_tell_blocks(struct sender *sender);

struct sender_link_status {
	const char *name;
	bool linked; /* we know each other */
	/* All flows of the egress IPs that are ours are in its kernel, but for what was told since and isn't acknowledged. */
	bool complete;
	uint64_t sent, acknowledged; /* frames, of this connection */
	/* How long the last frame that was looked at took to be acknowledged, or has waited by now. */
	int64_t lag_ms;
	size_t queued;        /* bytes */
	uint64_t connections; /* that were linked */
	uint64_t overflows;   /* of its queue */
	const char *reason;   /* why there's no connection; "" */
};
struct sender_status {
	size_t n;
	struct sender_link_status links[SENDER_PEERS_MAX];
	uint64_t told; /* changes, once for all peers */
	uint64_t tales;
	uint64_t blocks; /* words of them, old and new; for each peer */
	uint64_t lost;   /* overruns of the kernel's events */
	uint64_t walks, refreshes, failed_walks;
};
void sender_status(const struct sender *sender, struct sender_status *ret);
