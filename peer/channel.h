// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A connection to another gateway of the group: TLS 1.3 over TCP with a pre-shared key (RFC 8446, 4.2.11) and an ephemeral
 * exchange, so that who learns the key later can't read what was recorded. No certificates: who has the key is one of us.
 *
 *   CONNECTING --TCP--> SHAKING --TLS--> OPEN --end, error--> CLOSED
 *
 * Nothing blocks. What can't be sent at once waits in a queue with a ceiling; who fills it is told so, and decides what to
 * leave out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"
#include "peer/keys.h"

struct channel;
struct err;
struct loop;

#define CHANNEL_QUEUE_MAX (4u << 20) /* bytes */

struct channel_ops {
	void (*on_open)(void *data);
	/* So much has come; it says how much of it it took. The rest comes again with more, CHANNEL_INPUT_MAX at most. */
	size_t (*on_data)(const uint8_t *bytes, size_t n, void *data);
	void (*on_room)(void *data); /* the queue is half empty again after a refusal */
	/* Once, with the reason; also when it never was open. The channel may be freed here, and from any callback. */
	void (*on_closed)(const char *reason, void *data);
	void *data;
};

#define CHANNEL_INPUT_MAX 65536

/* Of `keys` the first is offered, each is accepted. NULL with the reason. */
struct channel_way {
	struct ip4 address;
	uint16_t port;
	struct ip4 from; /* of our end; 0: as routing chooses */
};
struct channel *channel_connect(struct loop *loop, const struct channel_way *way,
				const struct peer_keys *keys, const struct channel_ops *ops,
				struct err *err);
/* Takes the socket of an accepted connection, also when it fails. */
struct channel *channel_accept(struct loop *loop, int fd, const struct peer_keys *keys,
			       const struct channel_ops *ops, struct err *err);
void channel_free(struct channel *channel); /* closes it, without waiting for what is queued */

/* 0; -EAGAIN: not all has room, and nothing was taken; -ENOTCONN: not open. */
int channel_send(struct channel *channel, const void *bytes, size_t n);
/* From which version on a kind of frame is known. */
enum { CHANNEL_TALES = 2, CHANNEL_BLOCKS = 3 };
/* The newest that both sides know; 0 before it is open. */
unsigned channel_version(const struct channel *channel);
size_t channel_queued(const struct channel *channel);
/*
 * Pauses on_data, and is for short: the other side's queue fills up meanwhile, and after three seconds that nothing went
 * through its kernel calls us dead. What on_data left is offered again when it goes on.
 */
void channel_pause(struct channel *channel, bool pause);

/* Accepts connections; `on_accept` owns the socket, and doesn't free the listener. */
struct channel_listener;
struct channel_place {
	struct ip4 address;
	uint16_t port; /* 0: any */
};
struct channel_listener *channel_listen(struct loop *loop, const struct channel_place *place,
					void (*on_accept)(int fd, struct ip4 from, void *data),
					void *data, struct err *err);
uint16_t channel_listener_port(const struct channel_listener *listener); /* of port 0 */
void channel_listener_free(struct channel_listener *listener);
