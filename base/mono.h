// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Monotonic time as a type of its own, so that it can't be mixed with wall time or a duration. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t ns; /* CLOCK_MONOTONIC; counts suspended time nowhere */
};

struct mono mono_now(void);
bool mono_is_before(struct mono a, struct mono b);
/* a - b in milliseconds, rounded towards zero; negative when a is earlier. */
int64_t mono_diff_ms(struct mono a, struct mono b);
struct mono mono_add_ms(struct mono t, int64_t ms);
