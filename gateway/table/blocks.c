// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "conf/gateway.h"
#include "gateway/table/desired.h"
#include "gateway/table/tally.h"
#include "gateway/use/ports.h"

enum { NONE = UINT16_MAX }; /* no slot */

/* One block. Those that nobody has are a list, who rested longest first. */
struct slot {
	uint32_t source; /* who has it, or had it last; 0: nobody ever */
	bool is_given;
	uint16_t before, next; /* of the list */
	struct mono since;     /* when it was given back */
};

struct egress {
	char name[CONFIG_NAME_MAX];
	bool is_lead;
	struct slot *slots;
	uint16_t first, last; /* of the list; NONE: it's empty */
	uint32_t given, waiting;
};

/* A source and an egress IP. One that lost its block stays as long as the block remembers it. */
struct entry {
	uint64_t key;
	uint16_t slot; /* NONE: it has none */
	uint16_t told; /* as the kernel has it */
	uint16_t past; /* what it had last, if the slot says so, too */
	bool is_wanted, is_changed;
	uint32_t round;
};

struct shape {
	uint32_t first_port, size, n;
	uint32_t shared_first, shared_last;
};

struct blocks {
	struct shape shape;
	struct egress *egress;
	unsigned n_egress;
	struct tally entries;
	uint64_t *changed; /* keys of entries that the kernel hasn't been told; each once */
	size_t n_changed, room_changed;
	uint32_t round;
};

static uint64_t key_of(struct ip4 source, unsigned egress)
{
	return (uint64_t)egress << 32 | source.v;
}

static unsigned egress_of(const struct entry *entry)
{
	return (unsigned)(entry->key >> 32);
}

static struct entry *find(const struct blocks *blocks, struct ip4 source, unsigned egress)
{
	return tally_find(&blocks->entries, key_of(source, egress));
}

static struct egress *home_of(const struct blocks *blocks, const struct entry *entry)
{
	return &blocks->egress[egress_of(entry)];
}

static struct block block_at_slot(const struct blocks *blocks, struct ip4 source, unsigned egress,
				  uint32_t slot)
{
	const uint32_t first = blocks->shape.first_port + slot * blocks->shape.size;

	return (struct block){ .source = source,
			       .egress = egress,
			       .first_port = (uint16_t)first,
			       .last_port = (uint16_t)(first + blocks->shape.size - 1) };
}

static struct block block_of(const struct blocks *blocks, const struct entry *entry, uint16_t slot)
{
	return block_at_slot(blocks, (struct ip4){ (uint32_t)entry->key }, egress_of(entry), slot);
}

/* NONE: it isn't one of ours. */
static uint16_t slot_of(const struct blocks *blocks, const struct block *block)
{
	const struct shape *shape = &blocks->shape;
	const uint32_t ahead = block->first_port - shape->first_port;

	if (!shape->n || block->egress >= blocks->n_egress ||
	    block->first_port < shape->first_port || ahead % shape->size ||
	    ahead / shape->size >= shape->n ||
	    block->last_port - block->first_port + 1u != shape->size)
		return NONE;
	return (uint16_t)(ahead / shape->size);
}

/* ---- the list of blocks that nobody has ------------------------------------------------------- */

static void list_remove(struct egress *egress, uint16_t i)
{
	const struct slot *slot = &egress->slots[i];

	*(slot->before == NONE ? &egress->first : &egress->slots[slot->before].next) = slot->next;
	*(slot->next == NONE ? &egress->last : &egress->slots[slot->next].before) = slot->before;
}

static void list_append(struct egress *egress, uint16_t i)
{
	struct slot *slot = &egress->slots[i];

	slot->before = egress->last;
	slot->next = NONE;
	*(egress->last == NONE ? &egress->first : &egress->slots[egress->last].next) = i;
	egress->last = i;
}

static bool has_rested(const struct slot *slot, struct mono now)
{
	return !slot->source || mono_diff_ms(now, slot->since) >= BLOCKS_REST_MS;
}

/* ---- entries ----------------------------------------------------------------------------------- */

/* False: no memory, and nothing has changed. */
static bool note(struct blocks *blocks, struct entry *entry)
{
	if (entry->is_changed)
		return true;
	if (blocks->n_changed == blocks->room_changed) {
		const size_t room = blocks->room_changed ? 2 * blocks->room_changed : 64;
		uint64_t *changed = realloc(blocks->changed, room * sizeof(*changed));

		if (!changed)
			return false;
		blocks->changed = changed;
		blocks->room_changed = room;
	}
	blocks->changed[blocks->n_changed++] = entry->key;
	entry->is_changed = true;
	return true;
}

/* It's of no use any more: nobody wants it, the kernel knows, and no block remembers it. */
static void forget(struct blocks *blocks, struct entry *entry)
{
	if (!entry->is_wanted && !entry->is_changed && entry->slot == NONE && entry->past == NONE)
		tally_remove(&blocks->entries, entry);
}

/* Somebody else gets what it had last. */
static void forget_past(struct blocks *blocks, unsigned egress, uint16_t slot)
{
	const struct ip4 source = { blocks->egress[egress].slots[slot].source };
	struct entry *entry = source.v ? find(blocks, source, egress) : NULL;

	if (!entry || entry->past != slot)
		return;
	entry->past = NONE;
	forget(blocks, entry);
}

static void take(struct blocks *blocks, struct ip4 source, unsigned egress, uint16_t i)
{
	struct egress *home = &blocks->egress[egress];
	struct slot *slot = &home->slots[i];
	struct entry *entry = find(blocks, source, egress);

	if (!note(blocks, entry))
		return;
	if (slot->source != source.v) {
		forget_past(blocks, egress, i);
		entry = find(blocks, source, egress); /* it may lie elsewhere now */
	}
	list_remove(home, i);
	slot->source = source.v;
	slot->is_given = true;
	home->given++;
	home->waiting -= entry->is_wanted;
	entry->slot = entry->past = i;
}

/* Takes its block away; whether it's wanted stays. */
static void release(struct blocks *blocks, struct entry *entry, struct mono now)
{
	struct egress *home = home_of(blocks, entry);
	struct slot *slot;

	if (entry->slot == NONE || !note(blocks, entry))
		return;
	slot = &home->slots[entry->slot];
	slot->is_given = false;
	slot->since = now;
	list_append(home, entry->slot);
	home->given--;
	home->waiting += entry->is_wanted;
	entry->slot = NONE;
}

static struct entry *enter(struct blocks *blocks, struct ip4 source, unsigned egress)
{
	struct entry *entry = find(blocks, source, egress);

	if (entry)
		return entry;
	entry = tally_add(&blocks->entries, key_of(source, egress));
	if (entry)
		entry->slot = entry->told = entry->past = NONE;
	return entry;
}

static void want(struct entry *entry, struct egress *home, bool is_wanted)
{
	if (entry->is_wanted != is_wanted && entry->slot == NONE)
		home->waiting += is_wanted ? 1u : UINT32_MAX;
	entry->is_wanted = is_wanted;
}

void blocks_want(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now)
{
	struct egress *home;
	struct entry *entry;

	if (egress >= blocks->n_egress || !blocks->shape.n || !source.v)
		return;
	home = &blocks->egress[egress];
	entry = enter(blocks, source, egress);
	if (!entry)
		return;
	want(entry, home, true);
	entry->round = blocks->round;
	if (entry->slot != NONE || !home->is_lead)
		return;
	if (entry->past != NONE)
		take(blocks, source, egress, entry->past);
	else if (home->first != NONE && has_rested(&home->slots[home->first], now))
		take(blocks, source, egress, home->first);
}

/* Of an egress IP that another gateway serves, that one says when a block is given back. */
static void drop(struct blocks *blocks, struct entry *entry, struct mono now)
{
	want(entry, home_of(blocks, entry), false);
	if (home_of(blocks, entry)->is_lead)
		release(blocks, entry, now);
	forget(blocks, entry);
}

void blocks_drop(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now)
{
	struct entry *entry = find(blocks, source, egress);

	if (entry)
		drop(blocks, entry, now);
}

void blocks_round_begin(struct blocks *blocks)
{
	blocks->round++;
}

void blocks_round_end(struct blocks *blocks, struct mono now)
{
	/* From the end: what takes the place of one that goes was looked at. */
	for (size_t i = blocks->entries.n; i-- > 0;) {
		struct entry *entry = tally_at(&blocks->entries, i);

		if (entry->round != blocks->round && (entry->is_wanted || entry->slot != NONE))
			drop(blocks, entry, now);
	}
}

bool blocks_adopt(struct blocks *blocks, const struct block *block)
{
	const uint16_t slot = slot_of(blocks, block);
	struct entry *entry;

	if (slot == NONE || blocks->egress[block->egress].slots[slot].is_given || !block->source.v)
		return false;
	entry = enter(blocks, block->source, block->egress);
	if (!entry || entry->slot != NONE)
		return false;
	take(blocks, block->source, block->egress, slot);
	return true;
}

/* Who serves the egress IP took it from a source that never had it here; or that is known. */
static void rest(struct blocks *blocks, const struct block *block, uint16_t i, struct mono now)
{
	struct egress *home = &blocks->egress[block->egress];
	struct slot *slot = &home->slots[i];

	if (slot->is_given || (slot->source == block->source.v && !has_rested(slot, now)))
		return;
	if (slot->source != block->source.v)
		forget_past(blocks, block->egress, i);
	list_remove(home, i);
	slot->source = block->source.v;
	slot->since = now;
	list_append(home, i);
}

bool blocks_follow(struct blocks *blocks, const struct block *block, bool is_given, struct mono now)
{
	const uint16_t slot = slot_of(blocks, block);
	const struct slot *place;
	struct entry *entry;

	if (slot == NONE || !block->source.v)
		return false;
	place = &blocks->egress[block->egress].slots[slot];
	entry = find(blocks, block->source, block->egress);
	if (entry && entry->slot == slot) {
		if (!is_given)
			release(blocks, entry, now);
		return true;
	}
	if (!is_given) {
		rest(blocks, block, slot, now);
		return true;
	}
	if (place->is_given)
		release(blocks, find(blocks, (struct ip4){ place->source }, block->egress), now);
	if (place->is_given)
		return true; /* no memory: it's told again when this gateway is the one */
	entry = enter(blocks, block->source, block->egress);
	if (!entry)
		return true;
	release(blocks, entry, now);
	entry->round = blocks->round;
	take(blocks, block->source, block->egress, slot);
	return true;
}

/* ---- configuration ----------------------------------------------------------------------------- */

static struct shape shape_of(const struct gateway_config *config)
{
	const struct gateway_limits *limits = &config->limits;
	const uint32_t first = limits->first_port ? limits->first_port : PORTS_FIRST;
	const uint32_t all = ports_capacity(config);

	if (!limits->ports_per_pod)
		return (struct shape){ .n = 0 };
	return (struct shape){ .first_port = first + limits->shared_ports,
			       .size = limits->ports_per_pod,
			       .n = (all - limits->shared_ports) / limits->ports_per_pod,
			       .shared_first = first,
			       .shared_last = first + limits->shared_ports - 1 };
}

bool blocks_are_alike(const struct blocks *blocks, const struct gateway_config *config)
{
	const struct shape shape = shape_of(config);

	return memcmp(&blocks->shape, &shape, sizeof(shape)) == 0;
}

bool blocks_are_as(const struct blocks *blocks, const struct gateway_config *config)
{
	const struct gateway_egress *v = config->egress_ips.v;

	if (!blocks_are_alike(blocks, config) ||
	    (blocks->shape.n ? config->egress_ips.n : 0) != blocks->n_egress)
		return false;
	for (unsigned i = 0; i < blocks->n_egress; i++) {
		if (strcmp(blocks->egress[i].name, v[i].name) != 0)
			return false;
	}
	return true;
}

static void egress_free(struct egress *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		free(v[i].slots);
	free(v);
}

static struct egress *egress_new(const struct shape *shape, const struct gateway_config *config,
				 size_t n)
{
	const struct gateway_egress *names = config->egress_ips.v;
	struct egress *v = calloc(n + 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		v[i].slots = calloc(shape->n, sizeof(*v[i].slots));
		if (!v[i].slots) {
			egress_free(v, i);
			return NULL;
		}
		memcpy(v[i].name, names[i].name, sizeof(v[i].name));
		v[i].is_lead = true;
		v[i].first = v[i].last = NONE;
		for (uint16_t slot = 0; slot < shape->n; slot++)
			list_append(&v[i], slot);
	}
	return v;
}

/* The one of that name; n: there is none. */
static unsigned find_name(const struct egress *v, unsigned n, const char *name)
{
	unsigned i = 0;

	while (i < n && strcmp(v[i].name, name) != 0)
		i++;
	return i;
}

/* What the entries of the old egress IP become; false: it's gone. */
static bool move_entry(const struct entry *entry, const struct blocks *from, struct blocks *to)
{
	const struct egress *old = &from->egress[egress_of(entry)];
	const unsigned egress = find_name(to->egress, to->n_egress, old->name);
	struct entry *moved;

	if (egress == to->n_egress)
		return true;
	moved = tally_add(&to->entries, key_of((struct ip4){ (uint32_t)entry->key }, egress));
	if (!moved)
		return false;
	const uint64_t key = moved->key;

	*moved = *entry;
	moved->key = key;
	moved->is_changed = false;
	return entry->slot == entry->told || note(to, moved);
}

/* The places of egress IPs of the same name go along with their slots. */
static bool move_all(const struct blocks *from, struct blocks *to)
{
	for (size_t i = 0; i < from->entries.n; i++) {
		if (!move_entry(tally_at(&from->entries, i), from, to))
			return false;
	}
	for (unsigned i = 0; i < to->n_egress; i++) {
		const unsigned old = find_name(from->egress, from->n_egress, to->egress[i].name);
		struct slot *slots = to->egress[i].slots;

		if (old == from->n_egress)
			continue;
		to->egress[i] = from->egress[old];
		to->egress[i].slots = slots;
		memcpy(slots, from->egress[old].slots, from->shape.n * sizeof(*slots));
	}
	return true;
}

static void clear(struct blocks *blocks)
{
	egress_free(blocks->egress, blocks->n_egress);
	tally_done(&blocks->entries);
	free(blocks->changed);
}

int blocks_configure(struct blocks *blocks, const struct gateway_config *config)
{
	const struct shape shape = shape_of(config);
	const unsigned n = shape.n ? (unsigned)config->egress_ips.n : 0;
	struct blocks next = { .shape = shape,
			       .n_egress = n,
			       .round = blocks->round,
			       .entries = { .element = sizeof(struct entry),
					    .most = BLOCKS_SOURCES_MAX,
					    .seed = blocks->entries.seed } };
	const bool is_like = blocks_are_alike(blocks, config);

	if (blocks_are_as(blocks, config))
		return 0;
	next.egress = egress_new(&shape, config, n);
	if (!next.egress || (is_like && !move_all(blocks, &next))) {
		clear(&next);
		return -ENOMEM;
	}
	clear(blocks);
	*blocks = next;
	return 0;
}

struct blocks *blocks_new(uint64_t seed)
{
	struct blocks *blocks = calloc(1, sizeof(*blocks));

	if (blocks)
		blocks->entries = (struct tally){ .element = sizeof(struct entry),
						  .most = BLOCKS_SOURCES_MAX,
						  .seed = seed };
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	clear(blocks);
	free(blocks);
}

bool blocks_are_wanted(const struct blocks *blocks)
{
	return blocks->shape.n != 0;
}

void blocks_set_lead(struct blocks *blocks, unsigned egress, bool is_lead)
{
	if (egress < blocks->n_egress)
		blocks->egress[egress].is_lead = is_lead;
}

bool blocks_leads(const struct blocks *blocks, unsigned egress)
{
	return egress < blocks->n_egress && blocks->egress[egress].is_lead;
}

/* ---- questions --------------------------------------------------------------------------------- */

uint16_t blocks_ports(const struct blocks *blocks)
{
	return (uint16_t)blocks->shape.size;
}

bool blocks_fit(const struct blocks *blocks, const struct block *block)
{
	return slot_of(blocks, block) != NONE;
}

enum blocks_slot blocks_slot_at(const struct blocks *blocks, unsigned egress, size_t i,
				struct mono now, struct block *ret)
{
	const struct slot *slot = &blocks->egress[egress].slots[i];

	*ret = block_at_slot(blocks, (struct ip4){ slot->source }, egress, (uint32_t)i);
	if (slot->is_given)
		return BLOCKS_GIVEN;
	return has_rested(slot, now) ? BLOCKS_FREE : BLOCKS_RESTING;
}

struct ip4 blocks_holder(const struct blocks *blocks, unsigned egress, uint16_t port)
{
	const struct shape *shape = &blocks->shape;
	const struct slot *slot;

	if (egress >= blocks->n_egress || port < shape->first_port ||
	    port - shape->first_port >= shape->n * shape->size)
		return (struct ip4){ 0 };
	slot = &blocks->egress[egress].slots[(port - shape->first_port) / shape->size];
	return (struct ip4){ slot->is_given ? slot->source : 0 };
}

bool blocks_find(const struct blocks *blocks, struct ip4 source, unsigned egress, struct block *ret)
{
	const struct entry *entry = find(blocks, source, egress);

	if (!entry || entry->slot == NONE)
		return false;
	*ret = block_of(blocks, entry, entry->slot);
	return true;
}

size_t blocks_places(const struct blocks *blocks)
{
	return blocks->entries.n;
}

static bool block_at(const struct blocks *blocks, const struct entry *entry, uint16_t slot,
		     struct block *ret)
{
	if (slot == NONE)
		return false;
	*ret = block_of(blocks, entry, slot);
	return true;
}

bool blocks_at(const struct blocks *blocks, size_t i, struct block *ret)
{
	const struct entry *entry = tally_at(&blocks->entries, i);

	return block_at(blocks, entry, entry->slot, ret);
}

bool blocks_told_at(const struct blocks *blocks, size_t i, struct block *ret)
{
	const struct entry *entry = tally_at(&blocks->entries, i);

	return block_at(blocks, entry, entry->told, ret);
}

struct blocks_numbers blocks_numbers(const struct blocks *blocks, unsigned egress, struct mono now)
{
	struct blocks_numbers ret = { .blocks = blocks->shape.n };
	const struct egress *home;

	if (egress >= blocks->n_egress)
		return (struct blocks_numbers){ 0 };
	home = &blocks->egress[egress];
	ret.given = home->given;
	ret.waiting = home->waiting;
	/* Who was given back last stands last. */
	for (uint16_t i = home->last; i != NONE && !has_rested(&home->slots[i], now);
	     i = home->slots[i].before)
		ret.resting++;
	return ret;
}

struct block blocks_shared(const struct blocks *blocks)
{
	return (struct block){ .first_port = (uint16_t)blocks->shape.shared_first,
			       .last_port = (uint16_t)blocks->shape.shared_last };
}

int64_t blocks_due_ms(const struct blocks *blocks, struct mono now)
{
	int64_t due = -1;

	for (unsigned i = 0; i < blocks->n_egress; i++) {
		const struct egress *home = &blocks->egress[i];
		int64_t left = 0;

		if (!home->waiting || !home->is_lead || home->first == NONE)
			continue;
		if (!has_rested(&home->slots[home->first], now))
			left = BLOCKS_REST_MS - mono_diff_ms(now, home->slots[home->first].since);
		if (due < 0 || left < due)
			due = left;
	}
	return due;
}

/* ---- the kernel -------------------------------------------------------------------------------- */

struct nat_elem blocks_elem(const struct block *block)
{
	return (struct nat_elem){ .key = gateway_egress_mark(block->egress),
				  .first = block->source.v,
				  .last = block->source.v,
				  .data = nat_ports(block->first_port, block->last_port) };
}

size_t blocks_news_most(const struct blocks *blocks)
{
	return blocks->n_changed;
}

void blocks_news(const struct blocks *blocks, struct blocks_news *ret)
{
	ret->n_add = ret->n_del = 0;
	for (size_t i = 0; i < blocks->n_changed; i++) {
		const struct entry *entry = tally_find(&blocks->entries, blocks->changed[i]);

		if (entry->slot == entry->told)
			continue;
		if (entry->told != NONE) {
			const struct block was = block_of(blocks, entry, entry->told);

			ret->del[ret->n_del++] = blocks_elem(&was);
		}
		if (entry->slot != NONE) {
			const struct block is = block_of(blocks, entry, entry->slot);

			ret->add[ret->n_add++] = blocks_elem(&is);
		}
	}
}

void blocks_told(struct blocks *blocks,
		 void (*on_change)(const struct block *block, bool is_given, void *data),
		 void *data)
{
	for (int is_given = 0; on_change && is_given <= 1; is_given++) {
		for (size_t i = 0; i < blocks->n_changed; i++) {
			const struct entry *entry =
				tally_find(&blocks->entries, blocks->changed[i]);
			const uint16_t slot = is_given ? entry->slot : entry->told;

			if (entry->slot == entry->told || slot == NONE)
				continue;
			const struct block block = block_of(blocks, entry, slot);

			on_change(&block, is_given, data);
		}
	}
	for (size_t i = 0; i < blocks->n_changed; i++) {
		struct entry *entry = tally_find(&blocks->entries, blocks->changed[i]);

		entry->told = entry->slot;
		entry->is_changed = false;
		forget(blocks, entry);
	}
	blocks->n_changed = 0;
}
