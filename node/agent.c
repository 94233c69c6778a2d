// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/frame.h"
#include "daemon/health.h"
#include "daemon/kernel.h"
#include "nat/keeper.h"
#include "nat/nfnl.h"
#include "netlink/rtnl.h"
#include "netlink/sync.h"
#include "node/adopt.h"
#include "node/audit.h"

enum { VXLAN_OVERHEAD = 50 };

struct agent {
	struct node_config *config;
	struct policy_result policies;
	struct lanes lanes;
	struct pods pods;
	struct keeper *keeper;
	struct nfnl *conntrack;
	uint32_t tunnel_mtu;
	struct health health;
	uint64_t connections_ended;
};

struct agent_state agent_state(const struct agent *agent)
{
	return (struct agent_state){
		.view = { .config = agent->config,
			  .policies = &agent->policies,
			  .lanes = &agent->lanes,
			  .pods = &agent->pods,
			  .tunnel_mtu = agent->tunnel_mtu },
		.keeper = agent->keeper,
		.connections_ended = agent->connections_ended,
	};
}

static int describe(struct nat_ruleset *ruleset, struct net_desired *net, void *data,
		    struct err *err)
{
	struct agent *agent = data;
	struct node_view view;
	int rc = pods_read(&agent->pods, net_sync_rtnl(keeper_net_sync(agent->keeper)),
			   agent->config->pod_interface_prefix, err);

	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	view = agent_state(agent).view;
	rc = node_describe_routing(&view, net);
	if (!rc)
		rc = node_describe_table(&view, ruleset);
	return rc ? err_set(err, rc, "describing the rules: %s", strerror(-rc)) : 0;
}

static bool is_stale(const struct ct_entry *entry, void *data)
{
	return node_audit_is_stale(data, entry);
}

/* The kernel gives a new device the default value; with an address on the device, loose mode is right
 * whatever conf.all says, since the kernel takes the larger of both. */
static void set_device_parameters(const struct agent *agent)
{
	char key[80];

	snprintf(key, sizeof(key), "net/ipv4/conf/%s/rp_filter", agent->config->tunnel.device);
	kernel_set(key, "2", "replies out of the tunnel may be dropped");
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct agent *agent = data;
	struct node_audit audit = { .policies = &agent->policies,
				    .flag = agent->config->mark.flag };
	char status[160];

	if (!report->rc && (report->changed || report->cause == KEEPER_START)) {
		set_device_parameters(agent);
		agent->connections_ended +=
			kernel_end_connections(agent->conntrack, is_stale, &audit);
	}
	snprintf(status, sizeof(status), "node=%s policies=%zu pods=%zu", agent->config->node.name,
		 agent->policies.n_policies, agent->pods.n);
	health_tell(&agent->health, report, status);
}

static void on_foreign(const struct rt_change *change, void *data)
{
	struct agent *agent = data;

	if (pods_concerned(change, agent->config->pod_interface_prefix))
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

static void on_lost(void *data)
{
	struct agent *agent = data;

	keeper_poke(agent->keeper, KEEPER_CHANGE);
}

static int assign_lanes(struct lanes *lanes, const struct node_config *config)
{
	const struct node_egress *egress = config->egress_ips.v;
	const char *wanted[LANE_COUNT];

	for (size_t i = 0; i < config->egress_ips.n; i++)
		wanted[i] = egress[i].name;
	return lanes_assign(lanes, wanted, config->egress_ips.n);
}

static int read_mtu(struct agent *agent, const struct node_config *config, uint32_t *ret,
		    struct err *err)
{
	struct rt_link uplink;
	int rc;

	rc = rtnl_link_by_name(net_sync_rtnl(keeper_net_sync(agent->keeper)), config->node.uplink,
			       &uplink, err);
	if (rc)
		return err_prefix(err, rc > 0 ? -EAGAIN : rc, "node.uplink");
	*ret = config->tunnel.mtu;
	if (*ret == 0)
		*ret = uplink.mtu > VXLAN_OVERHEAD ? uplink.mtu - VXLAN_OVERHEAD : uplink.mtu;
	return 0;
}

/* All that can fail comes before the first change of `agent`. */
static int adopt_config(struct agent *agent, struct node_config *config, struct err *err)
{
	CLEANUP(policy_result_done) struct policy_result policies = { 0 };
	struct lanes lanes = agent->lanes;
	uint32_t mtu = 0;
	int rc = read_mtu(agent, config, &mtu, err);

	if (!rc)
		rc = node_config_compile(config, &policies, err);
	if (!rc && assign_lanes(&lanes, config))
		rc = err_set(err, -ENOSPC, "egress_ips: more than %d", LANE_COUNT);
	if (rc)
		return rc;
	agent->lanes = lanes;
	agent->tunnel_mtu = mtu;
	policy_result_done(&agent->policies);
	agent->policies = policies;
	policies = (struct policy_result){ 0 };
	if (agent->config) {
		config_done(&node_config_table, agent->config);
		free(agent->config);
	}
	agent->config = config;
	return 0;
}

void agent_stop(void *data)
{
	struct agent *agent = data;

	if (!agent)
		return;
	keeper_free(agent->keeper);
	nfnl_close(agent->conntrack);
	policy_result_done(&agent->policies);
	pods_done(&agent->pods);
	if (agent->config) {
		config_done(&node_config_table, agent->config);
		free(agent->config);
	}
	free(agent);
}

static const struct keeper_ops keeper_ops = {
	.describe = describe,
	.on_run = on_run,
	.on_foreign = on_foreign,
	.on_lost = on_lost,
};

void *agent_start(struct frame *frame, void *config, struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	agent->health.frame = frame;
	agent->keeper = keeper_new(frame_loop(frame), NODE_TABLE, &keeper_ops, agent, err);
	agent->conntrack = agent->keeper ? nfnl_open(err) : NULL;
	if (agent->conntrack)
		lanes_adopt(keeper_nat(agent->keeper), &agent->lanes);
	if (!agent->conntrack || adopt_config(agent, config, err)) {
		agent_stop(agent);
		return NULL;
	}
	kernel_set("net/ipv4/ip_forward", "1", "pods of this node can't be forwarded");
	/* A failure here is told by on_run and tried again: the state of the kernel may be on its way. */
	(void)keeper_run(agent->keeper, KEEPER_START, NULL);
	return agent;
}

int agent_reload(void *data, void *config, struct err *err)
{
	struct agent *agent = data;
	struct node_config *next = config;

	/* The device's name is how we find what is ours; changing it live would leave the old one behind. */
	if (strcmp(next->tunnel.device, agent->config->tunnel.device) != 0)
		return err_set(
			err, -EINVAL,
			"tunnel.device: can't change while running; use --cleanup and restart");
	if (adopt_config(agent, next, err))
		return -EINVAL;
	keeper_poke(agent->keeper, KEEPER_CHANGE);
	return 0;
}

int agent_check_platform(struct err *err)
{
	return kernel_check(NODE_TABLE, err);
}
