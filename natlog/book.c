// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/book.h"

#include <stdlib.h>
#include <string.h>

#include "natlog/who.h"

enum { SHARDS = 64, SHARD_SHIFT = 58, FIRST_SLOTS = 16, RECENT = 16384 };

struct slot {
	uint64_t key; /* 0: free */
	int64_t start_ns;
	uint32_t who;
	uint8_t basis;
	uint8_t look;   /* in which it was seen last */
	uint8_t missed; /* the look that missed it first; 0: none did */
};

struct shard {
	struct slot *v;
	size_t n, size; /* a power of two; at most three quarters are taken */
};

struct ended {
	uint64_t key;
	int64_t stop_ns;
};

struct book {
	struct shard shards[SHARDS];
	struct who_table who;
	struct ended recent[RECENT];
	size_t n, most;
	uint64_t seed[4];
	uint32_t held; /* of the last end, until the next call */
	uint8_t look;  /* 1 to 255, and again */
};

struct book *book_new(const struct book_options *options)
{
	struct book *book = calloc(1, sizeof(*book));

	if (!book)
		return NULL;
	book->most = options->most;
	memcpy(book->seed, options->seed, sizeof(book->seed));
	book->who.most = BOOK_WHO_MAX;
	book->who.seed = options->seed[0] ^ options->seed[3];
	return book;
}

void book_free(struct book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < SHARDS; i++)
		free(book->shards[i].v);
	who_done(&book->who);
	free(book);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiplied with secrets: without them, nobody can tell which tuples meet. */
static uint64_t key_of(const struct book *book, const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->orig;
	uint64_t addresses = (uint64_t)t->src.v << 32 | t->dst.v;
	uint64_t rest = (uint64_t)t->src_port << 48 | (uint64_t)t->dst_port << 32 |
			(uint64_t)t->protocol << 16 | (uint64_t)t->icmp_type << 8 | t->icmp_code;
	uint64_t key = mix(addresses ^ book->seed[0], rest ^ book->seed[1]);

	key = mix(key ^ book->seed[2], flow->id ^ book->seed[3]);
	return key ? key : 1;
}

static struct shard *shard_of(const struct book *book, uint64_t key)
{
	return (struct shard *)&book->shards[key >> SHARD_SHIFT];
}

/* Where it is, or the free place where it would be. The shard isn't empty. */
static size_t place_of(const struct shard *shard, uint64_t key)
{
	size_t i = key & (shard->size - 1);

	while (shard->v[i].key && shard->v[i].key != key)
		i = (i + 1) & (shard->size - 1);
	return i;
}

static struct slot *find(const struct book *book, uint64_t key)
{
	struct shard *shard = shard_of(book, key);
	struct slot *slot = shard->size ? &shard->v[place_of(shard, key)] : NULL;

	return slot && slot->key ? slot : NULL;
}

static bool grow(struct shard *shard)
{
	struct shard larger = { .size = shard->size ? shard->size * 2 : FIRST_SLOTS };

	larger.v = calloc(larger.size, sizeof(*larger.v));
	if (!larger.v)
		return false;
	for (size_t i = 0; i < shard->size; i++) {
		if (shard->v[i].key)
			larger.v[place_of(&larger, shard->v[i].key)] = shard->v[i];
	}
	larger.n = shard->n;
	free(shard->v);
	*shard = larger;
	return true;
}

/* What stands behind it, and would be looked for from here on, moves up. */
static void remove_slot(struct book *book, struct shard *shard, size_t hole)
{
	const size_t mask = shard->size - 1;

	for (size_t i = (hole + 1) & mask; shard->v[i].key; i = (i + 1) & mask) {
		size_t home = shard->v[i].key & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		shard->v[hole] = shard->v[i];
		hole = i;
	}
	shard->v[hole] = (struct slot){ 0 };
	shard->n--;
	book->n--;
}

static void let_go(struct book *book)
{
	who_give(&book->who, book->held);
	book->held = 0;
}

static struct slot *insert(struct book *book, uint64_t key)
{
	struct shard *shard = shard_of(book, key);
	struct slot *slot;

	if (book->n >= book->most || (shard->n >= shard->size / 4 * 3 && !grow(shard)))
		return NULL;
	slot = &shard->v[place_of(shard, key)];
	slot->key = key;
	shard->n++;
	book->n++;
	return slot;
}

static bool write_slot(struct book *book, struct slot *slot, const struct book_entry *entry)
{
	slot->who = entry->who ? who_take(&book->who, entry->who) : 0;
	slot->basis = (uint8_t)(slot->who ? entry->basis : NATLOG_NONE);
	slot->start_ns = entry->start_ns;
	slot->look = book->look;
	slot->missed = 0;
	return slot->who || !entry->who;
}

bool book_put(struct book *book, const struct ct_flow *flow, const struct book_entry *entry)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key);

	let_go(book);
	if (slot && slot->who) {
		slot->look = book->look;
		slot->missed = 0;
		return true;
	}
	if (!slot)
		slot = insert(book, key);
	return slot && write_slot(book, slot, entry);
}

bool book_begin(struct book *book, const struct ct_flow *flow, const struct book_entry *entry)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key);

	let_go(book);
	if (slot)
		who_give(&book->who, slot->who);
	else
		slot = insert(book, key);
	return slot && write_slot(book, slot, entry);
}

static struct book_entry entry_of(const struct book *book, const struct slot *slot)
{
	return (struct book_entry){ .who = who_of(&book->who, slot->who),
				    .start_ns = slot->start_ns,
				    .basis = slot->basis };
}

bool book_find(const struct book *book, const struct ct_flow *flow, struct book_entry *ret)
{
	const struct slot *slot = find(book, key_of(book, flow));

	if (slot)
		*ret = entry_of(book, slot);
	return slot;
}

enum book_end book_end(struct book *book, const struct ct_flow *flow, int64_t stop_ns,
		       struct book_entry *ret)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key);
	struct ended *recent = &book->recent[key % RECENT];
	const bool is_again = stop_ns && recent->key == key && recent->stop_ns == stop_ns;
	struct shard *shard = shard_of(book, key);

	let_go(book);
	if (is_again)
		return BOOK_AGAIN;
	*recent = (struct ended){ key, stop_ns };
	*ret = (struct book_entry){ .basis = NATLOG_NONE };
	if (!slot)
		return BOOK_UNKNOWN;
	*ret = entry_of(book, slot);
	book->held = slot->who;
	remove_slot(book, shard, (size_t)(slot - shard->v));
	return BOOK_ENDED;
}

void book_look_begin(struct book *book)
{
	book->look = (uint8_t)(book->look % UINT8_MAX + 1);
}

bool book_see(struct book *book, const struct ct_flow *flow)
{
	struct slot *slot = find(book, key_of(book, flow));

	let_go(book);
	if (!slot)
		return false;
	slot->look = book->look;
	slot->missed = 0;
	return slot->who;
}

/* Missed now, and in an earlier look. To be asked twice about one is fine. */
static bool is_missed(const struct book *book, struct slot *slot)
{
	if (slot->key && slot->look != book->look && !slot->missed)
		slot->missed = book->look;
	return slot->key && slot->look != book->look && slot->missed != book->look;
}

/* What moves up into a place that became free is judged there. */
static size_t forget(struct book *book, struct shard *shard)
{
	size_t n = 0;

	for (size_t i = 0; i < shard->size; i++) {
		while (is_missed(book, &shard->v[i])) {
			who_give(&book->who, shard->v[i].who);
			remove_slot(book, shard, i);
			n++;
		}
	}
	return n;
}

size_t book_look_end(struct book *book)
{
	size_t n = 0;

	let_go(book);
	for (size_t i = 0; i < SHARDS; i++)
		n += forget(book, &book->shards[i]);
	return n;
}

size_t book_count(const struct book *book)
{
	return book->n;
}

size_t book_who_count(const struct book *book)
{
	return who_count(&book->who);
}
