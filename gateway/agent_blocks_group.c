// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has ports of his own, among the gateways of a group: what is heard goes to the kernel, what is given is told. */
#include "gateway/agent_internal.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mono.h"
#include "daemon/frame.h"
#include "gateway/group/failover.h"
#include "gateway/table/blocks.h"
#include "peer/frame.h"

/* So much comes within one transaction. */
enum { SOON_MS = 10 };

static void soon(struct agent *agent)
{
	if (!loop_timer_is_armed(agent->blocks_soon))
		(void)loop_timer_arm_ms(agent->blocks_soon, SOON_MS);
}

static void on_soon(void *data)
{
	struct agent *agent = data;

	if (agent->blocks_are_new && agent->failover) {
		failover_tell_blocks(agent->failover);
		failover_want_blocks(agent->failover);
	}
	agent->blocks_are_new = false;
	agent_bring_blocks(agent);
}

void agent_renew_blocks(struct agent *agent)
{
	agent->blocks_are_new = true;
	soon(agent);
}

int agent_start_blocks_group(struct agent *agent, struct err *err)
{
	agent->blocks_soon = loop_timer_new(frame_loop(agent->health.frame), on_soon, agent);
	return agent->blocks_soon ? 0 : err_set(err, -ENOMEM, "out of memory");
}

void agent_forget_heard_blocks(struct agent *agent)
{
	for (size_t i = 0; i < POLICY_EGRESS_MAX; i++)
		blocks_ear_clear(&agent->ears[i]);
}

void agent_end_blocks_group(struct agent *agent)
{
	agent_forget_heard_blocks(agent);
	loop_timer_free(agent->blocks_soon);
}

/*
 * What an earlier process left must be known first: else it would take blocks that others have told of meanwhile. When it is, others
 * are told, and asked again.
 */
static bool is_known(struct agent *agent)
{
	if (!agent->begun || agent_configure_blocks(agent, NULL))
		return false;
	return agent->has_adopted_blocks || !blocks_are_wanted(agent->blocks);
}

static int list(size_t egress, size_t *at, struct peer_frame *ret, void *data)
{
	struct agent *agent = data;

	if (!is_known(agent))
		return -EAGAIN;
	return blocks_list(agent->blocks, (unsigned)egress, at, mono_now(), ret);
}

static void tell_refusal(const struct agent *agent, size_t egress, const char *peer, unsigned ports)
{
	const struct gateway_egress *v = agent->config->egress_ips.v;

	log_warning(
		MSG_BLOCKS_DIFFER, "ports",
		"%s: blocks of %u ports that %s tells of aren't possible here: limits.ports_per_pod, "
		"limits.shared_ports, limits.first_port and limits.last_port must be the same on all "
		"gateways of a group; they aren't kept, and after a take-over pods get other ones",
		v[egress].name, ports, peer);
}

static void hear(size_t egress, const char *peer, const struct peer_frame *frame, void *data)
{
	struct agent *agent = data;
	const struct gateway_view view = agent_view(agent);
	struct blocks_ear *ear = &agent->ears[egress];
	bool was_refused;

	if (!is_known(agent))
		return;
	agent_see_lead(agent, &view);
	was_refused = ear->is_refused;
	if (!blocks_hear(agent->blocks, ear, (unsigned)egress, frame, mono_now()) && !was_refused)
		tell_refusal(agent, egress, peer, frame->ports);
	if (blocks_news_most(agent->blocks))
		soon(agent);
}

const struct failover_blocks agent_failover_blocks = { .list = list, .hear = hear };

void agent_put_block(struct agent *agent, const struct block *block, bool is_given)
{
	const struct frame_block told = { block->source, block->first_port, is_given };

	if (agent->failover && blocks_leads(agent->blocks, block->egress))
		failover_put_block(agent->failover, block->egress, &told,
				   blocks_ports(agent->blocks));
}
