// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/agent_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/err.h"
#include "daemon/cluster.h"
#include "daemon/ending.h"
#include "gateway/audit.h"
#include "gateway/group/failover.h"
#include "gateway/log/flowlog.h"
#include "gateway/own/cloud.h"
#include "gateway/selftest.h"
#include "gateway/table/fast.h"
#include "gateway/tell/publish.h"
#include "gateway/world.h"
#include "netlink/rtnl.h"
#include "netlink/sync.h"

static int describe(struct nat_ruleset *ruleset, struct net_desired *net, void *data,
		    struct err *err)
{
	struct agent *agent = data;
	struct gateway_view view;
	int rc;

	if (!agent->begun)
		return err_set(err, -EAGAIN, "it isn't known yet what is wanted, and what is ours");
	rc = agent_find_uplink(agent, agent->config, &agent->uplink, err);
	if (!rc && agent->world)
		rc = world_refresh(agent->world, agent->config, err);
	if (rc)
		return rc;
	view = agent_view(agent);
	if (agent->selftest)
		rc = selftest_prepare(agent->selftest, keeper_nat(agent->keeper), &view, err);
	if (rc)
		return rc;
	rc = agent_prepare_blocks(agent, &view, err);
	if (rc)
		return rc;
	parameters_widen_guard(&agent->guard, net_sync_rtnl(keeper_net_sync(agent->keeper)), &view);
	rc = gateway_describe_routing(&view, net);
	if (!rc)
		rc = gateway_describe_table(&view, ruleset);
	return rc ? err_set(err, rc, "describing the rules: %s", strerror(-rc)) : 0;
}

static bool is_stale(const struct ct_entry *entry, void *data)
{
	const struct agent *agent = data;
	struct gateway_view view = agent_view(agent);

	return gateway_audit_is_stale(&view, entry);
}

const struct ending_ops agent_ending_ops = { .is_stale = is_stale };

/* Where that is asked, the internet has been asked about all egress IPs. */
static bool is_seen_rightly(const struct agent *agent)
{
	return !agent->selftest || selftest_is_settled(agent->selftest);
}

/* And all that is to be ours is. */
static bool is_complete(const struct agent *agent)
{
	const char *group = agent->config->kubernetes.group;

	if (agent->world && !groups_find(cluster_groups(world_cluster(agent->world)), group))
		return false;
	return (!agent->cloud || cloud_is_complete(agent->cloud)) && is_seen_rightly(agent);
}

void agent_publish(struct agent *agent)
{
	const struct agent_state state = agent_state(agent);

	publish_gateway(agent->publish, &state.view);
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct agent *agent = data;
	struct gateway_view view = agent_view(agent);
	char status[160];

	if (!report->rc) {
		parameters_settle_guard(&agent->guard,
					net_sync_rtnl(keeper_net_sync(agent->keeper)), &view);
		agent_see_limits_told(agent);
		agent_see_blocks_told(agent);
	}
	if (!report->rc && (report->changed || report->cause == KEEPER_START)) {
		parameters_set(agent->config);
		ending_all(agent->ending);
	}
	if (agent->selftest)
		selftest_go_on(agent->selftest, !report->rc,
			       report->repaired || report->noticed[0]);
	snprintf(status, sizeof(status), "gateway=%s egress_ips=%zu policies=%zu nodes=%zu",
		 agent->config->gateway.name, agent->config->egress_ips.n,
		 agent_policies(agent) ? agent_policies(agent)->n_policies : 0,
		 agent->config->nodes.n);
	if (!report->rc && agent->cloud && is_seen_rightly(agent))
		cloud_set_carried(agent->cloud);
	if (agent->failover)
		failover_see_run(agent->failover, !report->rc);
	flowlog_see_fence(agent->flowlog);
	agent_see_takeovers(agent);
	if (!report->rc && agent->publish) {
		cluster_in_kernel(world_cluster(agent->world));
		agent_publish(agent);
		publish_policies_soon(agent->publish);
	}
	agent->health.waiting = agent->health.waiting && !is_complete(agent);
	agent_tell_fast(agent, report->second);
	health_tell(&agent->health, report, status);
}

/* The uplink's default route is the one thing of others that our own routes are made from. */
static void on_foreign(const struct rt_change *change, void *data)
{
	struct agent *agent = data;
	bool is_default = change->kind == RT_ROUTE && change->route.dst.len == 0 &&
			  change->route.table == RT_TABLE_MAIN;
	bool is_uplink = change->kind == RT_LINK &&
			 strcmp(change->link.name, agent->config->gateway.uplink) == 0;

	if (agent->begun && (is_default || is_uplink))
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

static void on_lost(void *data)
{
	struct agent *agent = data;

	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

const struct keeper_ops agent_keeper_ops = {
	.describe = describe,
	.describe_second = agent_describe_fast,
	.second = { NAT_IP, GATEWAY_FAST_TABLE },
	.second_is_optional = true,
	.on_run = on_run,
	.on_foreign = on_foreign,
	.on_lost = on_lost,
};
