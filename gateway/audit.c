// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/audit.h"

#include <netinet/in.h>

enum { NONE = -1 };

/* Which egress IP is carried by the address now, or NONE. */
static int egress_at(const struct gateway_view *view, struct ip4 address)
{
	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		if (address.v && gateway_private(view, i).v == address.v)
			return (int)i;
	}
	return NONE;
}

/*
 * A request of the self-test. From this host's own address no pod can have sent it: the kernel takes no packet
 * with such a source, and the connection mark of what is forwarded is never 0.
 */
static bool is_self_test(const struct gateway_view *view, const struct ct_entry *entry)
{
	struct ip4 self = gateway_address(view);

	return view->outside && self.v && entry->orig.src.v == self.v && entry->mark == 0 &&
	       entry->orig.protocol == IPPROTO_TCP;
}

/*
 * reply.dst is the address under which the connection leaves. A governed connection must leave with an
 * egress address of ours that serves: whichever it was given when it began, it keeps, also when new connections
 * of the pod get another. The mark tells our connections from the host's own. What leaves with a fenced address is the
 * other gateway's to judge: it is here for the time when we take over, and till then the fence stops it.
 */
bool gateway_audit_is_stale(const struct gateway_view *view, const struct ct_entry *entry)
{
	int egress = egress_at(view, entry->reply.dst);

	if (egress != NONE && gateway_is_fenced(view, (size_t)egress))
		return false;
	if (egress != NONE && is_self_test(view, entry))
		return false;
	if (gateway_rule_of(view, entry->orig.src, entry->orig.dst))
		return egress == NONE || !gateway_serves(view, (size_t)egress);
	return egress != NONE || entry->mark != 0;
}
