// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The agent as others see it. */
#include "gateway/agent_internal.h"

#include "daemon/cluster.h"
#include "daemon/ending.h"
#include "gateway/group/failover.h"
#include "gateway/group/survivors.h"
#include "gateway/own/cloud.h"
#include "gateway/selftest.h"
#include "gateway/use/portwatch.h"
#include "gateway/world.h"

const struct policy_result *agent_policies(const struct agent *agent)
{
	return agent->world ? world_policies(agent->world) : &agent->policies;
}

struct gateway_view agent_quick_view(const void *data)
{
	const struct agent *agent = data;

	return (struct gateway_view){
		.config = agent->config,
		.policies = agent_policies(agent),
		.inventory = agent->world ? cluster_inventory(world_cluster(agent->world)) : NULL,
		.own = agent->cloud ? cloud_own(agent->cloud) : NULL,
		.address = agent->cloud ? cloud_address(agent->cloud) : (struct ip4){ 0 },
		.fenced = agent->failover ? failover_fenced(agent->failover) : NULL,
		.limiter = agent->portwatch ? portwatch_limiter(agent->portwatch) : NULL,
		.pressure = agent->portwatch ? portwatch_pressure(agent->portwatch) : NULL,
		.blocks = agent->blocks,
		.shared = agent->failover ? failover_shared(agent->failover) : NULL,
	};
}

struct gateway_view agent_view(const struct agent *agent)
{
	struct gateway_view view = agent_quick_view(agent);

	view.tunnel_mtu = agent->uplink.tunnel_mtu;
	view.uplink_ifindex = agent->uplink.ifindex;
	view.router = agent->uplink.router;
	view.native = agent->cloud ? cloud_native(agent->cloud) : NULL;
	view.zone = agent->cloud ? cloud_zone(agent->cloud) : NULL;
	view.outside = agent->selftest ? selftest_outside(agent->selftest) : NULL;
	return view;
}

struct agent_state agent_state(const struct agent *agent)
{
	struct agent_state state = {
		.view = agent_view(agent),
		.keeper = agent->keeper,
		.cluster = agent->world ? world_cluster(agent->world) : NULL,
		.failover = agent->failover,
		.drain = agent->drain,
		.flowlog = agent->flowlog,
		.portwatch = agent->portwatch,
		.trend = agent->trend,
		.recent = &agent->recent,
		.cloud = agent->cloud,
		.takeovers = agent->failover ? &agent->takeovers : NULL,
		.survivors = agent->survivors ? survivors_total(agent->survivors) : 0,
		.connections_ended = ending_count(agent->ending),
	};

	state.view.failover = agent->failover ? failover_facts(agent->failover) : NULL;
	return state;
}
