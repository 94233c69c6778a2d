// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The process that writes one output of the log. A disk or a collector may stand still for seconds, and the daemon has heartbeats
 * to send meanwhile; so each of them is for a process of its own, that may wait (docs/decisions/0008, 0010). It is told through
 * sockets, and goes when their other ends do, after having written all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "natlog/how.h"

struct err;

#define WRITER_PIECE_MAX (60u << 10) /* bytes of records in a message */
#define WRITER_NAME_MAX HOW_NAME_MAX
#define WRITER_ERROR_MAX 192

enum writer_type { WRITER_RECORDS, WRITER_MARK };

/* Sockets that keep messages apart. */
struct writer_ends {
	int control, data;
};

/* Told by the daemon on `control`, at any time: how to write. Of one kind for the process' life. */
struct writer_open {
	char gateway[WRITER_NAME_MAX];
	struct output_how how;
	int64_t since_ns; /* what ended later will be told: what is missing before is recorded as a gap; 0: nothing is */
};
/* On `data`: the first byte is the type. Whole records follow, or this. It is read when what came before is written. */
struct writer_mark {
	uint8_t type;
	int64_t until_ns; /* all that ended before was told */
};

/* Told to the daemon, on `control`. */
struct writer_report {
	uint64_t bytes;   /* of records that were written since it began */
	int64_t until_ns; /* of the last mark before which all was written */
	bool is_open;
	int error_id;                 /* of base/message.h; 0: no error */
	char error[WRITER_ERROR_MAX]; /* what it tries again; "": nothing */
};

/* Its process id, and the daemon's ends. -errno with the reason. */
pid_t writer_start(struct writer_ends *ret, struct err *err);
/* What it does with its ends; returns when the other end of `data` is closed. */
void writer_run(struct writer_ends ends);
