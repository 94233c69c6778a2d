// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/mono.h"

#include <time.h>

#define NS_PER_MS INT64_C(1000000)

struct mono mono_now(void)
{
	struct timespec ts = { 0 };

	/* It can't fail: the clock always exists and the pointer is good. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono){ .ns = (int64_t)ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec };
}

int64_t mono_diff_ms(struct mono a, struct mono b)
{
	int64_t ns;

	if (__builtin_sub_overflow(a.ns, b.ns, &ns))
		ns = a.ns < b.ns ? INT64_MIN : INT64_MAX;
	return ns / NS_PER_MS;
}

/* Saturates, so that "never" may be written as a very large number of milliseconds. */
struct mono mono_add_ms(struct mono t, int64_t ms)
{
	int64_t ns;

	if (__builtin_mul_overflow(ms, NS_PER_MS, &ns) || __builtin_add_overflow(t.ns, ns, &ns))
		ns = ms < 0 ? INT64_MIN : INT64_MAX;
	return (struct mono){ .ns = ns };
}

bool mono_is_before(struct mono a, struct mono b)
{
	return a.ns < b.ns;
}
