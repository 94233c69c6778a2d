// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: whether VPC routing brings native sources' packets to this gateway, and what has to be called so that it
 * does. There are as many points as must be right: the source/dest check of my interface is off, and in each
 * configured route table the route leads to my interface. Each has a state like an egress IP's (own.h), save that
 * what was LOST and is seen as it should be is HELD: packets do come then, and to say so is no fight.
 *
 * Nothing is changed before the caller says that the kernel carries the egress IPs: a route that leads here takes
 * its packets from whoever had it. The check goes first, for the same reason. A change of ours that somebody
 * undoes is LOST until a reload; a failed call never makes it so; nothing is undone on shutdown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "awsapi/ec2.h"
#include "base/ip4.h"
#include "base/mono.h"
#include "conf/native.h"
#include "gateway/own/own.h"
#include "http/retry.h"

struct aws_action;
struct aws_failure;
struct aws_request;

#define NATIVE_POINTS_MAX (NATIVE_TABLES_MAX + 1)
/* Where a route leads, as far as it matters: an ID, or words. */
#define NATIVE_TARGET_MAX (AWS_ID_MAX + 32)

struct native_point {
	char table_id[AWS_ID_MAX]; /* "": the source/dest check */
	enum own_state state;
	char reason[OWN_REASON_MAX];    /* one sentence: what is missing, or what holds it */
	bool due;                       /* EC2 shows it wrong, and it may be changed */
	bool unverified;                /* held, and the last question failed */
	struct mono change_at;          /* not changed before; 0: never */
	struct mono changed_at;         /* by us, perhaps; 0: never */
	char before[NATIVE_TARGET_MAX]; /* where the route was last seen to lead before it was ours */
	struct backoff backoff;
};

struct native {
	struct native_point *v; /* the first one is the check */
	size_t n;               /* 0: there are no native sources */
	struct ip4_prefix destination;
	char interface_id[AWS_ID_MAX], subnet_id[AWS_ID_MAX]; /* mine; "": not seen yet */
	struct mono check_at,
		look_at; /* at my interface again, while waiting for it; at the tables */
	struct backoff backoff;
};

/* `wanted` has been checked (conf/native.h); `seed` for the back-off's jitter, not 0. 0 or -ENOMEM. */
int native_init(struct native *native, const struct gateway_native *wanted, uint64_t seed);
void native_done(struct native *native);
/* As own_adopt: what is wanted as before stays as it was in `old`, save what was lost. */
void native_adopt(struct native *native, const struct native *old);

void native_see_interface(struct native *native, const struct aws_interface *interface,
			  struct mono now);
void native_see_tables(struct native *native, const struct aws_route_tables *answer,
		       struct mono now);
/* The change of a point was called, and EC2 took it. */
void native_see_changed(struct native *native, size_t i, struct mono now);
/* Of a change; of the question about the tables; of that about my interface, or of all before it. */
#define NATIVE_TABLES (SIZE_MAX - 1)
#define NATIVE_INTERFACE SIZE_MAX
void native_see_failure(struct native *native, size_t i, const struct aws_action *action,
			const struct aws_failure *failure, struct mono now);

bool native_wants_look(const struct native *native, struct mono now);
int native_request_look(const struct native *native, struct aws_request *ret);
/* The point to change now, after all answers were told; native->n: none. */
size_t native_next_change(const struct native *native, struct mono now);
int native_request_change(const struct native *native, size_t i, struct aws_request *ret);
/* How long until a look is due, or, if changes may be made now, a change; at least 0; INT64_MAX: never. */
int64_t native_next_ms(const struct native *native, bool is_ready, struct mono now);

#define NATIVE_NAME_MAX (AWS_ID_MAX + IP4_PREFIX_TEXT_MAX + 16)
/* "route 0.0.0.0/0 of rtb-1", "source/dest check". Returns `buf`. */
const char *native_name(const struct native *native, size_t i, char buf[static NATIVE_NAME_MAX]);
/* Also if there is nothing to hold. */
bool native_all_held(const struct native *native);
