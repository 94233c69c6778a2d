// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/sysctls.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "daemon/kernel.h"

static const struct sysctl_row gateway_rows[] = {
	{ SYSCTL_PLAIN, "net/ipv4/ip_forward", "1", "nothing is forwarded" },
	{ SYSCTL_PLAIN, "net/ipv4/conf/all/send_redirects", "0",
	  "nodes may be told to go another way" },
	{ SYSCTL_PLAIN, "net/ipv4/conf/default/send_redirects", "0",
	  "nodes may be told to go another way" },
	/* The kernel takes the larger of this and the device's. Sources are checked by our own rules (mark and
	 * source address) and by the VPC. */
	{ SYSCTL_PLAIN, "net/ipv4/conf/all/rp_filter", "0",
	  "each packet costs a second lookup of its source" },
	{ SYSCTL_PLAIN, "net/netfilter/nf_conntrack_events", "1",
	  "connections may be missing in the NAT log" },
	{ SYSCTL_PLAIN, "net/netfilter/nf_conntrack_acct", "1",
	  "the NAT log has no packet and byte counts" },
	{ SYSCTL_PLAIN, "net/netfilter/nf_conntrack_timestamp", "1",
	  "the NAT log has no start times" },
	/* After a takeover windows are unknown; a strict check would drop what it has not seen grow. */
	{ SYSCTL_PLAIN, "net/netfilter/nf_conntrack_tcp_be_liberal", "1",
	  "connections may stall after a takeover" },
	/* Mid-stream pick-up of connections that were not replicated. */
	{ SYSCTL_PLAIN, "net/netfilter/nf_conntrack_tcp_loose", "1",
	  "connections may break after a takeover" },
	{ SYSCTL_UPLINK, "net/ipv4/conf/%s/send_redirects", "0",
	  "nodes may be told to go another way" },
	{ SYSCTL_UPLINK, "net/ipv4/conf/%s/rp_filter", "0",
	  "each packet costs a second lookup of its source" },
	{ SYSCTL_TUNNEL, "net/ipv4/conf/%s/rp_filter", "0",
	  "each packet costs a second lookup of its source" },
};
const struct sysctl_table gateway_sysctls = { gateway_rows, ARRAY_SIZE(gateway_rows) };

static const struct sysctl_row node_rows[] = {
	{ SYSCTL_PLAIN, "net/ipv4/ip_forward", "1", "pods of this node can't be forwarded" },
	/* The kernel gives a new device the default value; with an address on the device, loose mode is right
	 * whatever conf.all says, since the kernel takes the larger of both. */
	{ SYSCTL_TUNNEL, "net/ipv4/conf/%s/rp_filter", "2",
	  "replies out of the tunnel may be dropped" },
};
const struct sysctl_table node_sysctls = { node_rows, ARRAY_SIZE(node_rows) };

const char *sysctl_row_key(const struct sysctl_row *row, const char *device,
			   char buf[static SYSCTL_KEY_MAX])
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, SYSCTL_KEY_MAX, row->key, device);
#pragma GCC diagnostic pop
	return buf;
}

void sysctls_set(const struct sysctl_table *table, enum sysctl_place place, const char *device)
{
	char key[SYSCTL_KEY_MAX];

	for (size_t i = 0; i < table->n; i++) {
		const struct sysctl_row *const row = &table->rows[i];

		if (row->place == place)
			kernel_set(sysctl_row_key(row, device, key), row->value, row->meaning);
	}
}
