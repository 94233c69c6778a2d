// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Records on their way to the process that writes one output. They are gathered into pieces, sent when one is full or a moment has passed, and
 * wait here when the writer is slow, up to a ceiling. Nothing here blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/writer.h"

struct err;
struct loop;
struct sink;

/* `most`: bytes that wait at most. NULL with the reason. */
struct sink *sink_new(struct loop *loop, const char *gateway, size_t most, struct err *err);
/* Sends what is left and waits for the writer, for at most so long: what isn't written then is a gap for the next process. */
void sink_free(struct sink *sink, int wait_ms);

/* What ended since `since_ns` will be told: see struct writer_open. Called again, it is opened anew; not of another kind. */
void sink_open(struct sink *sink, const struct output_how *how, int64_t since_ns);

/* Room for a record of up to `n` bytes, n <= WRITER_PIECE_MAX; NULL: too much waits. Then how many it has become. */
char *sink_room(struct sink *sink, size_t n);
void sink_put(struct sink *sink, size_t n);
/* All that ended before was put. Sends what was gathered. */
void sink_mark(struct sink *sink, int64_t until_ns);

struct sink_status {
	struct writer_report writer; /* of the last process, as it was heard last */
	size_t waiting;              /* bytes that aren't with the writer yet */
	unsigned starts;             /* of writers */
};
void sink_status(const struct sink *sink, struct sink_status *ret);
