// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: who had which connection when it began. A connection is 32 bytes here, in tables that grow without moving more than a
 * 64th of all; what many have in common - pod, policy, egress IP - is kept once, and as long as one of them needs it.
 *
 * A connection is found by its original tuple and its id in the kernel. The tuple is a 64-bit hash with a secret in it, so that
 * nobody can choose tuples that meet in one place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nat/history.h"
#include "natlog/record.h"

struct book;
struct err;

#define BOOK_WHO_MAX (1u << 20) /* different ones */

struct book_options {
	size_t most;      /* connections */
	uint64_t seed[4]; /* random */
};
struct book *book_new(const struct book_options *options); /* NULL: no memory */
void book_free(struct book *book);

struct book_entry {
	const struct natlog_who
		*who; /* valid until the next call that isn't book_find; NULL: not known */
	int64_t start_ns;
	enum natlog_basis basis;
	bool is_told; /* another gateway said when it began: the kernel's time is only its entry's */
	bool is_kept; /* from a former process, and not seen in the kernel since */
	uint32_t number,
		serial; /* of `who`, when read: numbers are given again, with another serial */
	size_t n_stints;
	struct ct_stint stints[CT_STINTS_MAX]; /* of the gateways in who->carriers */
};
/*
 * The connection is there. One that is there already stays as it is, unless nobody was known for it: `who` is copied. False: it
 * doesn't fit, or there is no memory; then it will be unknown when it ends.
 */
bool book_put(struct book *book, const struct ct_flow *flow, const struct book_entry *entry);
/* Begun anew, whatever was there: an end was missed. */
bool book_begin(struct book *book, const struct ct_flow *flow, const struct book_entry *entry);
bool book_find(const struct book *book, const struct ct_flow *flow, struct book_entry *ret);

/*
 * What another gateway tells of a connection that is here, which is found by its tuple. With NATLOG_NONE it stays as it is who had
 * it, and when that was asked. False: it isn't here.
 */
bool book_tell(struct book *book, const struct ct_flow *flow, const struct book_entry *entry);
const struct natlog_who *book_who(const struct book *book, uint32_t number); /* NULL: nobody */

enum book_end {
	BOOK_ENDED,   /* *ret is what was known */
	BOOK_UNKNOWN, /* its beginning was missed */
	BOOK_AGAIN,   /* its end was told before */
};
/* stop_ns: by the kernel's clock; 0: not said, then the same end isn't recognised. */
enum book_end book_end(struct book *book, const struct ct_flow *flow, int64_t stop_ns,
		       struct book_entry *ret);

/*
 * A look at all that there is, to forget what ended without a word: begin, book_see for each (or book_put, book_begin), and
 * then what wasn't seen in two such looks that were completed is dropped. How many. What a former process left is dropped by
 * the first one, and doesn't count: it ended while nobody listened.
 */
void book_look_begin(struct book *book);
size_t book_look_end(struct book *book);
/*
 * The kernel had more to tell than fits, and tells ends later, when they are in no list any more: who is missed by the look
 * that goes on, or by the next one, is missed for the first time.
 */
void book_late(struct book *book);
bool book_see(struct book *book,
	      const struct ct_flow *flow); /* false: it isn't known, or nobody is for it */

/*
 * Blocks of ports are remembered here, too: as connections of protocol 0, from their source to the address that the ports are of,
 * with the first and the last one. No look at the kernel's table counts for them. What a former process left and nobody saw
 * (book_see) since is forgotten.
 */
void book_forget_blocks(struct book *book);

size_t book_count(const struct book *book); /* connections and blocks */
size_t book_count_blocks(const struct book *book);
size_t book_who_count(const struct book *book);
uint64_t book_changes(const struct book *book); /* grows with each */

/* As a file for the next process, in the same boot of the machine: ids mean nothing in another one. 0, -errno. */
#define BOOK_BOOT_LENGTH 36
int book_save(const struct book *book, const char boot[static BOOK_BOOT_LENGTH], int fd);
struct book_file {
	const uint8_t *bytes;
	size_t n;
	const char *boot; /* BOOK_BOOT_LENGTH characters */
	size_t most;      /* connections; what is more is left out */
};
/* 0; -errno with the reason, and nothing is taken. -ESTALE: of another boot. */
int book_load(const struct book_file *file, struct book **ret, struct err *err);
/* What book_load does when the sum at the end is right. Public for the fuzzer. */
int book_parse(const struct book_file *file, struct book **ret, struct err *err);
