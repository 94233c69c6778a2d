// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "natlog/aside.h"

enum {
	LOOK_MS = 100, /* whether the one who writes has ended */
	REST_MS = 5000,
	SHARE = 50,       /* for each millisecond of writing so many of rest */
	FILE_MODE = 0600, /* the secret of the keys is in it */
	FILE_MAX = 1 << 30
};

static const char boot_path[] = "/proc/sys/kernel/random/boot_id";

struct keep {
	char path[KEEP_PATH_MAX];
	char boot[BOOK_BOOT_LENGTH];
	const struct book *book;
	struct loop_timer *timer;
	pid_t pid; /* of who writes; 0: nobody */
	struct mono since;
	uint64_t changes; /* of the book, when it was last begun to be written */
	bool is_failing;
	struct keep_status status;
};

static bool read_boot(char ret[static BOOK_BOOT_LENGTH])
{
	CLEANUP(cleanup_fd) int fd = open(boot_path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, ret, BOOK_BOOT_LENGTH) == BOOK_BOOT_LENGTH;
}

/* ---- the process that writes */

/* Another one may still write, for a daemon that ended a moment ago; its lock goes with it. */
static int open_new(const char *name)
{
	CLEANUP(cleanup_fd)
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return -EAGAIN;
	return ftruncate(fd, 0) ? -errno : TAKE_FD(fd);
}

static int write_book(const void *data)
{
	const struct keep *keep = data;
	char name[KEEP_PATH_MAX + 8];
	int fd, rc;

	snprintf(name, sizeof(name), "%s.new", keep->path);
	fd = open_new(name);
	if (fd < 0)
		return fd;
	rc = book_save(keep->book, keep->boot, fd);
	if (!rc && rename(name, keep->path))
		rc = -errno;
	close(fd);
	return rc;
}

static void begin_writing(struct keep *keep)
{
	const pid_t pid = aside_start("eipgwd-book", write_book, keep);

	keep->since = mono_now();
	keep->changes = book_changes(keep->book);
	keep->pid = pid > 0 ? pid : 0;
	if (pid < 0)
		log_debug("natlog", "%s can't be written: %s", keep->path, strerror(-(int)pid));
}

static void tell(struct keep *keep, int error)
{
	if (error && !keep->is_failing)
		log_warning(MSG_NATLOG_KEEP, "natlog",
			    "%s can't be written: %s; who began what would be lost in a restart",
			    keep->path, strerror(error));
	if (!error && keep->is_failing)
		log_info("natlog", "%s is written again", keep->path);
	keep->is_failing = error;
}

/* True: nobody writes any more, by then at the latest. */
static bool has_ended(struct keep *keep, struct mono deadline)
{
	int rc = 0;

	if (!keep->pid)
		return true;
	if (!aside_has_ended(keep->pid, deadline, &rc))
		return false;
	keep->pid = 0;
	keep->status.last_ms = mono_diff_ms(mono_now(), keep->since);
	keep->status.saves += rc == 0;
	tell(keep, -rc);
	if (rc)
		keep->changes--; /* again, even if nothing happens */
	return true;
}

static void look(void *data)
{
	struct keep *keep = data;
	int64_t rest = LOOK_MS;

	if (!keep->pid && keep->changes != book_changes(keep->book))
		begin_writing(keep);
	else if (has_ended(keep, mono_now()))
		rest = keep->status.last_ms * SHARE > REST_MS ? keep->status.last_ms * SHARE :
								REST_MS;
	loop_timer_arm_ms(keep->timer, rest);
}

/* ---- what a former process left */

static int load(const struct keep *keep, size_t most, struct book **ret, struct err *err)
{
	struct book_file file = { .boot = keep->boot, .most = most };
	CLEANUP(cleanup_fd)
	int fd = open(keep->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *bytes;
	int rc;

	if (fd < 0 || fstat(fd, &st))
		return err_set(err, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX)
		return err_set(err, -EBADMSG, "it has no size that a file of ours has");
	file.n = (size_t)st.st_size;
	bytes = mmap(NULL, file.n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, -errno, "%s", strerror(errno));
	file.bytes = bytes;
	rc = book_load(&file, ret, err);
	munmap(bytes, file.n);
	return rc;
}

struct book *keep_load(struct keep *keep, size_t most)
{
	struct err err = ERR_NULL;
	struct book *book = NULL;
	int rc = keep->path[0] ? load(keep, most, &book, &err) : -ENOENT;

	if (!rc) {
		keep->status.loaded = book_count(book) - book_count_blocks(book);
		log_info("natlog",
			 "who began what is known from before: connections=%zu blocks=%zu",
			 keep->status.loaded, book_count_blocks(book));
	} else if (rc == -ESTALE) {
		log_info("natlog", "%s isn't used: %s", keep->path, err.text);
	} else if (rc != -ENOENT) {
		log_warning(MSG_NATLOG_KEPT_UNUSABLE, "natlog",
			    "%s isn't used: %s; of open connections it is asked who has the "
			    "address now",
			    keep->path, err.text);
	}
	return book;
}

/* ---- life */

struct keep *keep_new(struct loop *loop, const char *path)
{
	struct keep *keep = calloc(1, sizeof(*keep));

	if (!keep)
		return NULL;
	keep->timer = loop_timer_new(loop, look, keep);
	if (!keep->timer) {
		free(keep);
		return NULL;
	}
	if (!read_boot(keep->boot)) {
		log_warning(MSG_NATLOG_KEEP, "natlog",
			    "%s can't be read: who began what is lost in a restart", boot_path);
		return keep;
	}
	snprintf(keep->path, sizeof(keep->path), "%s", path ? path : "");
	return keep;
}

void keep_begin(struct keep *keep, const struct book *book)
{
	keep->book = book;
	keep->changes = book_changes(book) - 1;
	if (keep->path[0])
		loop_timer_arm_ms(keep->timer, REST_MS);
}

void keep_free(struct keep *keep, int wait_ms)
{
	const struct mono deadline = mono_add_ms(mono_now(), wait_ms);

	if (!keep)
		return;
	loop_timer_free(keep->timer);
	if (keep->book && keep->path[0]) {
		if (has_ended(keep, deadline))
			begin_writing(keep);
		(void)has_ended(keep, deadline);
	}
	free(keep);
}

void keep_status(const struct keep *keep, struct keep_status *ret)
{
	*ret = keep->status;
}
