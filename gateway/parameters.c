// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/parameters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/gateway.h"
#include "daemon/kernel.h"
#include "daemon/sysctls.h"
#include "gateway/table/desired.h"
#include "netlink/rtnl.h"
#include "netlink/sysctl.h"

enum { CONNECTION_BYTES = 384, SHARE = 4, CONNECTIONS_MIN = 1 << 16, CONNECTIONS_MAX = 1 << 22 };
enum {
	CHAIN = 4,           /* connections to a bucket that are bearable, if the table is full */
	BUCKETS_STEP = 8192, /* the kernel rounds up to pages, which have 4 or 64 KiB */
	/* Each costs 800 instructions (Linux 6.1, counted in qemu): these hold up all packets for tens of milliseconds. */
	MOVED_MAX = 1 << 16,
};

uint32_t parameters_conntrack_max(uint64_t memory_bytes)
{
	uint64_t n = memory_bytes / SHARE / CONNECTION_BYTES;

	if (n < CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	return n > CONNECTIONS_MAX ? CONNECTIONS_MAX : (uint32_t)n;
}

uint32_t parameters_conntrack_buckets(uint32_t max, uint32_t buckets)
{
	const uint32_t want = max < CONNECTIONS_MAX ? max : CONNECTIONS_MAX;

	if (buckets >= want / CHAIN)
		return 0;
	return (want + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}

static uint32_t read_number(const char *key)
{
	char text[SYSCTL_VALUE_MAX];

	return sysctl_read(key, text, sizeof(text)) ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

/* The kernel moves all entries while it holds every lock, so it's done while there are few, and once. */
static void set_conntrack_buckets(void)
{
	static bool told;
	static const char key[] = "net/netfilter/nf_conntrack_buckets";
	struct err err = ERR_NULL;
	char value[16];

	if (told)
		return;
	const uint32_t now = read_number(key);
	const uint32_t max = read_number("net/netfilter/nf_conntrack_max");
	const uint32_t entries = read_number("net/netfilter/nf_conntrack_count");
	const uint32_t want = parameters_conntrack_buckets(max, now);

	if (!want)
		return;
	snprintf(value, sizeof(value), "%" PRIu32, want);
	if (entries > MOVED_MAX)
		err_set(&err, -EBUSY, "%" PRIu32 " connections would stand still meanwhile",
			entries);
	else if (sysctl_write_checked(key, value, &err) == 0)
		return;
	told = true;
	log_info("sysctl", "%s stays at %" PRIu32 ", %" PRIu32 " would suit nf_conntrack_max: %s",
		 key, now, want, err.text);
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

void parameters_set(const struct gateway_config *config)
{
	sysctls_set(&gateway_sysctls, SYSCTL_PLAIN, NULL);
	sysctls_set(&gateway_sysctls, SYSCTL_UPLINK, config->gateway.uplink);
	sysctls_set(&gateway_sysctls, SYSCTL_TUNNEL, config->tunnel.device);
	set_conntrack_max(config);
	set_conntrack_buckets();
}

static void guard_tunnel(struct rtnl *rtnl, const struct gateway_config *config)
{
	struct err err = ERR_NULL;
	struct rt_link tunnel;
	bool added = false;
	int rc = rtnl_link_by_name(rtnl, config->tunnel.device, &tunnel, &err);

	if (!rc)
		rc = guard_ensure(rtnl, tunnel.ifindex, &added, &err);
	if (rc)
		log_warning(MSG_GUARD_TUNNEL, "guard",
			    "%s; a flush of nftables would let pods' own addresses out to the VPC",
			    err.text);
	else if (added)
		log_info("guard", "filter on %s is in place", config->tunnel.device);
}

static void add_source(struct guard_sources *sources, struct ip4 source)
{
	for (size_t i = 0; i < sources->n; i++) {
		if (sources->v[i].v == source.v)
			return;
	}
	if (source.v && sources->n < ARRAY_SIZE(sources->v))
		sources->v[sources->n++] = source;
}

static void add_sources(struct guard_sources *sources, const struct gateway_view *view)
{
	add_source(sources, gateway_address(view));
	for (size_t i = 0; i < view->config->egress_ips.n; i++)
		add_source(sources, gateway_private(view, i));
}

static void put_sources(struct parameters_guard *guard, struct rtnl *rtnl,
			const struct gateway_view *view)
{
	struct err err = ERR_NULL;
	bool changed = false;

	/* Another device is the uplink now. If the former one is gone, so is its filter. */
	if (guard->uplink_ifindex && guard->uplink_ifindex != view->uplink_ifindex)
		(void)guard_remove_sources(rtnl, guard->uplink_ifindex, NULL);
	guard->uplink_ifindex = view->uplink_ifindex;
	if (guard_ensure_sources(rtnl, view->uplink_ifindex, &guard->sources, &changed, &err))
		log_warning(
			MSG_GUARD_UPLINK, "guard",
			"%s; packets that are under way at a flush of nftables may leave with pods' own addresses",
			err.text);
	else if (changed)
		log_info("guard", "filter on %s is in place sources=%zu",
			 view->config->gateway.uplink, guard->sources.n);
}

void parameters_widen_guard(struct parameters_guard *guard, struct rtnl *rtnl,
			    const struct gateway_view *view)
{
	struct guard_sources wide = { .n = 0 };

	/* The new ones first: if not all have room, they do. */
	add_sources(&wide, view);
	for (size_t i = 0; i < guard->sources.n; i++)
		add_source(&wide, guard->sources.v[i]);
	if (wide.n == guard->sources.n)
		return;
	guard->sources = wide;
	put_sources(guard, rtnl, view);
}

void parameters_settle_guard(struct parameters_guard *guard, struct rtnl *rtnl,
			     const struct gateway_view *view)
{
	guard_tunnel(rtnl, view->config);
	guard->sources.n = 0;
	add_sources(&guard->sources, view);
	put_sources(guard, rtnl, view);
}

/* Without a configuration nobody knows which device was the uplink. */
static int remove_guards(struct rtnl *rtnl, struct err *err)
{
	struct rt_links links = { 0 };
	int rc = rtnl_links(rtnl, &links, err);

	for (size_t i = 0; i < links.n && !rc; i++)
		rc = guard_remove_sources(rtnl, links.v[i].ifindex, err);
	free(links.v);
	return rc;
}

int parameters_remove_guard(struct rtnl *rtnl, const struct gateway_config *config, struct err *err)
{
	struct rt_link uplink;

	if (!config->gateway.uplink[0])
		return remove_guards(rtnl, err);
	int rc = rtnl_link_by_name(rtnl, config->gateway.uplink, &uplink, err);

	if (rc == -ENODEV)
		return 0;
	return rc ? rc : guard_remove_sources(rtnl, uplink.ifindex, err);
}
