// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The gateway's table. A pod's packet meets, in this order:
 *
 *   input (on the outer packet)  a known node's address becomes the packet's mark, and the mark survives
 *                                decapsulation in the same network namespace; anybody else is dropped.
 *   forward                      an assured connection is accepted by the first rule, and that is all that
 *                                a normal packet pays. A new one must come from the node that hosts the pod
 *                                (mark . source is the key of the map of pods), and its class and destination
 *                                choose the egress IP. The mark is overwritten twice on the way: with the
 *                                number of the class, and with that of the egress IP.
 *   postrouting (nat)            snat to the private address that the mark's number stands for, and to a port of the
 *                                source's block, if it has one (mark . source is the key; blocks.h). The self-test's
 *                                own requests meet this chain too: their sockets have the same mark.
 *
 * A native source's packet comes and leaves by the uplink, with mark 0, and is found under that as a pod's is
 * under its node's. So a source is taken only on the way that the configuration names: a pod's would need its
 * node's mark, which only the tunnel gives, and the tunnel gives no 0.
 *
 * Everything that is forwarded and matches none of this is dropped by the chain's policy.
 *
 * In a group of gateways a fence comes on top; see fence.c. A pod that has as many connections as it may have gets no new one; see
 * limits.c.
 */
#include "gateway/table/desired.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "daemon/destinations.h"
#include "gateway/own/outside.h"
#include "gateway/own/own.h"
#include "gateway/table/blocks.h"
#include "gateway/table/fence.h"
#include "gateway/table/limits.h"
#include "gateway/table/sources.h"
#include "policy/inventory.h"

enum { TCP_SYN = 0x02, TCP_RST = 0x04 };

const struct report_counter gateway_counters[] = {
	{ "new", "first packets of connections that were given an egress IP", REPORT_OPENS },
	{ "unknown_reset", "answered with a RST: in the middle of a connection that isn't known" },
	{ "limited",
	  "answered with a RST or an ICMP error: the pod has as many connections as it may have" },
	{ "fenced", "dropped: would leave with an egress IP that another gateway has now" },
	{ "refused",
	  "dropped: not selected, not from the node that hosts the pod, or an excluded destination" },
	{ "tunnel_forged", "dropped: tunnel packet from an address that is no node" },
	{ "tunnel_local", "dropped: packet out of the tunnel for the gateway itself" },
	{ NULL, NULL },
};

uint32_t gateway_egress_mark(size_t egress_index)
{
	return (uint32_t)egress_index + 1;
}

uint32_t gateway_node_mark(struct ip4 node)
{
	return htonl(node.v);
}

const struct policy_class *gateway_class_of(const struct gateway_view *view, struct ip4 source)
{
	return view->inventory ? inventory_class_of(view->inventory, source) :
				 policy_class_of(view->policies, source);
}

const struct policy_rule *gateway_rule_of(const struct gateway_view *view, struct ip4 source,
					  struct ip4 destination)
{
	return policy_class_rule(view->policies, gateway_class_of(view, source), destination);
}

struct ip4 gateway_private(const struct gateway_view *view, size_t egress_index)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;

	if (egress_index == POLICY_EGRESS_NONE)
		return (struct ip4){ 0 };
	return view->own ? own_private(view->own, egress_index) : egress[egress_index].private;
}

bool gateway_is_fenced(const struct gateway_view *view, size_t egress_index)
{
	return view->fenced && egress_index != POLICY_EGRESS_NONE && view->fenced[egress_index];
}

/* What a class may lead to, whoever translates to it now: chains are made before a gateway takes over. */
static bool is_sound(const struct gateway_view *view, size_t egress_index)
{
	return gateway_private(view, egress_index).v &&
	       !(view->outside && outside_is_wrong(view->outside, egress_index));
}

bool gateway_serves(const struct gateway_view *view, size_t egress_index)
{
	return is_sound(view, egress_index) && !gateway_is_fenced(view, egress_index);
}

struct ip4 gateway_address(const struct gateway_view *view)
{
	return view->config->gateway.address.v ? view->config->gateway.address : view->address;
}

struct ip4 gateway_public(const struct gateway_view *view, size_t egress_index)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;

	if (egress_index == POLICY_EGRESS_NONE)
		return (struct ip4){ 0 };
	return view->own ? view->own->v[egress_index].public_ip : egress[egress_index].public;
}

/*
 * A fixed hash costs 8 bytes a place, and loads three times as fast as one that grows; but each message of a
 * dump walks the places from the start. Changing it means making the table anew, so it comes in doublings,
 * and nat/plan keeps one that still fits.
 */
static uint32_t capacity(size_t n)
{
	uint32_t places = 4096;

	while (places < n + n / 2)
		places *= 2;
	return places;
}

bool gateway_has_blocks(const struct gateway_view *view)
{
	return view->blocks && blocks_are_wanted(view->blocks);
}

struct builder {
	const struct gateway_view *view;
	struct nat_ruleset *rs;
	size_t classes; /* the set that leads from a class's number to its chain, in the classes' order */
};

static void class_name(char buf[static NAT_NAME_MAX], const struct policy_class *class)
{
	snprintf(buf, NAT_NAME_MAX, "c_%016" PRIx64, class->key);
}

static void add_nodes(struct builder *b)
{
	const struct gateway_node *nodes = b->view->config->nodes.v;
	size_t n = b->view->config->nodes.n;
	size_t index = nat_set_add(b->rs, "nodes", NAT_SET_ADDR, capacity(n));

	for (size_t i = 0; i < n; i++)
		nat_elem_add(b->rs, index,
			     (struct nat_elem){ .first = nodes[i].address.v,
						.last = nodes[i].address.v });
}

static void add_egress(struct builder *b)
{
	size_t index = nat_set_add(b->rs, "egress", NAT_MAP_MARK_ADDR, 256);

	for (size_t i = 0; i < b->view->config->egress_ips.n; i++) {
		struct ip4 private = gateway_private(b->view, i);

		if (private.v)
			nat_elem_add(b->rs, index,
				     (struct nat_elem){ .key = gateway_egress_mark(i),
							.data = private.v });
	}
}

/* Not in `egress`: there it stays, so that the test that may acquit it can leave. */
static void add_wrong(struct builder *b)
{
	if (!b->view->outside)
		return;
	size_t index = nat_set_add(b->rs, GATEWAY_WRONG_SET, NAT_SET_ADDR, 256);

	for (size_t i = 0; i < b->view->config->egress_ips.n; i++) {
		struct ip4 private = gateway_private(b->view, i);

		if (private.v && !is_sound(b->view, i))
			nat_elem_add(b->rs, index,
				     (struct nat_elem){ .first = private.v, .last = private.v });
	}
}

/*
 * What the class leaves over is refused, and so is what would leave by an egress IP that doesn't serve: at
 * its place, since a later policy may have the same destination, and other egress IPs.
 */
static void add_class_chain(struct builder *b, const struct policy_class *class, const char *name)
{
	static const struct nat_rule refuse =
		NAT_RULE({ NAT_DADDR_IN }, { NAT_COUNT, .name = "refused" }, { NAT_DROP });
	size_t chain = nat_chain_add(b->rs, name, "");

	limits_add_rule(b->view, class, b->rs, chain);
	for (size_t i = 0; i < class->n_rules; i++) {
		uint32_t mark = gateway_egress_mark(class->rules[i].egress);
		struct nat_rule rule = NAT_RULE({ NAT_DADDR_IN },
						{ NAT_SET_MARK, UINT32_MAX, mark, "" },
						{ NAT_SET_CT_MARK, UINT32_MAX, mark, "" },
						{ NAT_COUNT, .name = "new" }, { NAT_ACCEPT });

		if (b->view->fenced)
			rule.ops[3] = (struct nat_op){ NAT_GOTO, .name = FENCE_BEGIN_CHAIN };
		if (!is_sound(b->view, class->rules[i].egress))
			rule = refuse;
		destinations_name(rule.ops[0].name, b->view->policies, class->rules[i].policy);
		nat_rule_add(b->rs, chain, rule);
	}
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_COUNT, .name = "refused" }, { NAT_DROP }));
}

/*
 * A pod's element leads to its class by a number and a second, small map. With the class chain in the element
 * itself, each pod that comes or goes would make the kernel check the table for loops, which walks all elements
 * of all verdict maps: 20 ms instead of 10 us with 100,000 pods.
 * The numbers follow from the classes' content, so that a new class renumbers nobody.
 */
uint32_t gateway_class_number(const struct policy_result *policies,
			      const struct policy_class *class)
{
	uint32_t number = (uint32_t) class->key;

	for (const struct policy_class *before = policies->classes; before < class; before++)
		number += (uint32_t)before->key == number;
	return number;
}

static void add_classes(struct builder *b)
{
	const struct policy_result *policies = b->view->policies;
	size_t map =
		nat_set_add(b->rs, "class", NAT_MAP_MARK_VERDICT, capacity(policies->n_classes));
	char name[NAT_NAME_MAX];

	b->classes = map;
	for (size_t i = 0; i < policies->n_classes; i++) {
		class_name(name, &policies->classes[i]);
		add_class_chain(b, &policies->classes[i], name);
		nat_elem_add(b->rs, map,
			     (struct nat_elem){
				     .key = gateway_class_number(policies, &policies->classes[i]),
				     .data = nat_name(b->rs, name) });
	}
}

struct members {
	struct builder *b;
	size_t pods, ranges; /* the maps */
};

static void add_member(const struct source_part *part, void *data)
{
	const struct members *members = data;
	struct builder *b = members->b;
	/* The number of a class, as add_classes has put it down. */
	struct nat_elem elem = { .key = part->mark,
				 .data = b->rs->sets[b->classes].v[part->class_index].key };

	if (source_part_is_range(part)) {
		elem.first = part->range.first;
		elem.last = part->range.last;
		nat_elem_add(b->rs, members->ranges, elem);
		return;
	}
	for (uint64_t address = part->range.first; address <= part->range.last; address++) {
		elem.first = elem.last = (uint32_t)address;
		nat_elem_add(b->rs, members->pods, elem);
	}
}

static void add_members(struct builder *b)
{
	struct members members = { .b = b };

	members.pods = nat_set_add(b->rs, "class_pod", NAT_MAP_MARK_ADDR_MARK, 0);
	members.ranges = nat_set_add(b->rs, "class_range", NAT_MAP_MARK_RANGE_MARK, 0);
	if (b->rs->failed)
		return;
	sources_each(b->view, add_member, &members);
	if (!b->rs->failed)
		b->rs->sets[members.pods].size = capacity(b->rs->sets[members.pods].n);
}

/* Those that have a block; their rule comes before that of all others. */
static void add_blocks(struct builder *b)
{
	const struct blocks *blocks = b->view->blocks;
	size_t map = nat_set_add(b->rs, GATEWAY_BLOCK_SET, NAT_MAP_MARK_ADDR_PORTS, 0);
	struct block block;

	if (b->rs->failed)
		return;
	for (size_t i = 0; i < blocks_places(blocks); i++) {
		if (blocks_at(blocks, i, &block))
			nat_elem_add(b->rs, map, blocks_elem(&block));
	}
	if (!b->rs->failed)
		b->rs->sets[map].size = capacity(b->rs->sets[map].n);
}

static struct nat_rule on_device(const char *device, struct nat_rule rule)
{
	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", device);
	return rule;
}

static void add_outer(struct builder *b)
{
	const struct gateway_config *config = b->view->config;
	uint32_t port = config->tunnel.port;
	size_t in = nat_base_chain_add(b->rs, "raw_in", NAT_HOOK_PREROUTING, -300, 0);
	size_t out = nat_base_chain_add(b->rs, "raw_out", NAT_HOOK_OUTPUT, -300, 0);
	size_t input = nat_base_chain_add(b->rs, "outer", NAT_HOOK_INPUT, -5, 0);

	/* Else each flow inside the tunnel costs a second entry for its outer ports. Only to and from nodes: the
	 * internet's answer to a pod that sent from that port needs its entry. */
	nat_rule_add(b->rs, in,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port }, { NAT_SADDR_IN, .name = "nodes" },
			      { NAT_NOTRACK }));
	nat_rule_add(b->rs, out,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port }, { NAT_DADDR_IN, .name = "nodes" },
			      { NAT_NOTRACK }));
	struct nat_rule known = NAT_RULE({ NAT_UDP_DPORT, .value = port }, { NAT_IIF },
					 { NAT_SADDR_IN, .name = "nodes" }, { NAT_SET_MARK_SADDR },
					 { NAT_ACCEPT });

	memcpy(known.ops[1].name, config->gateway.uplink, sizeof(config->gateway.uplink));
	nat_rule_add(b->rs, input, known);
	nat_rule_add(b->rs, input,
		     NAT_RULE({ NAT_UDP_DPORT, .value = port },
			      { NAT_COUNT, .name = "tunnel_forged" }, { NAT_DROP }));
	nat_rule_add(b->rs, input,
		     on_device(config->tunnel.device,
			       NAT_RULE({ NAT_IIF }, { NAT_COUNT, .name = "tunnel_local" },
					{ NAT_DROP })));
}

/* First packets that come by `device`: the map tells their class, and the class the rest. */
static void add_forward_new(struct builder *b, size_t chain, const char *device)
{
	static const char *const maps[] = { "class_pod", "class_range" };
	const struct gateway_identity *gateway = &b->view->config->gateway;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct nat_rule rule =
			NAT_RULE({ NAT_IIF }, { NAT_OIF }, { NAT_CT_STATE, NAT_STATE_NEW, 0, "" },
				 { NAT_SET_MARK_MAP }, { NAT_MARK_VMAP, .name = "class" });

		memcpy(rule.ops[1].name, gateway->uplink, sizeof(gateway->uplink));
		snprintf(rule.ops[3].name, sizeof(rule.ops[3].name), "%s", maps[i]);
		nat_rule_add(b->rs, chain, on_device(device, rule));
	}
}

/*
 * "Assured" rather than "established" comes first, although it costs the same: the SYN-ACK is already
 * established and must still reach the MSS clamp, since the network between a server and the gateway may
 * swallow the ICMP errors that path MTU discovery needs.
 */
static void add_forward(struct builder *b)
{
	const struct gateway_config *config = b->view->config;
	size_t chain =
		nat_base_chain_add(b->rs, "filter_forward", NAT_HOOK_FORWARD, 0, NAT_BASE_DROP);

	nat_rule_add(b->rs, chain,
		     NAT_RULE({ NAT_CT_STATUS, NAT_STATUS_ASSURED, 0, "" }, { NAT_ACCEPT }));
	nat_rule_add(b->rs, chain,
		     NAT_RULE({ NAT_TCP_FLAGS, TCP_SYN | TCP_RST, TCP_SYN, "" },
			      { NAT_MSS_CLAMP }));
	nat_rule_add(b->rs, chain,
		     NAT_RULE({ NAT_CT_STATE, NAT_STATE_ESTABLISHED | NAT_STATE_RELATED, 0, "" },
			      { NAT_ACCEPT }));
	add_forward_new(b, chain, config->tunnel.device);
	if (config->native.source_cidrs.n)
		add_forward_new(b, chain, config->gateway.uplink);
	/* The policy would drop, too, but a chain that is made anew has it a moment later than its rules. */
	nat_rule_add(b->rs, chain, NAT_RULE({ NAT_COUNT, .name = "refused" }, { NAT_DROP }));
}

/* The ports that a source without a block gets. 0: whichever the kernel takes. */
static void find_ports(const struct gateway_view *view, uint32_t *ret_first, uint32_t *ret_last)
{
	const struct gateway_limits *limits = &view->config->limits;

	*ret_first = limits->first_port;
	*ret_last = limits->last_port;
	if (gateway_has_blocks(view)) {
		const struct block shared = blocks_shared(view->blocks);

		*ret_first = shared.first_port;
		*ret_last = shared.last_port;
	}
}

static void add_translation(struct builder *b)
{
	const char *uplink = b->view->config->gateway.uplink;
	struct nat_rule own = NAT_RULE({ NAT_OIF }, { NAT_LOAD_PORTS, .name = GATEWAY_BLOCK_SET },
				       { NAT_SNAT_MARK_LOADED, .name = "egress" });
	struct nat_rule rule = NAT_RULE({ NAT_OIF }, { NAT_SNAT_MARK, .name = "egress" });
	size_t snat =
		nat_base_chain_add(b->rs, "translate", NAT_HOOK_POSTROUTING, 100, NAT_BASE_NAT);
	uint32_t first, last;

	find_ports(b->view, &first, &last);
	if (first)
		rule.ops[1] = (struct nat_op){ NAT_SNAT_MARK_PORTS, first, last, "egress" };
	if (gateway_has_blocks(b->view))
		nat_rule_add(b->rs, snat, on_device(uplink, own));
	nat_rule_add(b->rs, snat, on_device(uplink, rule));
}

int gateway_describe_table(const struct gateway_view *view, struct nat_ruleset *ret)
{
	struct builder b = { .view = view, .rs = ret };

	nat_ruleset_init(ret, GATEWAY_TABLE);
	for (const struct report_counter *c = gateway_counters; c->name; c++)
		nat_counter_add(ret, c->name);
	destinations_add(ret, view->policies);
	add_nodes(&b);
	add_egress(&b);
	add_wrong(&b);
	fence_describe(view, ret);
	limits_describe(view, ret);
	add_classes(&b);
	add_members(&b);
	if (gateway_has_blocks(view))
		add_blocks(&b);
	add_outer(&b);
	add_forward(&b);
	add_translation(&b);
	return nat_ruleset_finish(ret);
}
