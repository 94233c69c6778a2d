// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A request line, taken apart. It comes from outside: anything may stand in it. */
#pragma once

#include <stddef.h>

#include "control/control.h"

#define CONTROL_COMMAND_MAX 32 /* 31 characters and NUL */

struct err;

struct control_request {
	char command[CONTROL_COMMAND_MAX];
	struct control_args args;
};

/*
 * Strict: one JSON object with "v":1, a "command" and nothing but strings beside them; a NUL
 * character, a duplicate key or anything too long is an error. 0, -EINVAL with a sentence, -ENOMEM.
 */
int control_request_parse(const char *line, size_t length, struct control_request *ret,
			  struct err *err);
