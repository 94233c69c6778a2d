// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * When this gateway should hand over what it carries, and when it may go: asks the instance metadata every five seconds, as
 * AWS advises, takes `eipgw drain` and SIGTERM, and keeps the Auto Scaling group waiting until all is handed over. What it
 * decides by is in drain_rule.h. Handing over is others' work: they are told by on_drain, and tell what became of it by
 * drain_set_done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cloud_access;
struct control_args;
struct control_out;
struct drain;
struct err;
struct imds;
struct loop;

#define DRAIN_STOP_MS 15000 /* so long at most the daemon's end is delayed */

struct drain_options {
	struct loop *loop;
	struct imds *imds;        /* outlives the drain; NULL: there are no notices */
	uint32_t interval_ms;     /* between two questions; 0: 5000 */
	const char *hook, *group; /* as configured; copied; "": none, that of the tag */
	/* False: not known yet. Valid until the loop goes on, but caller and endpoint as long as the drain. */
	bool (*access)(struct cloud_access *ret, void *data);
	/* There is a reason now, or none any more. */
	void (*on_drain)(bool on, const char *reason, void *data);
	/* After drain_begin_stop has wanted time: it isn't needed any more. */
	void (*on_gone)(void *data);
	void *data; /* the drain mustn't be freed from inside the three */
};

/* NULL: out of memory, or a name is too long. */
struct drain *drain_new(const struct drain_options *options, struct err *err);
void drain_free(struct drain *drain); /* NULL is fine */

/* `eipgw drain`, and with false its --undo. */
void drain_command(struct drain *drain, bool on);
/* SIGTERM: the contract of struct frame_spec's begin_stop. NULL is fine: nothing is handed over. */
int64_t drain_begin_stop(struct drain *drain);
/* After each change: whether this gateway carries nothing. Until the first one, it does. */
void drain_set_done(struct drain *drain, bool nothing_is_carried);

bool drain_is_wanted(const struct drain *drain); /* NULL is fine */
/* The object `drain` of `eipgw status`; none for NULL. */
void drain_status(const struct drain *drain, struct control_out *out);
/* The control command: argument `set` is "on", "off" or not given. NULL: -EOPNOTSUPP. Then the status. */
int drain_run_command(struct drain *drain, const struct control_args *args, struct control_out *out,
		      struct err *err);
