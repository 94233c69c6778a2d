// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "peer/names.h"
#include "peer/sender_internal.h"

enum { RETRY_MAX_MS = 5000, FIRST_SERIALS = 64 };

static void wait_and_connect(struct link *link)
{
	loop_timer_arm_ms(link->retry, link->retry_ms);
	link->retry_ms = link->retry_ms * 2 < RETRY_MAX_MS ? link->retry_ms * 2 : RETRY_MAX_MS;
}

void link_drop(struct link *link, const char *reason)
{
	if (link->greeted)
		log_warning(MSG_REPLICATION_SENDING_ENDED, "replication",
			    "connection ended peer=%s reason=%s", link->peer.name, reason);
	snprintf(link->reason, sizeof(link->reason), "%s", reason);
	channel_free(link->channel);
	link->channel = NULL;
	free(link->serials);
	link->serials = NULL;
	link->n_serials = 0;
	link->greeted = link->dirty = link->in_walk = link->walked = false;
	wait_and_connect(link);
	sender_pace(link->sender);
}

static void on_closed(const char *reason, void *data)
{
	link_drop(data, reason);
}

static void on_room(void *data)
{
	struct link *link = data;

	if (link->dirty)
		sender_want_walk(link->sender);
}

static void on_open(void *data)
{
	struct link *link = data;
	struct peer_frame *frame = sender_scratch(link->sender);

	frame->kind = FRAME_HELLO;
	snprintf(frame->name, sizeof(frame->name), "%s", sender_name(link->sender));
	frame->boot = sender_boot(link->sender);
	link->moved = mono_now();
	link->sequence = link->acknowledged = link->mark = link->looked_at = 0;
	link->lag_ms = 0;
	(void)link_send(link, frame);
}

/* NULL, or what's wrong. */
static const char *take_hello(struct link *link, const struct peer_frame *frame)
{
	if (link->greeted || strcmp(frame->name, link->peer.name) != 0)
		return "somebody else answers";
	link->greeted = true;
	link->dirty = true;
	link->connections++;
	link->retry_ms = sender_times(link->sender)->retry;
	link->reason[0] = '\0';
	log_info("replication", "connected peer=%s", link->peer.name);
	sender_want_walk(link->sender);
	return NULL;
}

static const char *take(struct link *link, const struct peer_frame *frame)
{
	if (frame->kind == FRAME_HELLO)
		return take_hello(link, frame);
	if (frame->kind != FRAME_ACK || frame->sequence < link->acknowledged ||
	    frame->sequence > link->sequence)
		return "it says what it can't know";
	link->acknowledged = frame->sequence;
	link->moved = mono_now();
	if (link->looked_at && link->acknowledged >= link->looked_at) {
		link->lag_ms = mono_diff_ms(link->moved, link->looked_since);
		link->looked_at = 0;
	}
	sender_pace(link->sender);
	return NULL;
}

static size_t on_data(const uint8_t *bytes, size_t n, void *data)
{
	struct link *link = data;
	struct peer_frame *frame = sender_scratch(link->sender);
	size_t at = 0, used = 0;
	int rc;

	while ((rc = frame_read(bytes + at, n - at, &used, frame)) == 0) {
		const char *wrong = take(link, frame);

		if (wrong) {
			link_drop(link, wrong);
			return 0;
		}
		at += used;
	}
	if (rc == -EAGAIN)
		return at;
	link_drop(link, "it doesn't speak our language");
	return 0;
}

static void start(void *data)
{
	struct link *link = data;
	const struct channel_ops ops = { .on_open = on_open,
					 .on_data = on_data,
					 .on_room = on_room,
					 .on_closed = on_closed,
					 .data = link };
	struct err err = ERR_NULL;

	link->channel = channel_connect(sender_loop(link->sender), &link->peer.way,
					sender_keys(link->sender), &ops, &err);
	link->moved = mono_now();
	if (link->channel)
		return;
	snprintf(link->reason, sizeof(link->reason), "%.*s", REASON_MAX - 1, err.text);
	wait_and_connect(link);
}

struct link *link_new(struct sender *sender, const struct sender_peer *peer)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->sender = sender;
	link->peer = *peer;
	link->retry_ms = sender_times(sender)->retry;
	link->retry = loop_timer_new(sender_loop(sender), start, link);
	if (!link->retry) {
		free(link);
		return NULL;
	}
	loop_timer_arm_ms(link->retry, 0);
	return link;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	channel_free(link->channel);
	loop_timer_free(link->retry);
	free(link->serials);
	free(link);
}

void link_look(struct link *link)
{
	bool is_due = !link->greeted || link->acknowledged != link->sequence;

	if (!link->channel)
		return;
	if (!is_due)
		link->moved = mono_now();
	else if (mono_diff_ms(mono_now(), link->moved) > sender_times(link->sender)->hang)
		link_drop(link, link->greeted ? "it doesn't acknowledge" : "it doesn't answer");
}

int64_t link_lag_ms(const struct link *link)
{
	int64_t waited = link->looked_at ? mono_diff_ms(mono_now(), link->looked_since) : 0;

	return waited > link->lag_ms ? waited : link->lag_ms;
}

bool link_is_open(const struct link *link)
{
	return link->greeted && !link->dirty;
}

bool link_send(struct link *link, struct peer_frame *frame)
{
	uint8_t bytes[FRAME_BYTES_MAX];
	bool is_numbered = frame_is_numbered(frame);
	size_t length;

	if (is_numbered)
		frame->sequence = link->sequence + 1;
	length = frame_write(frame, bytes, sizeof(bytes));
	if (!length || channel_send(link->channel, bytes, length)) {
		link->overflows += !link->dirty;
		link->dirty = true;
		link->in_walk = link->walked = false;
		return false;
	}
	if (!is_numbered)
		return true;
	if (link->sequence++ == link->acknowledged)
		link->moved = mono_now();
	if (!link->looked_at) {
		link->looked_at = link->sequence;
		link->looked_since = mono_now();
	}
	return true;
}

static bool has_serial(struct link *link, uint32_t number)
{
	size_t size = link->n_serials ? link->n_serials : FIRST_SERIALS;
	uint32_t *serials;

	if (number < link->n_serials || number >= NAMES_MAX)
		return number < link->n_serials;
	while (size <= number)
		size *= 2;
	serials = reallocarray(link->serials, size, sizeof(*serials));
	if (!serials)
		return false;
	memset(serials + link->n_serials, 0, (size - link->n_serials) * sizeof(*serials));
	link->serials = serials;
	link->n_serials = size;
	return true;
}

/* Who can't be told of is nobody for the other side. */
void link_tell_who(struct link *link, const struct ct_tale *tale)
{
	const struct sender_tales *ops = link->sender->tell;
	struct peer_frame *frame = sender_scratch(link->sender);

	if (!has_serial(link, tale->who) || link->serials[tale->who] == tale->serial)
		return;
	frame->kind = FRAME_WHO;
	frame->number = tale->who;
	frame->n = ops->who(tale->who, frame->who, sizeof(frame->who), ops->data);
	if (frame->n && link_send(link, frame))
		link->serials[tale->who] = tale->serial;
}
