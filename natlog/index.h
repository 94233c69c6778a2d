// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The index beside a file of the NAT log: PATH.index says in which lines of PATH an egress port stands, and when. It is only a
 * short cut: what it says is read again in the log, and what it doesn't cover, or can't be read, is looked for in the log itself.
 *
 * It is a row of runs, each of which covers a piece of the log that begins where the one before ends: a page that says so,
 * then pages of entries, sorted by port (a block's first one) and end. Runs are only appended, the head after its pages, so that a reader in another
 * process, at any moment, sees whole runs or none and needs no lock (docs/decisions/0012). Each page has a checksum; a
 * fingerprint of the log's last bytes in each run tells whether the index is that file's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line;

#define INDEX_PAGE 4096
#define INDEX_PER_PAGE 127
#define INDEX_PAGES_MAX 256
#define INDEX_ENTRIES_MAX (INDEX_PER_PAGE * INDEX_PAGES_MAX) /* of a run */
#define INDEX_MARK_BYTES 256

enum index_kind { INDEX_FLOW = 1, INDEX_GAP, INDEX_BLOCK, INDEX_BLOCK_BEGIN };

struct index_entry {
	int64_t end_ns;
	uint32_t public, private; /* host byte order; 0: not said */
	uint32_t destination;     /* likewise; of blocks the last port */
	uint32_t offset;          /* of the line, in the run's piece of the log */
	uint32_t life_ms;         /* rounded up; UINT32_MAX: longer */
	uint16_t port;            /* 0 for gaps */
	uint8_t protocol;
	uint8_t kind;
};
/* False: nobody will look for that line. */
bool index_entry_of(const struct line *line, uint32_t offset, struct index_entry *ret);
bool index_is_block(const struct index_entry *entry);
bool index_has_port(const struct index_entry *entry, uint16_t port);
int64_t index_start_ns(const struct index_entry *entry); /* not later than it began */

struct index_run {
	uint64_t at;                /* in the index */
	uint64_t from, to;          /* the piece of the log */
	int64_t begin_ns, until_ns; /* no entry began earlier, or ended later */
	uint32_t n, n_gaps, n_blocks;
	uint32_t widest;                 /* ports of the largest block */
	uint32_t mark;                   /* of the last bytes before `to` */
	uint16_t first[INDEX_PAGES_MAX]; /* the port that each page begins with */
};
uint64_t index_run_end(const struct index_run *run); /* where the next one stands */

/* What tells a file of the log from another: its bytes before `to`, at most INDEX_MARK_BYTES. */
uint32_t index_mark(const char *bytes, size_t n);
int index_mark_of(int log_fd, uint64_t to, uint32_t *ret); /* 0; -errno */

/*
 * Sorts the entries and appends them. In *run `at`, `from`, `to`, `n` and `mark` are given, the rest is set. 0; -errno: there may
 * be anything behind `at`, but no whole run.
 */
int index_append(int fd, struct index_run *run, struct index_entry *entries);

/* 0; -ENODATA: there is none, or no sound one. */
int index_read_run(int fd, uint64_t at, struct index_run *ret);
/*
 * Each entry with that port, blocks with it among theirs, too, by first port and end. 0; -EBADMSG or -errno: some may be missing.
 */
typedef void (*index_each)(const struct index_entry *entry, void *data);
int index_find(int fd, const struct index_run *run, uint16_t port, index_each each, void *data);
