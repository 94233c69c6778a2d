// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by sender.c (what is told), sender_walk.c (all at once), sender_tales.c, sender_blocks.c, and sender_link.c (to whom). */
#pragma once

#include "base/mono.h"
#include "nat/flow.h"
#include "peer/sender.h"
#include "peer/told.h"

#define REASON_MAX 160

struct loop_timer;

struct link {
	struct sender *sender;
	struct sender_peer peer;
	struct channel *channel;
	struct loop_timer *retry;
	int64_t retry_ms;
	bool greeted;       /* it said who it is: may be told of flows */
	bool dirty;         /* was left out of something: is told nothing until the next walk */
	bool in_walk;       /* heard its beginning */
	bool walked;        /* and its end */
	uint64_t walked_at; /* the sequence by then */
	uint64_t sequence, acknowledged;
	uint64_t mark;     /* until this is acknowledged, a walk goes on for AHEAD flows at most */
	struct mono moved; /* last sign that it acknowledges what is due */
	/* One frame at a time is looked at: its number, 0: none, when it was sent; and how long the last one took. */
	uint64_t looked_at;
	struct mono looked_since;
	int64_t lag_ms;
	uint64_t connections, overflows;
	char reason[REASON_MAX];
	uint32_t *serials; /* of who was told of, by number */
	size_t n_serials;
};

/* NULL: out of memory. It begins to connect by itself. */
struct link *link_new(struct sender *sender, const struct sender_peer *peer);
void link_free(struct link *link);
/* Gives the connection up, and begins anew after a while. */
void link_drop(struct link *link, const char *reason);
/* To be called every second: what hangs is dropped. */
void link_look(struct link *link);
int64_t link_lag_ms(const struct link *link);
/* Whether it gets changes. */
bool link_is_open(const struct link *link);
/* Sends it, numbered if its kind is. False: there's no room, and it's dirty now. */
bool link_send(struct link *link, struct peer_frame *frame);

/* Tells who that is, unless it did. */
void link_tell_who(struct link *link, const struct ct_tale *tale);

enum walk_kind { NO_WALK, REFRESH, WALK };

struct owned {
	struct sender_egress is;
	bool in_walk;
	enum { LAST_NONE, LAST_DUE, LAST_NOW, LAST_TOLD } last; /* word of what was counted */
	struct peer_frame *batch, *tales, *blocks;
};

struct sender {
	struct loop *loop;
	char name[FRAME_NAME_MAX];
	uint64_t boot, dice;
	struct peer_keys keys;
	struct sender_times times;
	struct ct_events *events;
	struct loop_timer *flush, *look, *next, *periodic;
	struct link *links[SENDER_PEERS_MAX];
	size_t n_links;
	struct owned owned[SENDER_EGRESSES_MAX];
	size_t n_owned;
	/* The walk that is under way, and the one that is due. */
	struct ct_walk *walk;
	enum walk_kind kind, due;
	bool paused, spoilt; /* spoilt: another must follow before anybody has all */
	size_t ahead;        /* flows that it told since the links' marks were set */
	struct told told;    /* by events, since it began */
	struct mono began, ended, last_walk;
	struct sender_status count;
	const struct sender_tales *tell;
	const struct sender_blocks *blocks;
	size_t n_found, n_last; /* flows that are ours, in this walk and in the last one */
	struct peer_frame scratch;
};

/* For links: what they call. */
const char *sender_name(const struct sender *sender);
uint64_t sender_boot(const struct sender *sender);
struct loop *sender_loop(const struct sender *sender);
const struct peer_keys *sender_keys(const struct sender *sender);
const struct sender_times *sender_times(const struct sender *sender);
void sender_want_walk(struct sender *sender);
void sender_pace(struct sender *sender); /* something was acknowledged, or a link has gone */
struct peer_frame *sender_scratch(struct sender *sender); /* to read a frame into */

/* Inside. */
struct owned *sender_find(struct sender *sender, struct ip4 address);
void sender_put(struct sender *sender, struct owned *owned, enum ct_flow_change change,
		const struct ct_flow *flow);
/* `data` is the sender: they are what timers call. */
void sender_flush(void *data);
void sender_walk(void *data);    /* begins the one that is due */
void sender_refresh(void *data); /* one is due */
void sender_refresh_now(struct sender *sender);

/* sender_tales.c */
void tales_put(struct sender *sender, struct owned *owned, const struct ct_flow *flow,
	       const struct ct_account *account);
void tales_flush(struct sender *sender, struct owned *owned);
/* Whether this walk is to tell of that one. */
bool tales_are_due(const struct sender *sender, const struct owned *owned,
		   const struct ct_flow *flow);
void tales_set_leaving(struct sender *sender, struct owned *owned, bool is_leaving);
void tales_walk(struct sender *sender, bool begins);

/* sender_blocks.c */
void blocks_flush(struct sender *sender, struct owned *owned);
/* All that there are, to one that has just begun to be told. */
void blocks_tell_link(struct sender *sender, struct link *link);
