// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The families that only a node has. A name that is here stays: people's alerts and charts have it. */
#include "node/metrics.h"

#include "base/cleanup.h"
#include "conf/listen.h"
#include "daemon/scrape.h"
#include "node/agent.h"
#include "node/status.h"

struct node_scrape {
	struct scrape common; /* the first one: rows of scrape_table take it for theirs */
	struct agent_state state;
	uint64_t pods, governed;
};

static void write_passed(struct metrics_out *out, const void *facts)
{
	scrape_put_counters(out, facts, &(struct scrape_counters){ REPORT_PASSES, "path", false });
}

static void write_passed_bytes(struct metrics_out *out, const void *facts)
{
	scrape_put_counters(out, facts, &(struct scrape_counters){ REPORT_PASSES, "path", true });
}

static void write_ip6(struct metrics_out *out, const void *facts)
{
	const struct node_scrape *n = facts;

	scrape_put_state(out, (struct metric_label){ 0 }, keeper_second_names, KEEPER_SECOND_COUNT,
			 keeper_second_state(n->state.keeper));
}

static void write_egress(struct metrics_out *out, const void *facts)
{
	const struct config_list *list = ((const struct node_scrape *)facts)->state.view.egress;
	const struct node_egress *e = list->v;
	char text[IP4_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++)
		metrics_put(out,
			    METRIC_LABELS({ "egress_ip", e[i].name },
					  { "gateway",
					    e[i].gateway.v ? ip4_format(e[i].gateway, text) : "" }),
			    e[i].gateway.v != 0);
}

#define AT(member) .offset = METRIC_AT(struct node_scrape, member)

static const struct metric_row rows[] = {
	{ .family = { "eipgw_passed_packets", METRIC_COUNTER, "packets",
		      "Packets of selected pods: steered into the tunnel to a gateway, or direct, as "
		      "answers to connections from outside" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_passed },
	{ .family = { "eipgw_passed_bytes", METRIC_COUNTER, "bytes", "Their bytes" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_passed_bytes },
	{ .family = { "eipgw_pods", METRIC_GAUGE, NULL, "Pods of this node, by their addresses" },
	  AT(pods) },
	{ .family = { "eipgw_pods_governed", METRIC_GAUGE, NULL,
		      "Those of them that a policy selects" },
	  AT(governed) },
	{ .family = { "eipgw_egress_ip_reachable", METRIC_GAUGE, NULL,
		      "Whether a gateway carries the egress IP, and which; 0: its packets are dropped" },
	  .write = write_egress },
	{ .family = { "eipgw_ip6_guard", METRIC_GAUGE, NULL,
		      "Whether IPv6 of selected pods is guarded; lacking: the kernel can't" },
	  .write = write_ip6 },
};
static const struct metric_table table = { rows, ARRAY_SIZE(rows) };

static void count_pods(struct node_scrape *n)
{
	const struct node_view *view = &n->state.view;

	n->pods = view->pods->n;
	for (size_t i = 0; view->policies && i < view->pods->n; i++)
		n->governed += policy_class_of(view->policies, view->pods->v[i].address) != NULL;
}

static void write_metrics(const struct frame *frame, struct metrics_out *out)
{
	struct node_scrape n = { .state = agent_state(frame_state(frame)) };
	const struct node_config *config = n.state.view.config;
	const struct report_head head = node_head(frame, &n.state);
	const struct scrape_source source = { .head = &head,
					      .policies = n.state.view.policies,
					      .uplink = config->node.uplink,
					      .tunnel = config->tunnel.device };

	scrape_read(&n.common, &source);
	count_pods(&n);
	metrics_write(out, &scrape_table, &n, n.common.has);
	metrics_write(out, &table, &n, n.common.has);
	scrape_done(&n.common);
}

static const char *find_fault(const struct frame *frame)
{
	const char *error = keeper_error(agent_state(frame_state(frame)).keeper);

	return error[0] ? error : NULL;
}

static int find_place(const void *data, struct listen_place *ret, struct err *err)
{
	const struct node_config *config = data;

	return metrics_config_read(&config->metrics, config->node.address, ret, err);
}

static const struct metric_table *const tables[] = { &scrape_table, &table, NULL };
const struct frame_metrics node_metrics = { tables, find_place, write_metrics, find_fault };
