// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "natlog/search_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "natlog/file.h"
#include "natlog/indexer.h"
#include "natlog/line.h"

enum { FILES_MAX = 10001, EDGE_BYTES = 64 << 10, STATE_MAX = 128, DIGITS_MAX = 14 };
#define DATED (UINT64_C(1) << 62)

struct name {
	uint64_t rank;
	char path[INDEX_PATH_MAX];
};

struct names {
	struct name *v;
	size_t n, size;
};

int search_files_rank(const char *base, const char *name, uint64_t *ret)
{
	const size_t n = strlen(base);
	const char *digits;

	if (strncmp(base, name, n) != 0)
		return -ENOENT;
	*ret = 0;
	if (!name[n])
		return 0;
	digits = name + n + 1;
	if ((name[n] != '.' && name[n] != '-') || !*digits || strlen(digits) > DIGITS_MAX)
		return -ENOENT;
	for (const char *at = digits; *at; at++) {
		if (*at < '0' || *at > '9')
			return -ENOENT;
		*ret = *ret * 10 + (uint64_t)(*at - '0');
	}
	/* The higher a number, the older; the higher a date, the newer. */
	if (name[n] == '-')
		*ret = 2 * DATED - *ret;
	return 0;
}

static bool add_name(struct names *names, const char *folder, const char *name, uint64_t rank)
{
	struct name *at;

	if (names->n == names->size) {
		const size_t size = names->size ? 2 * names->size : 16;
		struct name *v = reallocarray(names->v, size, sizeof(*v));

		if (!v)
			return false;
		names->v = v;
		names->size = size;
	}
	at = &names->v[names->n++];
	at->rank = rank;
	if ((size_t)snprintf(at->path, sizeof(at->path), "%s/%s", folder, name) >= sizeof(at->path))
		names->n--;
	return true;
}

static int by_rank(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int list(const char *folder, const char *base, struct names *ret, struct err *err)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	uint64_t rank;
	bool fits = true;

	if (!dir)
		return err_set(err, -errno, "can't open %s: %s", folder, strerror(errno));
	while (fits && (entry = readdir(dir))) {
		if (search_files_rank(base, entry->d_name, &rank) == 0)
			fits = ret->n < FILES_MAX && add_name(ret, folder, entry->d_name, rank);
	}
	closedir(dir);
	if (!fits)
		return err_set(err, -E2BIG, "%s/%s: too many files, or no memory", folder, base);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_rank);
	return 0;
}

/* ---- a file */

static int add_run(struct search_file *file, const struct index_run *run, size_t *size)
{
	if (file->n_runs == *size) {
		const size_t larger = *size ? 2 * *size : 8;
		struct index_run *runs = reallocarray(file->runs, larger, sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		file->runs = runs;
		*size = larger;
	}
	file->runs[file->n_runs++] = *run;
	return 0;
}

static bool is_of(const struct search_file *file, const struct index_run *run)
{
	uint32_t mark;

	return run->to <= file->size && index_mark_of(file->log_fd, run->to, &mark) == 0 &&
	       mark == run->mark;
}

/* The first and the last run's marks are looked at: an index is of one file, or of another. */
static void read_index(struct search_file *file)
{
	struct index_run run;
	uint64_t at = 0, to = 0;
	size_t size = 0;

	while (index_read_run(file->index_fd, at, &run) == 0 && run.from == to &&
	       run.to <= file->size && add_run(file, &run, &size) == 0) {
		at = index_run_end(&run);
		to = run.to;
	}
	if (file->n_runs &&
	    (!is_of(file, &file->runs[0]) || !is_of(file, &file->runs[file->n_runs - 1])))
		file->n_runs = 0;
}

/* When the connection ended that a line tells of; of a gap when it began, or ended. */
static bool time_of(const char *text, size_t n, bool is_last, int64_t *ret_ns)
{
	struct line line;

	if (line_parse(text, n, &line))
		return false;
	if (line_kind(&line) == LINE_IS_FLOW)
		return line_time(&line, LINE_END, ret_ns);
	if (line_kind(&line) == LINE_IS_BLOCK)
		return line_time(&line, LINE_END, ret_ns);
	if (line_kind(&line) == LINE_IS_BLOCK_BEGIN)
		return line_time(&line, LINE_START, ret_ns);
	return line_kind(&line) == LINE_IS_GAP &&
	       line_time(&line, is_last ? LINE_TO : LINE_FROM, ret_ns);
}

/* Of the first line in a piece that says one, or of the last. */
static int64_t edge_time(int fd, uint64_t from, bool is_last)
{
	CLEANUP(cleanup_free) char *bytes = malloc(EDGE_BYTES);
	ssize_t got = bytes ? pread(fd, bytes, EDGE_BYTES, (off_t)from) : 0;
	const char *at = bytes, *end = bytes + (got > 0 ? got : 0), *newline;
	int64_t ns, found = 0;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		if (time_of(at, (size_t)(newline - at), is_last, &ns)) {
			found = ns;
			if (!is_last)
				break;
		}
		at = newline + 1;
	}
	return found;
}

static void close_file(struct search_file *file)
{
	if (file->log_fd >= 0)
		close(file->log_fd);
	if (file->index_fd >= 0)
		close(file->index_fd);
	free(file->runs);
}

/* While files are rotated, one may be met under two names. */
static bool is_there(const struct search_files *files, const struct stat *st)
{
	struct stat other;

	for (size_t i = 0; i < files->n; i++) {
		if (fstat(files->v[i].log_fd, &other) == 0 && other.st_ino == st->st_ino &&
		    other.st_dev == st->st_dev)
			return true;
	}
	return false;
}

static int add_file(struct search_files *files, const char *path, struct err *err)
{
	struct search_file file = { .index_fd = -1 };
	char index[INDEX_PATH_MAX];
	struct stat st;

	file.log_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file.log_fd < 0)
		return errno == ENOENT ?
			       0 :
			       err_set(err, -errno, "can't open %s: %s", path, strerror(errno));
	if (fstat(file.log_fd, &st) || !S_ISREG(st.st_mode) || is_there(files, &st)) {
		close_file(&file);
		return 0;
	}
	file.size = (uint64_t)st.st_size;
	if (index_path(path, index))
		file.index_fd = open(index, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file.index_fd >= 0)
		read_index(&file);
	file.first_ns = edge_time(file.log_fd, 0, false);
	files->v[files->n++] = file;
	return 0;
}

static int64_t until_of(const char *path, const struct search_files *files)
{
	char name[INDEX_PATH_MAX], text[STATE_MAX];
	CLEANUP(cleanup_fd) int fd = -1;
	ssize_t got;
	int64_t ns;

	snprintf(name, sizeof(name), "%s.state", path);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	got = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (got > 0 && log_state_parse(text, (size_t)got, &ns) == 0)
		return ns;
	for (size_t i = 0; i < files->n; i++) {
		const uint64_t size = files->v[i].size;

		ns = edge_time(files->v[i].log_fd, size > EDGE_BYTES ? size - EDGE_BYTES : 0, true);
		if (ns)
			return ns;
	}
	return 0;
}

static int open_all(const char *path, const struct names *names, struct search_files *ret,
		    struct err *err)
{
	int rc = 0;

	if (!names->n)
		return err_set(err, -ENOENT, "%s: there is no such log", path);
	ret->v = calloc(names->n, sizeof(*ret->v));
	if (!ret->v)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < names->n; i++)
		rc = add_file(ret, names->v[i].path, err);
	if (rc)
		search_files_done(ret);
	else
		ret->until_ns = until_of(path, ret);
	return rc;
}

int search_files_open(const char *path, struct search_files *ret, struct err *err)
{
	const char *const slash = strrchr(path, '/');
	const char *const base = slash ? slash + 1 : path;
	struct names names = { 0 };
	char folder[LOG_PATH_MAX + 1];
	int rc;

	*ret = (struct search_files){ 0 };
	if (!*base || strlen(path) >= LOG_PATH_MAX)
		return err_set(err, -EINVAL, "%.80s: is no log's file", path);
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
		 slash ? path : ".");
	rc = list(folder[0] ? folder : "/", base, &names, err);
	if (!rc)
		rc = open_all(path, &names, ret, err);
	free(names.v);
	return rc;
}

void search_files_done(struct search_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		close_file(&files->v[i]);
	free(files->v);
	*files = (struct search_files){ 0 };
}
