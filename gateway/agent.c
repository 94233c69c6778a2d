// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/agent_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/ending.h"
#include "daemon/frame.h"
#include "daemon/kernel.h"
#include "gateway/group/drain.h"
#include "gateway/group/failover.h"
#include "gateway/group/survivors.h"
#include "gateway/log/flowlog.h"
#include "gateway/own/cloud.h"
#include "gateway/selftest.h"
#include "gateway/tell/publish.h"
#include "gateway/world.h"

/* A failure is told by on_run and tried again. */
static void begin(struct agent *agent)
{
	agent->begun = true;
	(void)keeper_run(agent->keeper, KEEPER_START, NULL);
	flowlog_begin(agent->flowlog);
	agent_begin_blocks(agent);
	agent_begin_ports(agent);
}

/*
 * Until it's known what is wanted, and for each egress IP whether it is ours, the kernel keeps what an earlier run left there: a
 * restart interrupts nothing, even if EC2 or the API server doesn't answer for a while.
 */
static void go_on(struct agent *agent)
{
	bool is_decided = !agent->cloud || cloud_is_decided(agent->cloud);
	bool is_known = !agent->world || world_is_known(agent->world);
	bool is_agreed = !agent->failover || failover_is_decided(agent->failover);

	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	else if (is_decided && is_known && is_agreed)
		begin(agent);
}

static void on_where(void *data)
{
	struct agent *agent = data;

	if (agent->failover)
		failover_see_cloud(agent->failover);
}

static void on_ownership(void *data)
{
	struct agent *agent = data;

	on_where(agent);
	go_on(agent);
}

static void on_drain(bool on, const char *reason, void *data)
{
	struct agent *agent = data;

	(void)reason; /* said by drain.h */
	failover_drain(agent->failover, on);
}

static void on_gone(void *data)
{
	struct agent *agent = data;

	frame_stop(agent->health.frame);
}

static bool find_access(struct cloud_access *ret, void *data)
{
	const struct agent *agent = data;

	return cloud_access(agent->cloud, ret);
}

/* Others are told at once, and what rules depend on it follow. */
static void on_failover(void *data)
{
	struct agent *agent = data;

	agent_see_takeovers(agent);
	if (agent->begun)
		agent_publish(agent);
	if (agent->drain)
		drain_set_done(agent->drain, failover_is_idle(agent->failover));
	go_on(agent);
}

/* For a verdict, which means other rules or READY, or before one. */
static void run_soon(void *data)
{
	struct agent *agent = data;

	keeper_poke(agent->keeper, KEEPER_CHANGE);
}

static void cleanup_selftest(struct selftest **selftest)
{
	selftest_free(*selftest);
}

static void drop_config(struct gateway_config *config)
{
	if (!config)
		return;
	config_done(&gateway_config_table, config);
	free(config);
}

/* All that can fail comes before the first change of `agent`. */
static int adopt_config(struct agent *agent, struct gateway_config *config, struct err *err)
{
	CLEANUP(policy_result_done) struct policy_result policies = { 0 };
	CLEANUP(cleanup_selftest) struct selftest *selftest = NULL;
	struct uplink uplink;
	int rc = agent_find_uplink(agent, config, &uplink, err);

	if (!rc)
		rc = gateway_config_compile(config, &policies, err);
	if (!rc && config->self_test.urls.n) {
		selftest =
			selftest_new(frame_loop(agent->health.frame), config, run_soon, agent, err);
		rc = selftest ? 0 : -ENOMEM;
	}
	if (!rc && agent->cloud && cloud_want(agent->cloud, config))
		rc = err_set(err, -ENOMEM, "out of memory");
	if (!rc && agent->failover)
		rc = failover_want(agent->failover, config, err);
	if (rc)
		return rc;
	if (selftest)
		selftest_adopt(selftest, agent->selftest);
	selftest_free(agent->selftest);
	agent->selftest = TAKE_PTR(selftest);
	policy_result_done(&agent->policies);
	agent->policies = policies;
	policies = (struct policy_result){ 0 };
	drop_config(agent->config);
	agent->config = config;
	return 0;
}

static bool has_same_egress(const struct gateway_config *a, const struct gateway_config *b)
{
	return a->egress_ips.n == b->egress_ips.n &&
	       (a->egress_ips.n == 0 ||
		memcmp(a->egress_ips.v, b->egress_ips.v,
		       a->egress_ips.n * sizeof(struct gateway_egress)) == 0);
}

/* What the file and Kubernetes' egress IPs make together. `always`: the file is another one. */
static int adopt_world(struct agent *agent, bool always, struct err *err)
{
	struct gateway_config *config = world_config(agent->world, err);
	int rc = config ? 0 : -EINVAL;

	if (!rc && !always && agent->config && has_same_egress(config, agent->config)) {
		drop_config(config);
		return 0;
	}
	if (!rc)
		rc = adopt_config(agent, config, err);
	if (rc)
		drop_config(config);
	return rc;
}

static void on_world(bool other_egress, void *data)
{
	struct agent *agent = data;
	struct err err = ERR_NULL;

	if (other_egress && adopt_world(agent, false, &err))
		log_error(MSG_GROUP_REFUSED, "kubernetes",
			  "EgressGateway %s: %s; what was wanted before stays",
			  agent->config->kubernetes.group, err.text);
	if (agent->failover)
		failover_see_members(agent->failover);
	go_on(agent);
}

static void on_ignored(void *data)
{
	struct agent *agent = data;

	publish_policies_soon(agent->publish);
}

int64_t agent_begin_stop(void *data)
{
	struct agent *agent = data;

	return drain_begin_stop(agent->drain);
}

void agent_stop(void *data)
{
	struct agent *agent = data;

	if (!agent)
		return;
	flowlog_free(agent->flowlog);
	agent_end_ports(agent);
	agent_end_blocks(agent);
	drain_free(agent->drain);
	failover_free(agent->failover);
	survivors_free(agent->survivors);
	publish_free(agent->publish);
	world_free(agent->world);
	cloud_free(agent->cloud);
	selftest_free(agent->selftest);
	keeper_free(agent->keeper);
	ending_free(agent->ending);
	policy_result_done(&agent->policies);
	drop_config(agent->config);
	drop_config(agent->file);
	agent_end_page(agent);
	free(agent);
}

static void on_publish_due(void *data)
{
	struct agent *agent = data;

	if (agent->begun)
		agent_publish(agent);
}

static int start_world(struct agent *agent, struct gateway_config *file, struct err *err)
{
	const struct world_options options = { .loop = frame_loop(agent->health.frame),
					       .file = file,
					       .on_change = on_world,
					       .on_ignored = on_ignored,
					       .on_pods = agent_take_pods,
					       .data = agent };

	agent->world = world_new(&options, err);
	if (!agent->world)
		return -EINVAL;
	agent->file = file;
	agent->publish = publish_new(options.loop, world_cluster(agent->world), file, err);
	if (!agent->publish)
		return -ENOMEM;
	publish_on_due(agent->publish, on_publish_due, agent);
	return adopt_world(agent, true, err);
}

static int start_failover(struct agent *agent, struct err *err)
{
	const struct failover_options options = { .loop = frame_loop(agent->health.frame),
						  .cluster = world_cluster(agent->world),
						  .cloud = agent->cloud,
						  .keeper = agent->keeper,
						  .flowlog = agent->flowlog,
						  .on_fence = agent_take_fence,
						  .on_share = agent_take_share,
						  .on_lead = agent_take_lead,
						  .blocks = agent_failover_blocks,
						  .on_change = on_failover,
						  .data = agent };

	agent->survivors = survivors_new(options.loop);
	if (!agent->survivors)
		return err_set(err, -ENOMEM, "out of memory");
	cloud_share(agent->cloud, on_where);
	agent->failover = failover_new(&options, agent->config, err);
	if (!agent->failover)
		return -EINVAL;
	const struct drain_options drain = { .loop = options.loop,
					     .imds = cloud_imds(agent->cloud),
					     .hook = agent->config->failover.lifecycle_hook,
					     .group = agent->config->failover.auto_scaling_group,
					     .access = find_access,
					     .on_drain = on_drain,
					     .on_gone = on_gone,
					     .data = agent };

	agent->drain = drain_new(&drain, err);
	return agent->drain ? 0 : -EINVAL;
}

static int start_sources(struct agent *agent, struct gateway_config *file, struct err *err)
{
	int rc = file->source == SOURCE_KUBERNETES ? start_world(agent, file, err) :
						     adopt_config(agent, file, err);

	if (rc)
		return rc;
	agent->health.waiting = file->ownership != OWNERSHIP_STATIC || agent->selftest ||
				agent->world;
	if (file->ownership == OWNERSHIP_STATIC)
		return 0;
	agent->cloud =
		cloud_new(frame_loop(agent->health.frame), agent->config, on_ownership, agent, err);
	if (!agent->cloud)
		return -EINVAL;
	return failover_is_wanted(&file->failover) ? start_failover(agent, err) : 0;
}

void *agent_start(struct frame *frame, void *config, struct err *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	agent->health.frame = frame;
	const struct flowlog_options log = { frame_loop(frame), agent_quick_view, agent };

	agent->flowlog = flowlog_new(&log, config, err);
	if (!agent->flowlog || agent_start_blocks(agent, err) || agent_start_ports(agent, err)) {
		agent_end_blocks(agent);
		flowlog_free(agent->flowlog);
		free(agent);
		return NULL;
	}
	agent->keeper = keeper_new(frame_loop(frame), GATEWAY_TABLE, &agent_keeper_ops, agent, err);
	agent->ending =
		agent->keeper ? ending_new(frame_loop(frame), &agent_ending_ops, agent, err) : NULL;
	if (!agent->ending || agent_want_page(agent, config, err) ||
	    start_sources(agent, config, err)) {
		/* The file's stays the caller's. */
		agent->file = NULL;
		if (agent->config == config)
			agent->config = NULL;
		agent_stop(agent);
		return NULL;
	}
	go_on(agent);
	return agent;
}

static int reload_world(struct agent *agent, struct gateway_config *next, struct err *err)
{
	int rc = world_configure(agent->world, next);

	if (rc)
		err_set(err, rc, "out of memory");
	else
		rc = adopt_world(agent, true, err);
	if (rc) {
		(void)world_configure(agent->world, agent->file);
		return rc;
	}
	drop_config(agent->file);
	agent->file = next;
	return 0;
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
	if (next->source != agent->config->source ||
	    memcmp(&next->kubernetes, &agent->config->kubernetes, sizeof(next->kubernetes)) != 0)
		return err_set(err, -EINVAL,
			       "source, kubernetes: can't change while running; restart instead");
	if (memcmp(&next->failover, &agent->config->failover, sizeof(next->failover)) != 0)
		return err_set(err, -EINVAL,
			       "failover: can't change while running; restart instead");
	if (agent->failover && failover_reload(agent->failover, err))
		return -EINVAL;
	if (agent->world ? reload_world(agent, next, err) : adopt_config(agent, next, err))
		return -EINVAL;
	if (agent->failover)
		failover_claim(agent->failover);
	flowlog_configure(agent->flowlog, agent->config);
	(void)agent_want_page(agent, agent->config, NULL);
	if (agent->begun)
		keeper_poke(agent->keeper, KEEPER_CHANGE);
	return 0;
}

int agent_check_platform(struct err *err)
{
	return kernel_check(GATEWAY_TABLE, err);
}
