// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Pods' events, on the short way into the kernel. */
#include "node/agent_internal.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "daemon/ending.h"
#include "daemon/frame.h"
#include "node/world.h"

/* A pod's start is a handful of news of links and routes. */
enum { DEVICES_MS = 5 };

const struct policy_result *agent_policies(const struct agent *agent)
{
	return agent->world ? world_policies(agent->world) : &agent->policies;
}

const char *agent_format_status(struct agent *agent, char buf[static AGENT_STATUS_MAX])
{
	snprintf(buf, AGENT_STATUS_MAX, "node=%s policies=%zu pods=%zu", agent->config->node.name,
		 agent_policies(agent) ? agent_policies(agent)->n_policies : 0, agent->pods.n);
	agent->n_told = agent->pods.n;
	return buf;
}

void agent_note_moved(struct ip4 address, void *data)
{
	struct agent *agent = data;

	ending_note(agent->ending, address);
}

/* As after a run that changed something. */
static void pods_taken(struct agent *agent)
{
	char status[AGENT_STATUS_MAX];

	world_in_kernel(agent->world);
	if (moved_look(&agent->moved, world_inventory(agent->world), agent_note_moved, agent))
		ending_all(agent->ending);
	if (agent->pods.n != agent->n_told)
		frame_status(agent->health.frame, agent_format_status(agent, status));
}

/*
 * Pods come and go all the time, and change elements, rules and routes: as long as the kernel has what was wanted before, it
 * needn't be read for that. Whatever else it is, or if it goes wrong, is a run's.
 */
static void take_pods(struct agent *agent)
{
	struct err err = ERR_NULL;
	int rc = KEEPER_MORE;

	agent->is_quick = true;
	if (!agent->anything)
		rc = keeper_next(agent->keeper, &err);
	if (err.text[0]) {
		log_debug("plan", "%s; a run puts it right", err.text);
		/* Perhaps rules of ours are missing. */
		agent->anything = true;
	}
	if (rc)
		(void)keeper_run(agent->keeper, KEEPER_CHANGE, NULL);
	else
		pods_taken(agent);
	agent->is_quick = false;
}

/* A failed run is tried again for any news. */
void agent_follow_pods(struct agent *agent)
{
	if (agent->world && !keeper_is_due(agent->keeper))
		take_pods(agent);
	else
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

void agent_devices_settled(void *data)
{
	agent_follow_pods(data);
}

void agent_follow_devices(struct agent *agent)
{
	if (!loop_timer_is_armed(agent->devices))
		loop_timer_arm_ms(agent->devices, DEVICES_MS);
}
