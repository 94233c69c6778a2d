// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/rule.h"

#include <stdio.h>

#include "base/ip4.h"

/* How each operation reads in nft(8). %n = name, %m = mask, %v = value in hex, %d = value in decimal, %p = mask in decimal,
 * %a = value as an address. */
static const char *const op_texts[NAT_OP_KIND_COUNT] = {
	[NAT_IIF] = "iifname \"%n\"",
	[NAT_IIF_NOT] = "iifname != \"%n\"",
	[NAT_OIF] = "oifname \"%n\"",
	[NAT_OIF_NOT] = "oifname != \"%n\"",
	[NAT_SADDR_IN] = "ip saddr @%n",
	[NAT_SADDR_NOT_IN] = "ip saddr != @%n",
	[NAT_DADDR_IN] = "ip daddr @%n",
	[NAT_DADDR_NOT_IN] = "ip daddr != @%n",
	[NAT_IIF_SADDR_IN] = "iifname . ip saddr @%n",
	[NAT_IIF_SADDR_NOT_IN] = "iifname . ip saddr != @%n",
	[NAT_IIF_IN] = "iif @%n",
	[NAT_IIF_NOT_IN] = "iif != @%n",
	[NAT_MARK_IN] = "meta mark @%n",
	[NAT_DADDR6] = "ip6 daddr %n",
	[NAT_PROTOCOL] = "meta l4proto %d",
	[NAT_UDP_DPORT] = "udp dport %d",
	[NAT_TCP_FLAGS] = "tcp flags & %m == %v",
	[NAT_TCP_FLAGS_NOT] = "tcp flags & %m != %v",
	[NAT_MARK] = "meta mark & %m == %v",
	[NAT_MARK_NOT] = "meta mark & %m != %v",
	[NAT_CT_MARK] = "ct mark & %m == %v",
	[NAT_CT_MARK_NOT] = "ct mark & %m != %v",
	[NAT_CT_DIRECTION] = "ct direction %d",
	[NAT_CT_STATE] = "ct state & %m != 0",
	[NAT_CT_STATUS] = "ct status & %m != 0",
	[NAT_CT_STATUS_NOT] = "ct status & %m == 0",
	[NAT_CT_REPLY_DADDR_IN] = "ct reply ip daddr @%n",
	[NAT_SADDR_VMAP] = "ip saddr vmap @%n",
	[NAT_MARK_SADDR_VMAP] = "meta mark . ip saddr vmap @%n",
	[NAT_MARK_VMAP] = "meta mark vmap @%n",
	[NAT_CT_MARK_VMAP] = "ct mark & %m vmap @%n",
	[NAT_SET_MARK] = "meta mark set (meta mark & ~%m) | %v",
	[NAT_SET_CT_MARK] = "ct mark set (ct mark & ~%m) | %v",
	[NAT_SET_MARK_SADDR] = "meta mark set ip saddr",
	[NAT_SET_MARK_MAP] = "meta mark set meta mark . ip saddr map @%n",
	[NAT_LOAD_PORTS] = "ports = meta mark . ip saddr map @%n",
	[NAT_COUNT] = "counter name \"%n\"",
	[NAT_NOTRACK] = "notrack",
	[NAT_MSS_CLAMP] = "tcp option maxseg size set rt mtu",
	[NAT_FLOW_ADD] = "flow add @%n",
	[NAT_DUP] = "dup to %a device meta oif",
	[NAT_ACCEPT] = "accept",
	[NAT_DROP] = "drop",
	[NAT_RETURN] = "return",
	[NAT_JUMP] = "jump %n",
	[NAT_GOTO] = "goto %n",
	[NAT_REJECT_ADMIN] = "reject with icmp type admin-prohibited",
	[NAT_REJECT_ADMIN6] = "reject with icmpv6 type admin-prohibited",
	[NAT_REJECT_RESET] = "reject with tcp reset",
	[NAT_SNAT_SADDR] = "snat to ip saddr",
	[NAT_SNAT_MARK] = "snat to meta mark map @%n",
	[NAT_SNAT_MARK_PORTS] = "snat to meta mark map @%n:%p-%d",
	[NAT_SNAT_MARK_LOADED] = "snat to meta mark map @%n:ports",
};

static size_t format_op(const struct nat_op *op, char *buf, size_t size)
{
	char address[IP4_TEXT_MAX];
	size_t used = 0;

	for (const char *c = op_texts[op->kind]; *c && used + 1 < size; c++) {
		int n = 0;

		if (c[0] != '%')
			buf[used++] = *c;
		else if (*++c == 'n')
			n = snprintf(buf + used, size - used, "%s", op->name);
		else if (*c == 'd' || *c == 'p')
			n = snprintf(buf + used, size - used, "%u",
				     *c == 'd' ? op->value : op->mask);
		else if (*c == 'a')
			n = snprintf(buf + used, size - used, "%s",
				     ip4_format((struct ip4){ op->value }, address));
		else
			n = snprintf(buf + used, size - used, "0x%x",
				     *c == 'm' ? op->mask : op->value);
		used += (size_t)n < size - used ? (size_t)n : size - used - 1;
	}
	buf[used] = '\0';
	return used;
}

const char *nat_rule_format(const struct nat_rule *rule, char buf[static NAT_RULE_TEXT_MAX])
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < NAT_OPS_MAX && rule->ops[i].kind != NAT_OP_END; i++) {
		if (used && used + 2 < NAT_RULE_TEXT_MAX)
			buf[used++] = ' ';
		used += format_op(&rule->ops[i], buf + used, NAT_RULE_TEXT_MAX - used);
	}
	return buf;
}
