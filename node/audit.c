// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/audit.h"

/*
 * orig.src is who opened the connection; reply.src is where it really goes (after a service's DNAT);
 * reply.dst is the address under which it leaves the node.
 */
bool node_audit_is_stale(const struct node_audit *audit, const struct ct_entry *entry)
{
	bool flagged = (entry->mark & audit->flag) != 0;

	if (policy_rule_of(audit->policies, entry->orig.src, entry->reply.src))
		return entry->reply.dst.v != entry->orig.src.v; /* leaves as somebody else */
	if (!flagged)
		return false;
	/* Picked up the wrong way round after a loss of the table: the pod is the one that is answered. */
	return !policy_rule_of(audit->policies, entry->reply.src, entry->orig.src);
}
