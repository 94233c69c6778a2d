// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/metrics.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "conf/listen.h"
#include "gateway/group/drain.h"
#include "gateway/log/flowlog.h"
#include "gateway/tell/metrics_internal.h"
#include "gateway/tell/status.h"

static unsigned find_parts(const struct agent_state *state, const struct failover_numbers *numbers)
{
	return (state->view.own ? HAS_OWN : 0u) | (state->view.outside ? HAS_OUTSIDE : 0u) |
	       (state->view.native ? HAS_NATIVE : 0u) | (state->failover ? HAS_FAILOVER : 0u) |
	       (numbers->has_heartbeats ? HAS_HEARTBEATS : 0u) |
	       (numbers->has_replica ? HAS_REPLICA : 0u) | (state->drain ? HAS_DRAIN : 0u) |
	       (gateway_has_blocks(&state->view) ? HAS_BLOCKS : 0u);
}

static void write_metrics(const struct frame *frame, struct metrics_out *out)
{
	/* Too large for a stack. */
	CLEANUP(cleanup_free) struct gateway_scrape *g = calloc(1, sizeof(*g));

	if (!g)
		return;
	g->state = agent_state(frame_state(frame));
	const struct gateway_config *config = g->state.view.config;
	const struct report_head head = gateway_head(frame, &g->state);
	const struct scrape_source source = { .head = &head,
					      .policies = g->state.view.policies,
					      .uplink = config->gateway.uplink,
					      .tunnel = config->tunnel.device };

	scrape_read(&g->common, &source);
	g->nodes = config->nodes.n;
	g->draining = drain_is_wanted(g->state.drain);
	if (g->state.cloud)
		g->ec2 = cloud_counts(g->state.cloud);
	if (g->state.failover)
		failover_numbers(g->state.failover, &g->numbers);
	if (g->state.takeovers)
		g->takeovers = *g->state.takeovers;
	g->common.has |= find_parts(&g->state, &g->numbers);
	if (flowlog_status(g->state.flowlog, &g->log))
		g->common.has |= HAS_LOG;
	metrics_write(out, &scrape_table, g, g->common.has);
	metrics_write(out, &gateway_metric_table, g, g->common.has);
	metrics_write(out, &gateway_log_metric_table, g, g->common.has);
	metrics_write(out, &ports_metric_table, g, g->common.has);
	scrape_done(&g->common);
}

static const char *find_fault(const struct frame *frame)
{
	const char *error = keeper_error(agent_state(frame_state(frame)).keeper);

	return error[0] ? error : NULL;
}

static int find_place(const void *data, struct listen_place *ret, struct err *err)
{
	const struct gateway_config *config = data;

	return metrics_config_read(&config->metrics, config->gateway.address, ret, err);
}

static const struct metric_table *const tables[] = { &scrape_table, &gateway_metric_table,
						     &gateway_log_metric_table, &ports_metric_table,
						     NULL };
const struct frame_metrics gateway_metrics = { tables, find_place, write_metrics, find_fault };
