// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "channel_pair.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "cmocka_all.h"

struct pair *fast_pair;
int __real_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms);
int __wrap_loop_timer_arm_ms(struct loop_timer *timer, int64_t ms)
{
	return __real_loop_timer_arm_ms(timer, fast_pair && ms == 5000 ? 50 : ms);
}

uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

static bool is_done(const struct end *end)
{
	return end->closed ||
	       (end->opened && end->sent == end->to_send && end->came >= end->pair->wanted);
}

static void look(struct pair *pair)
{
	if (is_done(&pair->end[0]) && is_done(&pair->end[1]))
		loop_stop(pair->loop);
}

/* True: it's gone. */
static bool maybe_free(struct end *end, enum moment moment)
{
	if (end->free_at != moment)
		return false;
	channel_free(TAKE_PTR(end->channel));
	end->closed = true;
	look(end->pair);
	return true;
}

static void send_more(struct end *end)
{
	static uint8_t bytes[CHUNK];

	while (end->sent < end->to_send) {
		size_t n = end->to_send - end->sent < CHUNK ? end->to_send - end->sent : CHUNK;
		int rc;

		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(end->sent + i);
		rc = channel_send(end->channel, bytes, n);
		if (rc == -EAGAIN)
			return;
		assert_int_equal(rc, 0);
		end->sent += n;
	}
}

static void on_open(void *data)
{
	struct end *end = data;

	end->opened = true;
	if (maybe_free(end, AT_OPEN))
		return;
	send_more(end);
	look(end->pair);
}

static size_t on_data(const uint8_t *bytes, size_t n, void *data)
{
	struct end *end = data;

	if (maybe_free(end, AT_DATA))
		return 0;
	if (end->came >= end->pause_at) {
		end->pause_at = NEVER;
		channel_pause(end->channel, true);
		loop_stop(end->pair->loop);
		return 0;
	}
	n -= end->takes ? n % end->takes : 0;
	for (size_t i = 0; i < n; i++)
		end->intact = end->intact && bytes[i] == pattern(end->came + i);
	end->came += n;
	look(end->pair);
	return n;
}

static void on_room(void *data)
{
	struct end *end = data;

	end->rooms++;
	if (maybe_free(end, AT_ROOM))
		return;
	send_more(end);
	look(end->pair);
}

static void on_closed(const char *reason, void *data)
{
	struct end *end = data;

	assert_false(end->closed);
	end->closed = true;
	snprintf(end->reason, sizeof(end->reason), "%s", reason);
	if (!maybe_free(end, AT_CLOSED))
		look(end->pair);
}

static struct channel_ops ops_of(struct end *end)
{
	return (struct channel_ops){ .on_open = on_open,
				     .on_data = on_data,
				     .on_room = on_room,
				     .on_closed = on_closed,
				     .data = end };
}

static void on_accept(int fd, struct ip4 from, void *data)
{
	struct pair *pair = data;
	const struct channel_ops ops = ops_of(&pair->end[1]);
	struct err err = ERR_NULL;

	assert_int_equal(from.v, INADDR_LOOPBACK);
	pair->end[1].channel = channel_accept(pair->loop, fd, &pair->keys[1], &ops, &err);
	assert_non_null(pair->end[1].channel);
}

struct peer_keys keys_of(const char *text)
{
	struct peer_keys keys;

	assert_int_equal(peer_keys_parse(text, strlen(text), &keys, NULL), 0);
	return keys;
}

int set_up(void **state)
{
	const struct channel_place place = { .address = { INADDR_LOOPBACK } };
	struct pair *pair = calloc(1, sizeof(*pair));
	struct err err = ERR_NULL;

	assert_non_null(pair);
	pair->loop = loop_new();
	pair->keys[0] = pair->keys[1] = keys_of(A);
	for (int i = 0; i < 2; i++)
		pair->end[i] = (struct end){ .pair = pair, .pause_at = NEVER, .intact = true };
	pair->listener = channel_listen(pair->loop, &place, on_accept, pair, &err);
	if (!pair->listener)
		fail_msg("%s", err.text);
	*state = pair;
	return 0;
}

int tear_down(void **state)
{
	struct pair *pair = *state;

	fast_pair = NULL;
	channel_free(pair->end[0].channel);
	channel_free(pair->end[1].channel);
	channel_listener_free(pair->listener);
	loop_free(pair->loop);
	free(pair);
	return 0;
}

void connect_to(struct pair *pair, uint16_t port)
{
	const struct channel_way way = { .address = { INADDR_LOOPBACK }, .port = port };
	const struct channel_ops ops = ops_of(&pair->end[0]);
	struct err err = ERR_NULL;

	pair->end[0].channel = channel_connect(pair->loop, &way, &pair->keys[0], &ops, &err);
	if (!pair->end[0].channel)
		fail_msg("%s", err.text);
}

static void too_late(void *data)
{
	const struct pair *pair = data;

	fail_msg("not within %d ms: %zu and %zu bytes came", DEADLINE_MS, pair->end[0].came,
		 pair->end[1].came);
}

void run(struct pair *pair)
{
	struct loop_timer *deadline = loop_timer_new(pair->loop, too_late, pair);

	assert_non_null(deadline);
	loop_timer_arm_ms(deadline, DEADLINE_MS);
	assert_int_equal(loop_run(pair->loop), 0);
	loop_timer_free(deadline);
}

void start(struct pair *pair)
{
	connect_to(pair, channel_listener_port(pair->listener));
	run(pair);
}
