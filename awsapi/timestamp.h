// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Points in time as AWS writes them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * "2026-01-31T23:59:59Z", with fractions of a second (cut off), with an offset ("+00:00") instead of "Z",
 * years 1970 to 9999 -> seconds since 1970. 0 or -EINVAL.
 */
int timestamp_parse(const char *text, int64_t *ret_sec);
