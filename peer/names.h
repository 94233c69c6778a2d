// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: what the numbers mean that a peer uses instead of saying all again and again. With ceilings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_MAX (1u << 21)
#define NAMES_BYTES_MAX (128u << 20)

struct name {
	size_t n;
	uint8_t bytes[];
};

struct names { /* zeroed: empty */
	struct name **v;
	size_t size, bytes;
};

/* Whatever it meant before. False: there is no room, and it means nothing. */
bool names_set(struct names *names, uint32_t number, const uint8_t *bytes, size_t n);
const struct name *names_get(const struct names *names, uint32_t number); /* NULL: nothing */
void names_done(struct names *names);
