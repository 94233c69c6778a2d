// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/writer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mono.h"
#include "natlog/record.h"
#include "natlog/stamp.h"
#include "natlog/way.h"

enum {
	TICK_MS = 1000,
	AGAIN_MS = 200,
	SOON_MS = 10,
	LAST_MS = 2000, /* that what was sent at the end may take to arrive */
	SEND_BUFFER = 1 << 20,
	NOT_A_DESCRIPTOR = 1 << 16
};

struct writer {
	struct writer_ends ends;
	const struct way_ops *ops;
	struct way *way;
	struct writer_open open; /* the last one */
	bool has_open, has_message;
	bool is_busy;    /* there is more to do when nothing else is */
	size_t n, done;  /* of the message */
	struct mono end; /* with `is_ending` */
	bool is_ending;
	struct writer_report report, told;
	_Alignas(int64_t) char message[WRITER_PIECE_MAX + 64];
};

static bool is_same(const struct writer_report *a, const struct writer_report *b)
{
	return a->bytes == b->bytes && a->until_ns == b->until_ns && a->is_open == b->is_open &&
	       a->error_id == b->error_id && strcmp(a->error, b->error) == 0;
}

/* Of what has no id of its own. */
static int id_of(enum output_kind kind)
{
	return kind == OUTPUT_FILE ? MSG_NATLOG_FILE : MSG_NATLOG_SERVER;
}

/* Who doesn't read now hears the next one. */
static void tell(struct writer *writer, const struct err *err)
{
	struct writer_report *report = &writer->report;

	report->is_open = writer->way && writer->ops->is_open(writer->way);
	snprintf(report->error, sizeof(report->error), "%.*s", WRITER_ERROR_MAX - 1, err->text);
	report->error_id = err->text[0] ? err_id(err, id_of(writer->open.how.kind)) : MESSAGE_NONE;
	if (is_same(report, &writer->told))
		return;
	if (send(writer->ends.control, report, sizeof(*report), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		writer->told = *report;
}

/* Between what is written and what will be told. A new log has none. */
static int write_gap(struct writer *writer, struct err *err)
{
	struct natlog_gap gap = { .gateway = writer->open.gateway,
				  .cause = NATLOG_RESTART,
				  .to_ns = writer->open.since_ns };
	int rc = 0;

	if (!gap.to_ns)
		return 0;
	if (writer->ops->until(writer->way, &gap.from_ns) == 0 && gap.from_ns < gap.to_ns)
		rc = writer->ops->put_gap(writer->way, &gap, err);
	if (!rc)
		rc = writer->ops->mark(writer->way, gap.to_ns, err);
	if (rc && rc != WAY_PENDING)
		return rc;
	/* It's put: where it hasn't arrived yet, the next mark is one for it, too. */
	writer->open.since_ns = 0;
	return 0;
}

static int open_way(struct writer *writer, struct err *err)
{
	return writer->ops->open(writer->way, &writer->open.how, writer->open.gateway, err);
}

static int take_records(struct writer *writer, struct err *err)
{
	const size_t before = writer->done;
	int rc = writer->ops->put(writer->way, writer->message + 1, writer->n - 1, &writer->done,
				  err);

	writer->report.bytes += writer->done - before;
	return rc;
}

static int take_mark(struct writer *writer, struct err *err)
{
	struct writer_mark mark;
	int rc;

	memcpy(&mark, writer->message, sizeof(mark));
	rc = writer->ops->mark(writer->way, mark.until_ns, err);
	if (!rc)
		writer->report.until_ns = mark.until_ns;
	return rc;
}

/* 0: it's done. Else it is to be tried again. */
static int work(struct writer *writer, struct err *err)
{
	int rc = 0;

	writer->is_busy = false;
	if (!writer->has_open)
		return 0;
	if (!writer->ops->is_open(writer->way))
		rc = open_way(writer, err);
	if (!rc)
		rc = write_gap(writer, err);
	if (!rc && writer->has_message)
		rc = writer->message[0] == WRITER_RECORDS ? take_records(writer, err) :
							    take_mark(writer, err);
	if (rc)
		return rc;
	writer->has_message = false;
	rc = writer->ops->tick(writer->way, stamp_now_ns(), err);
	writer->is_busy = rc == WAY_PENDING;
	return writer->is_busy ? 0 : rc;
}

/* What is open is opened anew, also if it's the same: somebody may have moved the file. */
static void receive_open(struct writer *writer)
{
	const int64_t since_ns = writer->open.since_ns; /* 0: recorded */
	struct writer_open open;

	if (recv(writer->ends.control, &open, sizeof(open), MSG_DONTWAIT) != sizeof(open))
		return;
	if (!writer->way) {
		writer->ops = way_kinds[open.how.kind];
		writer->way = writer->ops->make();
	}
	if (!writer->way)
		return;
	writer->open = open;
	if (since_ns)
		writer->open.since_ns = since_ns;
	writer->has_open = true;
	writer->ops->close(writer->way);
}

/* False: nobody is left who tells anything. */
static bool receive(struct writer *writer)
{
	ssize_t got =
		recv(writer->ends.data, writer->message, sizeof(writer->message), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	writer->n = (size_t)got;
	writer->done = 0;
	/* We were it that sent it. */
	writer->has_message = writer->message[0] == WRITER_RECORDS ||
			      writer->n == sizeof(struct writer_mark);
	return true;
}

/* Whether to wait for what was sent and may still arrive. */
static bool is_last_wait_over(struct writer *writer)
{
	if (!writer->is_ending)
		writer->end = mono_add_ms(mono_now(), LAST_MS);
	writer->is_ending = true;
	return !mono_is_before(mono_now(), writer->end);
}

static int wait_of(const struct writer *writer, int rc)
{
	if (rc == WAY_PENDING || writer->is_busy)
		return SOON_MS;
	return rc ? AGAIN_MS : TICK_MS;
}

/* What can't be written when nobody is left is missing until the next one's gap. */
static bool go_on(struct writer *writer, int rc)
{
	const bool is_ready = !rc && writer->has_open;
	struct pollfd waits[2] = {
		{ .fd = writer->ends.control, .events = POLLIN },
		{ .fd = writer->ends.data, .events = is_ready ? POLLIN : 0 },
	};

	/* A hang-up would end the wait at once. */
	if (writer->is_ending && rc == WAY_PENDING) {
		(void)poll(NULL, 0, SOON_MS);
		return !is_last_wait_over(writer);
	}
	if (poll(waits, 2, wait_of(writer, rc)) < 0)
		return errno == EINTR;
	if (waits[0].revents & POLLIN)
		receive_open(writer);
	if (is_ready && waits[1].revents)
		return receive(writer);
	if (!(waits[1].revents & (POLLHUP | POLLERR)))
		return true;
	return rc == WAY_PENDING && !is_last_wait_over(writer);
}

void writer_run(struct writer_ends ends)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (!writer)
		return;
	writer->ends = ends;
	do {
		struct err err = ERR_NULL;

		rc = work(writer, &err);
		tell(writer, &err);
	} while (go_on(writer, rc));
	if (writer->way)
		writer->ops->free(writer->way);
	free(writer);
}

/* ---- a process of its own */

/* The daemon's sockets must end with the daemon. */
static void close_others(struct writer_ends keep)
{
	const unsigned low = (unsigned)(keep.control < keep.data ? keep.control : keep.data);
	const unsigned high = (unsigned)(keep.control < keep.data ? keep.data : keep.control);

	if ((low <= 3 || close_range(3, low - 1, 0) == 0) &&
	    (high == low + 1 || close_range(low + 1, high - 1, 0) == 0) &&
	    close_range(high + 1, ~0u, 0) == 0)
		return;
	for (unsigned i = 3; i < NOT_A_DESCRIPTOR; i++) {
		if (i != low && i != high)
			close((int)i);
	}
}

/* What ends the daemon isn't for us: we go when all is written. */
static void ignore_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
}

static void close_ends(struct writer_ends ends)
{
	if (ends.control >= 0)
		close(ends.control);
	if (ends.data >= 0)
		close(ends.data);
}

static int make_ends(struct writer_ends *ours, struct writer_ends *theirs)
{
	int size = SEND_BUFFER, control[2], data[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control))
		return -errno;
	*ours = (struct writer_ends){ control[0], -1 };
	*theirs = (struct writer_ends){ control[1], -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, data))
		return -errno;
	ours->data = data[0];
	theirs->data = data[1];
	(void)setsockopt(ours->data, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return 0;
}

static void run_alone(struct writer_ends ends, const sigset_t *mask)
{
	ignore_signals();
	sigprocmask(SIG_SETMASK, mask, NULL);
	(void)prctl(PR_SET_NAME, "eipgwd-log");
	close_others(ends);
	writer_run(ends);
	_exit(0);
}

pid_t writer_start(struct writer_ends *ret, struct err *err)
{
	struct writer_ends ours = { -1, -1 }, theirs = { -1, -1 };
	int rc = make_ends(&ours, &theirs);
	sigset_t all, before;
	pid_t pid = -1;

	if (!rc) {
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, &before);
		pid = fork();
		if (pid == 0)
			run_alone(theirs, &before);
		rc = pid < 0 ? -errno : 0;
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	close_ends(theirs);
	if (rc) {
		close_ends(ours);
		return err_set(err, rc, "the log's writer: %s", strerror(-rc));
	}
	*ret = ours;
	return pid;
}
