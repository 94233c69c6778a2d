// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A text that nobody may see: keys, session tokens, bearer tokens. It's wiped when it ends, never printed (there
 * is no formatter, and there shall be none), and looked at only where it's sent, by secret_reveal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 32768 /* bytes; STS bounds its tokens nowhere, 4096 were seen */

struct secret {
	char *bytes; /* NUL after `length` bytes, none within; NULL: not set */
	size_t length;
};

#define SECRET_NULL ((struct secret){ .bytes = NULL })

/*
 * Replaces what was there. -EINVAL: empty, longer than SECRET_MAX, or with bytes that aren't printable ASCII
 * (such as the CR and LF with which a header would be forged); -ENOMEM. On failure the old one stays.
 */
int secret_set(struct secret *secret, const char *text, size_t length);
int secret_copy(const struct secret *from, struct secret *to);
/* Wipes it; it's not set afterwards. */
void secret_done(struct secret *secret);
bool secret_is_set(const struct secret *secret);
/* In a time that tells nothing about the contents. */
bool secret_equal(const struct secret *a, const struct secret *b);
/* For sending it; "" when not set. Don't keep, copy or print it. */
const char *secret_reveal(const struct secret *secret);
