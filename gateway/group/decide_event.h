// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What decide.h is told. Plain data. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"

/* What a member says of the egress IP in each heartbeat. */
enum decide_role {
	DECIDE_ROLE_NONE,
	DECIDE_ROLE_TAKING,
	DECIDE_ROLE_ACTIVE,
	DECIDE_ROLE_HANDING_OVER
};

struct decide_beat {
	uint64_t boot; /* of the process: another one each time */
	uint64_t seq;
	enum decide_role role;
	int to;              /* HANDING_OVER: to whom */
	int holder;          /* of the Lease, as the sender last read it */
	int64_t transitions; /* and its leaseTransitions: the higher one is newer; -1: never read */
	bool hears_you;
	bool is_ready; /* to take over: kernel, and connections as far as they are known */
};

enum decide_ec2 {
	DECIDE_EC2_UNKNOWN,
	DECIDE_EC2_MINE,      /* EC2 has just shown it so */
	DECIDE_EC2_ELSEWHERE, /* or somewhere else: `who` */
	DECIDE_EC2_SILENT,  /* a question failed; what was known before isn't more wrong for that */
	DECIDE_EC2_REFUSED, /* the association was refused for good */
};

enum decide_event_kind {
	DECIDE_TICK,
	DECIDE_LEASE,        /* an ask ended with an answer */
	DECIDE_LEASE_FAILED, /* or without */
	DECIDE_BEAT,         /* authenticated */
	DECIDE_EC2,
	DECIDE_KERNEL,
	DECIDE_REPLICA, /* `on`: the holder's connections are here */
	DECIDE_DRAIN,   /* `on`: this member goes */
	DECIDE_PLAN,    /* policy/assign.h: who should carry it, and our turn to take over */
	DECIDE_CLAIM,   /* a reload: what was LOST is claimed */
	DECIDE_SUSPENDED,
	DECIDE_EVENT_COUNT
};

/* As kube_lease_view, with members' numbers. */
struct decide_lease {
	bool is_free; /* nobody's, or expired by what we saw */
	int holder;   /* also of one that expired; DECIDE_NOBODY, or DECIDE_STRANGER */
	uint64_t mark;
	struct mono until;
	int64_t transitions;
};

struct decide_event {
	enum decide_event_kind kind;
	int who; /* BEAT: from whom; EC2 ELSEWHERE: member, stranger or nobody; PLAN: who should carry it */
	int turn; /* PLAN; negative: none */
	bool on;
	bool is_ready;    /* KERNEL: it could translate */
	bool translating; /* KERNEL: and does */
	enum decide_ec2 ec2;
	struct decide_lease lease;
	struct decide_beat beat;
};
