// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside agent: agent.c starts, reloads and stops it, agent_work.c is what it does when the keeper runs, and
 * agent_pods.c when it needn't; agent_ports.c is about what is in use of egress IPs, agent_blocks.c about who has ports of his own, and
 * agent_blocks_group.c about what gateways tell each other of that. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ip4.h"
#include "daemon/health.h"
#include "gateway/agent.h"
#include "gateway/group/takeovers.h"
#include "gateway/parameters.h"
#include "gateway/table/blocks_group.h"
#include "gateway/tell/recent.h"
#include "gateway/tell/state.h"
#include "nat/keeper.h"
#include "policy/policy.h"

struct block;
struct blocks;
struct cloud;
struct drain;
struct ending;
struct ending_ops;
struct failover;
struct failover_blocks;
struct flowlog;
struct inventory_changes;
struct loop_timer;
struct moves;
struct portwatch;
struct publish;
struct selftest;
struct survivors;
struct trend;
struct world;

/* What the uplink is now. */
struct uplink {
	int ifindex;
	uint32_t tunnel_mtu;
	struct ip4 router; /* v == 0: there is no default route on it */
};

struct agent {
	struct gateway_config
		*config; /* what is done: the file's, or what Kubernetes makes of that */
	struct gateway_config *file; /* NULL: the configuration is all */
	struct world *world;         /* likewise */
	struct publish *publish;     /* likewise */
	struct policy_result policies;
	struct keeper *keeper;
	struct ending *ending;
	struct uplink uplink;
	struct parameters_guard guard;
	enum keeper_second_state fast; /* as last said */
	struct health health;
	struct cloud *cloud;       /* NULL: static ownership */
	struct drain *drain;       /* NULL: nobody could take over */
	struct selftest *selftest; /* NULL: not configured */
	struct failover *failover; /* NULL: this gateway is alone */
	struct flowlog *flowlog;
	struct portwatch *portwatch;
	struct blocks *blocks;
	struct loop_timer *blocks_timer;
	bool has_adopted_blocks; /* those of an earlier process */
	bool has_told_blocks;    /* to the log, all that there were at the start */
	struct blocks_ear ears[POLICY_EGRESS_MAX]; /* of egress IPs, as the configuration has them */
	struct loop_timer
		*blocks_soon; /* what was heard goes to the kernel, what follows to others */
	bool blocks_are_new;  /* since others were told, or as what others told last was for */
	struct takeovers takeovers;
	struct survivors *survivors; /* with failover */
	struct trend *trend;
	struct recent recent;
	bool begun; /* the first run was tried; before, the kernel stays as it was found */
};

/* States of egress IPs may be others: counts take-overs, and whose connections they found here. */
void agent_see_takeovers(struct agent *agent);
/* Tells Kubernetes what is in the kernel. */
void agent_publish(struct agent *agent);

/* Counting what is in use of egress IPs: it's made, begins, and ends. 0, or a negative errno with the reason. */
int agent_start_ports(struct agent *agent, struct err *err);
void agent_begin_ports(struct agent *agent);
void agent_end_ports(struct agent *agent);
/* A run has brought to the kernel who is limited. */
void agent_see_limits_told(struct agent *agent);

/* Who has ports of his own: all that is needed to ask for it is made, and ended. 0; -ENOMEM. */
int agent_start_blocks(struct agent *agent, struct err *err);
void agent_end_blocks(struct agent *agent);
/* Before a run's description: who has them is what the view says. 0, or a negative errno with the reason. */
int agent_prepare_blocks(struct agent *agent, const struct gateway_view *view, struct err *err);
/* Another gateway may translate to an egress IP now, or this one again. */
void agent_see_lead(struct agent *agent, const struct gateway_view *view);
/* Pods come and go, on the short way. */
void agent_move_blocks(struct agent *agent, const struct moves *moves);
/* Who waits for a block gets it as soon as there is one. */
void agent_see_blocks_due(struct agent *agent);
/* What was heard of blocks goes to the kernel, if a run needn't come. */
void agent_bring_blocks(struct agent *agent);
/* The kernel has what was given and taken away. */
void agent_see_blocks_told(struct agent *agent);
/* Blocks are as the configuration says. 0; -ENOMEM with the reason: they are as they were. */
int agent_configure_blocks(struct agent *agent, struct err *err);
/* Others are told soon what blocks there are, and asked for theirs. */
void agent_renew_blocks(struct agent *agent);
/* Who has which ports, among gateways: asked for by failover.h, with the agent as data; and what changes is told. */
extern const struct failover_blocks agent_failover_blocks;
void agent_put_block(struct agent *agent, const struct block *block, bool is_given);
/* Made, and ended. -ENOMEM. */
int agent_start_blocks_group(struct agent *agent, struct err *err);
void agent_end_blocks_group(struct agent *agent);
/* Egress IPs have other places now. */
void agent_forget_heard_blocks(struct agent *agent);
/* The log is there, and learns of what it has to. */
void agent_begin_blocks(struct agent *agent);

/* What the status page shows of the past is kept from now on, if the configuration wants the page. -ENOMEM: it isn't. */
int agent_want_page(struct agent *agent, const struct gateway_config *config, struct err *err);
void agent_end_page(struct agent *agent);

/* NULL: not known yet. */
const struct policy_result *agent_policies(const struct agent *agent);
/* Of agent_state's view what rules and pods follow from, at a cost that a packet's event may have. `data` is the agent. */
struct gateway_view agent_quick_view(const void *data);

/* All of agent_state's view but the facts of the group, which are made anew each time. */
struct gateway_view agent_view(const struct agent *agent);

extern const struct keeper_ops agent_keeper_ops; /* with the agent as data */
extern const struct ending_ops agent_ending_ops; /* likewise */
/* What failover.h says of one egress IP goes to the kernel without a run, if it can. */
void agent_take_fence(size_t egress, void *data);
void agent_take_share(size_t egress, void *data);
/* Who gives blocks of it is another one. */
void agent_take_lead(size_t egress, void *data);
/* Pods' events go to the kernel without a run. False: they need one. */
bool agent_take_pods(const struct inventory_changes *changes, void *data);

/* 0, or a negative errno with the reason. Without a default route packets end in the fallback. */
int agent_find_uplink(struct agent *agent, struct gateway_config *config, struct uplink *ret,
		      struct err *err);

/* The keeper's describe_second, after its describe, which made the view anew. */
int agent_describe_fast(struct nat_ruleset *ruleset, void *data, struct err *err);
/* Brings it to the kernel without a run. 0; 1: a run does it. */
int agent_change_fast(struct agent *agent);
/* Logs whether the kernel has it: once, and again when it is otherwise. */
void agent_tell_fast(struct agent *agent, enum keeper_second_state now);
