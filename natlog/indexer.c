// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/indexer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "natlog/file.h"
#include "natlog/index.h"
#include "natlog/line.h"
#include "natlog/record.h"

enum { FILE_MODE = 0640, STEP_BYTES = 256 << 10, FINISH_STEPS = 16, PIECE_MAX = 1 << 30 };

struct file_id {
	dev_t device;
	ino_t inode;
};

/* A file of the log and its index. */
struct target {
	int log_fd, index_fd; /* -1: none */
	struct file_id id;
	uint64_t read;               /* of the log: that is in a run, or in `entries` */
	struct index_run next;       /* the run that is being gathered */
	char tail[INDEX_MARK_BYTES]; /* the last bytes that were read, to know them again */
	size_t n_tail;
};

struct indexer {
	struct target target;
	struct file_id newest; /* as it was seen last */
	unsigned next_old;     /* rotated file that is to be looked at */
	uint32_t n;
	struct index_entry entries[INDEX_ENTRIES_MAX];
	char bytes[STEP_BYTES];
};

bool index_path(const char *log, char buf[static INDEX_PATH_MAX])
{
	return (size_t)snprintf(buf, INDEX_PATH_MAX, "%s.index", log) < INDEX_PATH_MAX;
}

struct indexer *indexer_new(void)
{
	struct indexer *indexer = calloc(1, sizeof(*indexer));

	if (indexer) {
		indexer->target.log_fd = indexer->target.index_fd = -1;
		indexer->next_old = 1;
	}
	return indexer;
}

void indexer_look_again(struct indexer *indexer)
{
	indexer->next_old = 1;
}

/* ---- a run */

/* What was gathered is in the index, or stays for another try. */
static bool flush(struct indexer *indexer)
{
	struct target *target = &indexer->target;
	struct index_run *run = &target->next;

	if (target->read == run->from)
		return true;
	run->to = target->read;
	run->n = indexer->n;
	run->mark = index_mark(target->tail, target->n_tail);
	if (index_append(target->index_fd, run, indexer->entries))
		return false;
	*run = (struct index_run){ .at = index_run_end(run), .from = target->read };
	indexer->n = 0;
	return true;
}

/* The file isn't what it was: begun anew, if the index can be. */
static bool begin_anew(struct indexer *indexer)
{
	struct target *target = &indexer->target;

	if (ftruncate(target->index_fd, 0))
		return false;
	target->next = (struct index_run){ 0 };
	target->read = 0;
	target->n_tail = 0;
	indexer->n = 0;
	return true;
}

static void keep_tail(struct target *target, const char *bytes, size_t n)
{
	const size_t most = sizeof(target->tail);

	if (n >= most) {
		memcpy(target->tail, bytes + n - most, most);
		target->n_tail = most;
		return;
	}
	if (target->n_tail + n > most) {
		const size_t gone = target->n_tail + n - most;

		memmove(target->tail, target->tail + gone, target->n_tail - gone);
		target->n_tail -= gone;
	}
	memcpy(target->tail + target->n_tail, bytes, n);
	target->n_tail += n;
}

/* A file that was cut, or written over, since. */
static bool is_other(const struct target *target)
{
	char bytes[INDEX_MARK_BYTES];
	const size_t n = target->n_tail;
	struct stat st;

	if (fstat(target->log_fd, &st) || (uint64_t)st.st_size < target->read)
		return true;
	return n && (pread(target->log_fd, bytes, n, (off_t)(target->read - n)) != (ssize_t)n ||
		     memcmp(bytes, target->tail, n) != 0);
}

static void take_line(struct indexer *indexer, const char *text, size_t n)
{
	struct target *target = &indexer->target;
	struct line line;

	if (line_parse(text, n, &line) == 0 &&
	    index_entry_of(&line, (uint32_t)(target->read - target->next.from),
			   &indexer->entries[indexer->n]))
		indexer->n++;
	keep_tail(target, text, n);
	target->read += n;
}

static bool is_full(const struct indexer *indexer)
{
	return indexer->n == INDEX_ENTRIES_MAX ||
	       indexer->target.read - indexer->target.next.from >= PIECE_MAX;
}

/* Whole lines; what is longer than any line is no line, and passed over. How many bytes were taken. */
static size_t take_lines(struct indexer *indexer, size_t got)
{
	const char *at = indexer->bytes, *end = at + got, *newline;

	while (!is_full(indexer) && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		take_line(indexer, at, (size_t)(newline + 1 - at));
		at = newline + 1;
	}
	if (at == indexer->bytes && got == sizeof(indexer->bytes)) {
		take_line(indexer, at, got);
		at = end;
	}
	return (size_t)(at - indexer->bytes);
}

/* True: there may be more. */
static bool read_some(struct indexer *indexer)
{
	struct target *target = &indexer->target;
	ssize_t got;

	if (is_other(target) && !begin_anew(indexer))
		return false;
	if (is_full(indexer) && !flush(indexer))
		return false;
	got = pread(target->log_fd, indexer->bytes, sizeof(indexer->bytes), (off_t)target->read);
	return got > 0 && take_lines(indexer, (size_t)got) > 0;
}

/* ---- a file */

static struct file_id id_of(const struct stat *st)
{
	return (struct file_id){ st->st_dev, st->st_ino };
}

static bool is_same(struct file_id a, struct file_id b)
{
	return a.device == b.device && a.inode == b.inode;
}

static void leave(struct indexer *indexer)
{
	struct target *target = &indexer->target;

	if (target->index_fd >= 0) {
		(void)flush(indexer);
		close(TAKE_FD(target->index_fd));
	}
	if (target->log_fd >= 0)
		close(TAKE_FD(target->log_fd));
	*target = (struct target){ .log_fd = -1, .index_fd = -1 };
	indexer->n = 0;
}

void indexer_free(struct indexer *indexer)
{
	if (!indexer)
		return;
	leave(indexer);
	free(indexer);
}

/* The sound runs that are this log's; what stands behind them is overwritten. */
static void adopt(struct target *target)
{
	struct index_run run;
	uint32_t mark;
	uint64_t at = 0, from = 0;

	while (index_read_run(target->index_fd, at, &run) == 0 && run.from == from &&
	       index_mark_of(target->log_fd, run.to, &mark) == 0 && mark == run.mark) {
		at = index_run_end(&run);
		from = run.to;
	}
	target->next = (struct index_run){ .at = at, .from = from };
	target->read = from;
	target->n_tail = from < sizeof(target->tail) ? (size_t)from : sizeof(target->tail);
	if (pread(target->log_fd, target->tail, target->n_tail, (off_t)(from - target->n_tail)) !=
	    (ssize_t)target->n_tail)
		target->n_tail = 0;
	(void)!ftruncate(target->index_fd, (off_t)at);
}

static bool open_target(struct indexer *indexer, const char *log)
{
	struct target *target = &indexer->target;
	char path[INDEX_PATH_MAX];
	struct stat st;

	leave(indexer);
	if (!index_path(log, path))
		return false;
	target->log_fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (target->log_fd < 0 || fstat(target->log_fd, &st) || !S_ISREG(st.st_mode)) {
		leave(indexer);
		return false;
	}
	target->index_fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
	if (target->index_fd < 0) {
		leave(indexer);
		return false;
	}
	target->id = id_of(&st);
	adopt(target);
	return true;
}

/* What a rotated file lacks of its index is mostly little: all of it now, if it's so. */
static void finish(struct indexer *indexer)
{
	for (int i = 0; indexer->target.log_fd >= 0 && i < FINISH_STEPS && read_some(indexer); i++)
		;
}

/* ---- rotated files */

static bool is_covered(const char *log, const char *index)
{
	CLEANUP(cleanup_fd) int log_fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	CLEANUP(cleanup_fd)
	int index_fd = open(index, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct index_run run;
	uint64_t at = 0, to = 0;
	uint32_t mark = 0;
	struct stat st;

	if (log_fd < 0 || index_fd < 0 || fstat(log_fd, &st))
		return log_fd < 0;
	while (index_read_run(index_fd, at, &run) == 0 && run.from == to) {
		if (index_mark_of(log_fd, run.to, &mark) || mark != run.mark)
			return false;
		at = index_run_end(&run);
		to = run.to;
	}
	return to == (uint64_t)st.st_size;
}

/* One of them. An index whose log is gone goes, too. True: it was another one. */
static bool look_at_old(struct indexer *indexer, const struct log_file *file)
{
	char log[LOG_PATH_MAX + 16], index[INDEX_PATH_MAX];

	if (indexer->next_old > file->options.keep)
		return false;
	snprintf(log, sizeof(log), "%s.%u", file->options.path, indexer->next_old);
	if (!index_path(log, index))
		return false;
	indexer->next_old++;
	if (access(log, F_OK)) {
		/* They are numbered without holes. */
		(void)unlink(index);
		indexer->next_old = file->options.keep + 1;
		return false;
	}
	if (!is_covered(log, index))
		(void)open_target(indexer, log);
	return true;
}

/* ---- */

/* After a rotation the others have other names, and the one that was the newest may lack something. */
static void see_newest(struct indexer *indexer, struct file_id id)
{
	if (is_same(indexer->newest, id))
		return;
	if (is_same(indexer->newest, indexer->target.id))
		finish(indexer);
	leave(indexer);
	indexer->newest = id;
	indexer_look_again(indexer);
}

bool indexer_step(struct indexer *indexer, const struct log_file *file)
{
	struct target *target = &indexer->target;
	struct stat st;

	if (file->fd < 0 || fstat(file->fd, &st))
		return false;
	see_newest(indexer, id_of(&st));
	if (target->log_fd < 0 && !open_target(indexer, file->options.path))
		return false;
	if (read_some(indexer))
		return true;
	if (is_same(target->id, indexer->newest))
		return look_at_old(indexer, file);
	leave(indexer);
	return true;
}
