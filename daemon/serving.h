// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside the frame: where metrics are served, and that a reload may change it. */
#pragma once

#include <stdio.h>

#include "conf/metrics.h"

struct err;
struct frame;
struct frame_spec;
struct metrics_server;

/* All zero: nowhere. */
struct serving {
	struct metrics_server *now, *next;
	struct metrics_place place, next_place; /* next: after serving_prepare */
};

/* What the configuration says, beside what is so now. 0, or -errno with the reason: nothing has changed. */
int serving_prepare(struct serving *serving, struct frame *frame, const void *config,
		    struct err *err);
/* After serving_prepare: `taken`, or all stays as it was. */
void serving_settle(struct serving *serving, bool taken);
void serving_done(struct serving *serving);

/* All families of the program, for --help-metrics. */
void serving_list(const struct frame_spec *spec, FILE *to);
