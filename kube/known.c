// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/known.h"

#include "kube/kinds.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_FIRST 64
#define NAMESPACE_MAX 0x7fff /* what name_at holds; texts of objects are shorter */

int kube_known_init(struct kube_known *known)
{
	*known = (struct kube_known){ .n_slots = SLOTS_FIRST, .round = 1 };
	/* Without entropy yet, at boot, names could be chosen to collide: slower, and no more. */
	if (getrandom(known->seed, sizeof(known->seed), GRND_NONBLOCK) != sizeof(known->seed))
		known->seed[0] = (uintptr_t)known;
	known->slots = calloc(SLOTS_FIRST, sizeof(struct kube_known_object *));
	return known->slots ? 0 : -ENOMEM;
}

static size_t size_of(size_t key)
{
	const size_t whole = offsetof(struct kube_known_object, key) + key;

	return whole < sizeof(struct kube_known_object) ? sizeof(struct kube_known_object) : whole;
}

static void put(struct kube_known *known, struct kube_known_object *object)
{
	const size_t key = object->name_at + strlen(kube_known_name(object)) + 1;

	pool_put(&known->objects, object, size_of(key));
}

void kube_known_done(struct kube_known *known)
{
	for (size_t i = 0; known->slots && i < known->n_slots; i++) {
		while (known->slots[i]) {
			struct kube_known_object *const object = known->slots[i];
			known->slots[i] = object->next;
			put(known, object);
		}
	}
	free(known->slots);
	pool_done(&known->objects);
	*known = (struct kube_known){ .n = 0 };
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[static 4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), little-endian. */
static uint64_t sip_hash(const uint64_t seed[static 2], const char *bytes, size_t n)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++) {
		word |= (uint64_t)(unsigned char)bytes[i] << (8 * (i % 8));
		if (i % 8 < 7)
			continue;
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		word = 0;
	}
	word |= (uint64_t)(n & 0xff) << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Numbers as themselves; anything else by a hash, with the top bit set, that a number hasn't. */
static uint64_t version_number(const char *text)
{
	static const uint64_t fixed[2] = { 1, 2 };
	uint64_t number = 0;
	size_t n = 0;

	for (; text[n] >= '0' && text[n] <= '9' && n < 18; n++)
		number = number * 10 + (uint64_t)(text[n] - '0');
	if (n > 0 && text[n] == '\0' && (text[0] != '0' || n == 1))
		return number;
	return sip_hash(fixed, text, strlen(text)) | 1ULL << 63;
}

/* The API server makes them, at random. */
static uint64_t uid_number(const char *text)
{
	static const uint64_t fixed[2] = { 3, 4 };

	return sip_hash(fixed, text, strlen(text));
}

static size_t key_size(const struct kube_meta *meta)
{
	return (meta->namespace ? strlen(meta->namespace) : 0) + strlen(meta->name) + 2;
}

static void write_key(const struct kube_meta *meta, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s", meta->namespace ? meta->namespace : "", meta->name);
}

static struct kube_known_object **slot(const struct kube_known *known, uint32_t hash)
{
	return &known->slots[hash & (known->n_slots - 1)];
}

/* The key's hash without putting the key together. */
static uint32_t hash_of(const struct kube_known *known, const struct kube_meta *meta)
{
	const char *const space = meta->namespace ? meta->namespace : "";
	const uint64_t seed[2] = { known->seed[0], sip_hash(known->seed, space, strlen(space)) };

	return (uint32_t)sip_hash(seed, meta->name, strlen(meta->name));
}

static bool has_key(const struct kube_known_object *object, const struct kube_meta *meta)
{
	const size_t space = object->name_at - 1u;
	const char *const namespace = meta->namespace ? meta->namespace : "";

	return strcmp(kube_known_name(object), meta->name) == 0 && strlen(namespace) == space &&
	       memcmp(object->key, namespace, space) == 0;
}

struct kube_known_object *kube_known_find(const struct kube_known *known,
					  const struct kube_meta *meta)
{
	const uint32_t hash = hash_of(known, meta);

	for (struct kube_known_object *o = *slot(known, hash); o; o = o->next)
		if (o->hash == hash && has_key(o, meta))
			return o;
	return NULL;
}

/* Where there's no memory for more slots, the chains grow. */
static void grow(struct kube_known *known)
{
	struct kube_known bigger = *known;

	bigger.n_slots = known->n_slots * 2;
	bigger.slots = calloc(bigger.n_slots, sizeof(struct kube_known_object *));
	if (!bigger.slots)
		return;
	for (size_t i = 0; i < known->n_slots; i++) {
		while (known->slots[i]) {
			struct kube_known_object *const object = known->slots[i];
			struct kube_known_object **const to = slot(&bigger, object->hash);
			known->slots[i] = object->next;
			object->next = *to;
			*to = object;
		}
	}
	free(known->slots);
	*known = bigger;
}

struct kube_known_object *kube_known_add(struct kube_known *known, const struct kube_meta *meta)
{
	const size_t size = key_size(meta);
	const size_t space = meta->namespace ? strlen(meta->namespace) : 0;
	struct kube_known_object *const object =
		space < NAMESPACE_MAX ? pool_get(&known->objects, size_of(size)) : NULL;

	if (!object)
		return NULL;
	if (known->n >= known->n_slots)
		grow(known);
	write_key(meta, object->key, size);
	object->name_at = (space + 1) & NAMESPACE_MAX;
	object->hash = hash_of(known, meta);
	object->round = known->round;
	kube_known_note(object, meta);
	object->next = *slot(known, object->hash);
	*slot(known, object->hash) = object;
	known->n++;
	return object;
}

void kube_known_remove(struct kube_known *known, struct kube_known_object *object)
{
	struct kube_known_object **link = slot(known, object->hash);

	while (*link != object)
		link = &(*link)->next;
	*link = object->next;
	known->n--;
	put(known, object);
}

bool kube_known_is_same(const struct kube_known_object *object, const struct kube_meta *meta)
{
	return object->uid == uid_number(meta->uid);
}

bool kube_known_is_current(const struct kube_known_object *object, const struct kube_meta *meta)
{
	return object->version == version_number(meta->version) && kube_known_is_same(object, meta);
}

void kube_known_note(struct kube_known_object *object, const struct kube_meta *meta)
{
	object->version = version_number(meta->version);
	object->uid = uid_number(meta->uid);
}

void kube_known_begin_round(struct kube_known *known)
{
	known->round++;
}

void kube_known_seen(const struct kube_known *known, struct kube_known_object *object)
{
	object->round = known->round;
}

struct kube_known_object *kube_known_next_unseen(const struct kube_known *known, size_t *cursor)
{
	for (; *cursor < known->n_slots; (*cursor)++)
		for (struct kube_known_object *o = known->slots[*cursor]; o; o = o->next)
			if (o->round != known->round)
				return o;
	return NULL;
}
