// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The node's table. A pod's packet to the internet meets, in this order:
 *
 *   steer (prerouting -80)  its source's class and its destination choose the lane: the mark is set.
 *                           After kube-proxy's DNAT (-100), so that a service with external endpoints is
 *                           judged by its endpoint, and after the VPC CNI's nft rule at -90, which
 *                           overwrites the whole mark (amazon-vpc-cni-k8s 1.23, nftables_connmark.go).
 *   routing                 the mark leads to the lane's table, see routing.c.
 *   guard (forward -5)      whatever happened above: a governed packet leaves by the tunnel or not at all.
 *   keepsrc (postrouting 99, nat)  "snat to ip saddr": the first binding wins among the nat chains of a
 *                           hook, so this one keeps the CNI's SNAT at 100 away. A plain accept would not.
 *   second (postrouting 150) while the lane's egress IP goes from one gateway to another, a copy goes to the
 *                           other one: EC2 lets one of the two pass. There is no such chain at other times.
 */
#include "node/desired.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/destinations.h"

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

const struct report_counter node_counters[] = {
	{ "steered", "packets sent to a gateway", REPORT_PASSES },
	{ "direct", "replies of selected pods to connections from outside", REPORT_PASSES },
	{ "no_egress", "dropped: governed packet whose policy has no egress IP now" },
	{ "guard_leak", "dropped: governed packet that was not going into the tunnel" },
	{ "guard_unmarked", "dropped: unmarked packet going into the tunnel" },
	{ "guard_spoofed", "dropped: pod sent with an address that isn't its own" },
	{ "guard_unclassified",
	  "rejected: pod that isn't classified yet opened a connection to the internet" },
	{ "guard_wrongway", "dropped: reply of a steered connection that came past the tunnel" },
	{ "tunnel_new", "dropped: new TCP connection out of the tunnel" },
	{ "tunnel_stray", "dropped: packet out of the tunnel that isn't for a selected pod" },
	{ "tunnel_forged", "dropped: tunnel packet that isn't from a gateway" },
	{ NULL, NULL },
};

/* Set capacities are declared in few steps, since changing one means making the table anew. */
static uint32_t capacity(size_t n)
{
	static const uint32_t steps[] = { 2048, 32768, 524288 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (n <= steps[i] / 2)
			return steps[i];
	}
	return 4u << 20;
}

struct builder {
	const struct node_view *view;
	struct nat_ruleset *rs;
	uint32_t flag, mask; /* mask: flag and index together */
	const char *tunnel;
	char pod_devices[2][16]; /* "eni*", "vlan*" */
};

static void class_name(char buf[static NAT_NAME_MAX], char kind, const struct policy_class *class)
{
	snprintf(buf, NAT_NAME_MAX, "%c_%016" PRIx64, kind, class->key);
}

static uint8_t lane_of(const struct node_view *view, const struct policy_rule *rule)
{
	const struct node_egress *egress = view->egress->v;

	if (rule->egress == POLICY_EGRESS_NONE)
		return LANE_NONE;
	return lanes_find(view->lanes, egress[rule->egress].name);
}

static void add_prefixes(struct builder *b, const char *name, const struct ip4_prefix *list[2],
			 const size_t n[2])
{
	size_t index = nat_set_add(b->rs, name, NAT_SET_RANGE, 0);
	struct ip4_set sets[2] = { 0 }, all = { 0 };

	if (ip4_set_from_prefixes(&sets[0], list[0], n[0]) ||
	    ip4_set_from_prefixes(&sets[1], list[1], n[1]) ||
	    ip4_set_union(&sets[0], &sets[1], &all))
		b->rs->failed = true;
	for (size_t i = 0; i < all.n; i++)
		nat_elem_add(b->rs, index,
			     (struct nat_elem){ .first = all.v[i].first, .last = all.v[i].last });
	ip4_set_done(&sets[0]);
	ip4_set_done(&sets[1]);
	ip4_set_done(&all);
}

static void add_excluded(struct builder *b)
{
	const struct ip4_prefixes *own = &b->view->config->always_excluded;
	const struct ip4_prefix *lists[2] = { own->v, policy_builtin_excluded };
	size_t n[2] = { own->n, policy_builtin_excluded_count };

	add_prefixes(b, "excluded", lists, n);
}

static void add_gateway(struct builder *b, size_t set, struct ip4 address)
{
	if (address.v)
		nat_elem_add(b->rs, set,
			     (struct nat_elem){ .first = address.v, .last = address.v });
}

static void add_gateways(struct builder *b)
{
	const struct node_egress *egress = b->view->egress->v;
	size_t index = nat_set_add(b->rs, "gateways", NAT_SET_ADDR, 256);

	for (size_t i = 0; i < b->view->egress->n; i++) {
		add_gateway(b, index, egress[i].gateway);
		add_gateway(b, index, egress[i].second);
	}
	for (size_t i = 0; i < b->view->n_gateways; i++)
		add_gateway(b, index, b->view->gateways[i]);
}

/*
 * `pods`: which address belongs behind which device. `known`: of these, the ones of which it's certain by now
 * whether a policy selects them; without Kubernetes all of them.
 */
static void add_pod_devices(struct builder *b)
{
	const struct pods *pods = b->view->pods;
	size_t all = nat_set_add(b->rs, "pods", NAT_SET_IF_ADDR, capacity(pods->n));
	size_t known = nat_set_add(b->rs, "known", NAT_SET_IF_ADDR, capacity(pods->n));

	for (size_t i = 0; i < pods->n; i++) {
		struct nat_elem elem = { .key = nat_name(b->rs, pods->v[i].device),
					 .first = pods->v[i].address.v,
					 .last = pods->v[i].address.v };

		nat_elem_add(b->rs, all, elem);
		if (pods->v[i].known)
			nat_elem_add(b->rs, known, elem);
	}
}

/* Source -> class chain, once for steering and once for the guard: the guard must not depend on anything
 * that steering depends on, be it a map somebody emptied. Single addresses are hashed, ranges are a tree. */
static void add_members(struct builder *b, const char *prefix, char kind)
{
	const struct policy_result *policies = b->view->policies;
	char hash_name[NAT_NAME_MAX], tree_name[NAT_NAME_MAX], chain[NAT_NAME_MAX];
	size_t hash, tree, singles = 0;

	for (size_t i = 0; i < policies->n_members; i++)
		singles += policies->members[i].range.first == policies->members[i].range.last;
	snprintf(hash_name, sizeof(hash_name), "%s_pod", prefix);
	snprintf(tree_name, sizeof(tree_name), "%s_range", prefix);
	hash = nat_set_add(b->rs, hash_name, NAT_MAP_ADDR_VERDICT, capacity(singles));
	tree = nat_set_add(b->rs, tree_name, NAT_MAP_RANGE_VERDICT, 0);
	for (size_t i = 0; i < policies->n_members; i++) {
		const struct policy_member *m = &policies->members[i];

		class_name(chain, kind, &policies->classes[m->class_index]);
		nat_elem_add(b->rs, m->range.first == m->range.last ? hash : tree,
			     (struct nat_elem){ .first = m->range.first,
						.last = m->range.last,
						.data = nat_name(b->rs, chain) });
	}
}

/* Who may be answered out of the tunnel. */
static void add_selected(struct builder *b)
{
	const struct policy_result *policies = b->view->policies;
	size_t tree = nat_set_add(b->rs, "selected", NAT_SET_RANGE, 0);
	struct ip4_range last = { 1, 0 };

	/* Members are sorted and disjoint, but those of different classes may adjoin. */
	for (size_t i = 0; i < policies->n_members; i++) {
		struct ip4_range range = policies->members[i].range;
		bool adjoins = last.first <= last.last && last.last + 1 == range.first;

		if (!adjoins && last.first <= last.last)
			nat_elem_add(b->rs, tree,
				     (struct nat_elem){ .first = last.first, .last = last.last });
		last = (struct ip4_range){ adjoins ? last.first : range.first, range.last };
	}
	if (last.first <= last.last)
		nat_elem_add(b->rs, tree,
			     (struct nat_elem){ .first = last.first, .last = last.last });
}

/* lane_N marks packet and connection. The comment is how a restarted daemon learns whose lane it was. */
static void add_lane_chains(struct builder *b)
{
	const struct lanes *lanes = b->view->lanes;
	size_t sticky = nat_set_add(b->rs, "lane_of_mark", NAT_MAP_MARK_VERDICT, 256);
	char name[NAT_NAME_MAX];

	for (unsigned i = 0; i < LANE_COUNT; i++) {
		if (!lanes->names[i][0])
			continue;
		snprintf(name, sizeof(name), "lane_%u", i);
		size_t chain = nat_chain_add(b->rs, name, lanes->names[i]);

		nat_rule_add(b->rs, chain,
			     NAT_RULE({ NAT_COUNT, .name = "steered" },
				      { NAT_SET_MARK, b->mask, b->flag | i, "" },
				      { NAT_SET_CT_MARK, b->mask, b->flag | i, "" }));
		nat_elem_add(b->rs, sticky,
			     (struct nat_elem){ .key = b->flag | i,
						.data = nat_name(b->rs, name) });
	}
}

/*
 * s_CLASS steers. A reply of an inbound connection (node port, load balancer) goes its normal way, and is
 * marked as judged, so that the routing guard lets it pass. The direction alone doesn't tell: after a loss
 * of the node's conntrack table the server's push looks like the original direction, and the pod's answers
 * like replies; the flag that `from_tunnel` puts on the entry does.
 * A connection keeps its lane as long as the lane exists, also when the pod's class has changed since.
 * The first policy that has the destination decides. So one without an egress IP drops here, and doesn't leave
 * it to the guard: the packet must not meet the next policy, which may have the destination too.
 */
static void add_steer_chain(struct builder *b, const struct policy_class *class)
{
	static const struct nat_rule no_egress =
		NAT_RULE({ NAT_DADDR_IN }, { NAT_COUNT, .name = "no_egress" }, { NAT_DROP });
	char name[NAT_NAME_MAX];
	struct nat_rule rule;
	size_t chain;

	class_name(name, 's', class);
	chain = nat_chain_add(b->rs, name, "");
	nat_rule_add(b->rs, chain,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 1 },
			      { NAT_CT_MARK_NOT, b->flag, b->flag, "" },
			      { NAT_COUNT, .name = "direct" },
			      { NAT_SET_MARK, b->mask, NODE_INDEX_UNKNOWN, "" }, { NAT_RETURN }));
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_CT_MARK_VMAP, b->mask, 0, "lane_of_mark" }));
	for (size_t i = 0; i < class->n_rules; i++) {
		uint8_t lane = lane_of(b->view, &class->rules[i]);

		rule = NAT_RULE({ NAT_DADDR_IN }, { NAT_GOTO });
		snprintf(rule.ops[1].name, sizeof(rule.ops[1].name), "lane_%u", lane);
		if (lane == LANE_NONE)
			rule = no_egress;
		destinations_name(rule.ops[0].name, b->view->policies, class->rules[i].policy);
		nat_rule_add(b->rs, chain, rule);
	}
}

/* g_CLASS drops what is governed: it is met only by packets that don't leave by the tunnel. */
static void add_guard_chain(struct builder *b, const struct policy_class *class)
{
	char name[NAT_NAME_MAX];
	struct nat_rule rule;
	size_t chain;

	class_name(name, 'g', class);
	chain = nat_chain_add(b->rs, name, "");
	nat_rule_add(b->rs, chain,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 1 },
			      { NAT_CT_MARK_NOT, b->flag, b->flag, "" }, { NAT_RETURN }));
	for (size_t i = 0; i < class->n_rules; i++) {
		rule = NAT_RULE({ NAT_DADDR_IN }, { NAT_COUNT, .name = "guard_leak" },
				{ NAT_DROP });
		destinations_name(rule.ops[0].name, b->view->policies, class->rules[i].policy);
		nat_rule_add(b->rs, chain, rule);
	}
}

/* A rule with the tunnel's name in its first operation. */
static struct nat_rule on_tunnel(const struct builder *b, struct nat_rule rule)
{
	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", b->tunnel);
	return rule;
}

static void add_notrack(struct builder *b)
{
	uint32_t port = b->view->config->tunnel.port;
	size_t in = nat_base_chain_add(b->rs, "raw_in", NAT_HOOK_PREROUTING, -300, 0);
	size_t out = nat_base_chain_add(b->rs, "raw_out", NAT_HOOK_OUTPUT, -300, 0);

	/* Else each flow inside the tunnel costs a second entry for its outer ports. Only to and from gateways:
	 * a pod may have its own reasons to talk to that port, and needs its translation. */
	nat_rule_add(b->rs, in,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port },
			      { NAT_SADDR_IN, .name = "gateways" }, { NAT_NOTRACK }));
	nat_rule_add(b->rs, out,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port },
			      { NAT_DADDR_IN, .name = "gateways" }, { NAT_NOTRACK }));
	size_t outer = nat_base_chain_add(b->rs, "outer", NAT_HOOK_INPUT, -5, 0);
	struct nat_rule inside = NAT_RULE({ NAT_UDP_DPORT, .value = port }, { NAT_IIF_NOT },
					  { NAT_COUNT, .name = "tunnel_forged" }, { NAT_DROP });

	/* A gateway's packet comes from the VPC. A pod could write a gateway's address into its own: the
	 * kernel checks sources only where somebody turned rp_filter on. */
	memcpy(inside.ops[1].name, b->view->config->node.uplink,
	       sizeof(b->view->config->node.uplink));
	nat_rule_add(b->rs, outer, inside);
	nat_rule_add(b->rs, outer,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port },
			      { NAT_SADDR_NOT_IN, .name = "gateways" },
			      { NAT_COUNT, .name = "tunnel_forged" }, { NAT_DROP }));
}

static void add_steer(struct builder *b)
{
	size_t chain = nat_base_chain_add(b->rs, "steer", NAT_HOOK_PREROUTING, -80, 0);

	/* Only the picked-up-the-wrong-way case: a late answer to a connection that is steered no more would
	 * flag the one that took its place, and the guard would drop that for ever. */
	nat_rule_add(b->rs, chain,
		     on_tunnel(b, NAT_RULE({ NAT_IIF }, { NAT_CT_DIRECTION, .value = 0 },
					   { NAT_CT_MARK_NOT, b->flag, b->flag, "" },
					   { NAT_SET_CT_MARK, b->mask, b->flag | NODE_INDEX_UNKNOWN,
					     "" })));
	nat_rule_add(b->rs, chain, on_tunnel(b, NAT_RULE({ NAT_IIF }, { NAT_ACCEPT })));
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_SADDR_VMAP, .name = "steer_pod" }));
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_SADDR_VMAP, .name = "steer_range" }));
}

static void add_tunnel_guards(struct builder *b)
{
	size_t from = nat_chain_add(b->rs, "from_tunnel", "");
	size_t to = nat_chain_add(b->rs, "to_tunnel", "");
	struct nat_rule stray = NAT_RULE({ NAT_OIF_NOT }, { NAT_OIF_NOT },
					 { NAT_COUNT, .name = "tunnel_stray" }, { NAT_DROP });

	nat_rule_add(b->rs, from,
		     NAT_RULE({ NAT_TCP_FLAGS, TCP_SYN | TCP_ACK, TCP_SYN, "" },
			      { NAT_COUNT, .name = "tunnel_new" }, { NAT_DROP }));
	for (size_t i = 0; i < ARRAY_SIZE(b->pod_devices); i++)
		memcpy(stray.ops[i].name, b->pod_devices[i], sizeof(b->pod_devices[i]));
	nat_rule_add(b->rs, from,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 1 },
			      { NAT_CT_MARK_NOT, b->flag, b->flag, "" },
			      { NAT_COUNT, .name = "tunnel_stray" }, { NAT_DROP }));
	nat_rule_add(b->rs, from, stray);
	nat_rule_add(b->rs, from,
		     NAT_RULE({ NAT_DADDR_NOT_IN, .name = "selected" },
			      { NAT_COUNT, .name = "tunnel_stray" }, { NAT_DROP }));
	nat_rule_add(b->rs, to,
		     NAT_RULE({ NAT_MARK_NOT, b->flag, b->flag, "" },
			      { NAT_COUNT, .name = "guard_unmarked" }, { NAT_DROP }));
	nat_rule_add(b->rs, to,
		     NAT_RULE({ NAT_IIF_SADDR_NOT_IN, .name = "pods" },
			      { NAT_COUNT, .name = "guard_spoofed" }, { NAT_DROP }));
}

/* The same rule for each kind of pod device. */
static void add_for_pod_devices(struct builder *b, size_t chain, struct nat_rule rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(b->pod_devices); i++) {
		memcpy(rule.ops[0].name, b->pod_devices[i], sizeof(b->pod_devices[i]));
		nat_rule_add(b->rs, chain, rule);
	}
}

/* A connection that was ever in the tunnel has the pod's own address; by any other way it would show it. It
 * may be so when a pod has just left its policy, until its connections are ended. */
static void add_flagged(struct builder *b, size_t chain)
{
	add_for_pod_devices(b, chain,
			    NAT_RULE({ NAT_IIF }, { NAT_CT_MARK, b->flag, b->flag, "" },
				     { NAT_COUNT, .name = "guard_leak" }, { NAT_DROP }));
}

static void add_guard(struct builder *b)
{
	size_t chain = nat_base_chain_add(b->rs, "guard", NAT_HOOK_FORWARD, -5, 0);
	struct nat_rule strict =
		NAT_RULE({ NAT_IIF }, { NAT_IIF_SADDR_NOT_IN, .name = "known" },
			 { NAT_DADDR_NOT_IN, .name = "excluded" }, { NAT_CT_DIRECTION, .value = 0 },
			 { NAT_COUNT, .name = "guard_unclassified" }, { NAT_REJECT_ADMIN });
	struct nat_rule wrongway = NAT_RULE({ NAT_OIF }, { NAT_CT_DIRECTION, .value = 1 },
					    { NAT_CT_MARK, b->flag, b->flag, "" },
					    { NAT_COUNT, .name = "guard_wrongway" }, { NAT_DROP });

	nat_rule_add(b->rs, chain,
		     on_tunnel(b, NAT_RULE({ NAT_IIF }, { NAT_GOTO, .name = "from_tunnel" })));
	nat_rule_add(b->rs, chain,
		     on_tunnel(b, NAT_RULE({ NAT_OIF }, { NAT_GOTO, .name = "to_tunnel" })));
	if (b->view->strict)
		add_for_pod_devices(b, chain, strict);
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_SADDR_VMAP, .name = "guard_pod" }));
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_SADDR_VMAP, .name = "guard_range" }));
	add_for_pod_devices(b, chain, wrongway);
	add_flagged(b, chain);
}

static bool is_moving(const struct builder *b, size_t i)
{
	const struct node_egress *egress = b->view->egress->v;

	return egress[i].second.v && lanes_find(b->view->lanes, egress[i].name) != LANE_NONE;
}

static void add_second(struct builder *b)
{
	const struct node_egress *egress = b->view->egress->v;
	size_t n = b->view->can_copy ? b->view->egress->n : 0, first = 0, chain;

	while (first < n && !is_moving(b, first))
		first++;
	if (first >= n)
		return;
	chain = nat_base_chain_add(b->rs, "second", NAT_HOOK_POSTROUTING, 150, 0);
	for (size_t i = first; i < n; i++) {
		const unsigned lane = lanes_find(b->view->lanes, egress[i].name);

		if (is_moving(b, i))
			nat_rule_add(
				b->rs, chain,
				on_tunnel(b,
					  NAT_RULE({ NAT_OIF },
						   { NAT_MARK, b->mask, b->flag | lane, "" },
						   { NAT_DUP, .value = node_second_hop(lane).v })));
	}
}

void node_name_pod_devices(const struct node_config *config, char ret[static 2][16])
{
	snprintf(ret[0], sizeof(ret[0]), "%.14s*", config->pod_interface_prefix);
	snprintf(ret[1], sizeof(ret[1]), "%s*", PODS_STRICT_PREFIX);
}

int node_describe_parting(const struct node_config *config, struct nat_ruleset *ret)
{
	struct builder b = { .rs = ret, .flag = config->mark.flag };

	nat_ruleset_init(ret, NODE_TABLE);
	node_name_pod_devices(config, b.pod_devices);
	nat_counter_add(ret, "guard_leak");
	add_flagged(&b, nat_base_chain_add(ret, "guard", NAT_HOOK_FORWARD, -5, 0));
	return nat_ruleset_finish(ret);
}

int node_describe_table(const struct node_view *view, struct nat_ruleset *ret)
{
	const struct node_config *config = view->config;
	struct builder b = { .view = view,
			     .rs = ret,
			     .flag = config->mark.flag,
			     .mask = config->mark.flag | config->mark.index_mask,
			     .tunnel = config->tunnel.device };

	node_name_pod_devices(config, b.pod_devices);
	nat_ruleset_init(ret, NODE_TABLE);
	for (const struct report_counter *c = node_counters; c->name; c++)
		nat_counter_add(ret, c->name);
	destinations_add(ret, view->policies);
	add_excluded(&b);
	add_gateways(&b);
	add_pod_devices(&b);
	add_lane_chains(&b);
	for (size_t i = 0; i < view->policies->n_classes; i++) {
		add_steer_chain(&b, &view->policies->classes[i]);
		add_guard_chain(&b, &view->policies->classes[i]);
	}
	add_members(&b, "steer", 's');
	add_members(&b, "guard", 'g');
	add_selected(&b);
	add_notrack(&b);
	add_steer(&b);
	add_tunnel_guards(&b);
	add_guard(&b);
	size_t keepsrc = nat_base_chain_add(ret, "keepsrc", NAT_HOOK_POSTROUTING, 99, NAT_BASE_NAT);

	nat_rule_add(ret, keepsrc, on_tunnel(&b, NAT_RULE({ NAT_OIF }, { NAT_SNAT_SADDR })));
	add_second(&b);
	return nat_ruleset_finish(ret);
}
