// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Log lines to stderr with the priority prefix that journald and systemd read (sd-daemon(3)):
 * "<6>subsystem: message key=value [EIPGW-2001]". One write(2) a line; control characters in arguments are shown
 * as '?', so that nothing from outside can forge a line. Levels: error = a person must act, warning =
 * degraded and healing by itself, info = the story of the daemon, debug = anything.
 */
#pragma once

#include "base/message.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT
};

/* What is above the level is not written; the default is LOG_LEVEL_INFO. */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);
/* "error", "warning", "info", "debug" -> level; 0 or -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret);

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* With an identifier behind the text (message.h), which stays whole when the line is cut; 0: none. */
void log_write_id(enum log_level level, int id, const char *subsystem, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * What is said at info or above goes to `fn`, too, whatever the level: the message without its head, controls masked, cut as the line
 * is. It must not log. NULL: to nobody.
 */
void log_copy_to(void (*fn)(enum log_level level, const char *subsystem, const char *message,
			    void *data),
		 void *data);

/*
 * log_info("plan", "good again"), log_warning(MSG_SYSCTL, "sysctl", "..."): errors and warnings are for a person and have an
 * identifier; the story may have one.
 */
#define log_at(level, first, ...) \
	_Generic((first), char *: log_write, const char *: log_write, default: log_write_id)(level, first, __VA_ARGS__)
#define log_error(first, ...) log_at(LOG_LEVEL_ERROR, first, __VA_ARGS__)
#define log_warning(first, ...) log_at(LOG_LEVEL_WARNING, first, __VA_ARGS__)
#define log_info(first, ...) log_at(LOG_LEVEL_INFO, first, __VA_ARGS__)
#define log_debug(first, ...) log_at(LOG_LEVEL_DEBUG, first, __VA_ARGS__)
