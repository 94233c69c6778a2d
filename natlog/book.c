// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/book.h"

#include <stdlib.h>
#include <string.h>

#include "natlog/book_internal.h"

enum { SHARD_SHIFT = 58, FIRST_SLOTS = 16 };

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
	for (size_t i = 0; i < BOOK_SHARDS; i++) {
		free(book->shards[i].v);
		past_done(&book->shards[i].past);
	}
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

	key = mix(key ^ book->seed[2], book->seed[3]);
	return key ? key : 1;
}

struct shard *book_shard(const struct book *book, uint64_t key)
{
	return (struct shard *)&book->shards[key >> SHARD_SHIFT];
}

/* Where it is, or the free place where it would be. The shard isn't empty. */
static size_t place_of(const struct shard *shard, uint64_t key, uint32_t id)
{
	size_t i = key & (shard->size - 1);

	while (shard->v[i].key && (shard->v[i].key != key || shard->v[i].id != id))
		i = (i + 1) & (shard->size - 1);
	return i;
}

static struct slot *find(const struct book *book, uint64_t key, uint32_t id)
{
	struct shard *shard = book_shard(book, key);
	struct slot *slot = shard->size ? &shard->v[place_of(shard, key, id)] : NULL;

	return slot && slot->key ? slot : NULL;
}

/* Whatever its id is. An older one with the same tuple has ended, and its end waits to be told. */
static struct slot *find_youngest(const struct book *book, uint64_t key)
{
	struct shard *shard = book_shard(book, key);
	struct slot *found = NULL;

	if (!shard->size)
		return NULL;
	for (size_t i = key & (shard->size - 1); shard->v[i].key; i = (i + 1) & (shard->size - 1)) {
		if (shard->v[i].key == key && (!found || shard->v[i].start_ns > found->start_ns))
			found = &shard->v[i];
	}
	return found;
}

static bool grow(struct shard *shard)
{
	struct shard larger = { .size = shard->size ? shard->size * 2 : FIRST_SLOTS,
				.past = shard->past };

	larger.v = calloc(larger.size, sizeof(*larger.v));
	if (!larger.v)
		return false;
	for (size_t i = 0; i < shard->size; i++) {
		if (shard->v[i].key)
			larger.v[place_of(&larger, shard->v[i].key, shard->v[i].id)] = shard->v[i];
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

	past_drop(&shard->past, shard->v[hole].past);
	book->n_blocks -= shard->v[hole].is_block;
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
	book->changes++;
}

static void let_go(struct book *book)
{
	who_give(&book->who, book->held);
	book->held = 0;
}

struct slot *book_insert(struct book *book, uint64_t key, uint32_t id)
{
	struct shard *shard = book_shard(book, key);
	struct slot *slot;

	if (book->n >= book->most || (shard->n >= shard->size / 4 * 3 && !grow(shard)))
		return NULL;
	slot = &shard->v[place_of(shard, key, id)];
	if (slot->key)
		return NULL;
	slot->key = key;
	slot->id = id;
	shard->n++;
	book->n++;
	book->changes++;
	return slot;
}

static bool write_slot(struct book *book, struct slot *slot, const struct book_entry *entry)
{
	struct shard *shard = book_shard(book, slot->key);

	past_drop(&shard->past, slot->past);
	slot->past = past_put(&shard->past, entry->stints, entry->n_stints);
	slot->is_told = entry->is_told;
	slot->is_kept = false;
	slot->who = entry->who ? who_take(&book->who, entry->who) : 0;
	slot->basis = (uint8_t)(slot->who ? entry->basis : NATLOG_NONE);
	slot->start_ns = entry->start_ns;
	slot->look = book->look;
	slot->missed = 0;
	return slot->who || !entry->who;
}

static void see(struct book *book, struct slot *slot)
{
	slot->look = book->look;
	slot->missed = 0;
	slot->is_kept = false;
}

bool book_put(struct book *book, const struct ct_flow *flow, const struct book_entry *entry)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key, flow->id);

	let_go(book);
	if (slot && slot->who) {
		see(book, slot);
		return true;
	}
	if (!slot)
		slot = book_insert(book, key, flow->id);
	return slot && write_slot(book, slot, entry);
}

static void mark_block(struct book *book, struct slot *slot, const struct ct_flow *flow)
{
	const bool is_block = flow->orig.protocol == 0;

	book->n_blocks += is_block && !slot->is_block;
	slot->is_block = is_block;
}

bool book_begin(struct book *book, const struct ct_flow *flow, const struct book_entry *entry)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key, flow->id);

	let_go(book);
	if (slot)
		who_give(&book->who, slot->who);
	else
		slot = book_insert(book, key, flow->id);
	if (slot)
		mark_block(book, slot, flow);
	return slot && write_slot(book, slot, entry);
}

/* Of whom the other one knows nothing but the gateways, we may know more. */
static uint32_t take_who(struct book *book, const struct slot *slot, const struct book_entry *entry)
{
	const struct natlog_who *known = who_of(&book->who, slot->who);
	struct natlog_who merged;

	if (entry->basis != NATLOG_NONE || !known)
		return who_take(&book->who, entry->who);
	merged = *known;
	merged.carriers = entry->who->carriers;
	return who_take(&book->who, &merged);
}

bool book_tell(struct book *book, const struct ct_flow *flow, const struct book_entry *entry)
{
	struct slot *slot = find_youngest(book, key_of(book, flow));
	struct shard *shard;
	uint32_t who;

	let_go(book);
	if (!slot)
		return false;
	who = take_who(book, slot, entry);
	if (!who)
		return true;
	if (entry->basis != NATLOG_NONE || !slot->who)
		slot->basis = (uint8_t)entry->basis;
	who_give(&book->who, slot->who);
	slot->who = who;
	shard = book_shard(book, slot->key);
	past_drop(&shard->past, slot->past);
	slot->past = past_put(&shard->past, entry->stints, entry->n_stints);
	slot->start_ns = entry->start_ns;
	slot->is_told = true;
	book->changes++;
	return true;
}

static void read_slot(const struct book *book, const struct slot *slot, struct book_entry *ret)
{
	ret->who = who_of(&book->who, slot->who);
	ret->start_ns = slot->start_ns;
	ret->basis = slot->basis;
	ret->is_told = slot->is_told;
	ret->is_kept = slot->is_kept;
	ret->number = slot->who;
	ret->serial = who_serial(&book->who, slot->who);
	ret->n_stints = past_get(&book_shard(book, slot->key)->past, slot->past, ret->stints);
}

bool book_find(const struct book *book, const struct ct_flow *flow, struct book_entry *ret)
{
	const struct slot *slot = find(book, key_of(book, flow), flow->id);

	if (slot)
		read_slot(book, slot, ret);
	return slot;
}

const struct natlog_who *book_who(const struct book *book, uint32_t number)
{
	return number <= book->who.n ? who_of(&book->who, number) : NULL;
}

enum book_end book_end(struct book *book, const struct ct_flow *flow, int64_t stop_ns,
		       struct book_entry *ret)
{
	uint64_t key = key_of(book, flow);
	struct slot *slot = find(book, key, flow->id);
	struct ended *recent = &book->recent[key % BOOK_RECENT];
	const bool is_again = stop_ns && recent->key == key && recent->id == flow->id &&
			      recent->stop_ns == stop_ns;
	struct shard *shard = book_shard(book, key);

	let_go(book);
	if (is_again)
		return BOOK_AGAIN;
	*recent = (struct ended){ key, stop_ns, flow->id };
	*ret = (struct book_entry){ .basis = NATLOG_NONE };
	if (!slot)
		return BOOK_UNKNOWN;
	read_slot(book, slot, ret);
	book->held = slot->who;
	remove_slot(book, shard, (size_t)(slot - shard->v));
	return BOOK_ENDED;
}

void book_late(struct book *book)
{
	book->is_late = true;
}

void book_look_begin(struct book *book)
{
	book->was_late |= book->is_late;
	book->is_late = false;
	book->look = (uint8_t)(book->look % UINT8_MAX + 1);
}

bool book_see(struct book *book, const struct ct_flow *flow)
{
	struct slot *slot = find(book, key_of(book, flow), flow->id);

	let_go(book);
	if (!slot)
		return false;
	see(book, slot);
	return slot->who;
}

/* Missed now, and in an earlier look that counts. To be asked twice about one is fine. */
static bool is_missed(const struct book *book, struct slot *slot)
{
	if (!slot->key || slot->is_block || slot->look == book->look)
		return false;
	if (slot->is_kept)
		return true;
	if (!slot->missed || book->is_late || book->was_late)
		slot->missed = book->look;
	return slot->missed != book->look;
}

/* What moves up into a place that became free is judged there. */
static size_t forget(struct book *book, struct shard *shard)
{
	size_t n = 0;

	for (size_t i = 0; i < shard->size; i++) {
		while (is_missed(book, &shard->v[i])) {
			n += !shard->v[i].is_kept;
			who_give(&book->who, shard->v[i].who);
			remove_slot(book, shard, i);
		}
	}
	return n;
}

size_t book_look_end(struct book *book)
{
	size_t n = 0;

	let_go(book);
	for (size_t i = 0; i < BOOK_SHARDS; i++)
		n += forget(book, &book->shards[i]);
	book->was_late = false;
	return n;
}

void book_forget_blocks(struct book *book)
{
	let_go(book);
	for (size_t i = 0; i < BOOK_SHARDS; i++) {
		struct shard *shard = &book->shards[i];

		for (size_t j = 0; j < shard->size; j++) {
			while (shard->v[j].key && shard->v[j].is_block && shard->v[j].is_kept) {
				who_give(&book->who, shard->v[j].who);
				remove_slot(book, shard, j);
			}
		}
	}
}

size_t book_count(const struct book *book)
{
	return book->n;
}

size_t book_count_blocks(const struct book *book)
{
	return book->n_blocks;
}

size_t book_who_count(const struct book *book)
{
	return who_count(&book->who);
}

uint64_t book_changes(const struct book *book)
{
	return book->changes;
}
