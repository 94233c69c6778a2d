// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A heartbeat as it comes, and the same contents as if somebody with the key had sent them. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "peer/beat.h"

#include "fuzz.h"

enum { MAC_BYTES = 32 };

/* What was read is written again: the same bytes, or it was read wrongly. */
static void read_and_write(const uint8_t *bytes, size_t length, const struct peer_keys *keys)
{
	struct beat_sender sender = { .boot = 0 };
	uint8_t again[BEAT_BYTES_MAX];
	struct beat beat;

	if (beat_read(bytes, length, keys, &beat))
		return;
	(void)beat_believe(&sender, &beat, "me", 1);
	if (beat_write(&beat, &keys->v[0], again) != length || memcmp(again, bytes, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct peer_keys keys = { .n = 1 };
	uint8_t *bytes = malloc(size + MAC_BYTES);

	if (!bytes || size > BEAT_BYTES_MAX) {
		free(bytes);
		return 0;
	}
	read_and_write(data, size, &keys);
	if (size)
		memcpy(bytes, data, size);
	if (HMAC(EVP_sha256(), keys.v[0].beat, PEER_KEY_BYTES, bytes, size, bytes + size, NULL))
		read_and_write(bytes, size + MAC_BYTES, &keys);
	free(bytes);
	return 0;
}
