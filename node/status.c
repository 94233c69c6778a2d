// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "daemon/report.h"
#include "nat/keeper.h"
#include "nat/trace.h"
#include "node/agent.h"

enum { TCP_SYN = 0x02 };

static void put_egress(struct control_out *out, const struct node_view *view)
{
	const struct node_egress *egress = view->egress->v;
	char text[IP4_TEXT_MAX];

	control_array(out, "egress_ips");
	for (size_t i = 0; i < view->egress->n; i++) {
		control_object(out, NULL);
		control_string(out, "name", egress[i].name);
		control_string(out, "gateway", ip4_format(egress[i].gateway, text));
		control_int(out, "lane", lanes_find(view->lanes, egress[i].name));
		control_end(out);
	}
	control_end(out);
}

/* "payments=bank,mail=bank" */
static const char *class_text(const struct node_view *view, const struct policy_class *class,
			      char *buf, size_t size)
{
	const struct node_egress *egress = view->egress->v;
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; class && i < class->n_rules && used < size; i++) {
		unsigned index = class->rules[i].egress;

		used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", i ? "," : "",
					 view->policies->names[class->rules[i].policy],
					 index == POLICY_EGRESS_NONE ? "" : egress[index].name);
	}
	return buf;
}

static void put_pods(struct control_out *out, const struct node_view *view)
{
	char text[IP4_TEXT_MAX], class[512];

	control_array(out, "pods");
	for (size_t i = 0; i < view->pods->n; i++) {
		const struct pod *pod = &view->pods->v[i];

		control_object(out, NULL);
		control_string(out, "address", ip4_format(pod->address, text));
		control_string(out, "interface", pod->device);
		control_string(out, "class",
			       class_text(view, policy_class_of(view->policies, pod->address),
					  class, sizeof(class)));
		control_end(out);
	}
	control_end(out);
}

struct report_head node_head(const struct frame *frame, const struct agent_state *state)
{
	return (struct report_head){
		.program = "eipgw-noded",
		.name = state->view.config->node.name,
		.table = NODE_TABLE,
		.frame = frame,
		.keeper = state->keeper,
		.cluster = state->cluster,
		.connections_ended = state->connections_ended,
		.counters = node_counters,
		.counters6 = node_counters6,
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
	const struct report_head head = node_head(data, &state);

	put_egress(out, &state.view);
	report_cluster(out, state.cluster);
	report_policies(out, &state.view.config->policies, state.view.policies, state.cluster);
	put_pods(out, &state.view);
	return report_head(out, &head, err);
}

static const char *device_of(const struct node_view *view, struct ip4 source)
{
	for (size_t i = 0; i < view->pods->n; i++) {
		if (view->pods->v[i].address.v == source.v)
			return view->pods->v[i].device;
	}
	return NULL;
}

static void judge(struct report_verdict *verdict, const struct node_view *view,
		  const struct nat_trace *trace, const char *device)
{
	const struct policy_rule *rule =
		policy_rule_of(view->policies, verdict->source, verdict->destination);
	const struct node_egress *egress = view->egress->v;
	char gateway[IP4_TEXT_MAX];

	verdict->word = "direct";
	if (rule && rule->egress != POLICY_EGRESS_NONE)
		verdict->egress_ip = egress[rule->egress].name;
	if (rule && rule->egress == POLICY_EGRESS_NONE) {
		verdict->word = "dropped";
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "dropped on this node: policy %s has no egress IP for this source now",
			 view->policies->names[rule->policy]);
	} else if (trace->dropped) {
		verdict->word = "dropped";
		snprintf(verdict->sentence, sizeof(verdict->sentence), "dropped on this node%s%s%s",
			 trace->dropped_by[0] ? ", counted by " : "", trace->dropped_by,
			 device ? "" : "; no pod of this node has this address");
	} else if (trace->encap.dst.v && rule) {
		verdict->word = "steered";
		snprintf(verdict->sentence, sizeof(verdict->sentence),
			 "policy %s steers it to the gateway %s, which gives it the egress IP %s",
			 view->policies->names[rule->policy], ip4_format(trace->encap.dst, gateway),
			 verdict->egress_ip);
	} else {
		snprintf(verdict->sentence, sizeof(verdict->sentence), "%s; it goes its normal way",
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
		return err_mark(err, MSG_STARTING, err_set(err, -EAGAIN, "the daemon is starting"));
	const struct node_view *view = &state.view;
	const char *device = device_of(view, packet.src);

	snprintf(packet.iif, sizeof(packet.iif), "%s", device ? device : "unknown");
	rc = nat_trace(keeper_ruleset(state.keeper), keeper_net(state.keeper), packet,
		       view->config->node.uplink, &trace);
	if (rc)
		return err_set(err, rc, "out of memory");
	struct report_verdict verdict = { .source = packet.src, .destination = packet.dst };

	judge(&verdict, view, &trace, device);
	report_explanation(out, &verdict, &trace);
	return 0;
}

const struct control_command node_commands[] = {
	{ "status", CONTROL_OPEN, run_status },
	{ "explain", CONTROL_OPEN, run_explain },
	{ NULL, 0, NULL },
};
