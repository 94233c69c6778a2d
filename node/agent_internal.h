// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside agent: agent.c starts, reloads and runs it, and agent_pods.c is what it does when a run isn't needed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/health.h"
#include "nat/keeper.h"
#include "node/agent.h"
#include "node/moved.h"

struct ending;
struct loop_timer;
struct world;

struct agent {
	struct node_config *config;
	struct policy_result policies;
	struct lanes lanes;
	struct pods pods;
	struct keeper *keeper;
	struct ending *ending;
	struct moved moved; /* what `ending` knows of */
	bool anything; /* may be otherwise, and not only pods' classes; since the last good run */
	bool same_devices;          /* no news of links and routes since `pods` were read */
	bool is_quick;              /* what is under way is for pods alone */
	struct loop_timer *devices; /* they may be otherwise */
	uint32_t tunnel_mtu;
	bool can_copy; /* the kernel can */
	size_t n_told; /* pods, in the text for systemd */
	struct health health;
	struct world *world; /* NULL: what the configuration says is all */
	bool begun;          /* the first run was tried; before, the kernel stays as it was found */
};

/* The text for systemd. */
#define AGENT_STATUS_MAX 160
const char *agent_format_status(struct agent *agent, char buf[static AGENT_STATUS_MAX]);
const struct policy_result *agent_policies(const struct agent *agent);
/* Connections from the address, or answered by it, can be wrong now. `data` is the agent. */
void agent_note_moved(struct ip4 address, void *data);

/* Something may be otherwise with pods, and with nothing else: now; or with their devices: when they have settled. */
void agent_follow_pods(struct agent *agent);
void agent_follow_devices(struct agent *agent);
void agent_devices_settled(void *data);
