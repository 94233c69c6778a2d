// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/blocks_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "gateway/table/desired.h"

static struct blocks_entry *find(const struct blocks *blocks, struct ip4 source, unsigned egress)
{
	return tally_find(&blocks->entries, blocks_key(source, egress));
}

static struct blocks_egress *home_of(const struct blocks *blocks, const struct blocks_entry *entry)
{
	return &blocks->egress[blocks_egress_of(entry)];
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

static struct block block_of(const struct blocks *blocks, const struct blocks_entry *entry,
			     uint16_t slot)
{
	return block_at_slot(blocks, (struct ip4){ (uint32_t)entry->key }, blocks_egress_of(entry),
			     slot);
}

/* BLOCKS_NONE: it isn't one of ours. */
static uint16_t slot_of(const struct blocks *blocks, const struct block *block)
{
	const struct blocks_shape *shape = &blocks->shape;
	const uint32_t ahead = block->first_port - shape->first_port;

	if (!shape->n || block->egress >= blocks->n_egress ||
	    block->first_port < shape->first_port || ahead % shape->size ||
	    ahead / shape->size >= shape->n ||
	    block->last_port - block->first_port + 1u != shape->size)
		return BLOCKS_NONE;
	return (uint16_t)(ahead / shape->size);
}

/* ---- the list of blocks that nobody has ------------------------------------------------------- */

static void list_remove(struct blocks_egress *egress, uint16_t i)
{
	const struct block_slot *slot = &egress->slots[i];

	*(slot->before == BLOCKS_NONE ? &egress->first : &egress->slots[slot->before].next) =
		slot->next;
	*(slot->next == BLOCKS_NONE ? &egress->last : &egress->slots[slot->next].before) =
		slot->before;
}

void blocks_list_append(struct blocks_egress *egress, uint16_t i)
{
	struct block_slot *slot = &egress->slots[i];

	slot->before = egress->last;
	slot->next = BLOCKS_NONE;
	*(egress->last == BLOCKS_NONE ? &egress->first : &egress->slots[egress->last].next) = i;
	egress->last = i;
}

static bool has_rested(const struct block_slot *slot, struct mono now)
{
	return !slot->source || mono_diff_ms(now, slot->since) >= BLOCKS_REST_MS;
}

/* ---- entries ----------------------------------------------------------------------------------- */

bool blocks_note(struct blocks *blocks, struct blocks_entry *entry)
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
static void forget(struct blocks *blocks, struct blocks_entry *entry)
{
	if (!entry->is_wanted && !entry->is_changed && entry->slot == BLOCKS_NONE &&
	    entry->past == BLOCKS_NONE)
		tally_remove(&blocks->entries, entry);
}

/* Somebody else gets what it had last. */
static void forget_past(struct blocks *blocks, unsigned egress, uint16_t slot)
{
	const struct ip4 source = { blocks->egress[egress].slots[slot].source };
	struct blocks_entry *entry = source.v ? find(blocks, source, egress) : NULL;

	if (!entry || entry->past != slot)
		return;
	entry->past = BLOCKS_NONE;
	forget(blocks, entry);
}

static void take(struct blocks *blocks, struct ip4 source, unsigned egress, uint16_t i)
{
	struct blocks_egress *home = &blocks->egress[egress];
	struct block_slot *slot = &home->slots[i];
	struct blocks_entry *entry = find(blocks, source, egress);

	if (!blocks_note(blocks, entry))
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
static void release(struct blocks *blocks, struct blocks_entry *entry, struct mono now)
{
	struct blocks_egress *home = home_of(blocks, entry);
	struct block_slot *slot;

	if (entry->slot == BLOCKS_NONE || !blocks_note(blocks, entry))
		return;
	slot = &home->slots[entry->slot];
	slot->is_given = false;
	slot->since = now;
	blocks_list_append(home, entry->slot);
	home->given--;
	home->waiting += entry->is_wanted;
	entry->slot = BLOCKS_NONE;
}

static struct blocks_entry *enter(struct blocks *blocks, struct ip4 source, unsigned egress)
{
	struct blocks_entry *entry = find(blocks, source, egress);

	if (entry)
		return entry;
	entry = tally_add(&blocks->entries, blocks_key(source, egress));
	if (entry)
		entry->slot = entry->told = entry->past = BLOCKS_NONE;
	return entry;
}

static void want(struct blocks_entry *entry, struct blocks_egress *home, bool is_wanted)
{
	if (entry->is_wanted != is_wanted && entry->slot == BLOCKS_NONE)
		home->waiting += is_wanted ? 1u : UINT32_MAX;
	entry->is_wanted = is_wanted;
}

void blocks_want(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now)
{
	struct blocks_egress *home;
	struct blocks_entry *entry;

	if (egress >= blocks->n_egress || !blocks->shape.n || !source.v)
		return;
	home = &blocks->egress[egress];
	entry = enter(blocks, source, egress);
	if (!entry)
		return;
	want(entry, home, true);
	entry->round = blocks->round;
	if (entry->slot != BLOCKS_NONE || !home->is_lead)
		return;
	if (entry->past != BLOCKS_NONE)
		take(blocks, source, egress, entry->past);
	else if (home->first != BLOCKS_NONE && has_rested(&home->slots[home->first], now))
		take(blocks, source, egress, home->first);
}

/* Of an egress IP that another gateway serves, that one says when a block is given back. */
static void drop(struct blocks *blocks, struct blocks_entry *entry, struct mono now)
{
	want(entry, home_of(blocks, entry), false);
	if (home_of(blocks, entry)->is_lead)
		release(blocks, entry, now);
	forget(blocks, entry);
}

void blocks_drop(struct blocks *blocks, struct ip4 source, unsigned egress, struct mono now)
{
	struct blocks_entry *entry = find(blocks, source, egress);

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
		struct blocks_entry *entry = tally_at(&blocks->entries, i);

		if (entry->round != blocks->round &&
		    (entry->is_wanted || entry->slot != BLOCKS_NONE))
			drop(blocks, entry, now);
	}
}

bool blocks_adopt(struct blocks *blocks, const struct block *block)
{
	const uint16_t slot = slot_of(blocks, block);
	struct blocks_entry *entry;

	if (slot == BLOCKS_NONE || blocks->egress[block->egress].slots[slot].is_given ||
	    !block->source.v)
		return false;
	entry = enter(blocks, block->source, block->egress);
	if (!entry || entry->slot != BLOCKS_NONE)
		return false;
	take(blocks, block->source, block->egress, slot);
	return true;
}

/* Who serves the egress IP took it from a source that never had it here; or that is known. */
static void rest(struct blocks *blocks, const struct block *block, uint16_t i, struct mono now)
{
	struct blocks_egress *home = &blocks->egress[block->egress];
	struct block_slot *slot = &home->slots[i];

	if (slot->is_given || (slot->source == block->source.v && !has_rested(slot, now)))
		return;
	if (slot->source != block->source.v)
		forget_past(blocks, block->egress, i);
	list_remove(home, i);
	slot->source = block->source.v;
	slot->since = now;
	blocks_list_append(home, i);
}

bool blocks_follow(struct blocks *blocks, const struct block *block, bool is_given, struct mono now)
{
	const uint16_t slot = slot_of(blocks, block);
	const struct block_slot *place;
	struct blocks_entry *entry;

	if (slot == BLOCKS_NONE || !block->source.v)
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
	return slot_of(blocks, block) != BLOCKS_NONE;
}

enum blocks_slot blocks_slot_at(const struct blocks *blocks, unsigned egress, size_t i,
				struct mono now, struct block *ret)
{
	const struct block_slot *slot = &blocks->egress[egress].slots[i];

	*ret = block_at_slot(blocks, (struct ip4){ slot->source }, egress, (uint32_t)i);
	if (slot->is_given)
		return BLOCKS_GIVEN;
	return has_rested(slot, now) ? BLOCKS_FREE : BLOCKS_RESTING;
}

struct ip4 blocks_holder(const struct blocks *blocks, unsigned egress, uint16_t port)
{
	const struct blocks_shape *shape = &blocks->shape;
	const struct block_slot *slot;

	if (egress >= blocks->n_egress || port < shape->first_port ||
	    port - shape->first_port >= shape->n * shape->size)
		return (struct ip4){ 0 };
	slot = &blocks->egress[egress].slots[(port - shape->first_port) / shape->size];
	return (struct ip4){ slot->is_given ? slot->source : 0 };
}

bool blocks_find(const struct blocks *blocks, struct ip4 source, unsigned egress, struct block *ret)
{
	const struct blocks_entry *entry = find(blocks, source, egress);

	if (!entry || entry->slot == BLOCKS_NONE)
		return false;
	*ret = block_of(blocks, entry, entry->slot);
	return true;
}

size_t blocks_places(const struct blocks *blocks)
{
	return blocks->entries.n;
}

static bool block_at(const struct blocks *blocks, const struct blocks_entry *entry, uint16_t slot,
		     struct block *ret)
{
	if (slot == BLOCKS_NONE)
		return false;
	*ret = block_of(blocks, entry, slot);
	return true;
}

bool blocks_at(const struct blocks *blocks, size_t i, struct block *ret)
{
	const struct blocks_entry *entry = tally_at(&blocks->entries, i);

	return block_at(blocks, entry, entry->slot, ret);
}

bool blocks_told_at(const struct blocks *blocks, size_t i, struct block *ret)
{
	const struct blocks_entry *entry = tally_at(&blocks->entries, i);

	return block_at(blocks, entry, entry->told, ret);
}

struct blocks_numbers blocks_numbers(const struct blocks *blocks, unsigned egress, struct mono now)
{
	struct blocks_numbers ret = { .blocks = blocks->shape.n };
	const struct blocks_egress *home;

	if (egress >= blocks->n_egress)
		return (struct blocks_numbers){ 0 };
	home = &blocks->egress[egress];
	ret.given = home->given;
	ret.waiting = home->waiting;
	/* Who was given back last stands last. */
	for (uint16_t i = home->last; i != BLOCKS_NONE && !has_rested(&home->slots[i], now);
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
		const struct blocks_egress *home = &blocks->egress[i];
		int64_t left = 0;

		if (!home->waiting || !home->is_lead || home->first == BLOCKS_NONE)
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
		const struct blocks_entry *entry = tally_find(&blocks->entries, blocks->changed[i]);

		if (entry->slot == entry->told)
			continue;
		if (entry->told != BLOCKS_NONE) {
			const struct block was = block_of(blocks, entry, entry->told);

			ret->del[ret->n_del++] = blocks_elem(&was);
		}
		if (entry->slot != BLOCKS_NONE) {
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
			const struct blocks_entry *entry =
				tally_find(&blocks->entries, blocks->changed[i]);
			const uint16_t slot = is_given ? entry->slot : entry->told;

			if (entry->slot == entry->told || slot == BLOCKS_NONE)
				continue;
			const struct block block = block_of(blocks, entry, slot);

			on_change(&block, is_given, data);
		}
	}
	for (size_t i = 0; i < blocks->n_changed; i++) {
		struct blocks_entry *entry = tally_find(&blocks->entries, blocks->changed[i]);

		entry->told = entry->slot;
		entry->is_changed = false;
		forget(blocks, entry);
	}
	blocks->n_changed = 0;
}
