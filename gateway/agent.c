// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/frame.h"
#include "daemon/health.h"
#include "daemon/kernel.h"
#include "gateway/audit.h"
#include "gateway/cloud.h"
#include "gateway/parameters.h"
#include "nat/keeper.h"
#include "nat/nfnl.h"
#include "netlink/rtnl.h"
#include "netlink/sync.h"

enum { VXLAN_OVERHEAD = 50 };

struct agent {
	struct gateway_config *config;
	struct policy_result policies;
	struct keeper *keeper;
	struct nfnl *conntrack;
	uint32_t tunnel_mtu;
	int uplink_ifindex;
	struct ip4 router;
	struct health health;
	uint64_t connections_ended;
	struct cloud *cloud; /* NULL: static ownership */
	bool begun;          /* the first run was tried; before, the kernel stays as it was found */
};

struct agent_state agent_state(const struct agent *agent)
{
	return (struct agent_state){
		.view = { .config = agent->config,
			  .policies = &agent->policies,
			  .tunnel_mtu = agent->tunnel_mtu,
			  .uplink_ifindex = agent->uplink_ifindex,
			  .router = agent->router,
			  .own = agent->cloud ? cloud_own(agent->cloud) : NULL,
			  .address = agent->cloud ? cloud_address(agent->cloud) :
						    (struct ip4){ 0 } },
		.keeper = agent->keeper,
		.connections_ended = agent->connections_ended,
	};
}

static int find_uplink(struct agent *agent, const struct gateway_config *config, uint32_t *ret_mtu,
		       int *ret_ifindex, struct err *err)
{
	struct rt_link uplink;
	int rc = rtnl_link_by_name(net_sync_rtnl(keeper_net_sync(agent->keeper)),
				   config->gateway.uplink, &uplink, err);

	if (rc)
		return err_prefix(err, rc > 0 ? -EAGAIN : rc, "gateway.uplink");
	*ret_ifindex = uplink.ifindex;
	*ret_mtu = config->tunnel.mtu;
	if (*ret_mtu == 0)
		*ret_mtu = uplink.mtu > VXLAN_OVERHEAD ? uplink.mtu - VXLAN_OVERHEAD : uplink.mtu;
	return 0;
}

static bool is_default_route(const struct rt_route *route, void *data)
{
	const struct agent *agent = data;

	return route->dst.len == 0 && route->type == RT_UNICAST && route->gateway.v &&
	       route->oif == agent->uplink_ifindex;
}

static void routes_done(struct rt_routes *routes)
{
	free(routes->v);
}

/* The best default route of main on the uplink. None is no failure: packets end in the fallback then. */
static int read_router(struct agent *agent, struct err *err)
{
	CLEANUP(routes_done) struct rt_routes routes = { 0 };
	struct rt_route_filter filter = { .table = RT_TABLE_MAIN,
					  .keep = is_default_route,
					  .data = agent };
	const struct rt_route *best = NULL;
	int rc = rtnl_routes(net_sync_rtnl(keeper_net_sync(agent->keeper)), &filter, &routes, err);

	if (rc)
		return rc > 0 ? -EAGAIN : rc;
	for (size_t i = 0; i < routes.n; i++) {
		if (!best || routes.v[i].metric < best->metric)
			best = &routes.v[i];
	}
	agent->router = best ? best->gateway : (struct ip4){ 0 };
	return 0;
}

static int describe(struct nat_ruleset *ruleset, struct net_desired *net, void *data,
		    struct err *err)
{
	struct agent *agent = data;
	struct gateway_view view;
	int rc;

	if (agent->cloud && !agent->begun)
		return err_set(err, -EAGAIN, "it isn't known yet which egress IPs are ours");
	rc = find_uplink(agent, agent->config, &agent->tunnel_mtu, &agent->uplink_ifindex, err);
	if (!rc)
		rc = read_router(agent, err);
	if (rc)
		return rc;
	view = agent_state(agent).view;
	rc = gateway_describe_routing(&view, net);
	if (!rc)
		rc = gateway_describe_table(&view, ruleset);
	return rc ? err_set(err, rc, "describing the rules: %s", strerror(-rc)) : 0;
}

static bool is_stale(const struct ct_entry *entry, void *data)
{
	return gateway_audit_is_stale(data, entry);
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct agent *agent = data;
	struct gateway_audit audit = { .config = agent->config,
				       .policies = &agent->policies,
				       .own = agent_state(agent).view.own };
	char status[160];

	if (!report->rc)
		parameters_guard(net_sync_rtnl(keeper_net_sync(agent->keeper)), agent->config);
	if (!report->rc && (report->changed || report->cause == KEEPER_START)) {
		parameters_set(agent->config);
		agent->connections_ended +=
			kernel_end_connections(agent->conntrack, is_stale, &audit);
	}
	snprintf(status, sizeof(status), "gateway=%s egress_ips=%zu policies=%zu nodes=%zu",
		 agent->config->gateway.name, agent->config->egress_ips.n,
		 agent->policies.n_policies, agent->config->nodes.n);
	agent->health.waiting = agent->health.waiting && !cloud_is_complete(agent->cloud);
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

/* A failure is told by on_run and tried again. */
static void begin(struct agent *agent)
{
	agent->begun = true;
	(void)keeper_run(agent->keeper, KEEPER_START, NULL);
}

/*
 * Until it's known for each egress IP whether it is ours, the kernel keeps what an earlier run left there: a
 * restart interrupts nothing, even if EC2 doesn't answer for a while.
 */
static void on_ownership(void *data)
{
	struct agent *agent = data;

	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	else if (cloud_is_decided(agent->cloud))
		begin(agent);
}

/* All that can fail comes before the first change of `agent`. */
static int adopt_config(struct agent *agent, struct gateway_config *config, struct err *err)
{
	CLEANUP(policy_result_done) struct policy_result policies = { 0 };
	uint32_t mtu = 0;
	int ifindex = 0, rc;

	rc = find_uplink(agent, config, &mtu, &ifindex, err);
	if (!rc)
		rc = gateway_config_compile(config, &policies, err);
	if (!rc && agent->cloud && cloud_want(agent->cloud, config))
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc)
		return rc;
	policy_result_done(&agent->policies);
	agent->policies = policies;
	policies = (struct policy_result){ 0 };
	if (agent->config) {
		config_done(&gateway_config_table, agent->config);
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
	cloud_free(agent->cloud);
	keeper_free(agent->keeper);
	nfnl_close(agent->conntrack);
	policy_result_done(&agent->policies);
	if (agent->config) {
		config_done(&gateway_config_table, agent->config);
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
	agent->keeper = keeper_new(frame_loop(frame), GATEWAY_TABLE, &keeper_ops, agent, err);
	agent->conntrack = agent->keeper ? nfnl_open(err) : NULL;
	if (!agent->conntrack || adopt_config(agent, config, err)) {
		agent_stop(agent);
		return NULL;
	}
	if (agent->config->ownership == OWNERSHIP_STATIC) {
		begin(agent);
		return agent;
	}
	agent->health.waiting = true;
	agent->cloud = cloud_new(frame_loop(frame), agent->config, on_ownership, agent, err);
	if (!agent->cloud) {
		agent->config = NULL; /* stays the caller's */
		agent_stop(agent);
		return NULL;
	}
	return agent;
}

int agent_reload(void *data, void *config, struct err *err)
{
	struct agent *agent = data;
	struct gateway_config *next = config;

	/* The device's name is how we find what is ours; changing it live would leave the old one behind. */
	if (strcmp(next->tunnel.device, agent->config->tunnel.device) != 0)
		return err_set(
			err, -EINVAL,
			"tunnel.device: can't change while running; use --cleanup and restart");
	if (next->ownership != agent->config->ownership ||
	    memcmp(&next->aws, &agent->config->aws, sizeof(next->aws)) != 0)
		return err_set(err, -EINVAL,
			       "ownership, aws: can't change while running; restart instead");
	if (adopt_config(agent, next, err))
		return -EINVAL;
	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	return 0;
}

int agent_check_platform(struct err *err)
{
	return kernel_check(GATEWAY_TABLE, err);
}
