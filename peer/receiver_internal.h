// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Shared by receiver.c (whose flows, and where they go), receiver_link.c (who tells) and receiver_sweep.c (what nobody told). */
#pragma once

#include "peer/names.h"
#include "peer/receiver.h"
#include "peer/told.h"

struct loop_timer;

enum { LINKS_MAX = 2 * BEAT_MEMBERS_MAX };

/* What one peer told of one egress IP over one connection. */
struct slot {
	uint64_t egress;
	bool missed;  /* something of it wasn't taken: only a walk makes it good */
	bool walking; /* between the walk's two ends */
	enum {
		BLOCKS_UNTOLD,
		BLOCKS_KNOWN,
		BLOCKS_MISSED
	} blocks; /* MISSED: until all are told again */
	enum { NO_SWEEP, SWEEP_DUE, SWEEPING } sweep;
};

struct incoming {
	struct receiver *receiver;
	struct channel *channel;
	struct mono since; /* it was accepted */
	char name[FRAME_NAME_MAX];
	bool greeted;
	uint64_t sequence, acknowledged;
	struct slot slots[RECEIVER_EGRESSES_MAX];
	size_t n_slots;
	struct told told; /* since its walks began */
	struct names names;
};

struct place {
	struct receiver_egress is;
	struct receiver_egress_status status;
};

struct receiver {
	struct receiver_config config;
	char name[FRAME_NAME_MAX];
	struct peer_keys keys;
	struct channel_listener *listener;
	struct loop_timer *look;
	struct incoming *links[LINKS_MAX];
	size_t n_links;
	struct place places[RECEIVER_EGRESSES_MAX];
	size_t n_places;
	struct loop_timer *sweep_soon;
	struct ct_walk *sweep;
	struct incoming *sweeping; /* whose words count in it */
	struct receiver_status count;
	struct peer_frame scratch;
};

void receiver_accept(int fd, struct ip4 from, void *data); /* data: the receiver, here and below */
void receiver_look(
	void *data); /* once a second: who doesn't say who he is goes, and who must begin anew */
void incoming_free(struct incoming *link); /* also out of the receiver's list */

struct place *receiver_find(struct receiver *receiver, uint64_t egress);
struct place *receiver_at(struct receiver *receiver, struct ip4 address);
/* NULL, or why the connection must end. */
const char *receiver_take(struct incoming *link, const struct peer_frame *frame);
/* Its slots of that egress IP need a walk before anything is taken again. */
void receiver_forget(struct receiver *receiver, uint64_t egress);

void sweep_begin(void *data); /* the one that is due, if any */
void sweep_cancel(struct receiver *receiver);
