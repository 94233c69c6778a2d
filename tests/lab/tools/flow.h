// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// Traffic that goes on until it is stopped, and what happened to it. A kind of flow is a row of
// operations; flow.c has the life cycle and the figures that all kinds share.
#pragma once

#include "labtool.h"

enum flow_state { FLOW_CONNECTING, FLOW_OPEN, FLOW_DEAD, FLOW_STATE_COUNT };

struct flow;

struct flow_kind {
	const char *name;
	enum transport transport;
	int (*start)(struct flow *f);  /* 0 or negative errno */
	void (*tick)(struct flow *f);  /* every interval, until the flow ends */
	void (*ready)(struct flow *f); /* the socket is readable, writable or broken */
};

struct flow {
	const struct flow_kind *kind;
	json_int_t id;
	struct endpoint to;
	int64_t interval_ns, end_ns, timeout_ns;
	size_t size;
	uint64_t per_sec; /* kinds with a new socket per message: so many; 0: one in each interval */
	bool reconnect;

	enum flow_state state;
	int error; /* why it died, or the last error of a datagram */
	struct watch watch;
	struct timer ticker, linger;
	struct ticket stopper; /* who waits for the end; valid while linger runs */

	uint64_t sent, received, late, duplicates, corrupt, errors, resets;
	int64_t opened_ns; /* when the socket of a stream was opened */
	int64_t start_ns, first_ns, last_ns, gap_ns, gap_at_ns;
	int64_t rtt_max_ns;
	struct sockaddr_in local;
	json_t *seen;     /* {"address": messages} */
	json_t *ports;    /* {"address:port": messages}, the first few */
	json_t *failures; /* {"ERRNO": times} */

	/* streams: the position inside the message that goes out or comes in */
	size_t out_at, in_at, out_seq, in_seq;
	char greeting[64];
	size_t greeting_len;
	bool greeted;
	struct sockaddr_in peer_view;

	/* datagrams */
	uint64_t nonce;
	uint8_t *got;        /* one bit per sequence number */
	int64_t *sent_at_ns; /* the last SENT_AT_COUNT of them, by sequence number */

	/* kinds that open a new socket per message */
	struct exchange *exchanges;
	uint64_t pending;

	struct flow *next;
};

void flow_fail(struct flow *f, int error);
void flow_saw(struct flow *f, const struct sockaddr_in *seen, uint64_t messages);
void flow_progress(struct flow *f);
void flow_note(json_t *counters, const char *key);
int flow_open(struct flow *f);

extern const struct flow_kind flow_stream_kinds[], flow_datagram_kinds[], flow_fresh_kinds[];
void flow_datagram_free(struct flow *f);
void flow_fresh_free(struct flow *f);
json_t *flow_datagram_missing(const struct flow *f);
