// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The status page, and the answers that it asks for, which are those of the control socket (docs/STATUS-PAGE.md). */
#pragma once

#include "daemon/frame.h"

struct control_args;
struct control_out;

extern const struct frame_admin gateway_admin;

/* Commands for the page alone, with a struct frame as data. */
int page_run_trend(const struct control_args *args, struct control_out *out, void *data,
		   struct err *err);
int page_run_events(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err);
