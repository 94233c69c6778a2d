// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "peer/receiver_internal.h"

/* TOLD_MAX: 32 MB when a peer has as many flows; of more, nothing is swept. */
enum { LOOK_MS = 1000, HELLO_MS = 5000, TOLD_MAX = 1 << 21 };

void incoming_free(struct incoming *link)
{
	struct receiver *receiver = link->receiver;

	if (receiver->sweeping == link)
		sweep_cancel(receiver);
	for (size_t i = 0; i < receiver->n_links; i++) {
		if (receiver->links[i] == link)
			receiver->links[i] = receiver->links[--receiver->n_links];
	}
	for (size_t i = 0; link->greeted && i < receiver->n_places; i++) {
		struct receiver_egress_status *status = &receiver->places[i].status;

		if (strcmp(status->from, link->name) == 0)
			status->linked = false;
	}
	told_reset(&link->told);
	names_done(&link->names);
	channel_free(link->channel);
	free(link);
}

static void end(struct incoming *link, const char *reason)
{
	if (link->greeted)
		log_warning(MSG_REPLICATION_RECEIVING_ENDED, "replication",
			    "connection ended from=%s reason=%s", link->name, reason);
	incoming_free(link);
}

static void break_off(struct incoming *link, const char *reason)
{
	link->receiver->count.broken++;
	end(link, reason);
}

static void on_closed(const char *reason, void *data)
{
	end(data, reason);
}

static void on_nothing(void *data)
{
	(void)data;
}

static bool answer(struct incoming *link, struct peer_frame *frame)
{
	uint8_t bytes[FRAME_NAME_MAX + 32];
	size_t length = frame_write(frame, bytes, sizeof(bytes));

	return length && channel_send(link->channel, bytes, length) == 0;
}

/* A peer has one connection: a former one is of a former process, or half dead. */
static const char *take_hello(struct incoming *link, struct peer_frame *frame)
{
	struct receiver *receiver = link->receiver;

	if (!receiver->config.is_member(frame->name, receiver->config.data))
		return "it isn't of the group";
	for (size_t i = 0; i < receiver->n_links; i++) {
		struct incoming *other = receiver->links[i];

		if (other != link && other->greeted && strcmp(other->name, frame->name) == 0) {
			end(other, "it has connected again");
			break;
		}
	}
	snprintf(link->name, sizeof(link->name), "%s", frame->name);
	link->greeted = true;
	log_info("replication", "connected from=%s", link->name);
	snprintf(frame->name, sizeof(frame->name), "%s", receiver->name);
	frame->boot = receiver->config.boot;
	return answer(link, frame) ? NULL : "it takes no answer";
}

static const char *take(struct incoming *link, struct peer_frame *frame)
{
	if (!link->greeted)
		return frame->kind == FRAME_HELLO ? take_hello(link, frame) :
						    "it doesn't say who it is";
	if (!frame_is_numbered(frame))
		return receiver_take(link, frame);
	if (frame->sequence != link->sequence + 1)
		return "a frame is missing";
	link->sequence++;
	return receiver_take(link, frame);
}

/* What was taken is in the kernel before it's acknowledged. */
static const char *finish(struct incoming *link, struct err *err)
{
	struct peer_frame *frame = &link->receiver->scratch;

	if (ct_writer_flush(link->receiver->config.writer, err))
		return err->text;
	if (link->acknowledged == link->sequence)
		return NULL;
	link->acknowledged = link->sequence;
	frame->kind = FRAME_ACK;
	frame->sequence = link->sequence;
	return answer(link, frame) ? NULL : "it takes no answer";
}

static size_t on_data(const uint8_t *bytes, size_t n, void *data)
{
	struct incoming *link = data;
	struct peer_frame *frame = &link->receiver->scratch;
	struct err err = ERR_NULL;
	const char *wrong = NULL;
	size_t at = 0, used = 0;
	int rc = 0;

	while (!wrong && (rc = frame_read(bytes + at, n - at, &used, frame)) == 0) {
		wrong = take(link, frame);
		at += used;
	}
	if (!wrong && rc != -EAGAIN)
		wrong = "it doesn't speak our language";
	if (!wrong)
		wrong = finish(link, &err);
	if (!wrong)
		return at;
	break_off(link, wrong);
	return 0;
}

/* Strangers give way to strangers: the oldest goes. False: there is none. */
static bool make_room(struct receiver *receiver)
{
	struct incoming *oldest = NULL;

	for (size_t i = 0; i < receiver->n_links; i++) {
		struct incoming *link = receiver->links[i];

		if (!link->greeted && (!oldest || mono_is_before(link->since, oldest->since)))
			oldest = link;
	}
	if (oldest)
		incoming_free(oldest);
	return oldest != NULL;
}

void receiver_accept(int fd, struct ip4 from, void *data)
{
	struct receiver *receiver = data;
	struct incoming *link = calloc(1, sizeof(*link));
	const struct channel_ops ops = { .on_open = on_nothing,
					 .on_data = on_data,
					 .on_room = on_nothing,
					 .on_closed = on_closed,
					 .data = link };

	(void)from;
	if (!link || (receiver->n_links == LINKS_MAX && !make_room(receiver))) {
		close(fd);
		free(link);
		return;
	}
	link->receiver = receiver;
	link->since = mono_now();
	link->told.max = TOLD_MAX;
	link->channel = channel_accept(receiver->config.loop, fd, &receiver->keys, &ops, NULL);
	if (link->channel)
		receiver->links[receiver->n_links++] = link;
	else
		free(link);
}

/* It has told what we didn't believe, and now would: of a quiet egress IP it may be long until it says more. */
static bool has_missed(const struct incoming *link)
{
	const struct receiver *receiver = link->receiver;

	for (size_t i = 0; i < link->n_slots; i++) {
		const struct slot *slot = &link->slots[i];
		const struct place *place = receiver_find(link->receiver, slot->egress);
		const bool missed = slot->missed || slot->blocks == BLOCKS_MISSED;

		if (missed && place && !place->is.is_ours &&
		    receiver->config.is_owner(link->name, slot->egress, receiver->config.data))
			return true;
	}
	return false;
}

void receiver_look(void *data)
{
	struct receiver *receiver = data;

	for (size_t i = receiver->n_links; i-- > 0;) {
		struct incoming *link = receiver->links[i];

		if (!link->greeted && mono_diff_ms(mono_now(), link->since) > HELLO_MS)
			incoming_free(link);
		else if (link->greeted && has_missed(link))
			break_off(link, "changes were missed");
	}
	loop_timer_arm_ms(receiver->look, LOOK_MS);
}
