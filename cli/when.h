// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pure: a time as people paste it, out of a letter of complaint, a log, or date(1). */
#pragma once

#include <stdint.h>

struct err;

struct when {
	int64_t from_ns, to_ns; /* since 1970; "14:03:12" lasts a second */
};

/* What has no zone is UTC. 0; -EINVAL with the reason. */
int when_parse(const char *text, int64_t now_ns, struct when *ret, struct err *err);
