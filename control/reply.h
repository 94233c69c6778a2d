// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* An answer line, taken apart. It comes from outside, as a request does. */
#pragma once

#include <stddef.h>

#include "control/control.h"

struct err;

/* 0; -EREMOTEIO: the daemon's own sentence is in `err`; -EPROTO: not an answer; -ENOMEM. */
int control_reply_parse(const char *line, size_t length, struct control_reply **ret,
			struct err *err);
