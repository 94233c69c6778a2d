// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Inside metrics: metrics.c reads, metrics_rows.c and metrics_ports.c have the families. */
#pragma once

#include "daemon/scrape.h"
#include "gateway/group/failover_numbers.h"
#include "gateway/group/takeovers.h"
#include "gateway/own/cloud.h"
#include "gateway/tell/state.h"
#include "natlog/natlog.h"

enum {
	HAS_OWN = SCRAPE_HAS_OWN,
	HAS_OUTSIDE = SCRAPE_HAS_OWN << 1,
	HAS_NATIVE = SCRAPE_HAS_OWN << 2,
	HAS_FAILOVER = SCRAPE_HAS_OWN << 3,
	HAS_HEARTBEATS = SCRAPE_HAS_OWN << 4,
	HAS_REPLICA = SCRAPE_HAS_OWN << 5,
	HAS_DRAIN = SCRAPE_HAS_OWN << 6,
	HAS_BLOCKS = SCRAPE_HAS_OWN << 7,
	HAS_LOG = SCRAPE_HAS_OWN << 8,
};

struct gateway_scrape {
	struct scrape common; /* the first one: rows of scrape_table take it for theirs */
	struct agent_state state;
	uint64_t draining, nodes;
	struct cloud_counts ec2;
	struct failover_numbers numbers;
	struct takeovers takeovers;
	struct natlog_status log;
};

extern const struct metric_table gateway_metric_table, gateway_log_metric_table;
extern const struct metric_table ports_metric_table;
