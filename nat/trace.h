// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Pure: the way of a forwarded packet through a desired ruleset and desired routing, step by step:
 * prerouting, routing decision, forward, postrouting. What `eipgw explain` shows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "nat/eval.h"
#include "nat/ruleset.h"
#include "netlink/plan.h"

struct nat_trace_step {
	char where[NAT_RULE_TEXT_MAX + NAT_NAME_MAX +
		   16]; /* "chain steer: iifname ..." or an ip rule or route */
	bool match;
};

struct nat_trace {
	struct nat_trace_step *v;
	size_t n;
	bool dropped;
	char dropped_by[NAT_NAME_MAX];  /* the counter that counted it last, "" if none did */
	bool translated;                /* a source translation was chosen: packet.src has it */
	struct ip4 source;              /* after translation */
	uint16_t first_port, last_port; /* of those that it may get; 0, 0: any */
	bool has_own_ports;             /* nobody else gets these */
	struct rt_encap encap;          /* dst.v == 0: not into a tunnel */
	char oif[16];
};

/*
 * `packet` has iif, addresses, protocol and conntrack state of a first packet; other_oif is where it goes
 * when no route of ours catches it. 0 or -ENOMEM; free with nat_trace_done.
 */
int nat_trace(const struct nat_ruleset *ruleset, const struct net_desired *net,
	      struct nat_packet packet, const char *other_oif, struct nat_trace *ret);
void nat_trace_done(struct nat_trace *trace);
