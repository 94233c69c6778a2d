// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* From a request line to an answer line, without a socket. */
#pragma once

#include <stddef.h>

struct control_command;
struct control_out;

/* What a peer may do; see control.h. Ordered: who may do the later may do the earlier. */
enum control_rights { CONTROL_RIGHTS_NONE, CONTROL_RIGHTS_OPEN, CONTROL_RIGHTS_ALL };

struct control_service {
	const struct control_command *commands;
	void *data;
};

/* A complete line, also for what is refused or fails. NULL: out of memory. */
struct control_out *control_dispatch(const struct control_service *service,
				     enum control_rights rights, const char *line, size_t length);
/* The line that says no. NULL: out of memory. */
struct control_out *control_refusal(int id, const char *sentence);
