// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Finding the daemon of this host and asking it. */
#pragma once

struct control_args;
struct control_reply;
struct err;

/*
 * Asks at each of the sockets (a list that ends with NULL) until a daemon is there; what it answers
 * counts, good or bad. Returns an exit code: EXIT_OK with *ret, EXIT_NO_DAEMON or EXIT_RUNTIME with
 * a sentence in `err`.
 */
int ask_daemon(const char *const *sockets, const char *command, const struct control_args *args,
	       struct control_reply **ret, struct err *err);
