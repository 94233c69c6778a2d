// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: which member of a group carries one egress IP, seen by one member. (state, event, now) -> (state, orders). The
 * shell tells what it hears and does what it's ordered; it asks nothing back.
 *
 *   STARTING -> STANDBY -> SUSPECT -> CLAIMING -> TAKING -> ACTIVE <-> ALONE       LOST: a person moved the Elastic IP;
 *                ^ |          silent   ^  Lease    EIP        | ^       no API      no fight, the Lease stays ours
 *                | +----> PREPARING ---+                      v |
 *                +--------- FENCED <------------------- HANDING_OVER
 *
 * Who may translate: who holds the Lease, for as long as nobody else can have got it (kube/lease.h, `until`, less a
 * margin). Who can't renew since the API is away may go on (ALONE) while EC2 says, after that began and again and again,
 * that the Elastic IP is his, and no member that he hears says otherwise. In a planned change both may, since nobody can know
 * when the network follows an association: he who takes it from when he hears of it, he who gives it until the other one has
 * had it for a while; and nodes send each packet to both (decide_partner). All others may not. EC2 is the fence: it has one
 * place for an Elastic IP, and what a second one translates is dropped by the internet gateway; nothing leaves with another
 * address.
 *
 * A holder who dies is noticed by his heartbeats (DECIDE_LOST_MS). That they are lost doesn't mean that he's dead: a
 * holder whom a member doesn't hear any more renews many times in a second for a moment, as a sign of life, and his
 * Lease is taken only if it hasn't changed for DECIDE_SILENT_MS since. Who never heard him, or whom he didn't hear, waits
 * longer than a holder's renewals are apart. A stranger's Lease, such as that of another elector, must expire.
 *
 * The Lease first, and only then EC2: AssociateAddress is for who comes last, and so must be allowed before. What goes in
 * parallel is the association, the connections and the status. Without the API nobody takes over anything.
 *
 * Times are of CLOCK_MONOTONIC, which no change of the wall clock moves; it stands still while the host is suspended,
 * which the shell notices by CLOCK_BOOTTIME and tells before anything else (DECIDE_SUSPENDED).
 *
 * Beside it, own.h decides how this gateway gets the Elastic IP in EC2; `claim` says whether it's allowed to. Its HELD is
 * DECIDE_EC2_MINE here, and that the address went elsewhere while `claim` is false is no theft.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mono.h"
#include "gateway/group/decide_event.h"
#include "gateway/group/decide_times.h"

#define DECIDE_MEMBERS_MAX 32
#define DECIDE_NOBODY (-1)
#define DECIDE_STRANGER (-2) /* somebody who isn't a member */
#define DECIDE_REASON_MAX 128

enum decide_state {
	DECIDE_STARTING,     /* nothing has been read back; the kernel does as it did */
	DECIDE_STANDBY,      /* can take over, or waits until it can */
	DECIDE_SUSPECT,      /* the holder is silent: does he renew? */
	DECIDE_PREPARING,    /* he hands over to us: we translate beside him, then claim */
	DECIDE_CLAIMING,     /* the Lease is being asked for */
	DECIDE_TAKING,       /* the Lease is ours; the Elastic IP is coming */
	DECIDE_ACTIVE,       /* both are ours */
	DECIDE_ALONE,        /* the API is away, and EC2 says that it's ours */
	DECIDE_HANDING_OVER, /* another member is to take it, and we go on until he has it */
	DECIDE_FENCED,       /* the kernel is being stopped: until DECIDE_KERNEL says that it has */
	DECIDE_LOST, /* a person moved the Elastic IP; nobody of the group takes it back by himself */
	DECIDE_STATE_COUNT
};
extern const char *const decide_state_names[DECIDE_STATE_COUNT];
extern const uint32_t decide_legal[DECIDE_STATE_COUNT]; /* see transition.h */

enum decide_ask {
	DECIDE_ASK_NONE,
	DECIDE_ASK_LOOK,
	DECIDE_ASK_TRY,
	DECIDE_ASK_TAKE,
	DECIDE_ASK_RELEASE
}; /* kube/lease.h */

struct decide_change {
	enum decide_state from, to;
	const char *reason; /* a constant */
};

/* To be done once. */
struct decide_orders {
	enum decide_ask ask; /* within DECIDE_DEADLINE_MS; its end is to be told */
	bool verify;         /* ask EC2 now */
	bool say;            /* something is new: heartbeats and status, now */
	struct decide_change changes[DECIDE_STATE_COUNT]; /* for the log */
	size_t n_changes;
};

struct decide_peer {
	bool is_known; /* heard once */
	bool was_lost; /* noticed */
	struct mono heard_at;
	uint64_t last_boot; /* the one before */
	struct decide_beat beat;
};

struct decide {
	int self, n;    /* members 0..n-1 */
	unsigned state; /* enum decide_state */
	char reason[DECIDE_REASON_MAX];
	struct mono since; /* of the state */
	struct decide_lease lease;
	bool lease_known, lease_busy, asked; /* `asked` in this state */
	struct mono mark_at;                 /* when the mark was first seen */
	struct mono failed_at;               /* the first failure since the last answer; 0: none */
	struct mono ask_at, asked_at;        /* the next ask is due; the last one was made */
	struct mono free_at;                 /* seen free first; 0: isn't */
	struct mono silent_at;               /* SUSPECT: the first answer since; 0: none yet */
	bool is_fast;                        /* SUSPECT: he knew that we listen */
	struct mono signs_until, quiet_until, gave_up_until;
	enum decide_ec2 ec2;
	int ec2_who;
	struct mono ec2_at, verify_at; /* when EC2 last said so; when it's to be asked again */
	struct mono refused_at;        /* 0: wasn't */
	bool kernel_ready, kernel_translating, kernel_known;
	bool replica_ready, draining, claim_anew;
	int plan_to, plan_turn;
	int from;            /* who hands over to us; DECIDE_NOBODY: it isn't planned */
	int to;              /* HANDING_OVER */
	bool consented;      /* and he has the Lease */
	struct mono done_at; /* and the Elastic IP, as far as we know; 0: not yet */
	struct decide_peer peers[DECIDE_MEMBERS_MAX];
};

void decide_init(struct decide *decide, int self, int n, struct mono now);
/* Events that say nothing new are fine. *ret is written whole. */
void decide_event(struct decide *decide, const struct decide_event *event, struct mono now,
		  struct decide_orders *ret);

/*
 * What holds as long as it does: what the kernel is to do (after a restart: once DECIDE_KERNEL has told what it does),
 * and the rest of the shell.
 */
bool decide_translates(const struct decide *decide, struct mono now);
bool decide_claims(const struct decide *decide); /* own.h may associate */
/* The other one of a planned change, who translates, too: nodes are to send to both. Or DECIDE_NOBODY. */
int decide_partner(const struct decide *decide, struct mono now);
/* Who carries it as far as we know, or had it last: for policy/assign.h. */
int decide_carrier(const struct decide *decide, struct mono now);
enum decide_replicate { DECIDE_REPLICATE_NONE, DECIDE_REPLICATE_SEND, DECIDE_REPLICATE_RECEIVE };
enum decide_replicate decide_replicates(const struct decide *decide, struct mono now);
/* Whose telling of its connections counts: in a planned change still his who gives it away. */
int decide_teller(const struct decide *decide, struct mono now);
/* The heartbeat to a member, but for boot and seq. */
void decide_make_beat(const struct decide *decide, int to, struct mono now,
		      struct decide_beat *ret);
bool decide_hears(const struct decide *decide, int peer, struct mono now);
