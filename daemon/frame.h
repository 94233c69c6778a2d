// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The frame that both daemons hang in: command line, configuration with reload, signals, control socket,
 * readiness and watchdog. What a daemon does is in its struct frame_spec.
 */
#pragma once

#include <stdbool.h>

struct config_table;
struct control_command;
struct err;
struct frame;
struct loop;

struct frame_spec {
	const char *program;
	const char *summary;                   /* for --help */
	const char *config_path, *socket_path; /* defaults */
	const struct config_table *table;
	const struct control_command *commands; /* run with the frame as data, see frame_state */

	/* What the table can't see: references, overlaps, ranges. -EINVAL with a path. */
	int (*check)(const void *config, struct err *err);
	/* Privileges and kernel features; -EPERM, -EOPNOTSUPP, ... with what is missing. */
	int (*check_platform)(struct err *err);
	/*
	 * Begins work: `config` belongs to the state from now on (freed by stop through config_done).
	 * NULL with the reason: the configuration stays the caller's. frame_ready is called when all stands.
	 */
	void *(*start)(struct frame *frame, void *config, struct err *err);
	/* Takes over a checked configuration. On failure nothing has changed and it stays the caller's. */
	int (*reload)(void *state, void *config, struct err *err);
	void (*stop)(void *state);
	/* --cleanup: removes everything that this daemon ever makes in the kernel. */
	int (*cleanup)(const void *config, struct err *err);
};

/* The program from main's arguments to its exit code (base/options.h). */
int frame_main(const struct frame_spec *spec, int argc, char *argv[]);

struct loop *frame_loop(const struct frame *frame);
/* What `start` returned. */
void *frame_state(const struct frame *frame);
/* Tells systemd (sd_notify) and the log; only the first call says READY=1, later ones change the status. */
void frame_ready(struct frame *frame, const char *status);
void frame_status(struct frame *frame, const char *status);
/* For the status command: where the configuration came from and how its last reload went. */
struct frame_config_info {
	const char *path;
	long long loaded_seconds_ago;
	const char *last_error; /* "" when the last load was good */
};
struct frame_config_info frame_config_info(const struct frame *frame);
