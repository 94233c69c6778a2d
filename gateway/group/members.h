// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: the members of this gateway's group, with a number each that stays the same as long as he is one: decide.h, the
 * heartbeats and the Leases' holders are told by these. Who is a member is what the EgressGateway's status says; that he
 * is heard is what his heartbeats say, which the group's secret vouches for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/ip4.h"
#include "base/mono.h"
#include "daemon/groups.h"
#include "gateway/group/decide.h"
#include "peer/beat.h"

#define MEMBERS_SETTLED_MS 30000 /* heard for so long: egress IPs may be moved to him */
#define MEMBERS_SELF 0

struct member {
	char name[CONFIG_NAME_MAX]; /* "": the place is free */
	char zone[GROUP_TEXT_MAX];  /* "": not known */
	struct ip4 address;         /* 0: not known */
	bool is_listed;             /* in the status; else he was, and is kept while he is of use */
	struct beat_sender sender;
	struct mono offered_at;  /* an authentic beat came, believed or not; 0: never */
	struct mono heard_at;    /* a believed one; 0: never */
	struct mono heard_since; /* without a pause */
	uint64_t place;          /* beat.place; 0: not known */
};

struct members {
	struct member v[DECIDE_MEMBERS_MAX]; /* MEMBERS_SELF is this one */
};

void members_init(struct members *members, const char *self);
/*
 * These are it now. `held` has a bit for each number that somebody still speaks of: it isn't given to another one. Returns
 * the bits of those that mean somebody else than before.
 */
uint32_t members_set(struct members *members, const struct group_member *list, size_t n,
		     uint32_t held);
/* DECIDE_NOBODY for "", DECIDE_STRANGER for who isn't known. */
int members_find(const struct members *members, const char *name);
bool members_is_heard(const struct member *member, struct mono now);
bool members_is_settled(const struct members *members, int i, struct mono now);

/* One egress IP in heartbeats. */
struct members_charge {
	uint64_t egress; /* beat_hash of "GATEWAY/NAME" */
	const struct decide *decide;
};
/* All but boot, sequence and place. */
void members_write_beat(const struct members *members, const struct members_charge *charges,
			size_t n, struct mono now, struct beat *ret);
/*
 * An authentic one has come. Its sender's number, or a negative one if it's of nobody that is known, or not to be
 * believed. `boot`: ours.
 */
int members_take_beat(struct members *members, const struct beat *beat, uint64_t boot,
		      struct mono now);
/* What it says of an egress IP. False: nothing. */
bool members_read_claim(const struct members *members, const struct beat *beat, uint64_t egress,
			uint64_t boot, struct decide_beat *ret);
