// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/indexer.h"
#include "natlog/stamp.h"

#define NS_PER_S INT64_C(1000000000)

enum { NAME_MAX_BYTES = LOG_PATH_MAX + 16, FILE_MODE = 0640 };

void log_file_init(struct log_file *file)
{
	*file = (struct log_file){ .fd = -1, .state = { -1 } };
}

bool log_file_is_open(const struct log_file *file)
{
	return file->fd >= 0;
}

static int fail(struct err *err, const char *what, const char *path)
{
	int code = -errno;

	return err_set(err, code, "%s %s: %s", what, path, strerror(-code));
}

/* ---- until when it's complete */

int log_file_until(const struct log_file *file, int64_t *ret_ns)
{
	return log_state_until(&file->state, ret_ns);
}

int log_file_mark(struct log_file *file, int64_t until_ns, struct err *err)
{
	int rc = log_state_mark(&file->state, until_ns);

	return rc ? err_set(err, rc, "can't write the state of %s: %s", file->options.path,
			    strerror(-rc)) :
		    0;
}

static int open_state(struct log_file *file, struct err *err)
{
	char name[NAME_MAX_BYTES];

	snprintf(name, sizeof(name), "%s.state", file->options.path);
	return log_state_open(&file->state, name, err);
}

/* ---- the file */

/* When it was begun, if the file system knows; else now. */
static int64_t birth_of(int fd, int64_t now_ns)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) || !(st.stx_mask & STATX_BTIME))
		return now_ns;
	return st.stx_btime.tv_sec * NS_PER_S + st.stx_btime.tv_nsec;
}

/* A line that a crash cut off stays, and the next one begins a line. */
static int end_last_line(struct log_file *file)
{
	char last = '\n';

	if (file->size && pread(file->fd, &last, 1, (off_t)file->size - 1) != 1)
		return -EIO;
	if (last == '\n')
		return 0;
	if (write(file->fd, "\n", 1) != 1)
		return -EIO;
	file->size++;
	return 0;
}

static int open_log(struct log_file *file, int64_t now_ns, struct err *err)
{
	const char *path = file->options.path;
	struct stat st;
	CLEANUP(cleanup_fd)
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      FILE_MODE);

	if (fd < 0 || fstat(fd, &st))
		return fail(err, "can't open", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: is no regular file", path);
	/* Its readers are of our group, whatever the umask is. */
	if (!st.st_size)
		(void)fchmod(fd, FILE_MODE);
	file->size = (uint64_t)st.st_size;
	file->begun_ns = st.st_size ? birth_of(fd, now_ns) : now_ns;
	file->fd = TAKE_FD(fd);
	if (end_last_line(file)) {
		close(TAKE_FD(file->fd));
		return err_set(err, -EIO, "%s: can't be read or written", path);
	}
	return 0;
}

/* Best effort: the data's own errors come from write, and a sync is tried again. */
static void sync_data(struct log_file *file, int64_t now_ns)
{
	if (file->is_dirty && fdatasync(file->fd) == 0)
		file->is_dirty = false;
	file->synced_ns = now_ns;
}

static void close_log(struct log_file *file)
{
	if (file->fd < 0)
		return;
	sync_data(file, 0);
	close(TAKE_FD(file->fd));
}

void log_file_close(struct log_file *file)
{
	close_log(file);
	log_state_close(&file->state);
}

int log_file_open(struct log_file *file, const struct log_file_options *options, int64_t now_ns,
		  struct err *err)
{
	int rc;

	if (strcmp(options->path, file->options.path) != 0)
		log_file_close(file);
	close_log(file);
	file->options = *options;
	rc = open_state(file, err);
	if (!rc)
		rc = open_log(file, now_ns, err);
	return rc;
}

static const char *rotated_name(const struct log_file *file, unsigned i, char *buf)
{
	if (i)
		snprintf(buf, NAME_MAX_BYTES, "%s.%u", file->options.path, i);
	else
		snprintf(buf, NAME_MAX_BYTES, "%s", file->options.path);
	return buf;
}

/* Of the index that is beside it, if there is one: without it, or with another's, whoever asks reads the file itself. */
static void move_index(const char *from, const char *to)
{
	char old[INDEX_PATH_MAX], new[INDEX_PATH_MAX];

	if (index_path(from, old) && index_path(to, new) && rename(old, new))
		(void)unlink(new);
}

/* The oldest is replaced by the one after it, so that there are never more than are to be kept. */
static int rotate(struct log_file *file, int64_t now_ns, struct err *err)
{
	char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];
	unsigned n = 0;

	close_log(file);
	while (n < file->options.keep && access(rotated_name(file, n, from), F_OK) == 0)
		n++;
	for (unsigned i = n; i > 0; i--) {
		if (rename(rotated_name(file, i - 1, from), rotated_name(file, i, to)))
			return fail(err, "can't rename", from);
		move_index(from, to);
	}
	if (!file->options.keep && unlink(file->options.path) && errno != ENOENT)
		return fail(err, "can't remove", file->options.path);
	return open_log(file, now_ns, err);
}

int log_file_tick(struct log_file *file, int64_t now_ns, struct err *err)
{
	const struct log_file_options *options = &file->options;

	if (file->is_dirty && options->sync_s &&
	    now_ns - file->synced_ns >= options->sync_s * NS_PER_S)
		sync_data(file, now_ns);
	if (!file->size || !options->max_age_s ||
	    now_ns - file->begun_ns < options->max_age_s * NS_PER_S)
		return 0;
	return rotate(file, now_ns, err);
}

int log_file_write(struct log_file *file, const char *bytes, size_t n, size_t *done,
		   struct err *err)
{
	int rc = 0;

	if (*done == 0 && file->size && file->size + n > file->options.max_bytes)
		rc = rotate(file, stamp_now_ns(), err);
	while (!rc && *done < n) {
		ssize_t put = write(file->fd, bytes + *done, n - *done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(err, "can't write", file->options.path);
		*done += (size_t)put;
		file->size += (uint64_t)put;
		file->is_dirty = true;
	}
	return rc;
}
