// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The node's answers on the control socket. */
#pragma once

#include "control/control.h"
#include "daemon/report.h"

struct agent_state;
struct frame;

extern const struct control_command node_commands[]; /* run with a struct frame as data */
/* Borrows from its arguments. */
struct report_head node_head(const struct frame *frame, const struct agent_state *state);
