// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/status.h"

#include <errno.h>
#include <stdio.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "daemon/frame.h"
#include "daemon/report.h"
#include "gateway/agent.h"
#include "gateway/own.h"
#include "nat/keeper.h"
#include "nat/trace.h"

enum { TCP_SYN = 0x02 };

static void put_ownership(struct control_out *out, const struct own_egress *egress)
{
	control_string(out, "allocation_id", egress->allocation_id);
	control_string(out, "state", own_state_names[egress->state]);
	control_string(out, "reason", egress->reason);
}

static void put_egress(struct control_out *out, const struct gateway_view *view)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;
	char text[IP4_TEXT_MAX];

	control_array(out, "egress_ips");
	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		struct ip4 private = view->own ? view->own->v[i].private_ip : egress[i].private;

		control_object(out, NULL);
		control_string(out, "name", egress[i].name);
		control_string(out, "public", ip4_format(gateway_public(view, i), text));
		control_string(out, "private", ip4_format(private, text));
		if (view->own)
			put_ownership(out, &view->own->v[i]);
		control_end(out);
	}
	control_end(out);
}

static int run_status(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err)
{
	const struct agent *agent = frame_state(data);
	struct agent_state state;

	(void)args;
	if (!agent)
		return err_set(err, -EAGAIN, "the daemon is starting");
	state = agent_state(agent);
	struct report_head head = {
		.program = "eipgwd",
		.name = state.view.config->gateway.name,
		.table = GATEWAY_TABLE,
		.frame = data,
		.keeper = state.keeper,
		.connections_ended = state.connections_ended,
		.counters = gateway_counters,
	};

	put_egress(out, &state.view);
	report_policies(out, &state.view.config->policies, state.view.policies);
	return report_head(out, &head, err);
}

/* The node that hosts the address, or NULL. */
static const struct gateway_node *node_of(const struct gateway_config *config, struct ip4 pod)
{
	const struct gateway_node *nodes = config->nodes.v;

	for (size_t i = 0; i < config->nodes.n; i++) {
		for (size_t j = 0; j < nodes[i].pod_cidrs.n; j++) {
			if (ip4_prefix_contains(nodes[i].pod_cidrs.v[j], pod))
				return &nodes[i];
		}
	}
	return NULL;
}

static void judge(struct report_verdict *verdict, const struct gateway_view *view,
		  const struct nat_trace *trace, const struct gateway_node *node)
{
	const struct policy_rule *rule =
		policy_rule_of(view->policies, verdict->source, verdict->destination);
	const struct gateway_egress *egress = view->config->egress_ips.v;
	char public[IP4_TEXT_MAX], private[IP4_TEXT_MAX];

	verdict->word = "dropped";
	if (rule)
		verdict->egress_ip = egress[rule->egress].name;
	if (!node) {
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: no node in the configuration hosts this source");
	} else if (!trace->dropped && trace->translated && rule) {
		verdict->word = "translated";
		snprintf(
			verdict->sentence, sizeof(verdict->sentence),
			"policy %s translates it to the egress IP %s (%s, carried by %s), if it comes "
			"from node %s",
			view->policies->names[rule->policy], egress[rule->egress].name,
			ip4_format(gateway_public(view, rule->egress), public),
			ip4_format(trace->source, private), node->name);
	} else if (rule && view->own && !gateway_private(view, rule->egress).v) {
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: the egress IP %s isn't available here: %.240s",
			 egress[rule->egress].name, view->own->v[rule->egress].reason);
	} else {
		snprintf(verdict->sentence, sizeof(verdict->sentence), "dropped: %s",
			 policy_class_of(view->policies, verdict->source) ?
				 "the source is selected, but no policy governs this destination" :
				 "no policy selects this source");
	}
}

static int run_explain(const struct control_args *args, struct control_out *out, void *data,
		       struct err *err)
{
	const struct agent *agent = frame_state(data);
	CLEANUP(nat_trace_done) struct nat_trace trace = { 0 };
	struct nat_packet packet = { .protocol = IPPROTO_TCP,
				     .tcp_flags = TCP_SYN,
				     .dst_port = 443,
				     .ct_state = NAT_STATE_NEW };
	struct agent_state state;
	int rc = report_addresses(args, &packet.src, &packet.dst, err);

	if (rc)
		return rc;
	if (!agent || !keeper_ruleset((state = agent_state(agent)).keeper))
		return err_set(err, -EAGAIN, "the daemon is starting");
	const struct gateway_config *config = state.view.config;
	const struct gateway_node *node = node_of(config, packet.src);
	struct report_verdict verdict = { .source = packet.src, .destination = packet.dst };

	snprintf(packet.iif, sizeof(packet.iif), "%s", config->tunnel.device);
	packet.mark = node ? gateway_node_mark(node->address) : 0;
	rc = nat_trace(keeper_ruleset(state.keeper), keeper_net(state.keeper), packet,
		       config->gateway.uplink, &trace);
	if (rc)
		return err_set(err, rc, "out of memory");
	judge(&verdict, &state.view, &trace, node);
	report_explanation(out, &verdict, &trace);
	return 0;
}

const struct control_command gateway_commands[] = {
	{ "status", CONTROL_OPEN, run_status },
	{ "explain", CONTROL_OPEN, run_explain },
	{ NULL, 0, NULL },
};
