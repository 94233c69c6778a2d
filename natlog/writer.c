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
#include "natlog/record.h"
#include "natlog/stamp.h"

enum { TICK_MS = 1000, AGAIN_MS = 200, SEND_BUFFER = 1 << 20, NOT_A_DESCRIPTOR = 1 << 16 };

struct writer {
	struct writer_ends ends;
	struct log_file file;
	struct writer_open open; /* the last one */
	bool has_open, has_message;
	size_t n, done; /* of the message */
	struct writer_report report, told;
	_Alignas(int64_t) char message[WRITER_PIECE_MAX + 64];
};

static bool is_same(const struct writer_report *a, const struct writer_report *b)
{
	return a->bytes == b->bytes && a->until_ns == b->until_ns && a->is_open == b->is_open &&
	       strcmp(a->error, b->error) == 0;
}

/* Who doesn't read now hears the next one. */
static void tell(struct writer *writer, const struct err *err)
{
	struct writer_report *report = &writer->report;

	report->is_open = log_file_is_open(&writer->file);
	snprintf(report->error, sizeof(report->error), "%.*s", WRITER_ERROR_MAX - 1, err->text);
	if (is_same(report, &writer->told))
		return;
	if (send(writer->ends.control, report, sizeof(*report), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		writer->told = *report;
}

/* Between what is in the file and what will be told. A new log has none. */
static int write_gap(struct writer *writer, struct err *err)
{
	struct natlog_gap gap = { .gateway = writer->open.gateway,
				  .cause = NATLOG_RESTART,
				  .to_ns = writer->open.since_ns };
	char line[NATLOG_LINE_MAX];
	size_t n, done = 0;
	int rc;

	if (!gap.to_ns)
		return 0;
	if (log_file_until(&writer->file, &gap.from_ns) == 0 && gap.from_ns < gap.to_ns) {
		n = natlog_gap_line(line, &gap);
		rc = log_file_write(&writer->file, line, n, &done, err);
		/* Half of a line is ended when the file is opened again. */
		if (rc) {
			log_file_close(&writer->file);
			return rc;
		}
		writer->report.bytes += n;
	}
	writer->open.since_ns = 0;
	return log_file_mark(&writer->file, gap.to_ns, err);
}

static int open_file(struct writer *writer, struct err *err)
{
	int rc = log_file_open(&writer->file, &writer->open.file, stamp_now_ns(), err);

	return rc ? rc : write_gap(writer, err);
}

static int take_lines(struct writer *writer, struct err *err)
{
	const size_t before = writer->done;
	int rc = log_file_write(&writer->file, writer->message + 1, writer->n - 1, &writer->done,
				err);

	writer->report.bytes += writer->done - before;
	return rc;
}

static int take_mark(struct writer *writer, struct err *err)
{
	struct writer_mark mark;
	int rc;

	memcpy(&mark, writer->message, sizeof(mark));
	rc = log_file_mark(&writer->file, mark.until_ns, err);
	if (!rc)
		writer->report.until_ns = mark.until_ns;
	return rc;
}

/* 0: it's done. Else it is to be tried again. */
static int work(struct writer *writer, struct err *err)
{
	int rc = 0;

	if (!writer->has_open)
		return 0;
	if (!log_file_is_open(&writer->file))
		rc = open_file(writer, err);
	if (!rc && writer->has_message)
		rc = writer->message[0] == WRITER_LINES ? take_lines(writer, err) :
							  take_mark(writer, err);
	if (rc)
		return rc;
	writer->has_message = false;
	return log_file_tick(&writer->file, stamp_now_ns(), err);
}

/* The file is opened anew, also if it's the same: somebody may have moved it. */
static void receive_open(struct writer *writer)
{
	const int64_t since_ns = writer->open.since_ns; /* 0: recorded */
	struct writer_open open;

	if (recv(writer->ends.control, &open, sizeof(open), MSG_DONTWAIT) != sizeof(open))
		return;
	writer->open = open;
	if (since_ns)
		writer->open.since_ns = since_ns;
	writer->has_open = true;
	log_file_close(&writer->file);
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
	writer->has_message = writer->message[0] == WRITER_LINES ||
			      writer->n == sizeof(struct writer_mark);
	return true;
}

/* What can't be written when nobody is left is missing until the next one's gap. */
static bool go_on(struct writer *writer, int rc)
{
	const bool is_ready = !rc && writer->has_open;
	struct pollfd waits[2] = {
		{ .fd = writer->ends.control, .events = POLLIN },
		{ .fd = writer->ends.data, .events = is_ready ? POLLIN : 0 },
	};

	if (poll(waits, 2, rc ? AGAIN_MS : TICK_MS) < 0)
		return errno == EINTR;
	if (waits[0].revents & POLLIN)
		receive_open(writer);
	if (is_ready && waits[1].revents)
		return receive(writer);
	return !(waits[1].revents & (POLLHUP | POLLERR));
}

void writer_run(struct writer_ends ends)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (!writer)
		return;
	writer->ends = ends;
	log_file_init(&writer->file);
	do {
		struct err err = ERR_NULL;

		rc = work(writer, &err);
		tell(writer, &err);
	} while (go_on(writer, rc));
	log_file_close(&writer->file);
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
