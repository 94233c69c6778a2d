// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The frame that both daemons hang in: command line, configuration with reload, signals, control socket,
 * readiness and watchdog. What a daemon does is in its struct frame_spec.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_table;
struct control_command;
struct err;
struct frame;
struct loop;
struct metric_table;
struct metrics_out;
struct listen_place;
struct site_page;

/* What is served as metrics, if the configuration says where. */
struct frame_metrics {
	const struct metric_table *const *tables; /* all families; ends with NULL */
	int (*find_place)(const void *config, struct listen_place *ret, struct err *err);
	/* There is a state. */
	void (*write)(const struct frame *frame, struct metrics_out *out);
	const char *(*find_fault)(const struct frame *frame); /* NULL: all is well */
};

/* Pages for people, if the configuration says where; with the frame as data. */
struct frame_admin {
	const struct site_page *pages;
	size_t n_pages;
	int (*find_place)(const void *config, struct listen_place *ret, struct err *err);
};

struct frame_spec {
	const char *program;
	const char *summary;                   /* for --help */
	const char *config_path, *socket_path; /* defaults */
	const char *other_config_path;         /* where config_path isn't there; NULL: none */
	const struct config_table *table;
	const struct control_command *commands; /* run with the frame as data, see frame_state */
	const struct frame_metrics *metrics;    /* NULL: none */
	const struct frame_admin *admin;        /* likewise */

	/* Fills in what the file leaves out and the surroundings know; NULL: nothing. -EINVAL with a path. */
	int (*complete)(void *config, struct err *err);
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
	/*
	 * SIGTERM or SIGINT came: so many ms at most are wanted to hand something over, in which everything else goes
	 * on; frame_stop ends them early, and so does a second signal. 0, or NULL: none. systemd is told.
	 */
	int64_t (*begin_stop)(void *state);
	void (*stop)(void *state);
	/* --cleanup: removes everything that this daemon ever makes in the kernel. */
	int (*cleanup)(const void *config, struct err *err);
};

/* The program from main's arguments to its exit code (base/options.h). */
int frame_main(const struct frame_spec *spec, int argc, char *argv[]);

struct loop *frame_loop(const struct frame *frame);
const struct frame_spec *frame_spec(const struct frame *frame);
/* What `start` returned. */
void *frame_state(const struct frame *frame);
/* Ends the daemon as soon as the loop goes on: what begin_stop wanted time for is done. */
void frame_stop(struct frame *frame);
/* Tells systemd (sd_notify) and the log; only the first call says READY=1, later ones change the status. */
void frame_ready(struct frame *frame, const char *status);
bool frame_is_ready(const struct frame *frame); /* it was called */
void frame_status(struct frame *frame, const char *status);
/* For the status command: where the configuration came from and how its last reload went. */
struct frame_config_info {
	const char *path;
	long long loaded_seconds_ago;
	const char *last_error; /* "" when the last load was good */
	int last_error_id;      /* of base/message.h, likewise */
};
struct frame_config_info frame_config_info(const struct frame *frame);
