// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "channel_pair.h"
#include "cmocka_all.h"

static void much_goes_both_ways_at_once(void **state)
{
	struct pair *pair = *state;

	pair->wanted = pair->end[0].to_send = pair->end[1].to_send = BULK;
	start(pair);
	for (int i = 0; i < 2; i++) {
		assert_false(pair->end[i].closed);
		assert_true(pair->end[i].intact);
		assert_int_equal(pair->end[i].came, BULK);
		assert_true(pair->end[i].rooms > 0); /* more than the queue takes */
		assert_int_equal(channel_queued(pair->end[i].channel), 0);
	}
}

static void what_isnt_taken_comes_again_with_more(void **state)
{
	struct pair *pair = *state;

	pair->wanted = pair->end[0].to_send = pair->end[1].to_send = 300000;
	pair->end[0].takes = 1000;
	pair->end[1].takes = 60000; /* nearly all that there's room for */
	start(pair);
	for (int i = 0; i < 2; i++) {
		assert_false(pair->end[i].closed);
		assert_true(pair->end[i].intact);
	}
}

static void who_waits_for_more_than_fits_is_closed(void **state)
{
	struct pair *pair = *state;

	pair->wanted = 1; /* in vain: it ends when both are closed */
	pair->end[0].to_send = 2 * CHANNEL_INPUT_MAX;
	pair->end[1].takes = NEVER;
	pair->end[1].free_at = AT_CLOSED;
	start(pair);
	assert_string_equal(pair->end[1].reason, "more came than belongs together");
}

/* All is in our memory already when it goes on, and nothing more will come. */
static void what_came_before_a_pause_comes_after_it(void **state)
{
	static const size_t sizes[] = { 1, 1000, 16384, 50000 };
	struct pair *pair = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		pair->end[0].to_send = pair->wanted = sizes[i];
		pair->end[1].to_send = pair->end[1].came = 0;
		pair->end[0].came = SIZE_MAX;
		pair->end[1].pause_at = 0;
		pair->end[0].sent = 0;
		start(pair);
		assert_int_equal(pair->end[1].came, 0);
		channel_pause(pair->end[1].channel, false);
		run(pair);
		assert_int_equal(pair->end[1].came, sizes[i]);
		assert_true(pair->end[1].intact);
		channel_free(TAKE_PTR(pair->end[0].channel));
		channel_free(TAKE_PTR(pair->end[1].channel));
	}
}

struct stuck {
	struct end *end;
	struct loop_timer *timer;
	size_t sent;
};

/* Stops when the queue is full and nothing has moved since the last look. */
static void look_whether_stuck(void *data)
{
	struct stuck *stuck = data;
	struct end *end = stuck->end;

	if (end->sent == stuck->sent && channel_queued(end->channel) > CHANNEL_QUEUE_MAX - CHUNK)
		loop_stop(end->pair->loop);
	stuck->sent = end->sent;
	loop_timer_arm_ms(stuck->timer, 50);
}

static void who_fills_the_queue_of_a_slow_reader_is_told_so_and_told_of_room(void **state)
{
	struct pair *pair = *state;
	struct end *fast = &pair->end[0], *slow = &pair->end[1];
	struct stuck stuck = { .end = fast };
	static uint8_t bytes[CHUNK];
	unsigned rooms;

	fast->to_send = pair->wanted = 4 * BULK;
	fast->came = SIZE_MAX;
	slow->pause_at = 100000;
	start(pair);
	stuck.timer = loop_timer_new(pair->loop, look_whether_stuck, &stuck);
	loop_timer_arm_ms(stuck.timer, 50);
	run(pair);
	loop_timer_free(stuck.timer);
	rooms = fast->rooms;
	assert_true(fast->sent < fast->to_send);
	assert_int_equal(channel_send(fast->channel, bytes, CHUNK), -EAGAIN);
	channel_pause(slow->channel, false);
	run(pair);
	assert_int_equal(slow->came, fast->to_send);
	assert_true(slow->intact);
	assert_true(fast->rooms > rooms);
}

static void who_has_one_of_the_keys_gets_in_and_nobody_else(void **state)
{
	static const struct {
		const char *client, *server;
		bool opens;
	} rows[] = {
		{ A, A, true },     { A, B, false },   { A, B A, true },   { A B, A, true },
		{ A B, B A, true }, { A B, B, false }, { B A, A B, true },
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int j = 0; j < 2; j++)
			pair->end[j] = (struct end){ .pair = pair, .pause_at = NEVER };
		pair->keys[0] = keys_of(rows[i].client);
		pair->keys[1] = keys_of(rows[i].server);
		start(pair);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(pair->end[j].opened, rows[i].opens);
			assert_int_equal(pair->end[j].closed, !rows[i].opens);
			channel_free(TAKE_PTR(pair->end[j].channel));
		}
	}
}

static int raw_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static int raw_connect(const struct pair *pair)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_addr = { htonl(INADDR_LOOPBACK) },
					.sin_port = htons(channel_listener_port(pair->listener)) };
	int fd = raw_socket();

	assert_int_equal(connect(fd, (const void *)&to, sizeof(to)), 0);
	return fd;
}

static void who_speaks_no_tls_is_closed(void **state)
{
	static const char *const words[] = { "GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
					     "\x16\x03\x01\x00\x05hello", "" };
	struct pair *pair = *state;

	pair->end[0].closed = true; /* isn't there */
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		CLEANUP(cleanup_fd) int fd = raw_connect(pair);

		pair->end[1] = (struct end){ .pair = pair, .pause_at = NEVER };
		assert_int_equal(send(fd, words[i], strlen(words[i]), 0), strlen(words[i]));
		assert_int_equal(shutdown(fd, SHUT_WR), 0);
		run(pair);
		assert_false(pair->end[1].opened);
		assert_true(pair->end[1].reason[0] != '\0');
		channel_free(TAKE_PTR(pair->end[1].channel));
	}
}

static void who_says_nothing_is_closed_in_time(void **state)
{
	struct pair *pair = *state;
	int fd = raw_connect(pair);

	fast_pair = pair;
	pair->end[0].closed = true;
	run(pair);
	assert_string_equal(pair->end[1].reason, "no handshake in time");
	close(fd);
}

/* Its backlog takes the connection; nobody ever answers. */
static void a_server_that_says_nothing_is_left_in_time(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	CLEANUP(cleanup_fd) int fd = raw_socket();
	socklen_t size = sizeof(at);
	struct pair *pair = *state;

	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &size), 0);
	fast_pair = pair;
	pair->end[1].closed = true;
	connect_to(pair, ntohs(at.sin_port));
	run(pair);
	assert_string_equal(pair->end[0].reason, "no handshake in time");
}

static void that_nobody_listens_is_told(void **state)
{
	struct pair *pair = *state;
	uint16_t port = channel_listener_port(pair->listener);

	channel_listener_free(TAKE_PTR(pair->listener));
	pair->end[1].closed = true;
	connect_to(pair, port);
	run(pair);
	assert_string_equal(pair->end[0].reason, "Connection refused");
	assert_int_equal(channel_send(pair->end[0].channel, "x", 1), -ENOTCONN);
}

/* Also in the middle of a lot; and SIGPIPE, which nobody ignores here, isn't raised. */
static void that_the_other_side_left_is_told_once(void **state)
{
	struct pair *pair = *state;

	pair->end[0].to_send = BULK;
	pair->end[0].came = pair->wanted = BULK;
	pair->end[1].free_at = AT_DATA;
	start(pair);
	assert_true(pair->end[0].closed);
	assert_true(pair->end[0].reason[0] != '\0');
}

static void a_farewell_is_told_apart(void **state)
{
	struct pair *pair = *state;

	start(pair);
	channel_free(TAKE_PTR(pair->end[1].channel));
	pair->end[1].closed = true;
	pair->wanted = NEVER;
	run(pair);
	assert_string_equal(pair->end[0].reason, "the other side closed it");
}

static void it_may_be_freed_whenever_it_calls(void **state)
{
	struct pair *pair = *state;

	for (int who = 0; who < 2; who++) {
		for (enum moment moment = AT_OPEN; moment <= AT_CLOSED; moment++) {
			for (int i = 0; i < 2; i++)
				pair->end[i] = (struct end){ .pair = pair,
							     .pause_at = NEVER,
							     .to_send = BULK };
			pair->wanted = NEVER; /* ends only by being freed */
			pair->end[who].free_at = moment;
			if (moment == AT_CLOSED)
				pair->end[!who].free_at = AT_ROOM;
			start(pair);
			assert_null(pair->end[who].channel);
			channel_free(TAKE_PTR(pair->end[!who].channel));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		over_loopback(much_goes_both_ways_at_once),
		over_loopback(what_isnt_taken_comes_again_with_more),
		over_loopback(who_waits_for_more_than_fits_is_closed),
		over_loopback(what_came_before_a_pause_comes_after_it),
		over_loopback(who_fills_the_queue_of_a_slow_reader_is_told_so_and_told_of_room),
		over_loopback(who_has_one_of_the_keys_gets_in_and_nobody_else),
		over_loopback(who_speaks_no_tls_is_closed),
		over_loopback(who_says_nothing_is_closed_in_time),
		over_loopback(a_server_that_says_nothing_is_left_in_time),
		over_loopback(that_nobody_listens_is_told),
		over_loopback(that_the_other_side_left_is_told_once),
		over_loopback(a_farewell_is_told_apart),
		over_loopback(it_may_be_freed_whenever_it_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
