// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Numbers in network byte order, and texts, within bounds. What doesn't fit or isn't there fails the whole, once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_out {
	uint8_t *at, *end;
	bool failed;
};

void wire_put(struct wire_out *out, uint64_t value, size_t bytes); /* 1 to 8 */
void wire_put_bytes(struct wire_out *out, const void *bytes, size_t n);
void wire_put_text(struct wire_out *out, const char *text); /* length in a byte; at most 255 */

struct wire_in {
	const uint8_t *at, *end;
	bool failed;
};

uint64_t wire_get(struct wire_in *in, size_t bytes);         /* 0 when failed */
const uint8_t *wire_get_bytes(struct wire_in *in, size_t n); /* NULL when failed */
/* Into `ret` of `size` bytes with a NUL; fails on a longer one, on an empty one, and on one with other than printable ASCII. */
void wire_get_text(struct wire_in *in, char *ret, size_t size);
/* All was there, and nothing is left. */
bool wire_is_done(const struct wire_in *in);
