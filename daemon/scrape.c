// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/scrape.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon/frame.h"
#include "nat/nfnl.h"
#include "nat/sync.h"
#include "netlink/sync.h"
#include "netlink/sysctl.h"

/* As the driver of EC2's network interfaces (ena) calls them. */
static const char *const allowance_names[SCRAPE_ALLOWANCES + 1] = {
	"bw_in_allowance_exceeded",     "bw_out_allowance_exceeded",
	"pps_allowance_exceeded",       "conntrack_allowance_exceeded",
	"linklocal_allowance_exceeded", "conntrack_allowance_available",
};

static int read_counters(struct nat_sync *nat, struct nat_observed *ret, struct err *err)
{
	return nat ? nat_sync_counters(nat, ret, err) : 0;
}

static int read_rules(struct scrape *s, struct err *err)
{
	const struct report_head *head = s->source.head;
	int rc = read_counters(keeper_nat(head->keeper), &s->counters, err);

	if (!rc && head->counters6)
		rc = read_counters(keeper_nat_second(head->keeper), &s->counters6, err);
	return rc;
}

static void cleanup_nfnl(struct nfnl **nfnl)
{
	if (*nfnl)
		nfnl_close(*nfnl);
}

static int read_conntrack(struct scrape *s, struct err *err)
{
	CLEANUP(cleanup_nfnl) struct nfnl *nfnl = nfnl_open(err);
	char buckets[SYSCTL_VALUE_MAX];

	if (sysctl_read("net/netfilter/nf_conntrack_buckets", buckets, sizeof(buckets)) == 0)
		s->conntrack_buckets = strtoull(buckets, NULL, 10);
	return nfnl ? ct_stats_read(nfnl, &s->conntrack, err) : -1;
}

static int read_device(struct scrape *s, const char *name, struct device_traffic *ret,
		       struct err *err)
{
	struct net_sync *net = keeper_net_sync(s->source.head->keeper);

	return rtnl_device_traffic(net_sync_rtnl(net), name, ret, err);
}

static int read_uplink(struct scrape *s, struct err *err)
{
	return read_device(s, s->source.uplink, &s->uplink, err);
}

static int read_tunnel(struct scrape *s, struct err *err)
{
	return read_device(s, s->source.tunnel, &s->tunnel, err);
}

static int read_driver(struct scrape *s, struct err *err)
{
	struct driver_counters counters = { allowance_names, ARRAY_SIZE(allowance_names),
					    s->allowances, s->has_allowance };

	return driver_counters_read(s->source.uplink, &counters, err);
}

/* The second number of statm, in pages. */
static uint64_t read_memory(void)
{
	char text[SYSCTL_VALUE_MAX];
	const char *blank;

	if (sysctl_read("/proc/self/statm", text, sizeof(text)))
		return 0;
	blank = strchr(text, ' ');
	return blank ? strtoull(blank, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static void read_process(struct scrape *s)
{
	struct rusage usage = { 0 };

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		s->cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
	s->memory_bytes = read_memory();
}

void scrape_read(struct scrape *s, const struct scrape_source *source)
{
	static int (*const readers[SCRAPE_PART_COUNT])(struct scrape * s, struct err * err) = {
		[SCRAPE_RULES] = read_rules,   [SCRAPE_CONNTRACK] = read_conntrack,
		[SCRAPE_UPLINK] = read_uplink, [SCRAPE_TUNNEL] = read_tunnel,
		[SCRAPE_DRIVER] = read_driver,
	};
	const struct report_head *head = source->head;
	const struct frame_config_info config = frame_config_info(head->frame);

	*s = (struct scrape){ .source = *source };
	for (size_t i = 0; i < SCRAPE_PART_COUNT; i++) {
		struct err err = ERR_NULL;

		if (readers[i](s, &err) == 0)
			s->has |= SCRAPE_HAS(i);
		else
			log_debug("metrics", "%s", err.text);
	}
	s->kernel = keeper_stats(head->keeper);
	s->ready = frame_is_ready(head->frame);
	s->transactions = nat_sync_stats(keeper_nat(head->keeper)).transactions;
	s->connections_ended = head->connections_ended;
	s->reload_ok = !config.last_error[0];
	s->config_age_s = (uint64_t)config.loaded_seconds_ago;
	read_process(s);
	if (!head->cluster)
		return;
	cluster_status(head->cluster, &s->cluster);
	s->is_synced = s->cluster.is_synced;
	s->has |= SCRAPE_HAS_CLUSTER;
}

void scrape_done(struct scrape *s)
{
	nat_observed_done(&s->counters);
	nat_observed_done(&s->counters6);
}
