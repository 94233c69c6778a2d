// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The tables of all members of a group are alike, but for who is fenced off from what: to take over, or to give way, is
 * one element less or more of two sets, whatever else goes on.
 *
 * The last chain, behind the translation, drops what has the address of a fenced egress IP, whoever made it: a connection
 * that was replicated here ahead of time, an error about one, the self-test. A first packet is dropped before, by the
 * number of its egress IP; the last chain would do it too, and neither leaves an entry, since entries are confirmed later.
 *
 * A TCP packet in the middle of a connection that nobody knows would be picked up by conntrack, and perhaps with a source
 * port that the server has never seen: a pod waits for minutes then. It is answered with a RST, so that it begins anew at
 * once. Not while its egress IP is fenced: the gateway that has it may know the connection. Nor while two of them
 * translate it: what one of them doesn't know is the other one's.
 */
#include "gateway/table/fence.h"

#include <stdio.h>

enum { TCP_SYN = 0x02 };

static void add_sets(const struct gateway_view *view, struct nat_ruleset *rs)
{
	size_t addresses = nat_set_add(rs, GATEWAY_FENCED_SET, NAT_SET_ADDR, 256);
	size_t marks = nat_set_add(rs, GATEWAY_FENCED_MARK_SET, NAT_SET_MARKS, 256);
	size_t shared = nat_set_add(rs, GATEWAY_SHARED_MARK_SET, NAT_SET_MARKS, 256);

	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		struct ip4 private = gateway_private(view, i);

		if (private.v && view->shared && view->shared[i])
			nat_elem_add(rs, shared,
				     (struct nat_elem){ .key = gateway_egress_mark(i) });
		if (!private.v || !gateway_is_fenced(view, i))
			continue;
		nat_elem_add(rs, addresses,
			     (struct nat_elem){ .first = private.v, .last = private.v });
		nat_elem_add(rs, marks, (struct nat_elem){ .key = gateway_egress_mark(i) });
	}
}

static void add_begin(struct nat_ruleset *rs)
{
	size_t chain = nat_chain_add(rs, FENCE_BEGIN_CHAIN, "");

	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_MARK_IN, .name = GATEWAY_FENCED_MARK_SET },
			      { NAT_COUNT, .name = "fenced" }, { NAT_DROP }));
	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_TCP_FLAGS, TCP_SYN, 0, "" },
			      { NAT_MARK_IN, .name = GATEWAY_SHARED_MARK_SET },
			      { NAT_COUNT, .name = "fenced" }, { NAT_DROP }));
	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_TCP_FLAGS, TCP_SYN, 0, "" },
			      { NAT_COUNT, .name = "unknown_reset" }, { NAT_REJECT_RESET }));
	nat_rule_add(rs, chain, NAT_RULE({ NAT_COUNT, .name = "new" }, { NAT_ACCEPT }));
}

static void add_fence(const struct gateway_view *view, struct nat_ruleset *rs)
{
	size_t chain = nat_base_chain_add(rs, "fence", NAT_HOOK_POSTROUTING, 150, 0);
	struct nat_rule rule = NAT_RULE({ NAT_OIF }, { NAT_SADDR_IN, .name = GATEWAY_FENCED_SET },
					{ NAT_COUNT, .name = "fenced" }, { NAT_DROP });

	snprintf(rule.ops[0].name, sizeof(rule.ops[0].name), "%s", view->config->gateway.uplink);
	nat_rule_add(rs, chain, rule);
}

void fence_describe(const struct gateway_view *view, struct nat_ruleset *rs)
{
	if (!view->fenced)
		return;
	add_sets(view, rs);
	add_begin(rs);
	add_fence(view, rs);
}
