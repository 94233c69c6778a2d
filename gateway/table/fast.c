// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/fast.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "gateway/table/desired.h"

#define SERVED_SET "served"

/* After filter_forward, which is at 0. */
enum { PRIORITY = 1 };

/* Under which addresses connections may leave. */
static void add_served(const struct gateway_view *view, struct nat_ruleset *ret)
{
	size_t set = nat_set_add(ret, SERVED_SET, NAT_SET_ADDR, 256);

	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		struct ip4 private = gateway_private(view, i);

		if (gateway_serves(view, i))
			nat_elem_add(ret, set,
				     (struct nat_elem){ .first = private.v, .last = private.v });
	}
}

/* The same in words that differ when they do. */
static void describe_served(const struct gateway_view *view, char buf[static NAT_NAME_MAX])
{
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		uint32_t served = gateway_serves(view, i) ? gateway_private(view, i).v : 0;

		for (size_t j = 0; j < sizeof(served); j++, served >>= 8)
			hash = hash_byte(hash, (uint8_t)served);
	}
	snprintf(buf, NAT_NAME_MAX, "for what is served: %016" PRIx64, hash);
}

int fast_describe(const struct gateway_view *view, struct nat_ruleset *ret)
{
	char served[NAT_NAME_MAX];
	size_t chain;

	nat_ruleset_init(ret, GATEWAY_FAST_TABLE);
	nat_flowtable_set(ret, "fast");
	nat_flowtable_device_add(ret, view->config->tunnel.device);
	nat_flowtable_device_add(ret, view->config->gateway.uplink);
	add_served(view, ret);
	chain = nat_base_chain_add(ret, "assured", NAT_HOOK_FORWARD, PRIORITY, 0);
	describe_served(view, served);
	if (!ret->failed)
		snprintf(ret->chains[chain].comment, NAT_NAME_MAX, "%s", served);
	nat_rule_add(ret, chain,
		     NAT_RULE({ NAT_CT_STATUS, NAT_STATUS_ASSURED, 0, "" },
			      { NAT_CT_REPLY_DADDR_IN, .name = SERVED_SET },
			      { NAT_FLOW_ADD, .name = "fast" }));
	return nat_ruleset_finish(ret);
}
