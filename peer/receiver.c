// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "peer/receiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "peer/receiver_internal.h"

enum { LIFE_MAX_S = 5 * 86400 }; /* the kernel's for TCP */

struct place *receiver_find(struct receiver *receiver, uint64_t egress)
{
	for (size_t i = 0; i < receiver->n_places; i++) {
		if (receiver->places[i].is.egress == egress)
			return &receiver->places[i];
	}
	return NULL;
}

struct place *receiver_at(struct receiver *receiver, struct ip4 address)
{
	for (size_t i = 0; i < receiver->n_places; i++) {
		if (receiver->places[i].is.address.v == address.v)
			return &receiver->places[i];
	}
	return NULL;
}

/* Makes it on first sight. NULL: there are too many. */
static struct slot *slot_of(struct incoming *link, uint64_t egress)
{
	for (size_t i = 0; i < link->n_slots; i++) {
		if (link->slots[i].egress == egress)
			return &link->slots[i];
	}
	if (link->n_slots == RECEIVER_EGRESSES_MAX)
		return NULL;
	link->slots[link->n_slots] = (struct slot){ .egress = egress };
	return &link->slots[link->n_slots++];
}

static const char *take_flows(struct incoming *link, struct slot *slot, struct place *place,
			      const struct peer_frame *frame)
{
	struct receiver *receiver = link->receiver;
	bool counts = slot->walking || slot->sweep != NO_SWEEP;

	/* It was believed too late for that; from the beginning, then. */
	if (slot->missed)
		return "changes were missed";
	for (size_t i = 0; i < frame->n; i++) {
		struct ct_flow flow = frame->flows[i].flow;
		uint32_t life = flow.timeout_s < LIFE_MAX_S ? flow.timeout_s : LIFE_MAX_S;

		flow.nat = place->is.address;
		flow.mark = place->is.mark;
		flow.timeout_s = life + RECEIVER_GRACE_S;
		if (counts)
			told_add(&link->told, told_hash(&flow.orig, slot->egress));
		if (ct_writer_put(receiver->config.writer, frame->flows[i].change, &flow, NULL))
			return "the kernel takes nothing";
	}
	receiver->count.taken += frame->n;
	return NULL;
}

/* Of flows that are in the kernel by then, or were refused. Who has no room for a name hears of nobody. */
static const char *take_tales(const struct incoming *link, const struct place *place,
			      const struct peer_frame *frame)
{
	struct receiver *receiver = link->receiver;

	if (ct_writer_flush(receiver->config.writer, NULL))
		return "the kernel takes nothing";
	for (size_t i = 0; receiver->config.on_tale && i < frame->n; i++) {
		const struct frame_tale *item = &frame->tales[i];
		const struct name *name = names_get(&link->names, item->tale.who);
		const struct ct_flow flow = { .orig = item->orig, .nat = place->is.address };

		if (!name)
			continue;
		receiver->config.on_tale(&flow, &item->tale, name->bytes, name->n,
					 receiver->config.data);
		receiver->count.tales++;
	}
	return NULL;
}

static bool is_believed(const struct incoming *link, const struct place *place)
{
	const struct receiver_config *config = &link->receiver->config;

	return place && !place->is.is_ours &&
	       config->is_owner(link->name, place->is.egress, config->data);
}

static void take_blocks(struct incoming *link, struct slot *slot, const struct place *place,
			const struct peer_frame *frame)
{
	struct receiver *receiver = link->receiver;
	const struct receiver_config *config = &receiver->config;

	if (!is_believed(link, place)) {
		slot->blocks = BLOCKS_MISSED;
		receiver->count.ignored++;
		return;
	}
	/* Changes of what isn't known are worth nothing. */
	if (frame->begins)
		slot->blocks = BLOCKS_KNOWN;
	if (slot->blocks != BLOCKS_KNOWN)
		return;
	receiver->count.blocks += frame->n;
	if (config->on_blocks)
		config->on_blocks(link->name, frame, config->data);
}

/* The walks of one connection begin and end together; one that begins while it is under way is a new one. */
static void begin_walk(struct incoming *link, struct slot *slot)
{
	bool is_needed = false, is_new = slot->walking || link->told.full;

	for (size_t i = 0; i < link->n_slots; i++) {
		if (is_new)
			link->slots[i].walking = false;
		is_needed = is_needed || link->slots[i].walking || link->slots[i].sweep != NO_SWEEP;
	}
	if (!is_needed)
		told_reset(&link->told);
	slot->walking = true;
	slot->missed = false;
}

static void end_walk(struct incoming *link, struct slot *slot, struct place *place, bool complete)
{
	if (!slot->walking)
		return;
	slot->walking = false;
	if (!complete)
		return;
	place->status.complete = true;
	slot->sweep = SWEEP_DUE;
	loop_timer_arm_ms(link->receiver->sweep_soon, 0);
}

static void note(struct place *place, const struct incoming *link)
{
	struct receiver_egress_status *status = &place->status;

	if (!status->linked || strcmp(status->from, link->name) != 0)
		status->complete = false;
	snprintf(status->from, sizeof(status->from), "%s", link->name);
	status->linked = true;
	status->heard = mono_now();
}

const char *receiver_take(struct incoming *link, const struct peer_frame *frame)
{
	struct receiver *receiver = link->receiver;
	struct place *place = receiver_find(receiver, frame->egress);
	struct slot *slot;

	if (frame->kind == FRAME_WHO) {
		(void)names_set(&link->names, frame->number, frame->who, frame->n);
		return NULL;
	}
	if (frame->kind == FRAME_TALES)
		return is_believed(link, place) ? take_tales(link, place, frame) : NULL;
	if (frame->kind != FRAME_FLOWS && frame->kind != FRAME_WALK_BEGIN &&
	    frame->kind != FRAME_WALK_END && frame->kind != FRAME_BLOCKS)
		return "it says what it has no reason for";
	slot = slot_of(link, frame->egress);
	if (!slot)
		return "it tells of too many egress IPs";
	if (frame->kind == FRAME_BLOCKS) {
		take_blocks(link, slot, place, frame);
		return NULL;
	}
	if (!is_believed(link, place)) {
		slot->missed = true;
		slot->walking = false;
		receiver->count.ignored++;
		return NULL;
	}
	note(place, link);
	if (frame->kind == FRAME_FLOWS)
		return take_flows(link, slot, place, frame);
	if (frame->kind == FRAME_WALK_BEGIN)
		begin_walk(link, slot);
	else
		end_walk(link, slot, place, frame->complete);
	return NULL;
}

static void miss_blocks(struct slot *slot)
{
	if (slot->blocks == BLOCKS_KNOWN)
		slot->blocks = BLOCKS_MISSED;
}

void receiver_forget(struct receiver *receiver, uint64_t egress)
{
	for (size_t i = 0; i < receiver->n_links; i++) {
		struct incoming *link = receiver->links[i];

		for (size_t j = 0; j < link->n_slots; j++) {
			struct slot *slot = &link->slots[j];

			if (slot->egress != egress)
				continue;
			slot->missed = true;
			miss_blocks(slot);
			slot->walking = false;
			slot->sweep = NO_SWEEP;
		}
	}
}

void receiver_want_blocks(struct receiver *receiver)
{
	for (size_t i = 0; i < receiver->n_links; i++) {
		struct incoming *link = receiver->links[i];

		for (size_t j = 0; j < link->n_slots; j++)
			miss_blocks(&link->slots[j]);
	}
}

static bool is_same(const struct receiver_egress *a, const struct receiver_egress *b)
{
	return a->address.v == b->address.v && a->mark == b->mark && a->is_ours == b->is_ours;
}

int receiver_set_egresses(struct receiver *receiver, const struct receiver_egress *egresses,
			  size_t n)
{
	struct place places[RECEIVER_EGRESSES_MAX];

	if (n > RECEIVER_EGRESSES_MAX)
		return -E2BIG;
	/* What a sweep has put and not brought yet was right until now. */
	(void)ct_writer_flush(receiver->config.writer, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct place *old = receiver_find(receiver, egresses[i].egress);

		places[i] =
			(struct place){ .is = egresses[i], .status.egress = egresses[i].egress };
		if (old && is_same(&old->is, &egresses[i]))
			places[i].status = old->status;
		else
			receiver_forget(receiver, egresses[i].egress);
	}
	memcpy(receiver->places, places, n * sizeof(places[0]));
	receiver->n_places = n;
	return 0;
}

/* Only what was told of an egress IP that isn't ours may make room for what is told. */
static bool must_stay(const struct ct_entry *entry, void *data)
{
	const struct place *place = receiver_at(data, entry->reply.dst);

	return !place || place->is.is_ours;
}

struct receiver *receiver_new(const struct receiver_config *config, struct err *err)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));

	if (!receiver) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	receiver->config = *config;
	snprintf(receiver->name, sizeof(receiver->name), "%s", config->name);
	receiver->keys = *config->keys;
	receiver->look = loop_timer_new(config->loop, receiver_look, receiver);
	receiver->sweep_soon = loop_timer_new(config->loop, sweep_begin, receiver);
	if (receiver->look && receiver->sweep_soon)
		receiver->listener = channel_listen(config->loop, &config->place, receiver_accept,
						    receiver, err);
	else
		err_set(err, -ENOMEM, "out of memory");
	ct_writer_keep(config->writer, must_stay, receiver);
	if (!receiver->listener) {
		receiver_free(receiver);
		return NULL;
	}
	receiver_look(receiver);
	return receiver;
}

void receiver_free(struct receiver *receiver)
{
	if (!receiver)
		return;
	while (receiver->n_links)
		incoming_free(receiver->links[0]);
	ct_writer_keep(receiver->config.writer, NULL, NULL);
	channel_listener_free(receiver->listener);
	loop_timer_free(receiver->look);
	loop_timer_free(receiver->sweep_soon);
	peer_keys_done(&receiver->keys);
	free(receiver);
}

uint16_t receiver_port(const struct receiver *receiver)
{
	return channel_listener_port(receiver->listener);
}

void receiver_set_keys(struct receiver *receiver, const struct peer_keys *keys)
{
	receiver->keys = *keys;
}

void receiver_status(const struct receiver *receiver, struct receiver_status *ret)
{
	*ret = receiver->count;
	ret->n = receiver->n_places;
	for (size_t i = 0; i < receiver->n_places; i++)
		ret->egresses[i] = receiver->places[i].status;
	for (size_t i = 0; i < receiver->n_links; i++)
		ret->links += receiver->links[i]->greeted;
}
