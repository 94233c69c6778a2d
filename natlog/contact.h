// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside the writer's process: a connection to who collects records, over TCP, TLS, UDP, or a socket of datagrams on this host. Nothing
 * waits longer than a few seconds. What the other side says isn't read, but for its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "natlog/how.h"

struct err;
struct ssl_st;
struct ssl_ctx_st;

struct contact {
	int fd; /* -1: not open */
	bool is_datagram, is_local;
	struct ssl_st *ssl; /* NULL: plain */
	struct ssl_ctx_st *context;
};

void contact_init(struct contact *contact);
bool contact_is_open(const struct contact *contact);
void contact_close(struct contact *contact);

/* 0; -errno with the reason. Of one that isn't open. */
int contact_open_local(struct contact *contact, const char *path, struct err *err);
int contact_open_datagram(struct contact *contact, const struct how_place *place, struct err *err);
/* `tls` NULL or not wanted: plain TCP. */
int contact_open_stream(struct contact *contact, const struct how_place *place,
			const struct how_tls *tls, struct err *err);

/*
 * Waits for room, for a moment at most. *done says how much has gone; call it again with the rest, which must be the same bytes.
 * 0: all; -EAGAIN: no room; else the connection is of no use any more, with the reason. A datagram goes as a whole.
 */
int contact_send(struct contact *contact, const char *bytes, size_t n, size_t *done,
		 struct err *err);
/* Whether the other side is still there, as far as it says. 0; -errno with the reason. */
int contact_check(struct contact *contact, struct err *err);
/* The same, when nothing is unsent: that it was taken, and not thrown away because nobody is there any more. */
int contact_confirm(struct contact *contact, struct err *err);
/* What the other side's kernel hasn't taken yet, or of a socket on this host, what its reader hasn't read: bytes. */
int contact_unsent(const struct contact *contact);
