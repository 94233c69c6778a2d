// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Connections are counted where all of them are known, in usage.h: also those that another gateway began, and those from before
 * a reload or a restart. The kernel has only the set of sources that reached their limit, and asks it for first packets, which are
 * few. "ct count" would count in the kernel, exactly, but only what its own rule has seen, and would begin anew with each new set.
 *
 * A first packet is refused by an answer, so that an application knows at once. It's the first one if its connection isn't
 * confirmed: more datagrams of one that nobody answers are new to conntrack, too, but the connection is there and counted.
 */
#include "gateway/table/limits.h"

#include <stdio.h>

#include <netinet/in.h>

#include "gateway/table/limiter.h"

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* POLICY_MAX: the gateway's. */
static uint32_t find_limit(const struct gateway_view *view, const struct policy_class *class,
			   size_t *ret_policy)
{
	uint32_t limit = 0;

	*ret_policy = POLICY_MAX;
	for (size_t i = 0; i < class->n_rules; i++) {
		const uint32_t one = view->policies->connections[class->rules[i].policy];

		if (one && smaller(limit, one) == one && one != limit) {
			limit = one;
			*ret_policy = class->rules[i].policy;
		}
	}
	return limit ? limit : view->config->limits.connections_per_pod;
}

uint32_t limits_of(const struct gateway_view *view, const struct policy_class *class)
{
	size_t policy;

	return class ? find_limit(view, class, &policy) : 0;
}

uint32_t limits_smallest(const struct gateway_view *view)
{
	uint32_t limit = view->config->limits.connections_per_pod;

	for (size_t i = 0; view->policies && i < view->policies->n_policies; i++)
		limit = smaller(limit, view->policies->connections[i]);
	return limit;
}

static void add_set(const struct gateway_view *view, struct nat_ruleset *rs)
{
	size_t set = nat_set_add(rs, LIMITS_SET, NAT_SET_ADDR, LIMITER_MAX);
	bool is_limited;

	for (size_t i = 0; view->limiter && i < limiter_places(view->limiter); i++) {
		const struct ip4 source = limiter_at(view->limiter, i, &is_limited);

		if (is_limited)
			nat_elem_add(rs, set,
				     (struct nat_elem){ .first = source.v, .last = source.v });
	}
}

static void name_counter(char buf[static NAT_NAME_MAX], const char *policy)
{
	snprintf(buf, NAT_NAME_MAX, LIMITS_COUNTER_FORMAT, policy);
}

void limits_describe(const struct gateway_view *view, struct nat_ruleset *rs)
{
	char name[NAT_NAME_MAX];
	size_t chain;

	if (!limits_smallest(view))
		return;
	for (size_t i = 0; i < view->policies->n_policies; i++) {
		name_counter(name, view->policies->names[i]);
		if (view->policies->connections[i])
			nat_counter_add(rs, name);
	}
	add_set(view, rs);
	chain = nat_chain_add(rs, LIMITS_CHAIN, "");
	nat_rule_add(rs, chain,
		     NAT_RULE({ NAT_PROTOCOL, .value = IPPROTO_TCP }, { NAT_REJECT_RESET }));
	nat_rule_add(rs, chain, NAT_RULE({ NAT_REJECT_ADMIN }));
}

void limits_add_rule(const struct gateway_view *view, const struct policy_class *class,
		     struct nat_ruleset *rs, size_t chain)
{
	struct nat_rule rule = NAT_RULE({ NAT_CT_STATUS_NOT, NAT_STATUS_CONFIRMED, 0, "" },
					{ NAT_SADDR_IN, .name = LIMITS_SET },
					{ NAT_COUNT, .name = "limited" },
					{ NAT_GOTO, .name = LIMITS_CHAIN });
	size_t policy;

	if (!find_limit(view, class, &policy))
		return;
	if (policy < POLICY_MAX) {
		rule.ops[4] = rule.ops[3];
		rule.ops[3] = (struct nat_op){ .kind = NAT_COUNT };
		name_counter(rule.ops[3].name, view->policies->names[policy]);
	}
	nat_rule_add(rs, chain, rule);
}
