// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * How soon something may be done again, so that a single event is dealt with at once and a burst of them together:
 * never twice within `gap_ms`, `burst` times without further waiting after a quiet time, and then once in `every_ms`.
 * Pure.
 */
#pragma once

#include <stdint.h>

#include "base/mono.h"

struct pace {
	int64_t gap_ms, every_ms; /* gap_ms <= every_ms */
	unsigned burst;           /* at least 1 */
	struct mono last, debt;   /* when it was last done; until when what was done is paid for */
};

/* 0: now. */
int64_t pace_wait_ms(const struct pace *pace, struct mono now);
/* It is done. */
void pace_done(struct pace *pace, struct mono now);
