// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "base/text.h"

#define LOG_LINE_MAX 2048 /* bytes with the prefix and the newline; what is longer is cut */

static const char CUT_MARK[] = "...";

static const struct {
	const char *name;
	char priority; /* syslog(3) number, as a digit */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", '3' },
	[LOG_LEVEL_WARNING] = { "warning", '4' },
	[LOG_LEVEL_INFO] = { "info", '6' },
	[LOG_LEVEL_DEBUG] = { "debug", '7' },
};
static_assert(ARRAY_SIZE(levels) == LOG_LEVEL_COUNT, "each level has a name");

static enum log_level max_level = LOG_LEVEL_INFO;
static struct {
	void (*fn)(enum log_level level, const char *subsystem, const char *message, void *data);
	void *data;
} copy;

void log_copy_to(void (*fn)(enum log_level level, const char *subsystem, const char *message,
			    void *data),
		 void *data)
{
	copy.fn = fn;
	copy.data = data;
}

void log_level_set(enum log_level level)
{
	max_level = level;
}

enum log_level log_level_get(void)
{
	return max_level;
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(text, levels[i].name) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A reader of the log that is gone or full must not stop the daemon: what can't be written is lost. */
static void write_line(const char *line, size_t length)
{
	ssize_t n;

	do
		n = write(STDERR_FILENO, line, length);
	while (n < 0 && errno == EINTR);
}

static bool is_copied(enum log_level level)
{
	return copy.fn && level <= LOG_LEVEL_INFO;
}

/* What is too long is cut, but not the identifier. */
__attribute__((format(printf, 4, 0))) static void write_text(enum log_level level, int id,
							     const char *subsystem,
							     const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	/* The last byte is for the newline. */
	const size_t room = sizeof(line) - 1 - (id ? MESSAGE_TAIL_MAX : 0);

	const int head = snprintf(line, room, "<%c>%s: ", levels[level].priority, subsystem);
	if (head < 0 || (size_t)head >= room)
		return;
	const int body = vsnprintf(line + head, room - (size_t)head, format, args);
	if (body < 0)
		return;
	size_t length = (size_t)head + (size_t)body;
	if (length >= room) {
		length = room - 1;
		memcpy(line + length - strlen(CUT_MARK), CUT_MARK, strlen(CUT_MARK));
	}
	text_mask_controls(line, length);
	line[length] = '\0';
	message_append(id, line, sizeof(line) - 1);
	length = strlen(line);
	if (is_copied(level))
		copy.fn(level, subsystem, line + head, copy.data);
	line[length++] = '\n';
	if (level <= max_level)
		write_line(line, length);
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
	const int saved_errno = errno;
	va_list args;

	if (level > max_level && !is_copied(level))
		return;
	va_start(args, format);
	write_text(level, MESSAGE_NONE, subsystem, format, args);
	va_end(args);
	errno = saved_errno;
}

void log_write_id(enum log_level level, int id, const char *subsystem, const char *format, ...)
{
	const int saved_errno = errno;
	va_list args;

	if (level > max_level && !is_copied(level))
		return;
	va_start(args, format);
	write_text(level, id, subsystem, format, args);
	va_end(args);
	errno = saved_errno;
}
