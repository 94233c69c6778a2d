// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The gateway's answers on the control socket. */
#pragma once

#include "control/control.h"
#include "daemon/report.h"

struct agent_state;
struct err;
struct frame;
struct gateway_view;

extern const struct control_command gateway_commands[]; /* run with a struct frame as data */
/* `flows`, in gateway/flows_answer.c. */
int gateway_run_flows(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err);
/* Borrows from its arguments. */
struct report_head gateway_head(const struct frame *frame, const struct agent_state *state);

/* What the egress IP of that number lacks, if ports are short. */
void gateway_put_short(struct control_out *out, const struct gateway_view *view, size_t egress);

/* A command that has a file of its own. */
int gateway_run_top(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err);
