// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* All outputs of the log, at most one of each kind: what is told goes to each of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "natlog/output.h"

struct err;

struct outputs {
	struct output_options options;  /* of each */
	struct output *v[OUTPUT_COUNT]; /* by kind; NULL: not wanted */
};

/* One more, not open yet. False, with the reason. */
bool outputs_add(struct outputs *outputs, const struct output_how *how, struct err *err);
/* What ended before this isn't told to those that were added. */
void outputs_open(struct outputs *outputs, const struct output_hows *hows, int64_t since_ns);
/* These are wanted now; the loop stands still for so long at most while the others write what they know. */
void outputs_change(struct outputs *outputs, const struct output_hows *hows, int64_t since_ns,
		    int wait_ms);
/* Likewise; `outputs` itself stays. */
void outputs_done(struct outputs *outputs, int wait_ms);

/* True: one of them took it. */
bool outputs_flow(struct outputs *outputs, const struct natlog_flow *record);
bool outputs_block(struct outputs *outputs, const struct natlog_block *record);
void outputs_begin(struct outputs *outputs, const struct natlog_flow *record);
void outputs_gap(struct outputs *outputs, const struct natlog_gap *gap);
void outputs_mark(struct outputs *outputs, int64_t until_ns);
