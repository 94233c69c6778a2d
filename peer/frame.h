// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What gateways tell each other of connections, in frames: length (4 bytes), kind (1), contents. Pure. Each gateway connects
 * to each other one, and tells it of the flows of the egress IPs that it owns; the other side only says who it is, and ACK.
 *
 *   HELLO       first on each side: name, and a random number of its process
 *   FLOWS       changes of one egress IP's flows, numbered through over the whole channel
 *   WALK_BEGIN  from here on all flows of the egress IP come, as FLOWS between changes; at
 *   WALK_END    what the receiver has and wasn't told of since is gone. Not complete: nothing follows from it
 *   ACK         all frames of FLOWS and TALES up to this number are in the receiver's kernel, and what BLOCKS said is known
 *   WHO         what the number of somebody means from now on; the bytes are the NAT log's
 *   TALES       lives of flows that were told of before, numbered as FLOWS are
 *   BLOCKS      which sources have which ports of an egress IP, numbered likewise: what has changed, or between a frame that
 *               begins and one that ends (it may be the same) all of it, so that nobody has what isn't in there
 *
 * The last three are only for who said in the handshake that he knows them (channel_version).
 *
 * TCP is told of from SYN_RECV to LAST_ACK; before, there is nothing to lose, and after, it is GONE. SCTP isn't: the
 * kernel wouldn't believe the packets of an association whose tags it hasn't seen.
 *
 * The translated address isn't told: each gateway has its own that carries the same egress IP. Nor is the mark, which is a
 * gateway's own business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/flow.h"
#include "nat/history.h"

#define FRAME_FLOWS_MAX 512
#define FRAME_NAME_MAX 64     /* with NUL */
#define FRAME_BYTES_MAX 16384 /* with the length */
#define FRAME_TALES_MAX 60
#define FRAME_WHO_MAX 2048
#define FRAME_BLOCKS_MAX 1024

enum frame_kind {
	FRAME_HELLO = 1,
	FRAME_FLOWS,
	FRAME_WALK_BEGIN,
	FRAME_WALK_END,
	FRAME_ACK,
	FRAME_WHO,
	FRAME_TALES,
	FRAME_BLOCKS,
	FRAME_KIND_END
};

struct frame_flow {
	enum ct_flow_change change;
	struct ct_flow flow; /* without address and mark */
};

struct frame_tale {
	struct ct_tuple orig;
	struct ct_tale tale; /* without serial */
};

struct frame_block {
	struct ip4 source;
	uint16_t first_port;
	bool is_given; /* or not any more */
};

struct peer_frame {
	enum frame_kind kind;
	char name[FRAME_NAME_MAX]; /* HELLO */
	uint64_t boot;             /* HELLO */
	uint64_t egress;   /* beat_hash of the name: FLOWS, WALK_BEGIN, WALK_END, TALES, BLOCKS */
	uint64_t sequence; /* FLOWS, TALES, BLOCKS: of this frame, from 1; ACK */
	bool complete;     /* WALK_END */
	uint32_t number;   /* WHO */
	bool begins, ends; /* BLOCKS */
	uint16_t ports;    /* BLOCKS: of each block; 0: there are none, and n is 0 */
	size_t n;          /* FLOWS, TALES, BLOCKS; WHO: bytes */
	union {
		struct frame_flow flows[FRAME_FLOWS_MAX];
		struct frame_tale tales[FRAME_TALES_MAX];
		uint8_t who[FRAME_WHO_MAX];
		struct frame_block blocks[FRAME_BLOCKS_MAX];
	};
};

/* One of those that have a number of their own, and are acknowledged. */
static inline bool frame_is_numbered(const struct peer_frame *frame)
{
	return frame->kind == FRAME_FLOWS || frame->kind == FRAME_TALES ||
	       frame->kind == FRAME_BLOCKS;
}

/* The frame's length; 0: it doesn't fit. */
size_t frame_write(const struct peer_frame *frame, uint8_t *ret, size_t size);
/*
 * The first frame of `length` bytes. *ret_used: its bytes. 0; -EAGAIN: there is more to come; -EBADMSG: malformed, of
 * an unknown kind, or too long: the channel is of no use any more.
 */
int frame_read(const uint8_t *bytes, size_t length, size_t *ret_used, struct peer_frame *ret);
