// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/agent_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "daemon/ending.h"
#include "daemon/frame.h"
#include "daemon/kernel.h"
#include "daemon/sysctls.h"
#include "netlink/sync.h"
#include "node/adopt.h"
#include "node/audit.h"
#include "node/second.h"
#include "node/world.h"

struct agent_state agent_state(const struct agent *agent)
{
	const struct world *world = agent->world;
	bool strict = agent->config->enforcement == NODE_STRICT;
	size_t n_gateways = 0;
	const struct ip4 *gateways = world ? world_gateways(world, &n_gateways) : NULL;

	return (struct agent_state){
		.view = { .config = agent->config,
			  .policies = agent_policies(agent),
			  .egress = world ? world_egress(world) : &agent->config->egress_ips,
			  .gateways = gateways,
			  .n_gateways = n_gateways,
			  .lanes = &agent->lanes,
			  .can_copy = agent->can_copy,
			  .pods = &agent->pods,
			  .tunnel_mtu = agent->tunnel_mtu,
			  .strict = strict && (!world || world_is_strict(world)),
			  .strict6 = strict &&
				     (world ? world_is_strict6(world) :
					      node_is_dropping6(&agent->config->policies)) },
		.keeper = agent->keeper,
		.cluster = world ? world_cluster(world) : NULL,
		.connections_ended = ending_count(agent->ending),
	};
}

/* Reading all links takes a third of a run; what they are is told by on_foreign. */
static int read_pods(struct agent *agent, struct err *err)
{
	int rc;

	if (agent->is_quick && agent->same_devices)
		return 0;
	rc = pods_read(&agent->pods, net_sync_rtnl(keeper_net_sync(agent->keeper)),
		       agent->config->pod_interface_prefix, err);
	agent->same_devices = rc == 0;
	return rc > 0 ? -EAGAIN : rc;
}

static int describe(struct nat_ruleset *ruleset, struct net_desired *net, void *data,
		    struct err *err)
{
	struct agent *agent = data;
	struct node_view view;
	int rc;

	if (agent->world && !agent->begun)
		return err_set(err, -EAGAIN, "Kubernetes hasn't told its objects yet");
	rc = read_pods(agent, err);
	if (rc)
		return rc;
	if (agent->world) {
		world_see_pods(agent->world);
		rc = world_refresh(agent->world, &agent->lanes, err);
	} else {
		node_mark_devices(&agent->pods, &agent->policies, &agent->config->policies);
	}
	if (rc)
		return rc;
	view = agent_state(agent).view;
	rc = node_describe_routing(&view, net);
	if (!rc)
		rc = node_describe_table(&view, ruleset);
	return rc ? err_set(err, rc, "describing the rules: %s", strerror(-rc)) : 0;
}

/* After `describe`, of the same pods. */
static int describe_second(struct nat_ruleset *ruleset, void *data, struct err *err)
{
	struct node_view view = agent_state(data).view;
	int rc;

	if (!kernel_has_ip6())
		return KEEPER_NEEDLESS;
	rc = node_describe_table6(&view, ruleset);
	return rc ? err_set(err, rc, "describing the rules of IPv6: %s", strerror(-rc)) : 0;
}

static bool is_stale(const struct ct_entry *entry, void *data)
{
	const struct agent *agent = data;
	const struct node_audit audit = { .policies = agent_policies(agent),
					  .flag = agent->config->mark.flag };

	return node_audit_is_stale(&audit, entry);
}

/*
 * Where pods alone changed, their connections alone can be wrong. While rules of ours were missing, anybody's can have been
 * begun.
 */
static void end_connections(struct agent *agent, const struct keeper_report *report)
{
	bool all = agent->anything || !agent->world || report->cause != KEEPER_CHANGE ||
		   report->repaired || report->noticed[0];

	if (agent->world &&
	    moved_look(&agent->moved, world_inventory(agent->world), agent_note_moved, agent))
		all = true;
	if (all && (report->changed || report->cause == KEEPER_START))
		ending_all(agent->ending);
	agent->anything = false;
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct agent *agent = data;
	char status[AGENT_STATUS_MAX];

	if (!report->rc && (report->changed || report->cause == KEEPER_START))
		sysctls_set(&node_sysctls, SYSCTL_TUNNEL, agent->config->tunnel.device);
	if (!report->rc && agent->world)
		world_in_kernel(agent->world);
	if (!report->rc)
		end_connections(agent, report);
	health_tell(&agent->health, report, agent_format_status(agent, status));
}

static void on_foreign(const struct rt_change *change, void *data)
{
	struct agent *agent = data;

	if (!pods_concerned(change, agent->config->pod_interface_prefix))
		return;
	agent->same_devices = false;
	if (agent->begun)
		agent_follow_devices(agent);
}

static void on_lost(void *data)
{
	struct agent *agent = data;

	agent->same_devices = false;
	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
}

/* A failure is told by on_run and tried again. */
static void begin(struct agent *agent)
{
	agent->begun = true;
	(void)keeper_run(agent->keeper, KEEPER_START, NULL);
}

/*
 * Until Kubernetes has told everything, the kernel keeps what an earlier run left there: a restart interrupts
 * nothing, even if the API server doesn't answer for an hour.
 */
static void on_world(bool only_pods, void *data)
{
	struct agent *agent = data;

	agent->anything = agent->anything || !only_pods;
	/* Events come at a pace already. */
	if (agent->begun && only_pods)
		agent_follow_pods(agent);
	else if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	else if (world_is_known(agent->world))
		begin(agent);
}

static int assign_lanes(struct lanes *lanes, const struct node_config *config)
{
	const struct node_egress *egress = config->egress_ips.v;
	const char *wanted[LANE_COUNT];

	for (size_t i = 0; i < config->egress_ips.n; i++)
		wanted[i] = egress[i].name;
	return lanes_assign(lanes, wanted, config->egress_ips.n);
}

/* All that can fail comes before the first change of `agent`. */
static int adopt_config(struct agent *agent, struct node_config *config, struct err *err)
{
	CLEANUP(policy_result_done) struct policy_result policies = { 0 };
	struct lanes lanes = agent->lanes;
	uint32_t mtu = 0;
	int rc = adopt_mtu(net_sync_rtnl(keeper_net_sync(agent->keeper)), config, &mtu, err);

	if (!rc)
		rc = node_config_compile(config, &policies, err);
	if (!rc && config->source == SOURCE_STATIC && assign_lanes(&lanes, config))
		rc = err_set(err, -ENOSPC, "egress_ips: more than %d", LANE_COUNT);
	if (!rc && agent->world && world_configure(agent->world, config))
		rc = err_set(err, -ENOMEM, "out of memory");
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
	agent->anything = true;
	agent->same_devices = false;
	return 0;
}

void agent_stop(void *data)
{
	struct agent *agent = data;

	if (!agent)
		return;
	world_free(agent->world);
	keeper_free(agent->keeper);
	ending_free(agent->ending);
	loop_timer_free(agent->devices);
	moved_done(&agent->moved);
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
	.describe_second = describe_second,
	.on_run = on_run,
	.on_foreign = on_foreign,
	.on_lost = on_lost,
};

static const struct ending_ops ending_ops = { .is_stale = is_stale, .by_answer = true };

void *agent_start(struct frame *frame, void *config, struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	agent->health.frame = frame;
	agent->health.guards_ip6 = true;
	agent->keeper = keeper_new(frame_loop(frame), NODE_TABLE, &keeper_ops, agent, err);
	agent->ending = agent->keeper ? ending_new(frame_loop(frame), &ending_ops, agent, err) :
					NULL;
	agent->devices = agent->ending ?
				 loop_timer_new(frame_loop(frame), agent_devices_settled, agent) :
				 NULL;
	if (agent->ending && !agent->devices)
		err_set(err, -ENOMEM, "out of memory");
	if (agent->devices)
		lanes_adopt(keeper_nat(agent->keeper), &agent->lanes);
	if (!agent->devices || adopt_config(agent, config, err)) {
		agent_stop(agent);
		return NULL;
	}
	sysctls_set(&node_sysctls, SYSCTL_PLAIN, NULL);
	agent->can_copy = agent->config->source == SOURCE_KUBERNETES && second_is_possible();
	if (agent->config->source == SOURCE_STATIC) {
		begin(agent);
		return agent;
	}
	const struct world_options options = { .loop = frame_loop(frame),
					       .config = agent->config,
					       .pods = &agent->pods,
					       .on_change = on_world,
					       .data = agent };

	agent->world = world_new(&options, err);
	if (!agent->world) {
		agent->config = NULL; /* stays the caller's */
		agent_stop(agent);
		return NULL;
	}
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
	if (next->source != agent->config->source ||
	    strcmp(next->node.name, agent->config->node.name) != 0 ||
	    memcmp(&next->kubernetes, &agent->config->kubernetes, sizeof(next->kubernetes)) != 0)
		return err_set(
			err, -EINVAL,
			"source, kubernetes, node.name: can't change while running; restart instead");
	if (adopt_config(agent, next, err))
		return -EINVAL;
	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	return 0;
}

int agent_check_platform(struct err *err)
{
	return kernel_check(NODE_TABLE, err);
}
