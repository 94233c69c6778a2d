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
struct usage;

extern const struct control_command gateway_commands[]; /* run with a struct frame as data */
/* `flows`, in gateway/tell/flows_answer.c. */
int gateway_run_flows(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err);
/* Borrows from its arguments. */
struct report_head gateway_head(const struct frame *frame, const struct agent_state *state);

/* What the egress IP of that number lacks, if ports are short. */
void gateway_put_short(struct control_out *out, const struct gateway_view *view, size_t egress);

/* The blocks of ports of each egress IP, none without limits.ports_per_pod; and what is in use of them, if `usage` isn't NULL. */
void gateway_put_blocks(struct control_out *out, const struct gateway_view *view,
			const struct usage *usage);

/* A command that has a file of its own. */
int gateway_run_top(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err);
