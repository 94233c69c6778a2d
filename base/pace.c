// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/pace.h"

/* Rounded up, so that a timer of so many milliseconds isn't early. */
static int64_t until_ms(struct mono when, struct mono now)
{
	if (!mono_is_before(now, when))
		return 0;
	return mono_diff_ms((struct mono){ when.ns + 999999 }, now);
}

int64_t pace_wait_ms(const struct pace *pace, struct mono now)
{
	/* With a debt of `burst` times `every_ms` the next one has to wait until some of it is paid. */
	struct mono paid = mono_add_ms(pace->debt, -(int64_t)(pace->burst - 1) * pace->every_ms);
	int64_t gap = pace->last.ns ? until_ms(mono_add_ms(pace->last, pace->gap_ms), now) : 0;
	int64_t wait = until_ms(paid, now);

	return wait > gap ? wait : gap;
}

void pace_done(struct pace *pace, struct mono now)
{
	struct mono from = mono_is_before(pace->debt, now) ? now : pace->debt;

	pace->last = now;
	pace->debt = mono_add_ms(from, pace->every_ms);
}
