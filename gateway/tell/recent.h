// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The last things that the daemon said and that somebody who looks now may want to know: who took over, what was repaired, what
 * failed. A ring of fixed size; a line that repeats the one before is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct control_out;

enum { RECENT_MAX = 128, RECENT_SUBSYSTEM_MAX = 16, RECENT_TEXT_MAX = 320 };

struct recent_event {
	int64_t first_ms, last_ms; /* Unix time */
	uint64_t count;
	enum log_level level;
	char subsystem[RECENT_SUBSYSTEM_MAX], text[RECENT_TEXT_MAX];
};
struct recent {
	struct recent_event v[RECENT_MAX];
	size_t n, next;
};

void recent_add(struct recent *recent, const struct recent_event *event);
/* The i-th of n, the newest first. */
const struct recent_event *recent_at(const struct recent *recent, size_t i);

/* From now on, all that base/log.h is told at info or above, but for routine; until recent_ignore. */
void recent_listen(struct recent *recent);
void recent_ignore(void);
/* The command "events". */
void recent_report(const struct recent *recent, struct control_out *out);
