// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The secret that the gateways of a group share, and what is derived from it: each use has a key of its own (HKDF with
 * SHA-256, RFC 5869). A file has up to PEER_KEYS_MAX secrets, one a line: the first is used for what is sent, all are for
 * what is received. So a secret is replaced without an outage: add the new one as the second line everywhere, then make it
 * the first everywhere, then remove the old one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PEER_KEYS_MAX 3
#define PEER_KEY_BYTES 32
#define PEER_SECRET_MIN 32 /* characters; `openssl rand -hex 32` gives 64 */
#define PEER_SECRET_MAX 512
#define PEER_KEYS_FILE_MAX 2048

struct err;

struct peer_key {
	uint8_t beat[PEER_KEY_BYTES];    /* HMAC-SHA-256 of heartbeats */
	uint8_t channel[PEER_KEY_BYTES]; /* pre-shared key of TLS 1.3 */
	char identity[17]; /* names it to who has it, and tells nobody else anything */
};

struct peer_keys {
	struct peer_key v[PEER_KEYS_MAX];
	size_t n;
};

/*
 * Blank lines and those that begin with '#' don't count. -EINVAL with the line: no secret, too many, shorter or longer
 * than allowed, other than printable ASCII, one twice. -EIO: the library failed.
 */
int peer_keys_parse(const char *text, size_t length, struct peer_keys *ret, struct err *err);
/* From a file. -errno; -EACCES if others than its owner and group may read it. */
int peer_keys_load(const char *path, struct peer_keys *ret, struct err *err);
const struct peer_key *peer_keys_find(const struct peer_keys *keys, const char *identity,
				      size_t length);
void peer_keys_done(struct peer_keys *keys); /* wipes them */
