// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside awsapi/: the metadata service's plain texts become values. Pure. */
#pragma once

#include <stddef.h>

struct imds_addresses;
struct ip4_prefixes;

/*
 * A list is one value a line, a line may end in "/" (a directory) or CR, and empty lines are no values.
 * Each of the functions: 0; -EPROTO, -EMSGSIZE (more than IMDS_LIST_MAX lines), -ENOMEM. The result replaces
 * what was in *ret on success only.
 */
int imds_text_addresses(const char *text, struct imds_addresses *ret);
int imds_text_prefixes(const char *text, struct ip4_prefixes *ret);

/* One printable word without blanks, `size` bytes of room with the NUL. */
int imds_text_word(const char *text, char *ret, size_t size);

/* The next line's content from *text on, which moves behind it: its length and its begin, or 0 at the end. */
size_t imds_text_line(const char **text, const char **ret_line);
/* How many lines with content; -EMSGSIZE. */
int imds_text_count(const char *text, size_t *ret);
