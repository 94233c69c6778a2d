// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/status.h"

#include <errno.h>
#include <stdio.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "daemon/frame.h"
#include "gateway/group/drain.h"
#include "gateway/group/failover.h"
#include "gateway/log/flowlog.h"
#include "gateway/own/native.h"
#include "gateway/own/outside.h"
#include "gateway/own/own.h"
#include "gateway/tell/page.h"
#include "gateway/tell/state.h"
#include "nat/keeper.h"
#include "nat/trace.h"

enum { TCP_SYN = 0x02, CONDITION_MAX = 320, PORTS_MAX = 80 };

static void put_ownership(struct control_out *out, const struct own_egress *egress)
{
	control_string(out, "allocation_id", egress->allocation_id);
	control_string(out, "state", own_state_names[egress->state]);
	control_string(out, "reason", egress->reason);
}

static void put_outside(struct control_out *out, const struct outside_egress *egress)
{
	char text[IP4_TEXT_MAX];

	control_string(out, "self_test", outside_state_names[egress->state]);
	if (egress->seen.v)
		control_string(out, "seen_as", ip4_format(egress->seen, text));
	if (egress->judged_at.ns)
		control_int(out, "tested_seconds_ago",
			    mono_diff_ms(mono_now(), egress->judged_at) / 1000);
	control_string(out, "self_test_reason", egress->reason);
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
		if (view->outside)
			put_outside(out, &view->outside->v[i]);
		gateway_put_short(out, view, i);
		control_end(out);
	}
	control_end(out);
}

/* Which sources come by VPC routing, and what brings them here. */
static void put_native(struct control_out *out, const struct gateway_view *view)
{
	const struct ip4_prefixes *sources = &view->config->native.source_cidrs;
	char text[IP4_PREFIX_TEXT_MAX], name[NATIVE_NAME_MAX];

	control_array(out, "native_sources");
	for (size_t i = 0; i < sources->n; i++) {
		control_object(out, NULL);
		control_string(out, "cidr", ip4_prefix_format(sources->v[i], text));
		control_end(out);
	}
	control_end(out);
	control_array(out, "native_routing");
	for (size_t i = 0; view->native && i < view->native->n; i++) {
		control_object(out, NULL);
		control_string(out, "name", native_name(view->native, i, name));
		control_string(out, "state", own_state_names[view->native->v[i].state]);
		control_string(out, "reason", view->native->v[i].reason);
		control_end(out);
	}
	control_end(out);
}

struct report_head gateway_head(const struct frame *frame, const struct agent_state *state)
{
	return (struct report_head){
		.program = "eipgwd",
		.name = state->view.config->gateway.name,
		.table = GATEWAY_TABLE,
		.frame = frame,
		.keeper = state->keeper,
		.cluster = state->cluster,
		.connections_ended = state->connections_ended,
		.counters = gateway_counters,
	};
}

static int run_status(const struct control_args *args, struct control_out *out, void *data,
		      struct err *err)
{
	const struct agent *agent = frame_state(data);
	struct agent_state state;

	(void)args;
	if (!agent)
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	state = agent_state(agent);
	const struct report_head head = gateway_head(data, &state);

	if (state.view.zone && state.view.zone[0])
		control_string(out, "zone", state.view.zone);
	put_egress(out, &state.view);
	gateway_put_blocks(out, &state.view, NULL);
	control_string(out, "fast_path", keeper_second_names[keeper_second_state(state.keeper)]);
	put_native(out, &state.view);
	if (state.failover)
		failover_report(state.failover, out);
	drain_status(state.drain, out);
	flowlog_report(state.flowlog, out);
	report_cluster(out, state.cluster);
	report_policies(out, &state.view.config->policies, state.view.policies, state.cluster);
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

static bool is_native(const struct gateway_config *config, struct ip4 source)
{
	for (size_t i = 0; i < config->native.source_cidrs.n; i++) {
		if (ip4_prefix_contains(config->native.source_cidrs.v[i], source))
			return true;
	}
	return false;
}

/* On which way a source's packets are taken. */
struct origin {
	const struct gateway_node *node; /* through the tunnel, from there */
	bool native;                     /* by VPC routing */
};

/* "if it comes from node n", "if a VPC route leads it here". Returns `buf`. */
static const char *name_condition(const struct gateway_view *view, const struct origin *origin,
				  char buf[static CONDITION_MAX])
{
	char name[NATIVE_NAME_MAX];
	size_t i = 0;

	if (origin->node) {
		snprintf(buf, CONDITION_MAX, "if it comes from node %s", origin->node->name);
		return buf;
	}
	while (view->native && i < view->native->n && view->native->v[i].state == OWN_HELD)
		i++;
	if (!view->native || i == view->native->n)
		snprintf(buf, CONDITION_MAX, "if a VPC route table leads it here");
	else
		snprintf(buf, CONDITION_MAX,
			 "if a VPC route table leads it here; but %s is %s: %.160s",
			 native_name(view->native, i, name),
			 own_state_names[view->native->v[i].state], view->native->v[i].reason);
	return buf;
}

/* ", with the ports 5120-5375 of its own", or "". Returns `buf`. */
static const char *name_ports(const struct gateway_view *view, const struct nat_trace *trace,
			      char buf[static PORTS_MAX])
{
	const char *whose = gateway_has_blocks(view) ? ", which all without a block share" : "";

	if (trace->has_own_ports)
		whose = " of its own";
	buf[0] = '\0';
	if (trace->first_port)
		snprintf(buf, PORTS_MAX, ", with the ports %u-%u%s", trace->first_port,
			 trace->last_port, whose);
	return buf;
}

/* Why the egress IP that the policy names can't be used now, or false. */
static bool explain_egress(struct report_verdict *verdict, const struct gateway_view *view,
			   const struct policy_rule *rule)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;
	char public[IP4_TEXT_MAX];

	if (rule->egress == POLICY_EGRESS_NONE)
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: policy %s has no egress IP for this source now",
			 view->policies->names[rule->policy]);
	else if (view->own && !gateway_private(view, rule->egress).v)
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: the egress IP %s isn't available here: %.240s",
			 egress[rule->egress].name, view->own->v[rule->egress].reason);
	else if (gateway_is_fenced(view, rule->egress))
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: another gateway of the group has the egress IP %s now",
			 egress[rule->egress].name);
	else if (!gateway_serves(view, rule->egress))
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: the internet doesn't see the egress IP %s as %s: %.240s",
			 egress[rule->egress].name,
			 ip4_format(gateway_public(view, rule->egress), public),
			 view->outside->v[rule->egress].reason);
	else
		return false;
	return true;
}

static void judge(struct report_verdict *verdict, const struct gateway_view *view,
		  const struct nat_trace *trace, const struct origin *origin)
{
	const struct policy_rule *rule =
		gateway_rule_of(view, verdict->source, verdict->destination);
	const struct gateway_egress *egress = view->config->egress_ips.v;
	char public[IP4_TEXT_MAX], private[IP4_TEXT_MAX], condition[CONDITION_MAX];
	char ports[PORTS_MAX];

	verdict->word = "dropped";
	if (rule && rule->egress != POLICY_EGRESS_NONE)
		verdict->egress_ip = egress[rule->egress].name;
	if (!origin->node && !origin->native) {
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped: no node in the configuration hosts this source, and it isn't a "
			 "native one");
	} else if (!trace->dropped && trace->translated && rule) {
		verdict->word = "translated";
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "policy %s translates it to the egress IP %s (%s, carried by %s)%s, %s",
			 view->policies->names[rule->policy], egress[rule->egress].name,
			 ip4_format(gateway_public(view, rule->egress), public),
			 ip4_format(trace->source, private), name_ports(view, trace, ports),
			 name_condition(view, origin, condition));
	} else if (!rule || !explain_egress(verdict, view, rule)) {
		snprintf(verdict->sentence, sizeof(verdict->sentence), "dropped: %s",
			 gateway_class_of(view, verdict->source) ?
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
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	const struct gateway_config *config = state.view.config;
	const struct origin origin = { .node = node_of(config, packet.src),
				       .native = is_native(config, packet.src) };
	struct report_verdict verdict = { .source = packet.src, .destination = packet.dst };

	snprintf(packet.iif, sizeof(packet.iif), "%s",
		 origin.native ? config->gateway.uplink : config->tunnel.device);
	packet.mark = origin.node ? gateway_node_mark(origin.node->address) : GATEWAY_NATIVE_MARK;
	rc = nat_trace(keeper_ruleset(state.keeper), keeper_net(state.keeper), packet,
		       config->gateway.uplink, &trace);
	if (rc)
		return err_set(err, rc, "out of memory");
	judge(&verdict, &state.view, &trace, &origin);
	report_explanation(out, &verdict, &trace);
	return 0;
}

/* The egress IPs that pods' packets leave with here. */
static void put_carried(struct control_out *out, const struct gateway_view *view)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;

	control_array(out, "carried");
	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		if (gateway_serves(view, i))
			control_string(out, NULL, egress[i].name);
	}
	control_end(out);
}

static int run_drain(const struct control_args *args, struct control_out *out, void *data,
		     struct err *err)
{
	const struct agent *agent = frame_state(data);
	struct agent_state state;
	int rc;

	if (!agent)
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	rc = drain_run_command(agent_state(agent).drain, args, out, err);
	if (rc)
		return rc;
	state = agent_state(agent); /* after what the command did */
	put_carried(out, &state.view);
	return 0;
}

const struct control_command gateway_commands[] = {
	{ "status", CONTROL_OPEN, run_status },
	{ "explain", CONTROL_OPEN, run_explain },
	{ "drain", 0, run_drain },
	{ "flows", CONTROL_OPEN, gateway_run_flows },
	{ "top", CONTROL_OPEN, gateway_run_top },
	{ "trend", CONTROL_OPEN, page_run_trend },
	{ "events", CONTROL_OPEN, page_run_events },
	{ NULL, 0, NULL },
};
