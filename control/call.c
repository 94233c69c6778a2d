// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The client: one request, one answer, one deadline for all of it. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "control/control.h"
#include "control/out.h"
#include "control/reply.h"
#include "control/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define CALL_TIMEOUT_MS 10000
#define FIRST_CAPACITY 65536

struct call {
	int fd;
	struct mono deadline;
	char *answer;
	size_t n, capacity;
};

static void call_done(struct call *call)
{
	cleanup_fd(&call->fd);
	free(call->answer);
}

/* connect(2) on a Unix socket waits for room in the backlog as long as SO_SNDTIMEO says. */
static int open_connection(const char *path, int *ret, struct err *err)
{
	const struct timeval timeout = { .tv_sec = CALL_TIMEOUT_MS / 1000 };
	struct sockaddr_un address;

	int r = control_address(path, &address, err);
	if (r < 0)
		return r;

	CLEANUP(cleanup_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		r = errno == EAGAIN ? -ETIMEDOUT : -errno;
		err_set(err, r, "%s: %s", path, strerror(-r));
		return err_mark(err, r == -EACCES ? MSG_CONTROL_DENIED : MESSAGE_NONE, r);
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static int wait_for(const struct call *call, short events)
{
	struct pollfd p = { .fd = call->fd, .events = events };

	for (;;) {
		int64_t left = mono_diff_ms(call->deadline, mono_now());
		if (left <= 0)
			return -ETIMEDOUT;

		int n = poll(&p, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* Who closes on us at once may have said why before: then there is an answer, and no error yet. */
static int send_request(const struct call *call, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = send(call->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			text += n;
			length -= (size_t)n;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		int r = wait_for(call, POLLOUT);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_room(struct call *call)
{
	if (call->n < call->capacity)
		return 0;
	if (call->capacity >= CONTROL_ANSWER_MAX)
		return -EPROTO;

	size_t capacity = call->capacity ? 2 * call->capacity : FIRST_CAPACITY;
	char *answer = realloc(call->answer, capacity);
	if (!answer)
		return -ENOMEM;
	call->answer = answer;
	call->capacity = capacity;
	return 0;
}

/* Up to the newline; the length of what is before it goes to *ret_length. */
static int receive_answer(struct call *call, size_t *ret_length)
{
	for (;;) {
		int r = make_room(call);
		if (r == 0)
			r = wait_for(call, POLLIN);
		if (r < 0)
			return r;

		char *to = call->answer + call->n;
		ssize_t n = recv(call->fd, to, call->capacity - call->n, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return -EPROTO;
		if (n < 0)
			return -errno;
		call->n += (size_t)n;

		const char *newline = memchr(to, '\n', (size_t)n);
		if (newline) {
			*ret_length = (size_t)(newline - call->answer);
			return 0;
		}
	}
}

static void put_request(struct control_out *out, const char *command,
			const struct control_args *args)
{
	control_int(out, "v", 1);
	control_string(out, "command", command);
	for (size_t i = 0; args && i < args->n; i++)
		control_string(out, args->v[i].key, args->v[i].value);
}

int control_call_sync(const char *path, const char *command, const struct control_args *args,
		      struct control_reply **ret, struct err *err)
{
	CLEANUP(cleanup_control_out)
	struct control_out *request = control_out_new(CONTROL_LINE_MAX);
	CLEANUP(call_done) struct call call = { .fd = -1 };
	const char *text;
	size_t length;

	if (!request)
		return err_set(err, -ENOMEM, "out of memory");
	put_request(request, command, args);
	int r = control_out_finish(request, &text, &length, err);
	if (r < 0)
		return err_prefix(err, r, "the request");

	call.deadline = mono_add_ms(mono_now(), CALL_TIMEOUT_MS);
	r = open_connection(path, &call.fd, err);
	if (r < 0)
		return r;
	r = send_request(&call, text, length);
	if (r == 0)
		r = receive_answer(&call, &length);
	if (r == -EPROTO)
		return err_mark(err, MSG_CONTROL_ANSWER,
				err_set(err, r, "%s: the connection ended without a whole answer",
					path));
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	r = control_reply_parse(call.answer, length, ret, err);
	return r == -EPROTO ? err_prefix(err, r, "%s", path) : r;
}
