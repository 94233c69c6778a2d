// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/stamp.h"

#define STATE_HEAD "{\"until\":\""
#define STATE_TAIL "\"}\n"

enum { STATE_MAX = 128, STATE_MODE = 0640 };

int log_state_parse(const char *text, size_t length, int64_t *ret_ns)
{
	const size_t head = sizeof(STATE_HEAD) - 1, tail = sizeof(STATE_TAIL) - 1;

	if (length != head + STAMP_LENGTH + tail || memcmp(text, STATE_HEAD, head) != 0 ||
	    memcmp(text + length - tail, STATE_TAIL, tail) != 0)
		return -EINVAL;
	return stamp_parse(text + head, STAMP_LENGTH, ret_ns);
}

int log_state_until(const struct log_state *state, int64_t *ret_ns)
{
	char text[STATE_MAX];
	ssize_t got = pread(state->fd, text, sizeof(text), 0);

	/* Whoever spoilt it took the time with it; that the log has a gap is still known. */
	if (got > 0 && log_state_parse(text, (size_t)got, ret_ns))
		*ret_ns = 0;
	return got > 0 ? 0 : -ENOENT;
}

/* Always of one length, in one page: never half of it. */
int log_state_mark(const struct log_state *state, int64_t until_ns)
{
	char text[STATE_MAX], stamp[STAMP_MAX];
	int n = snprintf(text, sizeof(text), STATE_HEAD "%s" STATE_TAIL,
			 stamp_format(until_ns, stamp));
	ssize_t put = pwrite(state->fd, text, (size_t)n, 0);

	if (put < 0)
		return -errno;
	return put == n ? 0 : -EIO;
}

int log_state_open(struct log_state *state, const char *path, struct err *err)
{
	if (state->fd >= 0)
		return 0;
	CLEANUP(cleanup_fd)
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, STATE_MODE);

	if (fd < 0) {
		int code = -errno;

		return err_set(err, code, "can't open %s: %s", path, strerror(-code));
	}
	if (flock(fd, LOCK_EX | LOCK_NB))
		return err_set(err, -EAGAIN, "%s: another process writes this log", path);
	state->fd = TAKE_FD(fd);
	return 0;
}

void log_state_close(struct log_state *state)
{
	if (state->fd >= 0)
		close(TAKE_FD(state->fd));
}
