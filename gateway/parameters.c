// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/parameters.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/kernel.h"
#include "gateway/config.h"
#include "netlink/guard.h"
#include "netlink/rtnl.h"
#include "netlink/sysctl.h"

enum { CONNECTION_BYTES = 384, SHARE = 4, CONNECTIONS_MIN = 1 << 16, CONNECTIONS_MAX = 1 << 22 };

/* %s stands for the uplink or, in the second table, the tunnel. */
static const struct parameter {
	const char *key, *value, *meaning;
} plain[] = {
	{ "net/ipv4/ip_forward", "1", "nothing is forwarded" },
	{ "net/ipv4/conf/all/send_redirects", "0", "nodes may be told to go another way" },
	{ "net/ipv4/conf/default/send_redirects", "0", "nodes may be told to go another way" },
	/* The kernel takes the larger of this and the device's. Sources are checked by our own rules (mark and
	 * source address) and by the VPC. */
	{ "net/ipv4/conf/all/rp_filter", "0", "each packet costs a second lookup of its source" },
	{ "net/netfilter/nf_conntrack_events", "1", "connections may be missing in the NAT log" },
	{ "net/netfilter/nf_conntrack_acct", "1", "the NAT log has no packet and byte counts" },
	{ "net/netfilter/nf_conntrack_timestamp", "1", "the NAT log has no start times" },
	/* After a takeover windows are unknown; a strict check would drop what it has not seen grow. */
	{ "net/netfilter/nf_conntrack_tcp_be_liberal", "1", "connections may stall after a takeover" },
	/* Mid-stream pick-up of connections that were not replicated. */
	{ "net/netfilter/nf_conntrack_tcp_loose", "1", "connections may break after a takeover" },
}, per_uplink[] = {
	{ "net/ipv4/conf/%s/send_redirects", "0", "nodes may be told to go another way" },
	{ "net/ipv4/conf/%s/rp_filter", "0", "each packet costs a second lookup of its source" },
}, per_tunnel[] = {
	{ "net/ipv4/conf/%s/rp_filter", "0", "each packet costs a second lookup of its source" },
};

uint32_t parameters_conntrack_max(uint64_t memory_bytes)
{
	uint64_t n = memory_bytes / SHARE / CONNECTION_BYTES;

	if (n < CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	return n > CONNECTIONS_MAX ? CONNECTIONS_MAX : (uint32_t)n;
}

/*
 * Only ever raised: an operator's larger table stays. Outside the first network namespace the kernel shows
 * the parameter and lets nobody write it; what nobody asked for is then no warning.
 */
static void set_conntrack_max(const struct gateway_config *config)
{
	static bool told;
	static const char key[] = "net/netfilter/nf_conntrack_max";
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	uint32_t want = config->conntrack_max ? config->conntrack_max :
						parameters_conntrack_max(memory);
	char now[SYSCTL_VALUE_MAX] = "?", value[16];

	if (sysctl_read(key, now, sizeof(now)) == 0 && strtoul(now, NULL, 10) >= want)
		return;
	snprintf(value, sizeof(value), "%" PRIu32, want);
	if (config->conntrack_max) {
		kernel_set(key, value, "new connections fail when the table is full");
	} else if (sysctl_write_checked(key, value, NULL) && !told) {
		told = true;
		log_info("sysctl", "%s stays at %s, %s would suit the memory", key, now, value);
	}
}

static void set_all(const struct parameter *parameters, size_t n, const char *device)
{
	char key[128];

	for (size_t i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(key, sizeof(key), parameters[i].key, device);
#pragma GCC diagnostic pop
		kernel_set(key, parameters[i].value, parameters[i].meaning);
	}
}

void parameters_set(const struct gateway_config *config)
{
	set_all(plain, ARRAY_SIZE(plain), "");
	set_all(per_uplink, ARRAY_SIZE(per_uplink), config->gateway.uplink);
	set_all(per_tunnel, ARRAY_SIZE(per_tunnel), config->tunnel.device);
	set_conntrack_max(config);
}

void parameters_guard(struct rtnl *rtnl, const struct gateway_config *config)
{
	struct err err = ERR_NULL;
	struct rt_link tunnel;
	bool added = false;
	int rc = rtnl_link_by_name(rtnl, config->tunnel.device, &tunnel, &err);

	if (!rc)
		rc = guard_ensure(rtnl, tunnel.ifindex, &added, &err);
	if (rc)
		log_warning("guard",
			    "%s; a flush of nftables would let pods' own addresses out to the VPC",
			    err.text);
	else if (added)
		log_info("guard", "filter on %s is in place", config->tunnel.device);
}
