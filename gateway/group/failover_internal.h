// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside failover: failover.c is the outside, failover_charge.c is what happens to one egress IP, failover_group.c knows the
 * members, failover_replicate.c has their connections and failover_blocks.c their ports, failover_report.c tells of it.
 */
#pragma once

#include <stdint.h>

#include "gateway/group/decide.h"
#include "gateway/group/failover.h"
#include "gateway/group/members.h"
#include "gateway/group/replica.h"
#include "kube/lease.h"
#include "peer/keys.h"
#include "policy/assign.h"

struct heartbeat;
struct loop_timer;

/* One egress IP. */
struct charge {
	struct failover *failover;
	size_t index; /* in config->egress_ips */
	char name[CONFIG_NAME_MAX];
	char full_name[POLICY_NAME_MAX];
	uint64_t hash;
	struct decide decide;
	struct kube_lease *lease;
	char holder[KUBE_LEASE_HOLDER_MAX]; /* as it was last read; "": nobody */
	bool is_strange;                    /* he isn't a member, and that was said */
	bool in_kernel;                     /* the kernel translates, as last read or done */
	bool claims;                        /* as the cloud was told */
	bool leads;                         /* as options.on_lead was told */
	struct mono where_at, failed_at;    /* of own_where, as passed on */
	uint32_t ready;                     /* members, as last planned with */
};

struct failover {
	struct failover_options options;
	struct gateway_failover conf;
	char group[CONFIG_NAME_MAX];
	struct ip4 configured; /* gateway.address; 0: the metadata tell it */
	uint64_t boot, sequence;
	struct peer_keys keys;
	struct members members;
	struct heartbeat *heartbeat; /* NULL until there's an address */
	struct loop_timer *tick;
	struct charge **v;
	size_t n;
	bool *fenced, *shared;
	bool recalled; /* what the kernel did when we came is known */
	bool good;     /* the last run of the keeper was */
	bool draining;
	struct mono away_at;    /* the API last failed to answer, or we began */
	struct mono failing_at; /* runs fail since then; 0: they don't */
	struct mono beat_at;    /* the next heartbeats are due */
	struct mono planned_at;
	int64_t asleep_ms;                   /* charge_asleep_ms, when last looked */
	uint8_t carriers[POLICY_EGRESS_MAX]; /* as last planned with */
	bool is_failing;                     /* heartbeats can't be received, and that was said */
	struct replica *replica;             /* NULL until there's an address */
	struct replica_tales tales;
	struct replica_blocks blocks;
	bool is_deaf; /* connections can't be received, and that was said */
	struct replica_egress replicated[POLICY_EGRESS_MAX]; /* as last set */
	size_t n_replicated;

	struct failover_member facts_members[DECIDE_MEMBERS_MAX];
	struct failover_egress facts_egress[POLICY_EGRESS_MAX];
	struct failover_facts facts;
};

/* failover_charge.c */
struct charge *charge_new(struct failover *f, const char *name, struct err *err);
void charge_free(struct charge *c);
void charge_tell(struct charge *c, const struct decide_event *event);
void charge_tell_kernel(struct charge *c);
void charge_see_cloud(struct charge *c);
/* Lets time pass. */
void charge_tick(struct charge *c);
/* How long the host has been suspended since its start: CLOCK_BOOTTIME counts that, CLOCK_MONOTONIC doesn't. */
int64_t charge_asleep_ms(void);

/* failover_group.c */
void group_send_beats(struct failover *f);
/* The heartbeats' socket, as soon as it can be. */
void group_begin(struct failover *f);
/* Who should carry each egress IP, where something has changed. */
void group_plan(struct failover *f, struct mono now);
/* The address of the tunnel's end; 0: not known yet. */
struct ip4 group_address(const struct failover *f);

/* failover_blocks.c: what a replica is told, and tells, of blocks. */
struct replica_blocks blocks_of(struct failover *f);
/* After its fence: who leads may be another one. */
void blocks_follow_lead(struct charge *c);

/* failover_replicate.c */
void replicate_begin(struct failover *f);
void replicate_set_peers(struct failover *f); /* there is a replica */
/* Whose connections are told of or taken in follows who carries what. */
void replicate_follow(struct failover *f);
