// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What the metadata say about this instance's near end: the spot interruption (two minutes before), the
 * rebalance recommendation, and the Auto Scaling group's target state. AWS tells nobody: they are asked for
 * every few seconds, and each change is reported once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "awsapi/imds.h"

enum imds_spot_action { IMDS_SPOT_NONE, IMDS_SPOT_TERMINATE, IMDS_SPOT_STOP, IMDS_SPOT_HIBERNATE };

struct imds_notices {
	enum imds_spot_action spot;
	int64_t spot_sec;      /* when, as seconds since 1970; 0: none */
	int64_t rebalance_sec; /* of the recommendation; 0: none */
	char lifecycle
		[32]; /* "InService", "Terminated", "Warmed:...": what the group wants; "": in no group */
};

/* "Terminated": the group waits (Terminating:Wait) until the action is completed or times out. */
bool imds_notices_want_end(const struct imds_notices *notices);

enum imds_notice {
	IMDS_NOTICE_SPOT,
	IMDS_NOTICE_REBALANCE,
	IMDS_NOTICE_LIFECYCLE,
	IMDS_NOTICE_COUNT
};

/* Pure: the path of each, and its answer (text NULL: 404, no such notice). 0 or -EPROTO: then nothing changed. */
extern const char *const imds_notice_paths[IMDS_NOTICE_COUNT];
int imds_notice_take(struct imds_notices *notices, enum imds_notice which, const char *text);

struct imds_watch;

/* `changed`: bits 1 << enum imds_notice. Everything else is allowed in it, imds_watch_free too. */
typedef void (*imds_notices_fn)(const struct imds_notices *notices, unsigned changed, void *data);

/*
 * Asks all three, then waits `interval_ms` (0: 5000), and so on. What can't be read stays as it was. The first
 * call comes when anything differs from an empty struct imds_notices.
 */
struct imds_watch *imds_watch_new(struct loop *loop, struct imds *imds, uint32_t interval_ms,
				  imds_notices_fn fn, void *data);
/* Before imds_free. NULL is fine. */
void imds_watch_free(struct imds_watch *watch);
/* So many rounds in a row had a path that couldn't be read; for status. `ret_error` may be NULL. */
uint32_t imds_watch_failures(const struct imds_watch *watch, const char **ret_error);
