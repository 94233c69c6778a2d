// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/audit.h"

static bool is_egress(const struct gateway_config *config, struct ip4 address)
{
	const struct gateway_egress *egress = config->egress_ips.v;

	for (size_t i = 0; i < config->egress_ips.n; i++) {
		if (egress[i].private.v == address.v)
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
	bool translated = is_egress(audit->config, entry->reply.dst);

	if (policy_rule_of(audit->policies, entry->orig.src, entry->orig.dst))
		return !translated;
	return translated || entry->mark != 0;
}
