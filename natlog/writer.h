// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The process that writes the log. A disk may stand still for seconds, and the daemon has heartbeats to send meanwhile; so files
 * are for a process of its own, that may wait (docs/decisions/0008). It is told through
 * sockets, and goes when their other ends do, after having written all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "natlog/file.h"

struct err;

#define WRITER_PIECE_MAX (60u << 10) /* bytes of lines in a message */
#define WRITER_NAME_MAX 64
#define WRITER_ERROR_MAX 192

enum writer_type { WRITER_LINES, WRITER_MARK };

/* Sockets that keep messages apart. */
struct writer_ends {
	int control, data;
};

/* Told by the daemon on `control`, at any time: how to write. */
struct writer_open {
	char gateway[WRITER_NAME_MAX];
	struct log_file_options file;
	int64_t since_ns; /* what ended later will be told: what is missing before is recorded as a gap; 0: nothing is */
};
/* On `data`: the first byte is the type. Whole lines follow, or this. It is read when what came before is in the file. */
struct writer_mark {
	uint8_t type;
	int64_t until_ns; /* all that ended before was told */
};

/* Told to the daemon, on `control`. */
struct writer_report {
	uint64_t bytes;   /* in files since it began */
	int64_t until_ns; /* of the last mark that is in the state file */
	bool is_open;
	char error[WRITER_ERROR_MAX]; /* what it tries again; "": nothing */
};

/* Its process id, and the daemon's ends. -errno with the reason. */
pid_t writer_start(struct writer_ends *ret, struct err *err);
/* What it does with its ends; returns when the other end of `data` is closed. */
void writer_run(struct writer_ends ends);
