// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Connections of a group's egress IPs, in the kernels of all its members: this gateway tells the others of those that it
 * carries, and takes in what the one who carries another tells; likewise of who has which ports. Who that is, is decided elsewhere. peer/sender.h and
 * peer/receiver.h say how.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "peer/beat.h"
#include "peer/frame.h"
#include "peer/sender.h"

struct control_out;
struct err;
struct loop;
struct replica;

/* What gateways tell each other of connections' lives: sender_tales', and receiver_config's on_tale. */
struct replica_tales {
	struct sender_tales tell;
	void (*take)(const struct ct_flow *flow, const struct ct_tale *tale, const uint8_t *who,
		     size_t n, void *data);
	void *data;
};

/* What gateways tell each other of who has which ports: sender_blocks', and receiver_config's on_blocks. */
struct replica_blocks {
	struct sender_blocks tell;
	void (*take)(const char *peer, const struct peer_frame *frame, void *data);
	void *data;
};

struct replica_config {
	struct loop *loop;
	const char *name; /* ours; copied, as the keys are */
	struct ip4 address;
	uint16_t port; /* ours, and the peers' */
	uint64_t boot; /* random, another one for each process */
	const struct peer_keys *keys;
	/* Whether the peer carries the egress IP (beat_hash of "GROUP/NAME") now, as far as we know. */
	bool (*is_owner)(const char *peer, uint64_t egress, void *data);
	/* What replica_is_complete or replica_is_sent says may have changed. From the loop, not from the calls below. */
	void (*on_change)(void *data);
	void *data;
	struct sender_times times;           /* all 0: the defaults */
	const struct replica_tales *tales;   /* borrowed; NULL: none */
	const struct replica_blocks *blocks; /* likewise */
};

/* NULL with the reason; the address can't be listened on, for instance. */
struct replica *replica_new(const struct replica_config *config, struct err *err);
void replica_free(struct replica *replica); /* what is in the kernel stays */

void replica_set_keys(struct replica *replica,
		      const struct peer_keys *keys); /* for new connections */

struct replica_peer {
	char name[FRAME_NAME_MAX];
	struct ip4 address;
};
/* The other members. -E2BIG, -ENOMEM: nothing has changed. */
int replica_set_peers(struct replica *replica, const struct replica_peer *peers, size_t n);

enum replica_mode {
	REPLICA_NONE, /* tells nothing, takes nothing; what is there stays */
	REPLICA_SEND,
	REPLICA_RECEIVE,
	REPLICA_MODE_COUNT
};
extern const char *const replica_mode_names[REPLICA_MODE_COUNT];

struct replica_egress {
	char name[BEAT_NAME_MAX]; /* "GROUP/NAME" */
	struct ip4
		address; /* that carries it here; v == 0: not assigned, as if it weren't in the list */
	uint32_t mark; /* of its connections here */
	enum replica_mode mode;
	bool is_leaving; /* SEND: see sender_egress */
};
/*
 * All of them. What becomes ours isn't taken from others any more before it is told of, and what ceases to be ours isn't
 * told of any more before it is taken. -E2BIG, -ENOMEM: say it again; what isn't told of anybody then is taken from nobody.
 */
int replica_set_egresses(struct replica *replica, const struct replica_egress *egresses, size_t n);

/* `i`: as it was set. RECEIVE: who has it is linked with us, and all that he told of it is in this kernel. */
bool replica_is_complete(const struct replica *replica, size_t i);
/* SEND: all that we have of it was told to the peer, and is in its kernel if it believes us; that is its replica's to say. */
bool replica_is_sent(const struct replica *replica, size_t i, const char *peer);

/* sender_put_block, sender_tell_blocks, and receiver_want_blocks. */
void replica_put_block(struct replica *replica, uint64_t egress, const struct frame_block *block,
		       uint16_t ports);
void replica_tell_blocks(struct replica *replica);
void replica_want_blocks(struct replica *replica);

/* For `eipgw status`: the key "replication". */
void replica_report(const struct replica *replica, struct control_out *out);
