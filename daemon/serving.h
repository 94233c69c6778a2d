// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside the frame: where metrics and the status page are served, and that a reload may change it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "conf/listen.h"

struct err;
struct frame;
struct frame_spec;
struct loop_timer;

enum serving_kind { SERVING_METRICS, SERVING_ADMIN, SERVING_KIND_COUNT };

/* One server. All zero: nowhere. */
struct served {
	enum serving_kind kind;
	void *now, *next;
	struct listen_place place, next_place; /* next: after serving_prepare */
	struct frame *frame;
	struct loop_timer *again; /* armed: `place` can't be listened on, and is tried again */
};
struct serving {
	struct served v[SERVING_KIND_COUNT];
};

/* At the start: what a gateway or node is for doesn't wait for a place where it is told of. -ENOMEM. */
int serving_begin(struct serving *serving, struct frame *frame, const void *config,
		  struct err *err);

/* What the configuration says, beside what is so now. 0, or -errno with the reason: nothing has changed. */
int serving_prepare(struct serving *serving, struct frame *frame, const void *config,
		    struct err *err);
/* After serving_prepare: `taken`, or all stays as it was. */
void serving_settle(struct serving *serving, bool taken);
void serving_done(struct serving *serving);

/* All families of the program, for --help-metrics. */
void serving_list(const struct frame_spec *spec, FILE *to);
