// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What both daemons tell as metrics (docs/METRICS.md): read when somebody asks, from where `status` has it. A part that can't
 * be read then has no samples, and eipgw_metrics_part_read says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cluster.h"
#include "daemon/report.h"
#include "metrics/text.h"
#include "nat/ct_stats.h"
#include "nat/keeper.h"
#include "nat/observe.h"
#include "netlink/traffic.h"

struct err;

enum scrape_part {
	SCRAPE_RULES,
	SCRAPE_CONNTRACK,
	SCRAPE_UPLINK,
	SCRAPE_TUNNEL,
	SCRAPE_DRIVER,
	SCRAPE_PART_COUNT
};
/* Bits of what there may be: of parts, of Kubernetes; what is above is for the daemons. */
#define SCRAPE_HAS(part) (1u << (part))
#define SCRAPE_HAS_CLUSTER (1u << SCRAPE_PART_COUNT)
#define SCRAPE_HAS_OWN (1u << (SCRAPE_PART_COUNT + 1)) /* the daemons' first bit */

#define SCRAPE_ALLOWANCES 5

struct scrape_source {
	const struct report_head *head;
	const struct policy_result *policies; /* NULL: not known yet */
	const char *uplink, *tunnel;          /* devices */
};

/* Borrows from its source. */
struct scrape {
	struct scrape_source source;
	unsigned has;
	uint64_t ready, transactions, connections_ended, reload_ok, is_synced, config_age_s;
	uint64_t cpu_us, memory_bytes;
	struct keeper_stats kernel;
	struct nat_observed counters, counters6;
	struct ct_stats conntrack;
	uint64_t conntrack_buckets; /* of the whole host */
	struct device_traffic uplink, tunnel;
	uint64_t allowances[SCRAPE_ALLOWANCES + 1]; /* the last one is what is left of conntrack's */
	uint8_t has_allowance[SCRAPE_ALLOWANCES + 1];
	struct cluster_status cluster;
};

void scrape_read(struct scrape *scrape, const struct scrape_source *source);
void scrape_done(struct scrape *scrape);

/* With a struct scrape, or what begins with one, as facts. */
extern const struct metric_table scrape_table;

/* What the named counters of our tables count, of one kind. */
struct scrape_counters {
	enum report_kind kind;
	const char *label; /* that gets the name; NULL: none, of the only one */
	bool is_bytes;
};
void scrape_put_counters(struct metrics_out *out, const struct scrape *s,
			 const struct scrape_counters *what);

/* One sample for each of `n` names, 1 for the one that counts: state sets. `first` is put before the label "state". */
void scrape_put_state(struct metrics_out *out, struct metric_label first, const char *const *names,
		      size_t n, size_t is);
