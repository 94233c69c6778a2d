// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/err.h"

static const char usual_policies[] =
	"[{\"name\": \"payments\", \"pod_cidrs\": [\"10.0.1.50/32\", \"10.0.1.64/28\"],"
	"  \"egress_ips\": [\"bank\"]}]";

struct ip4 ip(const char *text)
{
	struct ip4 addr;

	assert_int_equal(ip4_parse(text, &addr, NULL), 0);
	return addr;
}

static void read_config(struct node_fixture *f, const char *policies, const char *enforcement)
{
	struct err err = ERR_NULL;
	char text[4096];

	snprintf(
		text, sizeof(text),
		"{\"node\": {\"name\": \"node1\", \"address\": \"10.0.1.11\", \"uplink\": \"eth0\"},"
		" \"enforcement\": \"%s\","
		" \"always_excluded\": [\"10.0.0.0/16\", \"172.20.0.0/16\"],"
		" \"always_excluded6\": [\"2001:db8:aa00::/40\"],"
		" \"egress_ips\": [{\"name\": \"bank\", \"gateway\": \"10.0.1.200\"},"
		"                {\"name\": \"mail\", \"gateway\": \"10.0.2.200\"}],"
		" \"policies\": %s}",
		enforcement, policies ? policies : usual_policies);
	if (config_parse(&node_config_table, text, strlen(text), &f->config, &err) ||
	    node_config_check(&f->config, &err) ||
	    node_config_compile(&f->config, &f->policies, &err))
		fail_msg("%s", err.text);
}

void node_fixture_init(struct node_fixture *f, const char *policies, const char *enforcement)
{
	static const char *const egress[] = { "bank", "mail" };
	static const struct ip4 member = { 0x0a0003c8 }; /* 10.0.3.200 */
	static const struct pod pods[] = {
		{ { 0x0a000132 }, "eni1", 11, true, true }, /* 10.0.1.50, selected */
		{ { 0x0a000133 }, "eni2", 12, true, true }, /* 10.0.1.51, not selected */
		{ { 0x0a000142 },
		  "vlan3",
		  13,
		  false,
		  true }, /* 10.0.1.66, selected, of a branch interface */
	};

	/* One more than addresses: its route isn't there yet. */
	static const struct pod_device devices[] = { { "eni1", 11, .known = false },
						     { "eni2", 12, .known = false },
						     { "vlan3", 13, .known = false },
						     { "eni4", 14, .known = false } };

	*f = (struct node_fixture){ 0 };
	read_config(f, policies, enforcement);
	assert_int_equal(lanes_assign(&f->lanes, egress, 2), 0);
	f->pods.v = malloc(sizeof(pods));
	assert_non_null(f->pods.v);
	memcpy(f->pods.v, pods, sizeof(pods));
	f->pods.n = 3;
	f->pods.devices = malloc(sizeof(devices));
	assert_non_null(f->pods.devices);
	memcpy(f->pods.devices, devices, sizeof(devices));
	f->pods.n_devices = ARRAY_SIZE(devices);
	node_mark_devices(&f->pods, &f->policies, &f->config.policies);
	f->view = (struct node_view){ .config = &f->config,
				      .policies = &f->policies,
				      .egress = &f->config.egress_ips,
				      .gateways = &member,
				      .n_gateways = 1,
				      .lanes = &f->lanes,
				      .pods = &f->pods,
				      .tunnel_mtu = 8951,
				      .strict = f->config.enforcement == NODE_STRICT,
				      .strict6 = f->config.enforcement == NODE_STRICT &&
						 node_is_dropping6(&f->config.policies) };
	assert_int_equal(node_describe_table(&f->view, &f->table), 0);
	assert_int_equal(node_describe_table6(&f->view, &f->table6), 0);
	assert_int_equal(node_describe_routing(&f->view, &f->routing), 0);
}

void node_fixture_done(struct node_fixture *f)
{
	nat_ruleset_done(&f->table);
	nat_ruleset_done(&f->table6);
	net_desired_done(&f->routing);
	policy_result_done(&f->policies);
	pods_done(&f->pods);
	config_done(&node_config_table, &f->config);
}

/* Longest prefix, then lowest metric, as the kernel chooses. */
static const struct rt_route *look_up(const struct net_desired *net, uint32_t table, struct ip4 dst)
{
	const struct rt_route *best = NULL;

	for (size_t i = 0; i < net->routes.n; i++) {
		const struct rt_route *r = &net->routes.v[i];

		if (r->table != table || !ip4_prefix_contains(r->dst, dst))
			continue;
		if (!best || r->dst.len > best->dst.len ||
		    (r->dst.len == best->dst.len && r->metric < best->metric))
			best = r;
	}
	return best;
}

static const struct rt_route *route(const struct net_desired *net, const struct nat_packet *packet)
{
	for (size_t i = 0; i < net->rules.n; i++) {
		const struct rt_rule *rule = &net->rules.v[i];
		const struct rt_route *found;

		if ((rule->iif[0] && strcmp(rule->iif, packet->iif) != 0) ||
		    ((packet->mark ^ rule->mark) & rule->mark_mask))
			continue;
		found = look_up(net, rule->table, packet->dst);
		if (found && found->type != RT_THROW)
			return found;
	}
	return NULL;
}

static bool pass(const struct node_fixture *f, enum nat_hook hook, struct nat_packet *packet,
		 struct journey *journey, bool lost)
{
	struct nat_eval_result r;

	if (lost)
		return true;
	r = nat_eval_hook(&f->table, hook, packet, NULL, NULL);
	if (r.n_counters)
		memcpy(journey->counter, r.counters[r.n_counters - 1], NAT_NAME_MAX);
	journey->kept_source |= r.snat && r.snat_to.v == packet->src.v;
	journey->mark = packet->mark;
	journey->ct_mark = packet->ct_mark;
	return r.verdict == NAT_EVAL_ACCEPT;
}

struct journey travel(const struct node_fixture *f, struct nat_packet packet, bool lost)
{
	struct journey journey = { .end = WENT_NOWHERE };
	const struct rt_route *way;

	if (!pass(f, NAT_HOOK_PREROUTING, &packet, &journey, lost))
		return journey;
	way = route(&f->routing, &packet);
	if (way && way->oif == RT_OIF_TUNNEL)
		memcpy(packet.oif, "egw0", sizeof("egw0"));
	else if (!packet.oif[0])
		memcpy(packet.oif, "eth0", sizeof("eth0"));
	if (way && way->type == RT_BLACKHOLE)
		return journey;
	if (!pass(f, NAT_HOOK_FORWARD, &packet, &journey, lost) ||
	    !pass(f, NAT_HOOK_POSTROUTING, &packet, &journey, lost))
		return journey;
	if (!way || way->oif != RT_OIF_TUNNEL) {
		journey.end = WENT_DIRECT;
	} else if (way->encap.dst.v) { /* else the device drops it for want of a destination */
		journey.end = WENT_TUNNEL;
		journey.gateway = way->encap.dst;
	}
	return journey;
}
