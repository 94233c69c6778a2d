// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The socket of heartbeats: datagrams that the group's secret has made come in, and go out. */
#pragma once

#include <stdint.h>

#include "base/ip4.h"
#include "peer/beat.h"
#include "peer/keys.h"

struct err;
struct heartbeat;
struct loop;

struct heartbeat_options {
	struct loop *loop;
	struct ip4 address;           /* ours */
	uint16_t port;                /* all members' */
	const struct peer_keys *keys; /* borrowed; may change */
	void (*on_beat)(const struct beat *beat, void *data);
	void *data;
};
/* NULL with the reason. */
struct heartbeat *heartbeat_new(const struct heartbeat_options *options, struct err *err);
void heartbeat_free(struct heartbeat *heartbeat); /* NULL is fine; not from inside on_beat */
/* To be written by heartbeat_send: the same to many. */
void heartbeat_write(struct heartbeat *heartbeat, const struct beat *beat);
/* It's lost if it can't go at once, as any datagram may be. */
void heartbeat_send(struct heartbeat *heartbeat, struct ip4 to);

struct heartbeat_stats {
	uint64_t sent, failed; /* failed: not sent, and why last: failure */
	uint64_t taken;
	uint64_t forged, malformed; /* made with another secret; by another version */
	int failure;                /* errno */
};
struct heartbeat_stats heartbeat_stats(const struct heartbeat *heartbeat);
