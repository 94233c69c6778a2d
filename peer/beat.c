// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/beat.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"
#include "peer/wire.h"

/* In front: "EGWB" and the version. Behind: the HMAC of all before it. */
enum { MAGIC = 0x45475742, VERSION = 1, MAC_BYTES = 32 };

/* FNV-1a, 64 bits: names of one group that collide by chance are not to be feared, and who could choose them has the key. */
uint64_t beat_hash(const char *name)
{
	uint64_t hash = HASH_START;

	for (; *name; name++)
		hash = hash_byte(hash, (uint8_t)*name);
	return hash;
}

static bool make_mac(const struct peer_key *key, const uint8_t *bytes, size_t length,
		     uint8_t ret[static MAC_BYTES])
{
	unsigned n = 0;

	return HMAC(EVP_sha256(), key->beat, sizeof(key->beat), bytes, length, ret, &n) &&
	       n == MAC_BYTES;
}

size_t beat_write(const struct beat *beat, const struct peer_key *key,
		  uint8_t ret[static BEAT_BYTES_MAX])
{
	struct wire_out out = { .at = ret, .end = ret + BEAT_BYTES_MAX - MAC_BYTES };

	if (beat->n_echoes > BEAT_MEMBERS_MAX || beat->n_claims > BEAT_CLAIMS_MAX)
		return 0;
	wire_put(&out, MAGIC, 4);
	wire_put(&out, VERSION, 1);
	wire_put_text(&out, beat->name);
	wire_put(&out, beat->boot, 8);
	wire_put(&out, beat->sequence, 8);
	wire_put(&out, beat->place, 8);
	wire_put(&out, beat->n_echoes, 1);
	for (size_t i = 0; i < beat->n_echoes; i++) {
		wire_put(&out, beat->echoes[i].member, 8);
		wire_put(&out, beat->echoes[i].boot, 8);
	}
	wire_put(&out, beat->n_claims, 1);
	for (size_t i = 0; i < beat->n_claims; i++) {
		wire_put(&out, beat->claims[i].egress, 8);
		wire_put(&out, beat->claims[i].state, 1);
		wire_put(&out, beat->claims[i].holder, 1);
		wire_put(&out, beat->claims[i].to, 1);
		wire_put(&out, beat->claims[i].term, 4);
	}
	size_t length = (size_t)(out.at - ret);

	if (out.failed || !make_mac(key, ret, length, ret + length))
		return 0;
	return length + MAC_BYTES;
}

static bool is_authentic(const uint8_t *bytes, size_t length, const struct peer_keys *keys)
{
	uint8_t mac[MAC_BYTES];

	for (size_t i = 0; i < keys->n; i++) {
		if (make_mac(&keys->v[i], bytes, length, mac) &&
		    CRYPTO_memcmp(mac, bytes + length, MAC_BYTES) == 0)
			return true;
	}
	return false;
}

static void read_lists(struct wire_in *in, struct beat *ret)
{
	ret->n_echoes = (size_t)wire_get(in, 1);
	in->failed = in->failed || ret->n_echoes > BEAT_MEMBERS_MAX;
	for (size_t i = 0; !in->failed && i < ret->n_echoes; i++) {
		ret->echoes[i].member = wire_get(in, 8);
		ret->echoes[i].boot = wire_get(in, 8);
	}
	ret->n_claims = (size_t)wire_get(in, 1);
	in->failed = in->failed || ret->n_claims > BEAT_CLAIMS_MAX;
	for (size_t i = 0; !in->failed && i < ret->n_claims; i++) {
		ret->claims[i].egress = wire_get(in, 8);
		ret->claims[i].state = (uint8_t)wire_get(in, 1);
		ret->claims[i].holder = (uint8_t)wire_get(in, 1);
		ret->claims[i].to = (uint8_t)wire_get(in, 1);
		ret->claims[i].term = (uint32_t)wire_get(in, 4);
	}
}

int beat_read(const uint8_t *bytes, size_t length, const struct peer_keys *keys, struct beat *ret)
{
	struct wire_in in = { .at = bytes, .end = bytes + length };

	if (length < MAC_BYTES || length > BEAT_BYTES_MAX)
		return -EBADMSG;
	in.end -= MAC_BYTES;
	/* Before anything else is looked at. */
	if (!is_authentic(bytes, length - MAC_BYTES, keys))
		return -EKEYREJECTED;
	if (wire_get(&in, 4) != MAGIC || wire_get(&in, 1) != VERSION)
		return -EBADMSG;
	wire_get_text(&in, ret->name, sizeof(ret->name));
	ret->boot = wire_get(&in, 8);
	ret->sequence = wire_get(&in, 8);
	ret->place = wire_get(&in, 8);
	read_lists(&in, ret);
	return wire_is_done(&in) && ret->boot ? 0 : -EBADMSG;
}

static bool has_echo(const struct beat *beat, const char *name, uint64_t boot)
{
	const uint64_t member = beat_hash(name);

	for (size_t i = 0; i < beat->n_echoes; i++) {
		if (beat->echoes[i].member == member)
			return beat->echoes[i].boot == boot;
	}
	return false;
}

static bool is_former(const struct beat_sender *sender, uint64_t boot)
{
	for (size_t i = 0; i < BEAT_LIVES_MAX; i++) {
		if (sender->former[i] == boot)
			return true;
	}
	return false;
}

bool beat_believe(struct beat_sender *sender, const struct beat *beat, const char *name,
		  uint64_t boot)
{
	if (strcmp(beat->name, name) == 0)
		return false;
	if (beat->boot == sender->boot) {
		if (beat->sequence <= sender->sequence)
			return false;
		sender->sequence = beat->sequence;
		sender->offered = beat->boot;
		return true;
	}
	if (is_former(sender, beat->boot))
		return false;
	sender->offered = beat->boot;
	if (!has_echo(beat, name, boot))
		return false;
	if (sender->boot)
		sender->former[sender->next_former++ % BEAT_LIVES_MAX] = sender->boot;
	sender->boot = beat->boot;
	sender->sequence = beat->sequence;
	return true;
}
