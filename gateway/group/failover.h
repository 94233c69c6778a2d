// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Makes this gateway a member of its group: heartbeats, a Lease for each egress IP, and what decide.h makes of them.
 * It decides which egress IPs this gateway translates; who owns the kernel (agent.h) does it and tells what the kernel
 * has, and cloud.h associates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/gateway.h"
#include "gateway/group/failover_facts.h"

struct cloud;
struct cluster;
struct control_out;
struct err;
struct failover;
struct flowlog;
struct frame_block;
struct keeper;
struct loop;
struct peer_frame;

/* Who has which ports; egress IPs are places in the configuration's list. */
struct failover_blocks {
	/* sender_blocks' list. */
	int (*list)(size_t egress, size_t *at, struct peer_frame *ret, void *data);
	/* Who serves it says so. */
	void (*hear)(size_t egress, const char *peer, const struct peer_frame *frame, void *data);
};

struct failover_options {
	struct loop *loop;
	struct cluster *cluster; /* all borrowed, and outlive it */
	struct cloud *cloud;
	struct keeper *keeper;
	struct flowlog *flowlog; /* what others tell of connections, and are told */
	/*
	 * failover_fenced says something else of this one now. To be done at once, and told by failover_see_fence from inside, or
	 * by failover_see_run later.
	 */
	void (*on_fence)(size_t egress, void *data);
	/* So does failover_shared. Needn't be told. */
	void (*on_share)(size_t egress, void *data);
	/* So does failover_leads. Likewise. */
	void (*on_lead)(size_t egress, void *data);
	struct failover_blocks blocks;
	void (*on_change)(void *data); /* failover_facts are others: to be told */
	void *data;
};

/* Reads the secret. Nothing is done before failover_want. NULL with the reason. */
struct failover *failover_new(const struct failover_options *options,
			      const struct gateway_config *config, struct err *err);
/* What the kernel does stays; the Leases are left to expire, or to be renewed by the next process. NULL is fine. */
void failover_free(struct failover *failover);

/* Another configuration: those egress IPs that stay are carried on. -ENOMEM: as before. */
int failover_want(struct failover *failover, const struct gateway_config *config, struct err *err);
/* Reads the secret again. -errno: the old one stays. */
int failover_reload(struct failover *failover, struct err *err);
/* A person has said that what was taken away is to be claimed again. */
void failover_claim(struct failover *failover);
/* This gateway goes, or stays after all. */
void failover_drain(struct failover *failover, bool on);
/* The members, as the cluster knows them, may be others. */
void failover_see_members(struct failover *failover);
/* What cloud.h knows may be otherwise. */
void failover_see_cloud(struct failover *failover);
/* The kernel does what failover_fenced says of all of them, if the run was good; else it's open what it does. */
void failover_see_run(struct failover *failover, bool is_good);
/* And of this one, by a small change. */
void failover_see_fence(struct failover *failover, size_t egress);

/* It's known of each egress IP whether it's to be translated: until then the kernel is to be left as it is. */
bool failover_is_decided(const struct failover *failover);
/* One for each of config->egress_ips; the array stays until the next failover_want. */
const bool *failover_fenced(const struct failover *failover);
/* Likewise: translated by another one, too, while it goes from one to the other. */
const bool *failover_shared(const struct failover *failover);
/* Of the two that translate while it goes from one to the other, only the first leads: gives sources ports of their own. */
bool failover_leads(const struct failover *failover, size_t egress);
/* A block was given, or not any more, of an egress IP where we lead: others are told. `ports`: of each block. */
void failover_put_block(struct failover *failover, size_t egress, const struct frame_block *block,
			uint16_t ports);
void failover_tell_blocks(struct failover *failover); /* all anew: they are others, or known now */
void failover_want_blocks(struct failover *failover); /* others are to do so */
/* Nothing is carried, and nothing is on its way to us. */
bool failover_is_idle(const struct failover *failover);
/* Until the next event. */
const struct failover_facts *failover_facts(struct failover *failover);
void failover_report(struct failover *failover, struct control_out *out);
