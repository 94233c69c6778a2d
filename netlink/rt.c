// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "netlink/rt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "netlink/plan.h"
#include "netlink/text.h"

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

int rt_route_key_compare(const struct rt_route *a, const struct rt_route *b)
{
	COMPARE(a->table, b->table);
	COMPARE(a->dst.addr.v, b->dst.addr.v);
	COMPARE(a->dst.len, b->dst.len);
	COMPARE(a->metric, b->metric);
	COMPARE(a->tos, b->tos);
	return 0;
}

static int encap_compare(const struct rt_encap *a, const struct rt_encap *b)
{
	COMPARE(a->dst.v, b->dst.v);
	COMPARE(a->src.v, b->src.v);
	COMPARE(a->id, b->id);
	COMPARE(a->ttl, b->ttl);
	return 0;
}

int rt_route_compare(const struct rt_route *a, const struct rt_route *b)
{
	int order = rt_route_key_compare(a, b);

	if (order)
		return order;
	COMPARE(a->protocol, b->protocol);
	COMPARE(a->type, b->type);
	COMPARE(a->scope, b->scope);
	COMPARE(a->gateway.v, b->gateway.v);
	COMPARE(a->oif, b->oif);
	COMPARE(a->mtu, b->mtu);
	COMPARE(a->onlink, b->onlink);
	COMPARE(a->multipath, b->multipath);
	COMPARE(a->foreign_parts, b->foreign_parts);
	return encap_compare(&a->encap, &b->encap);
}

static int rule_selectors_compare(const struct rt_rule *a, const struct rt_rule *b)
{
	int order;

	COMPARE(a->mark, b->mark);
	COMPARE(a->mark_mask, b->mark_mask);
	COMPARE(a->src.addr.v, b->src.addr.v);
	COMPARE(a->src.len, b->src.len);
	COMPARE(a->dst.addr.v, b->dst.addr.v);
	COMPARE(a->dst.len, b->dst.len);
	order = strncmp(a->iif, b->iif, sizeof(a->iif));
	if (order)
		return order;
	return strncmp(a->oif, b->oif, sizeof(a->oif));
}

int rt_rule_compare(const struct rt_rule *a, const struct rt_rule *b)
{
	COMPARE(a->priority, b->priority);
	COMPARE(a->action, b->action);
	COMPARE(a->table, b->table);
	COMPARE(a->target, b->target);
	COMPARE(a->protocol, b->protocol);
	COMPARE(a->foreign_parts, b->foreign_parts);
	return rule_selectors_compare(a, b);
}

size_t text_add(char buf[static RT_TEXT_MAX], size_t used, const char *format, ...)
{
	va_list args;
	int n;

	if (used >= RT_TEXT_MAX - 1)
		return RT_TEXT_MAX - 1;
	va_start(args, format);
	n = vsnprintf(buf + used, RT_TEXT_MAX - used, format, args);
	va_end(args);
	if (n < 0)
		return used;
	used += (size_t)n;
	return used < RT_TEXT_MAX - 1 ? used : RT_TEXT_MAX - 1;
}

static size_t add_prefix(char buf[static RT_TEXT_MAX], size_t used, struct ip4_prefix prefix,
			 const char *any)
{
	char text[IP4_PREFIX_TEXT_MAX];

	if (prefix.len == 0)
		return text_add(buf, used, "%s", any);
	if (prefix.len == 32)
		return text_add(buf, used, "%s", ip4_format(prefix.addr, text));
	return text_add(buf, used, "%s", ip4_prefix_format(prefix, text));
}

static size_t add_encap(char buf[static RT_TEXT_MAX], size_t used, const struct rt_encap *encap)
{
	char text[IP4_TEXT_MAX];

	used = text_add(buf, used, " encap ip id %u", encap->id);
	if (encap->src.v)
		used = text_add(buf, used, " src %s", ip4_format(encap->src, text));
	used = text_add(buf, used, " dst %s", ip4_format(encap->dst, text));
	if (encap->ttl)
		used = text_add(buf, used, " ttl %u", encap->ttl);
	return used;
}

static size_t add_next_hop(char buf[static RT_TEXT_MAX], size_t used, const struct rt_route *route,
			   const char *tunnel)
{
	char text[IP4_TEXT_MAX];

	if (route->encap.dst.v)
		used = add_encap(buf, used, &route->encap);
	if (route->gateway.v)
		used = text_add(buf, used, " via %s", ip4_format(route->gateway, text));
	if (route->oif == RT_OIF_TUNNEL)
		used = text_add(buf, used, " dev %s", tunnel);
	else if (route->oif) /* iproute2 takes "ifN" for the device with index N. */
		used = text_add(buf, used, " dev if%d", route->oif);
	if (route->onlink)
		used = text_add(buf, used, " onlink");
	if (route->multipath)
		used = text_add(buf, used, " nexthop ...");
	return used;
}

size_t text_add_route(char buf[static RT_TEXT_MAX], size_t used, const struct rt_route *route,
		      const char *tunnel)
{
	static const char *const types[] = {
		[RT_UNICAST] = "",
		[RT_BLACKHOLE] = "blackhole ",
		[RT_THROW] = "throw ",
		[RT_OTHER] = "other ",
	};

	used = text_add(buf, used, "%s", types[route->type <= RT_OTHER ? route->type : RT_OTHER]);
	used = add_prefix(buf, used, route->dst, "default");
	used = add_next_hop(buf, used, route, tunnel);
	used = text_add(buf, used, " table %u", route->table);
	if (route->metric)
		used = text_add(buf, used, " metric %u", route->metric);
	if (route->tos)
		used = text_add(buf, used, " tos %#x", route->tos);
	if (route->mtu)
		used = text_add(buf, used, " mtu %u", route->mtu);
	if (route->protocol)
		used = text_add(buf, used, " proto %u", route->protocol);
	return used;
}

size_t text_add_rule(char buf[static RT_TEXT_MAX], size_t used, const struct rt_rule *rule)
{
	used = text_add(buf, used, "from ");
	used = add_prefix(buf, used, rule->src, "all");
	if (rule->dst.len) {
		used = text_add(buf, used, " to ");
		used = add_prefix(buf, used, rule->dst, "all");
	}
	if (rule->mark_mask)
		used = text_add(buf, used, " fwmark %#x/%#x", rule->mark, rule->mark_mask);
	if (rule->iif[0])
		used = text_add(buf, used, " iif %.15s", rule->iif);
	if (rule->oif[0])
		used = text_add(buf, used, " oif %.15s", rule->oif);
	if (rule->foreign_parts)
		used = text_add(buf, used, " ...");
	switch (rule->action) {
	case RT_RULE_TABLE:
		used = text_add(buf, used, " lookup %u", rule->table);
		break;
	case RT_RULE_GOTO:
		used = text_add(buf, used, " goto %u", rule->target);
		break;
	case RT_RULE_NOP:
		used = text_add(buf, used, " nop");
		break;
	case RT_RULE_BLACKHOLE:
		used = text_add(buf, used, " blackhole");
		break;
	default:
		used = text_add(buf, used, " other");
		break;
	}
	if (rule->protocol)
		used = text_add(buf, used, " protocol %u", rule->protocol);
	return used;
}

const char *rt_route_format(const struct rt_route *route, char buf[static RT_TEXT_MAX])
{
	text_add_route(buf, 0, route, "tunnel");
	return buf;
}

const char *rt_rule_format(const struct rt_rule *rule, char buf[static RT_TEXT_MAX])
{
	size_t used = text_add(buf, 0, "%u: ", rule->priority);

	text_add_rule(buf, used, rule);
	return buf;
}
