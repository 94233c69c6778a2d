// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * One connection of the server: reads a line, has it answered, writes the answer, reads the next.
 */
#pragma once

#include "control/dispatch.h"

struct control_client;
struct loop;

struct control_client_options {
	struct loop *loop;
	const struct control_service *service;
	enum control_rights rights;
	/* The client has gone and its memory with it; called from the loop. */
	void (*on_gone)(struct control_client *client, void *data);
	void *data;
};

/* Takes the descriptor, on success only. NULL: out of memory. */
struct control_client *control_client_new(const struct control_client_options *options, int fd);
/* Without calling on_gone. */
void control_client_free(struct control_client *client);
