// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// One TCP connection that lives: "tcp" sends numbered messages and checks what comes back, "pull"
// says nothing and counts the lines that the server pushes.
#include "flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { SEQ_DIGITS = 10, MESSAGE_MIN = SEQ_DIGITS + 1, MESSAGE_MAX = 65536, TAKE = 65536 };

/* The byte at a place of a message: ten digits, dots, a line end. The server's pushed lines are
 * messages of the shortest size. */
static char byte_at(size_t seq, size_t at, size_t size)
{
	static size_t digits_of = SIZE_MAX;
	static char digits[SEQ_DIGITS + 1];

	if (digits_of != seq) {
		snprintf(digits, sizeof(digits), "%010u", (unsigned)seq);
		digits_of = seq;
	}
	if (at < SEQ_DIGITS)
		return digits[at];
	return at == size - 1 ? '\n' : '.';
}

/* 0, or the errno that ended the connection; a full send buffer is no error. */
static int push_out(struct flow *f)
{
	static char message[MESSAGE_MAX];
	size_t size = f->size;
	ssize_t n;

	for (size_t i = f->out_at; i < size; i++)
		message[i] = byte_at(f->out_seq, i, size);
	n = send(f->watch.fd, message + f->out_at, size - f->out_at, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN ? 0 : errno;
	if (!f->out_at)
		f->sent++;
	f->out_at += (size_t)n;
	if (f->out_at == size) {
		f->out_at = 0;
		f->out_seq++;
	}
	return 0;
}

static void check_bytes(struct flow *f, const char *buf, size_t len)
{
	size_t size = f->size;
	uint64_t before = f->received;

	for (size_t i = 0; i < len; i++) {
		if (buf[i] != byte_at(f->in_seq, f->in_at, size))
			f->corrupt++;
		if (++f->in_at < size)
			continue;
		f->in_at = 0;
		f->in_seq++;
		f->received++;
	}
	if (f->received > before) {
		flow_progress(f);
		flow_saw(f, &f->peer_view, f->received - before);
	}
}

static int take_in(struct flow *f)
{
	static char buf[TAKE];
	ssize_t n;
	size_t taken;

	if (f->greeted) {
		n = recv(f->watch.fd, buf, sizeof(buf), 0);
		if (n > 0)
			check_bytes(f, buf, (size_t)n);
		return n > 0 ? 0 : n == 0 ? ECONNRESET : errno;
	}
	n = recv(f->watch.fd, f->greeting + f->greeting_len, sizeof(f->greeting) - f->greeting_len,
		 0);
	if (n <= 0)
		return n == 0 ? ECONNRESET : errno;
	f->greeting_len += (size_t)n;
	taken = greeting_parse(f->greeting, f->greeting_len, &f->peer_view);
	if (!taken)
		return f->greeting_len < sizeof(f->greeting) ? 0 : EPROTO;
	f->greeted = true;
	f->state = FLOW_OPEN;
	check_bytes(f, f->greeting + taken, f->greeting_len - taken);
	return 0;
}

static void stream_ready(struct flow *f)
{
	int error = 0;
	socklen_t len = sizeof(error);

	getsockopt(f->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error)
		error = take_in(f);
	if (error == EAGAIN)
		error = 0;
	/* Writability was only the sign of the connection's end. */
	if (error)
		flow_fail(f, error);
	else
		watch_want(&f->watch, EPOLLIN);
}

static int stream_start(struct flow *f)
{
	f->state = FLOW_CONNECTING;
	f->out_at = f->in_at = f->out_seq = f->in_seq = 0;
	f->greeting_len = 0;
	f->greeted = false;
	if (f->size < MESSAGE_MIN)
		f->size = MESSAGE_MIN;
	if (f->size > MESSAGE_MAX)
		return -EMSGSIZE;
	return flow_open(f);
}

static int pull_start(struct flow *f)
{
	f->size = MESSAGE_MIN;
	return stream_start(f);
}

static void tcp_tick(struct flow *f)
{
	int error = push_out(f);

	if (error)
		flow_fail(f, error);
}

static void pull_tick(struct flow *f)
{
	(void)f;
}

static void pull_ready(struct flow *f)
{
	stream_ready(f);
	f->sent = f->received; /* it asks for nothing, so nothing can be outstanding */
}

const struct flow_kind flow_stream_kinds[] = {
	{ "tcp", TRANSPORT_TCP, stream_start, tcp_tick, stream_ready },
	{ "pull", TRANSPORT_TCP, pull_start, pull_tick, pull_ready },
	{ 0 },
};
