// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What Kubernetes says of pods, and the group of its egress IPs, on the short way into the kernel. */
#include "gateway/agent_internal.h"

#include "base/err.h"
#include "base/log.h"
#include "daemon/cluster.h"
#include "daemon/ending.h"
#include "gateway/group/failover.h"
#include "gateway/log/flowlog.h"
#include "gateway/table/blocks.h"
#include "gateway/table/delta.h"
#include "gateway/tell/publish.h"
#include "gateway/world.h"
#include "policy/inventory.h"

/*
 * Connections that were begun with an egress IP keep it as long as their class allows it; before it had a class, an
 * address could begin none.
 */
static void note_ended(struct agent *agent, const struct inventory_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		const struct inventory_delta *delta = &changes->v[i];

		if (delta->old_class && delta->old_class != delta->class)
			ending_note(agent->ending, delta->address);
	}
}

static int change(struct agent *agent, const struct moves *moves)
{
	struct gateway_view view = agent_view(agent);
	struct err err = ERR_NULL;
	struct gateway_delta delta;
	int rc;

	agent_move_blocks(agent, moves);
	rc = gateway_delta_make(&view, moves, &delta);
	if (rc)
		return rc;
	rc = keeper_change(agent->keeper, &delta.delta, &err);
	if (rc && err.text[0])
		log_debug("plan", "%s; a run puts it right", err.text);
	if (!rc)
		agent_see_blocks_told(agent);
	gateway_delta_done(&delta);
	return rc;
}

bool agent_take_pods(const struct inventory_changes *changes, void *data)
{
	struct agent *agent = data;
	struct moves moves;
	int rc;

	if (!agent->begun || keeper_is_due(agent->keeper) ||
	    world_move(agent->world, agent->config, changes, &moves))
		return false;
	rc = change(agent, &moves);
	if (!rc) {
		log_debug("plan", "pods: %zu less or more or elsewhere", moves.n);
		cluster_in_kernel(world_cluster(agent->world));
		note_ended(agent, changes);
		publish_policies_soon(agent->publish);
	}
	moves_done(&moves);
	/* With 1 a run comes, and describes the same. */
	return rc >= 0;
}

void agent_bring_blocks(struct agent *agent)
{
	const struct moves none = { .n = 0 };

	if (agent->begun && blocks_news_most(agent->blocks) && !keeper_is_due(agent->keeper) &&
	    change(agent, &none))
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

/* 0; else a run comes that does it. `rc`: of making it. */
static int change_group(struct agent *agent, int rc, struct gateway_delta *delta)
{
	struct err err = ERR_NULL;

	if (!rc) {
		rc = keeper_change(agent->keeper, &delta->delta, &err);
		gateway_delta_done(delta);
	}
	if (rc && err.text[0])
		log_debug("failover", "%s; a run puts it right", err.text);
	if (rc)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	return rc;
}

/* What the fast path carries goes past a new fence until its table is made anew; behind one that fell it can wait. */
void agent_take_fence(size_t egress, void *data)
{
	struct agent *agent = data;
	const struct gateway_view view = agent_view(agent);
	const bool is_fenced = view.fenced[egress];
	struct gateway_delta delta;

	flowlog_see_fence(agent->flowlog);
	if (!agent->begun)
		return; /* the first run does it */
	if (change_group(agent, gateway_delta_fence(&view, egress, is_fenced, &delta), &delta) ||
	    (is_fenced && agent_change_fast(agent)))
		return;
	failover_see_fence(agent->failover, egress);
	if (!is_fenced)
		(void)agent_change_fast(agent);
}

void agent_take_share(size_t egress, void *data)
{
	struct agent *agent = data;
	const struct gateway_view view = agent_view(agent);
	struct gateway_delta delta;

	flowlog_see_fence(agent->flowlog);
	if (agent->begun)
		(void)change_group(agent,
				   gateway_delta_share(&view, egress, view.shared[egress], &delta),
				   &delta);
}

void agent_take_lead(size_t egress, void *data)
{
	struct agent *agent = data;
	const struct gateway_view view = agent_view(agent);

	(void)egress;
	agent_see_lead(agent, &view);
	agent_see_blocks_due(agent);
}
