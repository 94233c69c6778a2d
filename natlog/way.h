// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside the writer's process: how one kind of output is written. All of it may wait, for a second or so, and is tried again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/how.h"
#include "natlog/record.h"

struct err;
struct way;

/* "Not yet": it is to be asked again soon. With a text if that has been so for too long. */
#define WAY_PENDING 1

struct way_ops {
	struct way *(*make)(void); /* NULL: out of memory */
	void (*free)(struct way *way);
	/* 0; -errno with the reason. Of one that isn't open. */
	int (*open)(struct way *way, const struct output_how *how, const char *gateway,
		    struct err *err);
	bool (*is_open)(const struct way *way);
	void (*close)(struct way *way);
	/* How long the log was complete; -ENOENT: nobody says. */
	int (*until)(const struct way *way, int64_t *ret_ns);
	/*
	 * Whole records. *done says how many of the bytes are done with; unless it returns 0, it's called again with the rest,
	 * maybe after the way was opened anew.
	 */
	int (*put)(struct way *way, const char *bytes, size_t n, size_t *done, struct err *err);
	int (*put_gap)(struct way *way, const struct natlog_gap *gap, struct err *err);
	/* All that ended before this time was put. 0: and has arrived, and that is noted. */
	int (*mark)(struct way *way, int64_t until_ns, struct err *err);
	/* What is due by now. WAY_PENDING: there is more that can wait for records. */
	int (*tick)(struct way *way, int64_t now_ns, struct err *err);
};

/* By enum output_kind. */
extern const struct way_ops *const way_kinds[OUTPUT_COUNT];
