// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Heartbeats between the gateways of a group: one datagram says who lives, and what he does with each egress IP. Pure.
 *
 * Each is authenticated. A replayed one must not keep a dead gateway alive: within one life of the sender (`boot`, random)
 * the sequence grows, and a new life is believed only from a beat that repeats the receiver's own `boot`, which nobody could
 * have recorded before; a life that has ended isn't believed again, as long as it is among the last BEAT_LIVES_MAX that
 * this life of the receiver saw. One's own beats, sent back, are nobody's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/keys.h"

#define BEAT_MEMBERS_MAX 32 /* of a group: the kind EgressGateway's */
#define BEAT_CLAIMS_MAX 127
#define BEAT_NAME_MAX 64 /* with NUL */
#define BEAT_BYTES_MAX 2700
#define BEAT_LIVES_MAX 64 /* former ones that are remembered */

/* The members that the sender knows. */
struct beat_echo {
	uint64_t member; /* beat_hash of the name */
	uint64_t boot;   /* of his last beat, which came lately; 0: he isn't heard */
};

/* In place of a member's index among the echoes. */
#define BEAT_NOBODY 0xff
#define BEAT_STRANGER 0xfe
#define BEAT_SENDER 0xfd

struct beat_claim {
	uint64_t egress;    /* beat_hash of the name "GATEWAY/NAME" */
	uint8_t state;      /* its meaning is the receiver's */
	uint8_t holder, to; /* members: indexes of echoes, or one of the above */
	uint32_t term;      /* as `state` */
};

struct beat {
	char name[BEAT_NAME_MAX];
	uint64_t boot;
	uint64_t sequence;
	uint64_t place; /* beat_hash of what EC2 calls its network interface; 0: not known */
	size_t n_echoes, n_claims;
	struct beat_echo echoes[BEAT_MEMBERS_MAX];
	struct beat_claim claims[BEAT_CLAIMS_MAX];
};

uint64_t beat_hash(const char *name);

/* The datagram's length; 0: more than there are places for, or the library failed. */
size_t beat_write(const struct beat *beat, const struct peer_key *key,
		  uint8_t ret[static BEAT_BYTES_MAX]);
/* 0; -EBADMSG: malformed, of another version; -EKEYREJECTED: none of the keys made it. */
int beat_read(const uint8_t *bytes, size_t length, const struct peer_keys *keys, struct beat *ret);

/* What a receiver remembers of one sender. */
struct beat_sender {
	uint64_t boot, sequence; /* of the last one that was believed; boot 0: none was */
	uint64_t offered;        /* what he says is his boot now: to be echoed, believed or not */
	uint64_t former[BEAT_LIVES_MAX];
	unsigned next_former;
};

/* Whether it shows that its sender lives now; remembers it. `name`, `boot`: the receiver's. */
bool beat_believe(struct beat_sender *sender, const struct beat *beat, const char *name,
		  uint64_t boot);
