// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has ports of his own: what follows from pods, the group and a restart, and who is told. */
#include "gateway/agent_internal.h"

#include <errno.h>

#include <sys/random.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "daemon/frame.h"
#include "gateway/group/failover.h"
#include "gateway/log/flowlog.h"
#include "gateway/table/blocks.h"
#include "gateway/table/desired.h"
#include "gateway/table/moves.h"
#include "gateway/table/sources.h"
#include "nat/observe.h"
#include "nat/sync.h"

/* A block that has rested goes to who waits. */
static void on_due(void *data)
{
	struct agent *agent = data;

	keeper_poke(agent->keeper, KEEPER_CHANGE);
}

int agent_start_blocks(struct agent *agent, struct err *err)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0;
	agent->blocks = blocks_new(seed);
	agent->blocks_timer = loop_timer_new(frame_loop(agent->health.frame), on_due, agent);
	if (!agent->blocks || !agent->blocks_timer)
		return err_set(err, -ENOMEM, "out of memory");
	return agent_start_blocks_group(agent, err);
}

void agent_end_blocks(struct agent *agent)
{
	agent_end_blocks_group(agent);
	loop_timer_free(agent->blocks_timer);
	blocks_free(agent->blocks);
}

/* The number that an egress IP has now, of which an earlier process' table says so. POLICY_EGRESS_NONE: there is none. */
static unsigned find_egress(const struct gateway_view *view, const struct nat_set *egress,
			    uint32_t mark)
{
	for (size_t i = 0; egress && i < egress->n; i++) {
		for (unsigned now = 0; egress->v[i].key == mark && now < view->config->egress_ips.n;
		     now++) {
			if (gateway_private(view, now).v == egress->v[i].data)
				return now;
		}
	}
	return POLICY_EGRESS_NONE;
}

/* Connections that stand keep their ports, so a restart must give nobody else's. */
static int adopt(struct agent *agent, const struct gateway_view *view, struct err *err)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	int rc = nat_sync_observe(keeper_nat(agent->keeper), &seen, err);
	const struct nat_set *map, *egress;
	size_t n = 0;

	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	map = nat_set_find(&seen.sets, GATEWAY_BLOCK_SET);
	egress = nat_set_find(&seen.sets, "egress");
	for (size_t i = 0; map && map->kind == NAT_MAP_MARK_ADDR_PORTS && i < map->n; i++) {
		const struct nat_elem *elem = &map->v[i];
		const struct block block = { .source = { elem->first },
					     .egress = find_egress(view, egress, elem->key),
					     .first_port = (uint16_t)(elem->data >> 16),
					     .last_port = (uint16_t)elem->data };

		n += blocks_adopt(agent->blocks, &block);
	}
	if (map)
		log_debug("ports", "blocks=%zu of %zu in the kernel go on", n, map->n);
	return 0;
}

struct round {
	struct agent *agent;
	struct mono now;
};

static void want_part(const struct source_part *part, void *data)
{
	const struct round *round = data;
	struct agent *agent = round->agent;
	const struct policy_class *class = &agent_policies(agent)->classes[part->class_index];

	if (source_part_is_range(part))
		return;
	for (uint64_t address = part->range.first; address <= part->range.last; address++) {
		for (size_t i = 0; i < class->n_rules; i++)
			blocks_want(agent->blocks, (struct ip4){ (uint32_t)address },
				    class->rules[i].egress, round->now);
	}
}

/* The log has what this gateway translates. */
static void tell_log(const struct block *block, bool is_given, void *data)
{
	struct agent *agent = data;

	if (agent->has_told_blocks && blocks_leads(agent->blocks, block->egress))
		flowlog_see_block(agent->flowlog, block, is_given);
}

/* All of one egress IP, or of all (POLICY_EGRESS_NONE). */
static void tell_log_all(struct agent *agent, unsigned egress, bool is_given)
{
	struct block block;

	for (size_t i = 0; i < blocks_places(agent->blocks); i++) {
		if (blocks_told_at(agent->blocks, i, &block) &&
		    (egress == POLICY_EGRESS_NONE || block.egress == egress))
			tell_log(&block, is_given, agent);
	}
}

void agent_see_lead(struct agent *agent, const struct gateway_view *view)
{
	if (!blocks_are_as(agent->blocks, view->config))
		return; /* as soon as they are */
	for (unsigned i = 0; i < view->config->egress_ips.n; i++) {
		const bool is_lead = !agent->failover || failover_leads(agent->failover, i);

		if (blocks_leads(agent->blocks, i) == is_lead)
			continue;
		if (!is_lead)
			tell_log_all(agent, i, false);
		blocks_set_lead(agent->blocks, i, is_lead);
		if (is_lead)
			tell_log_all(agent, i, true);
	}
}

/* To the log what goes on begins anew. */
int agent_configure_blocks(struct agent *agent, struct err *err)
{
	const bool are_alike = blocks_are_alike(agent->blocks, agent->config);
	int rc;

	if (blocks_are_as(agent->blocks, agent->config))
		return 0;
	tell_log_all(agent, POLICY_EGRESS_NONE, false);
	rc = blocks_configure(agent->blocks, agent->config);
	tell_log_all(agent, POLICY_EGRESS_NONE, true);
	if (rc)
		return err_set(err, rc, "out of memory");
	agent_forget_heard_blocks(agent);
	if (!are_alike)
		agent_renew_blocks(agent);
	return 0;
}

int agent_prepare_blocks(struct agent *agent, const struct gateway_view *view, struct err *err)
{
	struct round round = { .agent = agent };
	int rc = agent_configure_blocks(agent, err);

	if (rc || !blocks_are_wanted(agent->blocks))
		return rc;
	if (!agent->has_adopted_blocks) {
		rc = adopt(agent, view, err);
		if (rc)
			return rc;
		agent->has_adopted_blocks = true;
		agent_renew_blocks(agent);
	}
	agent_see_lead(agent, view);
	round.now = mono_now();
	blocks_round_begin(agent->blocks);
	sources_each(view, want_part, &round);
	blocks_round_end(agent->blocks, round.now);
	return 0;
}

static bool has_rule(const struct policy_class *class, unsigned egress)
{
	for (size_t i = 0; class && i < class->n_rules; i++) {
		if (class->rules[i].egress == egress)
			return true;
	}
	return false;
}

static void move_one(struct agent *agent, const struct move *move, struct mono now)
{
	const struct policy_result *policies = agent_policies(agent);
	const struct policy_class *was =
		move->old_node.v ? policy_class_find(policies, move->old_class) : NULL;
	const struct policy_class *is = move->node.v ? policy_class_find(policies, move->class) :
						       NULL;

	for (size_t i = 0; was && i < was->n_rules; i++) {
		if (!has_rule(is, was->rules[i].egress))
			blocks_drop(agent->blocks, move->pod, was->rules[i].egress, now);
	}
	for (size_t i = 0; is && i < is->n_rules; i++)
		blocks_want(agent->blocks, move->pod, is->rules[i].egress, now);
}

void agent_move_blocks(struct agent *agent, const struct moves *moves)
{
	const struct mono now = mono_now();

	for (size_t i = 0; i < moves->n && blocks_are_wanted(agent->blocks); i++)
		move_one(agent, &moves->v[i], now);
}

static void tell(const struct block *block, bool is_given, void *data)
{
	tell_log(block, is_given, data);
	agent_put_block(data, block, is_given);
}

void agent_see_blocks_due(struct agent *agent)
{
	const int64_t due = blocks_due_ms(agent->blocks, mono_now());

	if (due >= 0)
		(void)loop_timer_arm_ms(agent->blocks_timer, due + 1);
	else
		loop_timer_disarm(agent->blocks_timer);
}

void agent_see_blocks_told(struct agent *agent)
{
	blocks_told(agent->blocks, tell, agent);
	agent_see_blocks_due(agent);
}

void agent_begin_blocks(struct agent *agent)
{
	agent->has_told_blocks = true;
	tell_log_all(agent, POLICY_EGRESS_NONE, true);
}
