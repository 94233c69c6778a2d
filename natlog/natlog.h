// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The NAT log: each translated connection becomes one record when it ends, with who had its address when it began. Beginnings and
 * ends come from the kernel (nat/follow.h), are remembered in between (book.h), and go to one or more outputs (output.h). What can't be told
 * is recorded as a gap. docs/NATLOG.md says what its readers may rely on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/history.h"
#include "natlog/keep.h"
#include "natlog/output.h"
#include "natlog/record.h"

struct book_entry;
struct err;
struct loop;
struct natlog;

struct natlog_ops {
	/*
	 * Who has the connection's address, and what the rules say of it; of one that began at `start_ns` (0: just now) only
	 * if nobody else can have had it then. False: it is nobody's whom a policy selects, and doesn't belong into the log.
	 * What isn't known stays NULL.
	 */
	bool (*ask)(const struct ct_flow *flow, int64_t start_ns, struct natlog_who *ret,
		    void *data);
	/* Whether this gateway translated to that address between these times; else another one records it. */
	bool (*carried)(struct ip4 nat, int64_t from_ns, int64_t to_ns, void *data);
};

struct natlog_options {
	struct loop *loop;
	const char *gateway; /* its name; copied */
	const char *book;  /* where what is remembered is kept over a restart; "", NULL: nowhere */
	size_t most_flows; /* that are remembered */
	size_t most_waiting; /* bytes, for each output */
	bool is_blocks_only; /* nothing is heard of connections */
	unsigned buffer;     /* bytes, of the kernel's socket */
	const struct natlog_ops *ops;
	void *data;
};

/* Hears of connections from now on, and tells nothing before natlog_begin. NULL with the reason. */
struct natlog *natlog_new(const struct natlog_options *options, const struct output_hows *hows,
			  struct err *err);
/* What `ask` says counts from now on. Only the first call does something. */
void natlog_begin(struct natlog *natlog);
/*
 * What gateways of a group tell each other (tale.h). `told`: what was counted so far; NULL: it has just begun. `who` is a tale's.
 */
bool natlog_tell(struct natlog *natlog, const struct ct_flow *flow, const struct ct_account *told,
		 struct ct_tale *ret);
size_t natlog_tell_who(const struct natlog *natlog, uint32_t who, uint8_t *ret, size_t size);
struct natlog_word {
	const struct ct_tale *tale;
	const uint8_t *who;
	size_t n;
};
void natlog_take(struct natlog *natlog, const struct ct_flow *flow, const struct natlog_word *word);

/*
 * These are wanted now. A file is opened anew, and may be another one; who is wanted no more is told what is known, for which the loop
 * stands still for so long at most.
 */
void natlog_reopen(struct natlog *natlog, const struct output_hows *hows, int wait_ms);
/* Writes what is known. The loop stands still meanwhile, for about so long at most. */
void natlog_free(struct natlog *natlog, int wait_ms);

/* Which source has which ports of which address. */
struct natlog_ports {
	struct ip4 source, nat;
	uint16_t first, last;
};
/*
 * It has them, and this is who has the source's address now. Recorded if it wasn't known (`basis`: when it was asked), and if
 * another one had the address before, or it's another public address: then what was recorded ends.
 */
void natlog_block_is(struct natlog *natlog, const struct natlog_ports *ports,
		     const struct natlog_who *who, enum natlog_basis basis);
/* It has them no more. Of one that wasn't known nothing is recorded. */
void natlog_block_ends(struct natlog *natlog, const struct natlog_ports *ports);
/* What is recorded of it, valid as natlog_find's. */
bool natlog_block_find(const struct natlog *natlog, const struct natlog_ports *ports,
		       struct book_entry *ret);
/* All that there are were told: what a former process knew beyond ended while nobody listened, and is forgotten. */
void natlog_blocks_are_told(struct natlog *natlog);

struct natlog_status {
	uint64_t records;      /* of connections */
	uint64_t blocks;       /* records of blocks: beginnings and ends */
	uint64_t unattributed; /* of these: nobody can say who had the address when they began */
	/* Of all outputs: */
	uint64_t gaps;
	uint64_t lost;    /* records: an output was too slow for too long */
	size_t waiting;   /* bytes */
	int64_t until_ns; /* what ended before is in each of them; 0: nothing yet */

	uint64_t overruns; /* of the kernel's socket */
	uint64_t vanished; /* connections that ended without a word */
	size_t open;       /* connections that are remembered */
	size_t open_blocks;
	size_t open_most;
	uint64_t unremembered; /* beginnings: there were too many */
	uint64_t taken;        /* lives of connections, from other gateways */
	uint64_t strays; /* likewise, of connections that aren't here, or that say what can't be */
	struct keep_status keep;
	struct output_status outputs[OUTPUT_COUNT];
	size_t n_outputs;
	bool is_reliable; /* see nat/follow.h */
};
/* What is known of an open connection; see natlog/book.h for how long it is valid. */
bool natlog_find(const struct natlog *natlog, const struct ct_flow *flow, struct book_entry *ret);
void natlog_status(const struct natlog *natlog, struct natlog_status *ret);
