// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* From a file or a text to the JSON tree, and from there, through config_read.c, to a struct. */
#include "base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/config_internal.h"
#include "base/err.h"

/*
 * Ceilings for the tree, which may be 80 times larger than its text ("[{},{},{}"): at most some 500 MB
 * of containers and values. The lists of a real configuration stay far below.
 */
#define VALUES_MAX (1u << 22)
#define CONTAINERS_MAX (1u << 20)

void config_cleanup_json(json_t **value)
{
	json_decref(*value);
}

/*
 * The library tells most failed allocations as a syntax error ("invalid token") or without any text, so
 * errno has the last word: malloc sets it, and nothing else in the library sets ENOMEM.
 */
int config_decode(const char *text, size_t length, size_t flags, json_t **ret, json_error_t *error)
{
	*error = (json_error_t){ .text = "" };
	errno = 0;
	json_t *const value = json_loadb(text, length, flags, error);
	const int decode_errno = errno;
	if (value) {
		*ret = value;
		return 0;
	}
	return decode_errno == ENOMEM || error->text[0] == '\0' ? -ENOMEM : -EINVAL;
}

/* Each value but the first stands behind one of the counted characters; more in strings do no harm. */
static int check_ceilings(const char *text, size_t length, struct err *err)
{
	size_t containers = 0;
	size_t commas = 0;

	for (size_t i = 0; i < length; i++) {
		containers += text[i] == '{' || text[i] == '[';
		commas += text[i] == ',';
	}
	if (containers > CONTAINERS_MAX)
		return err_mark(err, MSG_CONFIG_AMOUNT,
				err_set(err, -EINVAL, "more than %u objects and lists",
					CONTAINERS_MAX));
	if (commas > VALUES_MAX)
		return err_mark(err, MSG_CONFIG_AMOUNT,
				err_set(err, -EINVAL, "more than %u values", VALUES_MAX));
	return 0;
}

/*
 * How much of the text leads to the place of the error. The parser's position is behind the token that it
 * didn't want: a bracket or comma there would close or end just what is to be named. At the end of the
 * text all of it was wanted.
 */
static size_t context_length(const char *text, size_t length, const json_error_t *error)
{
	size_t n = error->position > 0 ? (size_t)error->position : 0;

	if (n > length)
		n = length;
	if (json_error_code(error) == json_error_premature_end_of_input)
		return n;
	if (n > 0 && memchr("{}[],", text[n - 1], strlen("{}[],")))
		n--;
	return n;
}

static int parse_json(const char *text, size_t length, json_t **ret, struct err *err)
{
	json_error_t error;
	char path[CONFIG_PATH_TEXT_MAX];

	if (length > CONFIG_FILE_MAX)
		return err_mark(err, MSG_CONFIG_AMOUNT,
				err_set(err, -EINVAL, "larger than %u bytes", CONFIG_FILE_MAX));
	int r = check_ceilings(text, length, err);
	if (r < 0)
		return r;
	r = config_decode(text, length, JSON_REJECT_DUPLICATES, ret, &error);
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return err_set(err, r, "out of memory");
	(void)config_locate(text, context_length(text, length, &error), path);
	return err_mark(err, MSG_CONFIG_SYNTAX,
			err_set(err, -EINVAL, "%s: line %d, column %d: %s", path, error.line,
				error.column, error.text));
}

static int read_root(const struct config_table *table, json_t *root, void *ret, struct err *err)
{
	const struct config_at top = { .err = err };

	memset(ret, 0, table->size);
	const int r = config_read_object(table, root, ret, &top);
	if (r < 0)
		config_done(table, ret);
	return r;
}

int config_parse(const struct config_table *table, const char *text, size_t length, void *ret,
		 struct err *err)
{
	CLEANUP(config_cleanup_json) json_t *root = NULL;

	memset(ret, 0, table->size);
	const int r = parse_json(text, length, &root, err);
	if (r < 0)
		return r;
	return read_root(table, root, ret, err);
}

static int read_all(int fd, char *buf, size_t size, size_t *ret_length)
{
	size_t length = 0;

	while (length < size) {
		const ssize_t n = read(fd, buf + length, size - length);
		const int error = errno;

		if (n < 0 && error == EINTR)
			continue;
		if (n < 0)
			return -error;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

/* Regular files only, not blocking: a reload must not hang on a FIFO that nobody writes to. */
static int open_file(const char *path, int *ret_fd, size_t *ret_size, struct err *err)
{
	struct stat st;
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = errno;

	if (fd < 0)
		return err_mark(err, MSG_CONFIG_UNREADABLE,
				err_set(err, -error, "can't open: %s", strerror(error)));
	if (fstat(fd, &st) < 0) {
		error = errno;
		return err_mark(err, MSG_CONFIG_UNREADABLE,
				err_set(err, -error, "can't stat: %s", strerror(error)));
	}
	if (!S_ISREG(st.st_mode))
		return err_mark(err, MSG_CONFIG_UNREADABLE,
				err_set(err, -EINVAL, "not a regular file"));
	if (st.st_size > (off_t)CONFIG_FILE_MAX)
		return err_mark(err, MSG_CONFIG_AMOUNT,
				err_set(err, -EINVAL, "larger than %u bytes", CONFIG_FILE_MAX));
	*ret_size = (size_t)st.st_size;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The text is freed here, before the values are read, and the tree right after: they never add up. */
static int load_json(const char *path, json_t **ret, struct err *err)
{
	CLEANUP(cleanup_fd) int fd = -1;
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size = 0;
	size_t length = 0;
	int r = open_file(path, &fd, &size, err);

	if (r < 0)
		return r;
	text = malloc(size + 1);
	if (!text)
		return err_set(err, -ENOMEM, "out of memory");
	/* One byte more than the size tells a file that is being written from a whole one. */
	r = read_all(fd, text, size + 1, &length);
	if (r < 0)
		return err_mark(err, MSG_CONFIG_UNREADABLE,
				err_set(err, r, "can't read: %s", strerror(-r)));
	if (length != size)
		return err_mark(err, MSG_CONFIG_UNREADABLE,
				err_set(err, -EAGAIN, "changed while it was read"));
	return parse_json(text, length, ret, err);
}

int config_load(const struct config_table *table, const char *path, void *ret, struct err *err)
{
	CLEANUP(config_cleanup_json) json_t *root = NULL;

	memset(ret, 0, table->size);
	int r = load_json(path, &root, err);
	if (r == 0)
		r = read_root(table, root, ret, err);
	if (r < 0)
		return err_prefix(err, r, "%s", path);
	return 0;
}

const char *config_choose(const char *path, const char *other)
{
	if (other && access(path, F_OK) < 0 && errno == ENOENT && access(other, F_OK) == 0)
		return other;
	return path;
}
