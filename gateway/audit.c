// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/audit.h"

#include "gateway/own.h"

static bool is_egress(const struct gateway_audit *audit, struct ip4 address)
{
	const struct gateway_egress *egress = audit->config->egress_ips.v;

	for (size_t i = 0; i < audit->config->egress_ips.n; i++) {
		struct ip4 private = audit->own ? own_private(audit->own, i) : egress[i].private;

		if (private.v && private.v == address.v)
			return true;
	}
	return false;
}

/*
 * reply.dst is the address under which the connection leaves. A governed connection must leave with an
 * egress address of ours: whichever it was given when it began, it keeps, also when new connections of the
 * pod get another. The mark tells our connections from the host's own.
 */
bool gateway_audit_is_stale(const struct gateway_audit *audit, const struct ct_entry *entry)
{
	bool translated = is_egress(audit, entry->reply.dst);

	if (policy_rule_of(audit->policies, entry->orig.src, entry->orig.dst))
		return !translated;
	return translated || entry->mark != 0;
}
