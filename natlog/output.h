// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One output of the log: records in its form (format.h), on their way to its process (sink.h). What it can't take in time is lost
 * to it alone, counted, and told by a gap once there is room again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/how.h"
#include "natlog/record.h"
#include "natlog/sink.h"

struct err;
struct loop;
struct output;

struct output_options {
	struct loop *loop;
	const char *gateway; /* as long as the output */
	size_t most_waiting; /* bytes */
};

/* Starts a process. NULL with the reason. */
struct output *output_new(const struct output_options *options, const struct output_how *how,
			  struct err *err);
/* As sink_free. */
void output_free(struct output *output, int wait_ms);
/* As sink_open; not of another kind. */
void output_open(struct output *output, const struct output_how *how, int64_t since_ns);
const struct output_how *output_how(const struct output *output);

/* False: it's lost to this output. */
bool output_flow(struct output *output, const struct natlog_flow *record);
bool output_block(struct output *output, const struct natlog_block *record);
/* That a connection began, for who wants it. */
void output_begin(struct output *output, const struct natlog_flow *record);
void output_gap(struct output *output, const struct natlog_gap *gap);
/* All that ended before was put. What was lost isn't complete until its gap is told. */
void output_mark(struct output *output, int64_t until_ns);

struct output_status {
	enum output_kind kind;
	uint64_t records; /* that it took: of connections and blocks, and of their beginnings */
	uint64_t lost;    /* records: it was too slow for too long */
	uint64_t gaps; /* that were told here; those of a restart or a broken connection are the process' own */
	struct sink_status sink;
};
void output_status(const struct output *output, struct output_status *ret);
