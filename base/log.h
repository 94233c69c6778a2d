// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Log lines to stderr with the priority prefix that journald and systemd read (sd-daemon(3)):
 * "<6>subsystem: message key=value". One write(2) a line; control characters in arguments are shown
 * as '?', so that nothing from outside can forge a line. Levels: error = a person must act, warning =
 * degraded and healing by itself, info = the story of the daemon, debug = anything.
 */
#pragma once

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

/*
 * What is said at info or above goes to `fn`, too, whatever the level: the message without its head, controls masked, cut as the line
 * is. It must not log. NULL: to nobody.
 */
void log_copy_to(void (*fn)(enum log_level level, const char *subsystem, const char *message,
			    void *data),
		 void *data);

#define log_error(subsystem, ...) log_write(LOG_LEVEL_ERROR, subsystem, __VA_ARGS__)
#define log_warning(subsystem, ...) log_write(LOG_LEVEL_WARNING, subsystem, __VA_ARGS__)
#define log_info(subsystem, ...) log_write(LOG_LEVEL_INFO, subsystem, __VA_ARGS__)
#define log_debug(subsystem, ...) log_write(LOG_LEVEL_DEBUG, subsystem, __VA_ARGS__)
