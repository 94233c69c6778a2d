// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Netlink datagrams. Each message is decoded from a block of exactly its size; what comes out is in its
 * bounds, and a route or rule that is held completely is the same after it was encoded and decoded.
 */
#include "fuzz.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/encode.h"
#include "netlink/rtnl.h"

static void check(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static int is_prefix(struct ip4_prefix p)
{
	return p.len <= 32 && (p.len == 32 || (p.addr.v & (UINT32_MAX >> p.len)) == 0);
}

static int is_text(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check_route(const struct rt_route *route)
{
	_Alignas(struct nlmsghdr) char buf[ENCODE_MAX];
	char text[RT_TEXT_MAX];
	struct rt_change again;

	check(route->type <= RT_OTHER && is_prefix(route->dst), "a route is out of bounds");
	check(strlen(rt_route_format(route, text)) < RT_TEXT_MAX - 1, "a route's text is cut");
	encode_route(buf, RTM_DELROUTE, 0, route);
	if (route->foreign_parts || route->multipath || route->type == RT_OTHER)
		return;
	check(rtnl_decode(encode_route(buf, RTM_NEWROUTE, 0, route), &again) == 0,
	      "a route isn't read again");
	check(rt_route_compare(route, &again.route) == 0, "a route changes when it is encoded");
}

static void check_rule(const struct rt_rule *rule)
{
	_Alignas(struct nlmsghdr) char buf[ENCODE_MAX];
	char text[RT_TEXT_MAX];
	struct rt_change again;

	check(rule->action <= RT_RULE_OTHER && is_prefix(rule->src) && is_prefix(rule->dst) &&
		      is_text(rule->iif, sizeof(rule->iif)) &&
		      is_text(rule->oif, sizeof(rule->oif)),
	      "a rule is out of bounds");
	check(strlen(rt_rule_format(rule, text)) < RT_TEXT_MAX - 1, "a rule's text is cut");
	encode_rule(buf, RTM_DELRULE, 0, rule);
	if (rule->foreign_parts || rule->action == RT_RULE_OTHER)
		return;
	check(rtnl_decode(encode_rule(buf, RTM_NEWRULE, 0, rule), &again) == 0,
	      "a rule isn't read again");
	check(rt_rule_compare(rule, &again.rule) == 0, "a rule changes when it is encoded");
}

static void check_change(const struct rt_change *change)
{
	switch (change->kind) {
	case RT_LINK:
		check(is_text(change->link.name, sizeof(change->link.name)) &&
			      is_text(change->link.kind, sizeof(change->link.kind)),
		      "a link is out of bounds");
		break;
	case RT_ADDR:
		check(change->addr.addr.len <= 32, "an address is out of bounds");
		break;
	case RT_NEIGH:
		break;
	case RT_ROUTE:
		check_route(&change->route);
		break;
	case RT_RULE:
		check_rule(&change->rule);
		break;
	}
}

static void decode_one(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = malloc(size);
	struct rt_change change;

	if (!nlh)
		return;
	memcpy(nlh, data, size);
	const int r = rtnl_decode(nlh, &change);
	check(r == 0 || r == -ENOMSG || r == -EBADMSG, "a code that isn't promised");
	if (r == 0)
		check_change(&change);
	free(nlh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr head;
		size_t step;

		memcpy(&head, data, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > size)
			return 0;
		decode_one(data, head.nlmsg_len);
		step = MNL_ALIGN((size_t)head.nlmsg_len);
		if (step >= size)
			return 0;
		data += step;
		size -= step;
	}
	return 0;
}
