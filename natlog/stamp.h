// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Times of a log: "2026-11-29T08:10:11.123456Z" (RFC 3339, UTC, microseconds), always of one length. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STAMP_LENGTH 27
#define STAMP_MAX (STAMP_LENGTH + 1)

int64_t stamp_now_ns(void); /* CLOCK_REALTIME */
/* What is before 1970 is shown as that. Returns `buf`. */
const char *stamp_format(int64_t ns, char buf[static STAMP_MAX]);
/* `text` has `length` bytes, and needs no end. 0; -EINVAL: it has another form, or is none of 1970 to 2261. */
int stamp_parse(const char *text, size_t length, int64_t *ret_ns);
