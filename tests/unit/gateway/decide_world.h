// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Members with their daemons and kernels, a network between them, the API server with one Lease, and EC2 with one Elastic
 * IP: all in steps of virtual time, so that a schedule of faults is a list of numbers. The Lease is judged by kube/'s own
 * code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/group/decide.h"
#include "kube/lease_record.h"

#define WORLD_STEP_MS 25
#define WORLD_MEMBERS_MAX 3

/* An ask on its way: reads, writes, and answers, each after a while. */
struct world_call {
	bool is_busy, is_write, was_read, is_done, is_failed;
	enum decide_ask ask;
	int64_t at_ms, deadline_ms;
	struct mono sent_at;
	struct kube_lease_record wanted;
	uint64_t version; /* that was read; 0: none */
};

struct world_member {
	struct decide d;
	bool is_running, is_asleep;
	bool kernel_ready, translating, told_translating, told_ready;
	bool draining;
	int64_t slept_ms; /* its monotonic clock is so much behind */
	uint64_t boot, seq;
	int64_t beat_at_ms;
	struct kube_lease_seen seen;
	uint64_t version; /* of what it read last; 0: to be read */
	bool at_hand;
	char name[16];
	struct world_call call;
	int64_t associate_at_ms; /* when its call has its effect, also after its death; 0: none */
	int64_t verify_at_ms;    /* when the answer comes; 0: none */
	int64_t round_at_ms;
	int64_t held_until_ms; /* by the world's clock: what the server's answers allow it to believe */
	enum decide_state was;
};

struct world {
	int n;
	int64_t now_ms;
	uint64_t random;
	struct world_member m[WORLD_MEMBERS_MAX];
	bool link[WORLD_MEMBERS_MAX][WORLD_MEMBERS_MAX];
	bool api[WORLD_MEMBERS_MAX], ec2[WORLD_MEMBERS_MAX];
	bool refuses[WORLD_MEMBERS_MAX];
	int64_t api_ms, ec2_ms; /* so slow */
	int plan;               /* DECIDE_NOBODY: by policy/assign.h */
	/* The server's. */
	bool exists;
	struct kube_lease_record lease;
	uint64_t version;
	int eip; /* member, DECIDE_NOBODY or DECIDE_STRANGER */
	/* What happened. */
	uint64_t n_events, takeovers;
	int64_t changed_at_ms; /* the last change of any state */
	bool tells;            /* every change, on stderr */
	uint32_t reached[DECIDE_STATE_COUNT];
	int64_t calm_since_ms; /* nothing is broken */
	struct world_pair {
		int64_t active_ms, hold_ms; /* both are */
	} pairs[WORLD_MEMBERS_MAX][WORLD_MEMBERS_MAX];
	int64_t stray_ms[WORLD_MEMBERS_MAX], known_ms[WORLD_MEMBERS_MAX],
		unasked_ms[WORLD_MEMBERS_MAX];
	char broken[256]; /* which promise, and when; "": none */
};

void world_init(struct world *w, int n, uint64_t seed);
void world_step(struct world *w);
void world_run(struct world *w, int64_t ms);
/* Whether one and the same member is it in each respect, and nobody else is. Who: `w->eip`. */
bool world_is_settled(const struct world *w);
/* Runs until that or the time is up; how long it took, or -1. */
int64_t world_settle(struct world *w, int64_t ms);
/* Likewise until a member that runs has the Elastic IP and translates for it. */
int64_t world_wait_carried(struct world *w, int64_t ms);
struct mono world_clock(const struct world *w, const struct world_member *m); /* its own */
void world_tell(struct world *w, struct world_member *m, const struct decide_event *event);
uint64_t world_random(struct world *w, uint64_t below);

enum world_fault {
	WORLD_CUT,      /* both directions between two members */
	WORLD_CUT_ONE,  /* one direction */
	WORLD_API_AWAY, /* for one */
	WORLD_API_GONE, /* for all */
	WORLD_API_SLOW,
	WORLD_EC2_AWAY,
	WORLD_EC2_SLOW,
	WORLD_EC2_REFUSES,
	WORLD_KILL,
	WORLD_RESTART, /* the daemon, at once */
	WORLD_POWER_OFF,
	WORLD_SLEEP,
	WORLD_DRAIN,
	WORLD_KERNEL,
	WORLD_PLAN,
	WORLD_LEASE_DELETED,
	WORLD_LEASE_TAKEN, /* by a stranger, who lets it expire */
	WORLD_EIP_TAKEN,   /* by a stranger */
	WORLD_HEAL,        /* all of it */
	WORLD_FAULT_COUNT
};
extern const char *const world_fault_names[WORLD_FAULT_COUNT];
void world_break(struct world *w, enum world_fault fault, int member);
