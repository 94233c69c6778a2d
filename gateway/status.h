// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The gateway's answers on the control socket. */
#pragma once

#include "control/control.h"

extern const struct control_command gateway_commands[]; /* run with a struct frame as data */
