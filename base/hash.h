// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * 64-bit FNV-1a over bytes, and the 64-bit finaliser of MurmurHash3, because the high bits of a bare
 * FNV-1a of short names hardly differ. It works on bytes in a fixed order, so that it gives the same
 * numbers on every machine: policy.h says what is hashed with it there, and why it must never change.
 * Test vectors are in tests/unit/policy/test_keys.c. It keeps no secret: who chooses what is hashed can
 * make collisions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static inline uint64_t hash_byte(uint64_t h, uint8_t byte)
{
	return (h ^ byte) * HASH_PRIME;
}

/* The characters and the NUL, so that ("ab", "c") and ("a", "bc") differ. */
static inline uint64_t hash_name(uint64_t h, const char *name)
{
	for (; *name; name++)
		h = hash_byte(h, (uint8_t)*name);
	return hash_byte(h, 0);
}

static inline uint64_t hash_finish(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}
