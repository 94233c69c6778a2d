// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Lines into a file that is followed by others: rotated by size and age, written through to the disk now and then, complete
 * lines only. Each call may block for as long as the disk does; see writer.h for who can afford that.
 *
 * PATH is the newest; PATH.1 the one before, and so on up to PATH.KEEP. PATH.state holds the time up to which the log is
 * complete, so that the next process can tell what it doesn't know; it's locked by who writes the log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/state.h"

struct err;

#define LOG_PATH_MAX 256

struct log_file_options {
	char path[LOG_PATH_MAX];
	uint64_t max_bytes; /* a file has at most so many, if no single piece is longer */
	int64_t max_age_s;  /* since it was begun; 0: any */
	unsigned keep;      /* rotated ones */
	int64_t sync_s; /* what is older is on the disk; 0: whenever the kernel likes, apart from rotation and end */
};

struct log_file {
	struct log_file_options options;
	int fd; /* -1: not open */
	struct log_state state;
	uint64_t size;
	int64_t begun_ns, synced_ns;
	bool is_dirty; /* written since the last sync */
};

void log_file_init(struct log_file *file);
/* 0; -errno with the reason: nothing is open. -EAGAIN: another process still writes it. */
int log_file_open(struct log_file *file, const struct log_file_options *options, int64_t now_ns,
		  struct err *err);
bool log_file_is_open(const struct log_file *file);
void log_file_close(struct log_file *file);

/* How long the log was complete when it was closed; -ENOENT: nobody says. */
int log_file_until(const struct log_file *file, int64_t *ret_ns);

/*
 * Whole lines. *done says how many of the bytes are in the file; after an error call it again with the rest, which goes on where
 * it broke off. 0; -errno with the reason.
 */
int log_file_write(struct log_file *file, const char *bytes, size_t n, size_t *done,
		   struct err *err);
/* What is due by then: rotation by age, sync. */
int log_file_tick(struct log_file *file, int64_t now_ns, struct err *err);
/* All that ended before this time is in the file. */
int log_file_mark(struct log_file *file, int64_t until_ns, struct err *err);
