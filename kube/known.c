// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/known.h"

#include "kube/kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SLOTS_FIRST 64
#define KEY_MORE 0x3fffffffU /* what more_key holds */

int kube_known_init(struct kube_known *known)
{
	*known = (struct kube_known){ .n_slots = SLOTS_FIRST };
	/* Waits for entropy at boot: who could guess the seed could make two objects that look like one. */
	if (getrandom(known->seed, sizeof(known->seed), 0) != sizeof(known->seed))
		return errno ? -errno : -EIO;
	known->slots = calloc(SLOTS_FIRST, sizeof(struct kube_known_object *));
	return known->slots ? 0 : -ENOMEM;
}

void kube_known_done(struct kube_known *known)
{
	for (size_t i = 0; known->slots && i < known->n_slots; i++) {
		while (known->slots[i]) {
			struct kube_known_object *const object = known->slots[i];
			known->slots[i] = object->next;
			pool_put(&known->objects, object, sizeof(*object));
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
static uint32_t uid_number(const char *text)
{
	static const uint64_t fixed[2] = { 3, 4 };

	return (uint32_t)sip_hash(fixed, text, strlen(text));
}

struct key {
	uint64_t key;
	uint32_t more;
};

/* The name is hashed with seeds that the namespace has: so "a", "b/c" isn't "a/b", "c". */
static struct key key_of(const struct kube_known *known, const struct kube_meta *meta)
{
	const char *const space = meta->namespace ? meta->namespace : "";
	const uint64_t first[2] = { known->seed[0], sip_hash(known->seed, space, strlen(space)) };
	const uint64_t second[2] = { first[1], ~known->seed[1] };
	const size_t n = strlen(meta->name);

	return (struct key){ sip_hash(first, meta->name, n),
			     (uint32_t)sip_hash(second, meta->name, n) & KEY_MORE };
}

static struct kube_known_object **slot(const struct kube_known *known, uint64_t key)
{
	return &known->slots[key & (known->n_slots - 1)];
}

struct kube_known_object *kube_known_find(const struct kube_known *known,
					  const struct kube_meta *meta)
{
	const struct key key = key_of(known, meta);

	for (struct kube_known_object *o = *slot(known, key.key); o; o = o->next)
		if (o->key == key.key && o->more_key == key.more)
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
			struct kube_known_object **const to = slot(&bigger, object->key);
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
	struct kube_known_object *const object = pool_get(&known->objects, sizeof(*object));
	const struct key key = key_of(known, meta);

	if (!object)
		return NULL;
	if (known->n >= known->n_slots)
		grow(known);
	object->key = key.key;
	object->more_key = key.more & KEY_MORE;
	object->is_seen = true;
	kube_known_note(object, meta);
	object->next = *slot(known, object->key);
	*slot(known, object->key) = object;
	known->n++;
	return object;
}

void kube_known_remove(struct kube_known *known, struct kube_known_object *object)
{
	struct kube_known_object **link = slot(known, object->key);

	while (*link != object)
		link = &(*link)->next;
	*link = object->next;
	known->n--;
	pool_put(&known->objects, object, sizeof(*object));
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
	for (size_t i = 0; i < known->n_slots; i++)
		for (struct kube_known_object *o = known->slots[i]; o; o = o->next)
			o->is_seen = false;
}

struct kube_known_object *kube_known_next_unseen(const struct kube_known *known, size_t *cursor)
{
	for (; *cursor < known->n_slots; (*cursor)++)
		for (struct kube_known_object *o = known->slots[*cursor]; o; o = o->next)
			if (!o->is_seen)
				return o;
	return NULL;
}
