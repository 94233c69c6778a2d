// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The pages of docs/messages, which the build writes into the program. Pure. A page begins with "# EIPGW-NUMBER: TITLE"
 * and a line "SEVERITY; WHERE IT IS SHOWN"; then come its sections, "## NAME". tests/check/ids sees to it.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct page {
	int id;
	const char *text;
};

/* In the order of their numbers; the last one has the id 0. */
extern const struct page pages[];

/* NULL: none has it. */
const struct page *page_find(int id);

/* A part of a page; not terminated. */
struct page_part {
	const char *text;
	size_t n;
};
struct page_part page_title(const struct page *page);
struct page_part page_severity(const struct page *page);
struct page_part page_where(const struct page *page);
/* What stands below "## NAME", without the empty lines around it; empty if there is no such section. */
struct page_part page_section(const struct page *page, const char *name);

/* For a terminal: without the marks of headings, code blocks and links. */
void page_print(FILE *out, const struct page *page);

#define PAGE_WORD_MAX 64
/* The identifier or name that is most like the word, or "" if none is. Returns `buf`. */
const char *page_nearest(const char *word, char buf[static PAGE_WORD_MAX]);
