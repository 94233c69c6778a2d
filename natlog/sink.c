// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "natlog/stamp.h"

enum { SEND_MS = 100, START_AGAIN_MS = 1000, SPARE_MAX = 16 };

/* A message. */
struct piece {
	struct piece *next;
	size_t n;
	char bytes[1 + WRITER_PIECE_MAX];
};

struct sink {
	struct loop *loop;
	struct loop_io *heard;    /* on control; NULL: no writer */
	struct loop_io *room;     /* on data, while something waits */
	struct loop_timer *send;  /* what was gathered */
	struct loop_timer *start; /* a new writer */
	struct writer_ends ends;
	pid_t pid;
	struct piece *first, **last; /* that wait */
	struct piece *open;          /* that is being filled; NULL: none */
	struct piece *spare;
	size_t n_spare, waiting, most;
	struct writer_open how;
	bool is_wanted; /* `how` was said */
	struct writer_report report;
	unsigned starts;
};

/* ---- pieces */

static struct piece *new_piece(struct sink *sink, enum writer_type type)
{
	struct piece *piece = sink->spare;

	if (piece) {
		sink->spare = piece->next;
		sink->n_spare--;
	} else {
		piece = malloc(sizeof(*piece));
	}
	if (!piece)
		return NULL;
	piece->next = NULL;
	piece->bytes[0] = (char)type;
	piece->n = 1;
	return piece;
}

static void free_piece(struct sink *sink, struct piece *piece)
{
	if (sink->n_spare >= SPARE_MAX) {
		free(piece);
		return;
	}
	piece->next = sink->spare;
	sink->spare = piece;
	sink->n_spare++;
}

static void enqueue(struct sink *sink, struct piece *piece)
{
	*sink->last = piece;
	sink->last = &piece->next;
	sink->waiting += piece->n;
}

static void dequeue(struct sink *sink)
{
	struct piece *piece = sink->first;

	sink->first = piece->next;
	if (!sink->first)
		sink->last = &sink->first;
	sink->waiting -= piece->n;
	free_piece(sink, piece);
}

/* ---- the writer */

static void close_writer(struct sink *sink)
{
	loop_io_free(TAKE_PTR(sink->heard));
	loop_io_free(TAKE_PTR(sink->room));
	close(sink->ends.control);
	close(sink->ends.data);
}

static void leave_writer(struct sink *sink)
{
	if (sink->heard)
		close_writer(sink);
}

static void writer_gone(struct sink *sink)
{
	leave_writer(sink);
	loop_timer_arm_ms(sink->start, START_AGAIN_MS);
}

static void push(struct sink *sink)
{
	while (sink->heard && sink->first) {
		if (send(sink->ends.data, sink->first->bytes, sink->first->n,
			 MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
			dequeue(sink);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != ENOBUFS) {
			log_warning(MSG_NATLOG_WRITER, "natlog",
				    "the log's writer: %s; a new one is started", strerror(errno));
			writer_gone(sink);
			return;
		}
		break;
	}
	if (sink->heard)
		(void)loop_io_set_events(sink->room, sink->first ? LOOP_WRITE : 0);
}

static void has_room(int fd, unsigned events, void *data)
{
	(void)fd;
	(void)events;
	push(data);
}

/* What goes well and what doesn't is told once each. */
static void take_report(struct sink *sink, const struct writer_report *report)
{
	if (strcmp(report->error, sink->report.error) != 0) {
		if (report->error[0])
			log_warning(report->error_id, "natlog", "%s; it is tried again",
				    report->error);
		else
			log_info("natlog", "the log is written again");
	}
	sink->report = *report;
	sink->report.error[sizeof(report->error) - 1] = '\0';
}

static void ready(int fd, unsigned events, void *data)
{
	struct sink *sink = data;
	struct writer_report report;
	ssize_t got;

	(void)events;
	while ((got = recv(fd, &report, sizeof(report), MSG_DONTWAIT)) == sizeof(report))
		take_report(sink, &report);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		log_warning(MSG_NATLOG_WRITER, "natlog",
			    "the log's writer ended; a new one is started");
		writer_gone(sink);
	}
}

/* It writes nothing before. */
static bool say_how(struct sink *sink)
{
	return send(sink->ends.control, &sink->how, sizeof(sink->how),
		    MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(sink->how);
}

static int start(struct sink *sink, struct err *err)
{
	if (sink->pid > 0)
		(void)waitpid(sink->pid, NULL, WNOHANG);
	sink->pid = writer_start(&sink->ends, err);
	if (sink->pid < 0)
		return (int)sink->pid;
	sink->starts++;
	sink->heard = loop_io_new(sink->loop, sink->ends.control, LOOP_READ, ready, sink);
	sink->room = loop_io_new(sink->loop, sink->ends.data, 0, has_room, sink);
	if (sink->heard && sink->room)
		return 0;
	close_writer(sink);
	return err_set(err, -ENOMEM, "the log's writer: out of memory");
}

/* What the last one had heard and not written is missing: the new one finds that in the file's state. */
static void start_again(void *data)
{
	struct sink *sink = data;
	struct err err = ERR_NULL;

	if (start(sink, &err)) {
		log_warning(MSG_NATLOG_WRITER, "natlog", "%s", err.text);
		loop_timer_arm_ms(sink->start, START_AGAIN_MS);
		return;
	}
	sink->how.since_ns = stamp_now_ns();
	if (sink->is_wanted && !say_how(sink))
		writer_gone(sink);
	push(sink);
}

/* ---- records */

static void close_piece(struct sink *sink)
{
	if (sink->open)
		enqueue(sink, TAKE_PTR(sink->open));
}

static void send_now(void *data)
{
	struct sink *sink = data;

	close_piece(sink);
	push(sink);
}

char *sink_room(struct sink *sink, size_t n)
{
	if (sink->open && sink->open->n + n > sizeof(sink->open->bytes))
		send_now(sink);
	if (!sink->open) {
		if (sink->waiting >= sink->most)
			return NULL;
		sink->open = new_piece(sink, WRITER_RECORDS);
	}
	return sink->open ? sink->open->bytes + sink->open->n : NULL;
}

void sink_put(struct sink *sink, size_t n)
{
	if (sink->open->n == 1 && n)
		loop_timer_arm_ms(sink->send, SEND_MS);
	sink->open->n += n;
}

void sink_mark(struct sink *sink, int64_t until_ns)
{
	const struct writer_mark mark = { WRITER_MARK, until_ns };
	struct piece *piece = new_piece(sink, WRITER_MARK);

	close_piece(sink);
	if (piece) {
		memcpy(piece->bytes, &mark, sizeof(mark));
		piece->n = sizeof(mark);
		enqueue(sink, piece);
	}
	push(sink);
}

void sink_open(struct sink *sink, const struct output_how *how, int64_t since_ns)
{
	sink->how.how = *how;
	sink->how.since_ns = since_ns;
	sink->is_wanted = true;
	/* One that doesn't read it is as good as gone. */
	if (sink->heard && !say_how(sink))
		writer_gone(sink);
}

void sink_status(const struct sink *sink, struct sink_status *ret)
{
	*ret = (struct sink_status){ .writer = sink->report,
				     .waiting = sink->waiting,
				     .starts = sink->starts };
	if (sink->heard)
		return;
	ret->writer.error_id = MSG_NATLOG_WRITER;
	snprintf(ret->writer.error, sizeof(ret->writer.error),
		 "the log's writer ended; a new one is started");
}

/* ---- life */

struct sink *sink_new(struct loop *loop, const char *gateway, size_t most, struct err *err)
{
	struct sink *sink = calloc(1, sizeof(*sink));

	if (!sink) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	sink->loop = loop;
	sink->most = most;
	sink->last = &sink->first;
	snprintf(sink->how.gateway, sizeof(sink->how.gateway), "%s", gateway);
	sink->send = loop_timer_new(loop, send_now, sink);
	sink->start = loop_timer_new(loop, start_again, sink);
	if (!sink->send || !sink->start) {
		err_set(err, -ENOMEM, "out of memory");
		sink_free(sink, 0);
		return NULL;
	}
	if (start(sink, err)) {
		sink_free(sink, 0);
		return NULL;
	}
	return sink;
}

static void wait_for(int fd, short events, struct mono deadline)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int64_t left = mono_diff_ms(deadline, mono_now());

	(void)poll(&wait, 1, left > 0 ? (int)left : 0);
}

/* The rest, and then the writer's end, which closes its side of the socket. */
static void finish(struct sink *sink, int wait_ms)
{
	const struct mono deadline = mono_add_ms(mono_now(), wait_ms);
	char report[sizeof(struct writer_report)];
	ssize_t got = -1;

	send_now(sink);
	while (sink->heard && sink->first && mono_is_before(mono_now(), deadline)) {
		wait_for(sink->ends.data, POLLOUT, deadline);
		push(sink);
	}
	if (!sink->heard)
		return;
	(void)shutdown(sink->ends.data, SHUT_WR);
	while (got != 0 && mono_is_before(mono_now(), deadline)) {
		wait_for(sink->ends.control, POLLIN, deadline);
		got = recv(sink->ends.control, report, sizeof(report), MSG_DONTWAIT);
	}
	if (got == 0)
		(void)waitpid(sink->pid, NULL, 0);
}

void sink_free(struct sink *sink, int wait_ms)
{
	if (!sink)
		return;
	finish(sink, wait_ms);
	leave_writer(sink);
	free(sink->open);
	while (sink->first)
		dequeue(sink);
	while (sink->spare) {
		struct piece *piece = sink->spare;

		sink->spare = piece->next;
		free(piece);
	}
	loop_timer_free(sink->send);
	loop_timer_free(sink->start);
	free(sink);
}
