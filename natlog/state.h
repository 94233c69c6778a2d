// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A small file that says until when a log is complete, so that the next process can tell what it doesn't know. It's locked by
 * who writes the log.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct err;

struct log_state {
	int fd; /* -1: not open */
};

/* 0, also if it's open already; -errno with the reason. -EAGAIN: another process still writes this log. */
int log_state_open(struct log_state *state, const char *path, struct err *err);
void log_state_close(struct log_state *state);
/* -ENOENT: nobody says. Spoilt: 0, and the time is 0. */
int log_state_until(const struct log_state *state, int64_t *ret_ns);
/* All that ended before this time is in the log. 0; -errno. */
int log_state_mark(const struct log_state *state, int64_t until_ns);

/* Pure: what the file says. -EINVAL. Public for the fuzzer. */
int log_state_parse(const char *text, size_t length, int64_t *ret_ns);
