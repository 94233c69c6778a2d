// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: who had which connection when it began. A connection is 24 bytes here, in tables that grow without moving more than a
 * 64th of all; what many have in common - pod, policy, egress IP - is kept once, and as long as one of them needs it.
 *
 * A connection is found by its original tuple and its id in the kernel, as a 64-bit hash with a secret in it, so that nobody
 * can choose tuples that meet in one place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/record.h"

struct book;

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
};
/*
 * The connection is there. One that is there already stays as it is, unless nobody was known for it: `who` is copied. False: it
 * doesn't fit, or there is no memory; then it will be unknown when it ends.
 */
bool book_put(struct book *book, const struct ct_flow *flow, const struct book_entry *entry);
/* Begun anew, whatever was there: an end was missed. */
bool book_begin(struct book *book, const struct ct_flow *flow, const struct book_entry *entry);
bool book_find(const struct book *book, const struct ct_flow *flow, struct book_entry *ret);

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
 * then what wasn't seen in two such looks that were completed is dropped. How many.
 */
void book_look_begin(struct book *book);
size_t book_look_end(struct book *book);
bool book_see(struct book *book,
	      const struct ct_flow *flow); /* false: it isn't known, or nobody is for it */

size_t book_count(const struct book *book);
size_t book_who_count(const struct book *book);
