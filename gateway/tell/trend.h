// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the status page's charts show: a reading each five seconds, as long as somebody could look (samples.h). */
#pragma once

#include <stdbool.h>

struct control_args;
struct control_out;
struct err;
struct frame;
struct trend;

struct trend *trend_new(const struct frame *frame); /* NULL: out of memory */
void trend_free(struct trend *trend);               /* NULL is fine */
/* What was read is forgotten when it isn't wanted any more. -ENOMEM: it isn't kept. */
int trend_want(struct trend *trend, bool wanted);

/* The command "trend": {span: "recent" or "day"}. */
int trend_report(const struct trend *trend, const struct control_args *args,
		 struct control_out *out, struct err *err);
