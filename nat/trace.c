// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tracer {
	const struct nat_ruleset *ruleset;
	const struct net_desired *net;
	struct nat_packet packet;
	struct nat_trace trace;
	bool failed;
};

static struct nat_trace_step *add_step(struct tracer *t, bool match)
{
	struct nat_trace *trace = &t->trace;

	if (!t->failed && (trace->n & (trace->n - 1)) == 0) {
		struct nat_trace_step *v =
			realloc(trace->v, (trace->n ? trace->n * 2 : 1) * sizeof(*v));

		t->failed = !v;
		if (v)
			trace->v = v;
	}
	if (t->failed)
		return NULL;
	trace->v[trace->n] = (struct nat_trace_step){ .match = match };
	return &trace->v[trace->n++];
}

static void on_step(const struct nat_eval_step *step, void *data)
{
	struct nat_trace_step *out = add_step(data, step->matched);
	char text[NAT_RULE_TEXT_MAX] = "(end)";

	if (!out)
		return;
	if (step->rule)
		nat_rule_format(step->rule, text);
	snprintf(out->where, sizeof(out->where), "chain %s: %s", step->chain, text);
}

/* False: the packet ends here. */
static bool run_hook(struct tracer *t, enum nat_hook hook)
{
	struct nat_eval_result result = nat_eval_hook(t->ruleset, hook, &t->packet, on_step, t);

	if (result.snat) {
		t->trace.translated = true;
		t->packet.src = result.snat_to;
		t->trace.first_port = result.snat_first_port;
		t->trace.last_port = result.snat_last_port;
		t->trace.has_own_ports = result.snat_own;
	}
	if (result.verdict == NAT_EVAL_ACCEPT)
		return true;
	t->trace.dropped = true;
	if (result.n_counters)
		memcpy(t->trace.dropped_by, result.counters[result.n_counters - 1],
		       sizeof(t->trace.dropped_by));
	return false;
}

static bool rule_matches(const struct rt_rule *rule, const struct nat_packet *packet)
{
	if (rule->iif[0] && strcmp(rule->iif, packet->iif) != 0)
		return false;
	return ((packet->mark ^ rule->mark) & rule->mark_mask) == 0;
}

static bool is_better(const struct rt_route *a, const struct rt_route *than)
{
	if (!than || a->dst.len != than->dst.len)
		return !than || a->dst.len > than->dst.len;
	return a->metric < than->metric;
}

static const struct rt_route *best_route(const struct net_desired *net, uint32_t table,
					 struct ip4 dst)
{
	const struct rt_route *best = NULL;

	for (size_t i = 0; i < net->routes.n; i++) {
		const struct rt_route *route = &net->routes.v[i];

		if (route->table == table && ip4_prefix_contains(route->dst, dst) &&
		    is_better(route, best))
			best = route;
	}
	return best;
}

static void note_route(struct tracer *t, const struct rt_route *route)
{
	struct nat_trace_step *out = add_step(t, true);
	char text[RT_TEXT_MAX];

	if (out)
		snprintf(out->where, sizeof(out->where), "route: %s", rt_route_format(route, text));
}

/* False: dropped by a route. */
static bool decide_route(struct tracer *t, const char *other_oif)
{
	const struct net_desired *net = t->net;

	snprintf(t->packet.oif, sizeof(t->packet.oif), "%s", other_oif);
	for (size_t i = 0; i < net->rules.n; i++) {
		const struct rt_rule *rule = &net->rules.v[i];
		bool match = rule_matches(rule, &t->packet);
		struct nat_trace_step *out = add_step(t, match);
		const struct rt_route *route;
		char text[RT_TEXT_MAX];

		if (out)
			snprintf(out->where, sizeof(out->where), "ip rule: %s",
				 rt_rule_format(rule, text));
		route = match ? best_route(net, rule->table, t->packet.dst) : NULL;
		if (!route)
			continue;
		note_route(t, route);
		if (route->type == RT_THROW)
			continue;
		if (route->type == RT_BLACKHOLE)
			t->trace.dropped = true;
		if (route->oif == RT_OIF_TUNNEL)
			snprintf(t->packet.oif, sizeof(t->packet.oif), "%s", net->tunnel.name);
		t->trace.encap = route->encap;
		return route->type != RT_BLACKHOLE;
	}
	return true;
}

int nat_trace(const struct nat_ruleset *ruleset, const struct net_desired *net,
	      struct nat_packet packet, const char *other_oif, struct nat_trace *ret)
{
	struct tracer t = { .ruleset = ruleset, .net = net, .packet = packet };

	if (run_hook(&t, NAT_HOOK_PREROUTING) && decide_route(&t, other_oif) &&
	    run_hook(&t, NAT_HOOK_FORWARD))
		(void)run_hook(&t, NAT_HOOK_POSTROUTING);
	/* The tunnel device drops what has no tunnel destination: that is how the routing guard works. */
	if (strcmp(t.packet.oif, net->tunnel.name) == 0 && !t.trace.encap.dst.v)
		t.trace.dropped = true;
	t.trace.source = t.packet.src;
	memcpy(t.trace.oif, t.packet.oif, sizeof(t.trace.oif));
	if (t.failed) {
		free(t.trace.v);
		return -ENOMEM;
	}
	*ret = t.trace;
	return 0;
}

void nat_trace_done(struct nat_trace *trace)
{
	free(trace->v);
	*trace = (struct nat_trace){ 0 };
}
