// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: why this gateway should hand over what it carries, and what its Auto Scaling group is to hear meanwhile. The
 * shell is drain.h.
 *
 * The reasons stand beside each other, and each goes its own way:
 *
 *   STOP       the daemon is being stopped; for good
 *   SPOT       EC2 takes the instance back in two minutes; as long as the metadata say so: an instance that was hibernated
 *              or stopped comes back without
 *   LIFECYCLE  the Auto Scaling group ends the instance; likewise
 *   COMMAND    a person wants it, until he takes it back, or a restart
 *   REBALANCE  EC2 expects that it will take the instance back; for good, but a person may dismiss it, until the next
 *
 * The group waits for a lifecycle hook's answer (Terminating:Wait). It is asked to go on waiting as long as something is
 * carried, for an hour at most, and told to go on as soon as nothing is: an instance that nobody can replace isn't kept
 * for ever by a hook that nobody answers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "awsapi/imds_notices.h"
#include "base/mono.h"
#include "http/retry.h"

struct aws_failure;

#define DRAIN_BEAT_MS 15000   /* a hook's shortest timeout is 30 s */
#define DRAIN_HOLD_MS 3600000 /* so long the group is asked to wait */
#define DRAIN_REASON_MAX 128  /* with NUL */
#define DRAIN_NAME_MAX 256    /* of a hook or group; theirs have at most 255 */
#define DRAIN_NOTE_MAX 384

/* In the order of what is told first. */
enum drain_source {
	DRAIN_STOP,
	DRAIN_SPOT,
	DRAIN_LIFECYCLE,
	DRAIN_COMMAND,
	DRAIN_REBALANCE,
	DRAIN_SOURCE_COUNT
};
extern const char *const drain_source_names[DRAIN_SOURCE_COUNT];

enum drain_hook {
	DRAIN_HOOK_NONE,    /* the group wants nothing of us */
	DRAIN_HOOK_UNKNOWN, /* it does, but which hook of which group isn't known */
	DRAIN_HOOK_HOLDING, /* it waits, since something is carried */
	DRAIN_HOOK_OVERDUE, /* it has waited for too long, and isn't asked to any more */
	DRAIN_HOOK_LEAVING, /* it is to be told that we're done */
	DRAIN_HOOK_GONE,    /* it was, or doesn't wait for us any more */
	DRAIN_HOOK_COUNT
};
extern const char *const drain_hook_names[DRAIN_HOOK_COUNT];

struct drain_rule {
	unsigned sources; /* bits 1 << enum drain_source */
	struct imds_notices notices;
	int64_t rebalance_sec; /* the recommendation's time; 0: none counts */
	int64_t dismissed_sec; /* of the one that a person dismissed; 0: none */
	bool nothing_carried;
	bool knows_hook; /* its name and the group's */
	enum drain_hook hook;
	struct mono hook_since; /* when the group's wish was first seen */
	struct mono call_at;    /* no call before */
	struct backoff backoff;
	char note[DRAIN_NOTE_MAX]; /* what the last call failed with; "": it didn't */
};

/* `seed`: of the back-off's jitter, not 0. Something is carried until it's told otherwise. */
void drain_rule_init(struct drain_rule *rule, uint64_t seed);

/* Each true: whether there is a reason is now otherwise than before. */
bool drain_see_notices(struct drain_rule *rule, const struct imds_notices *notices,
		       struct mono now);
/* Off: also dismisses the rebalance recommendation. What else stands, stays. */
bool drain_see_command(struct drain_rule *rule, bool on);
bool drain_see_stop(struct drain_rule *rule);

void drain_see_carried(struct drain_rule *rule, bool nothing, struct mono now);
void drain_see_names(struct drain_rule *rule, bool known, struct mono now);

bool drain_is_on(const struct drain_rule *rule);
/* What of it, in words: "spot interruption: terminate at 2026-01-31T23:59:59Z". Returns `ret`. */
const char *drain_reason(const struct drain_rule *rule, enum drain_source source,
			 char ret[static DRAIN_REASON_MAX]);
/* The reason that comes first; "" for none. */
const char *drain_first_reason(const struct drain_rule *rule, char ret[static DRAIN_REASON_MAX]);

enum drain_call { DRAIN_CALL_NONE, DRAIN_CALL_BEAT, DRAIN_CALL_COMPLETE };
/* What is to be called next, and in *ret_ms how long until then, at least 0. */
enum drain_call drain_next_call(struct drain_rule *rule, struct mono now, int64_t *ret_ms);
/* Its outcome. */
void drain_see_called(struct drain_rule *rule, enum drain_call call, struct mono now);
void drain_see_failure(struct drain_rule *rule, enum drain_call call,
		       const struct aws_failure *failure, struct mono now);

/* Nothing is carried, and whoever waits for that has been told: the daemon may end. */
bool drain_may_go(const struct drain_rule *rule);
