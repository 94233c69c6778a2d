// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The node's table of IPv6. No egress IP is an IPv6 address, so nothing is steered; it only guards:
 *
 *   guard (forward -5)  what comes out of a selected pod's device and wants beyond the excluded ranges is
 *                       rejected, at once and so that the application tries IPv4. As in the table of IPv4, a pod
 *                       that isn't classified yet opens no connection to the internet under Strict, and what
 *                       answers a connection from outside goes its way.
 *
 * Devices rather than addresses: a pod makes itself as many IPv6 addresses as it likes (privacy extensions, any
 * address of a routed prefix), and none of them may leave. By their numbers rather than names, since a pod that is made
 * again under its name (StatefulSet) has the same device name, but is to be judged anew. A pod of the host's
 * network has no device, and is nobody's business here as in IPv4.
 *
 * There is no second guard in routing, as IPv4 has it: who removes this table opens IPv6 until it is repaired.
 */
#include "node/desired.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "policy/config.h"

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

const struct report_counter node_counters6[] = {
	{ "guard_ip6", "rejected: IPv6 packet of a selected pod to the internet" },
	{ "guard_ip6_unclassified",
	  "rejected: pod that isn't classified yet opened a connection to the internet over IPv6" },
	{ NULL, NULL },
};

/* What isn't the internet: link-local, unique local (services, metadata, resolver), multicast. */
static const char *const internal[] = { "fe80::/10", "fc00::/7", "ff00::/8" };

/* Set capacities are declared in few steps, since changing one means making the table anew. */
static uint32_t capacity(size_t n)
{
	return n <= 1024 ? 2048 : n <= 16384 ? 32768 : 524288;
}

static void add_devices(struct nat_ruleset *rs, const struct pods *pods)
{
	size_t known = nat_set_add(rs, "known", NAT_SET_IIF, capacity(pods->n_devices));
	size_t dropped = nat_set_add(rs, "dropped", NAT_SET_IIF, capacity(pods->n_devices));

	for (size_t i = 0; i < pods->n_devices; i++) {
		const struct pod_device *device = &pods->devices[i];
		const struct nat_elem elem = { .key = (uint32_t)device->ifindex };

		if (device->known)
			nat_elem_add(rs, known, elem);
		if (device->drops6)
			nat_elem_add(rs, dropped, elem);
	}
}

static void add_return_to(struct nat_ruleset *rs, size_t chain, const char *prefix)
{
	struct nat_rule rule = NAT_RULE({ NAT_DADDR6 }, { NAT_RETURN });

	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", prefix);
	nat_rule_add(rs, chain, rule);
}

/*
 * Answers to inbound connections return. The flag is on entries that were not seen beginning, see add_flag.
 * TCP is reset, so that connections that a pod has when it becomes selected end at once, and new ones fall back.
 */
static void add_refusing(const struct node_view *view, struct nat_ruleset *rs, const char *name,
			 const char *counter)
{
	const struct ip6_prefixes *excluded = &view->config->always_excluded6;
	const uint32_t flag = view->config->mark.flag;
	struct nat_rule reset = NAT_RULE({ NAT_PROTOCOL, .value = IPPROTO_TCP }, { NAT_COUNT },
					 { NAT_REJECT_RESET });
	struct nat_rule other = NAT_RULE({ NAT_COUNT }, { NAT_REJECT_ADMIN6 });
	size_t chain = nat_chain_add(rs, name, "");
	char prefix[IP6_PREFIX_TEXT_MAX];

	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 1 }, { NAT_CT_MARK_NOT, flag, flag, "" },
			      { NAT_RETURN }));
	for (size_t i = 0; i < ARRAY_SIZE(internal); i++)
		add_return_to(rs, chain, internal[i]);
	for (size_t i = 0; i < excluded->n; i++)
		add_return_to(rs, chain, ip6_prefix_format(&excluded->v[i], prefix));
	snprintf(reset.ops[1].name, sizeof(reset.ops[1].name), "%s", counter);
	snprintf(other.ops[0].name, sizeof(other.ops[0].name), "%s", counter);
	nat_rule_add(rs, chain, reset);
	nat_rule_add(rs, chain, other);
}

/*
 * After a loss of connection tracking the packet of a server looks like a connection from outside, and the pod's
 * answers like replies. One that doesn't begin with a SYN is flagged, so that the direction isn't believed.
 * Datagrams don't tell: as in IPv4, a service on UDP must be answered.
 */
static void add_flag(const struct node_view *view, struct nat_ruleset *rs, size_t chain,
		     const char *pod_device)
{
	const uint32_t flag = view->config->mark.flag;
	struct nat_rule rule = NAT_RULE({ NAT_OIF }, { NAT_CT_STATE, .mask = NAT_STATE_NEW },
					{ NAT_TCP_FLAGS_NOT, TCP_SYN | TCP_ACK, TCP_SYN, "" },
					{ NAT_SET_CT_MARK, flag | view->config->mark.index_mask,
					  flag | NODE_INDEX_UNKNOWN, "" });

	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", pod_device);
	nat_rule_add(rs, chain, rule);
}

static void add_strict(struct nat_ruleset *rs, size_t chain, const char *pod_device)
{
	struct nat_rule rule = NAT_RULE({ NAT_IIF }, { NAT_IIF_NOT_IN, .name = "known" },
					{ NAT_GOTO, .name = "unclassified" });

	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", pod_device);
	nat_rule_add(rs, chain, rule);
}

static bool drops(const struct policy_class *class, const struct config_list *configs)
{
	const struct policy_config *list = configs->v;

	for (size_t i = 0; class && i < class->n_rules; i++) {
		if (list[class->rules[i].policy].ipv6 == POLICY_IPV6_DROP)
			return true;
	}
	return false;
}

void node_mark_devices(struct pods *pods, const struct policy_result *policies,
		       const struct config_list *configs)
{
	for (size_t i = 0; i < pods->n; i++) {
		struct pod_device *device = pods_device(pods, pods->v[i].ifindex);

		if (!device)
			continue;
		device->known = true;
		device->drops6 |= drops(policy_class_of(policies, pods->v[i].address), configs);
	}
}

bool node_is_dropping6(const struct config_list *configs)
{
	const struct policy_config *list = configs->v;

	for (size_t i = 0; i < configs->n; i++) {
		if (list[i].ipv6 == POLICY_IPV6_DROP)
			return true;
	}
	return false;
}

int node_describe_table6(const struct node_view *view, struct nat_ruleset *ret)
{
	char pod_devices[2][16];

	node_name_pod_devices(view->config, pod_devices);
	nat_ruleset_init_of(ret, (struct nat_table){ NAT_IP6, NODE_TABLE });
	for (const struct report_counter *c = node_counters6; c->name; c++)
		nat_counter_add(ret, c->name);
	add_devices(ret, view->pods);
	add_refusing(view, ret, "selected", "guard_ip6");
	add_refusing(view, ret, "unclassified", "guard_ip6_unclassified");
	size_t guard = nat_base_chain_add(ret, "guard", NAT_HOOK_FORWARD, -5, 0);

	for (size_t i = 0; i < ARRAY_SIZE(pod_devices); i++)
		add_flag(view, ret, guard, pod_devices[i]);
	nat_rule_add(ret, guard,
		     NAT_RULE({ NAT_IIF_IN, .name = "dropped" }, { NAT_GOTO, .name = "selected" }));
	for (size_t i = 0; view->strict6 && i < ARRAY_SIZE(pod_devices); i++)
		add_strict(ret, guard, pod_devices[i]);
	return nat_ruleset_finish(ret);
}
