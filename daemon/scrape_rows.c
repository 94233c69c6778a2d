// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The families that both daemons have. A name that is here stays: people's alerts and charts have it. */
#include "daemon/scrape.h"

#include <string.h>

#include "base/cleanup.h"
#include "daemon/frame.h"

void scrape_put_state(struct metrics_out *out, struct metric_label first, const char *const *names,
		      size_t n, size_t is)
{
	for (size_t i = 0; i < n; i++) {
		if (first.name)
			metrics_put(out, METRIC_LABELS(first, { "state", names[i] }), i == is);
		else
			metrics_put(out, METRIC_LABELS({ "state", names[i] }), i == is);
	}
}

static void write_build(struct metrics_out *out, const void *facts)
{
	const struct report_head *head = ((const struct scrape *)facts)->source.head;

	metrics_put(out,
		    METRIC_LABELS({ "program", head->program }, { "version", EIPGW_VERSION },
				  { "name", head->name }),
		    1);
}

static void write_parts(struct metrics_out *out, const void *facts)
{
	static const char *const names[SCRAPE_PART_COUNT] = {
		[SCRAPE_RULES] = "rules",   [SCRAPE_CONNTRACK] = "conntrack",
		[SCRAPE_UPLINK] = "uplink", [SCRAPE_TUNNEL] = "tunnel",
		[SCRAPE_DRIVER] = "driver",
	};
	const struct scrape *s = facts;

	for (size_t i = 0; i < SCRAPE_PART_COUNT; i++)
		metrics_put(out, METRIC_LABELS({ "part", names[i] }), !!(s->has & SCRAPE_HAS(i)));
}

static void write_kernel_state(struct metrics_out *out, const void *facts)
{
	const struct scrape *s = facts;

	scrape_put_state(out, (struct metric_label){ 0 }, keeper_state_names, KEEPER_STATE_COUNT,
			 keeper_state(s->source.head->keeper));
}

static void write_table(struct metrics_out *out, const struct nat_observed *seen,
			const struct report_counter *known, const struct scrape_counters *what)
{
	for (; known && known->name; known++) {
		for (size_t i = 0; known->kind == what->kind && i < seen->n_counters; i++) {
			const struct nat_seen_counter *c = &seen->counters[i];
			const uint64_t value = what->is_bytes ? c->bytes : c->packets;

			if (strcmp(c->name, known->name) != 0)
				continue;
			if (what->label)
				metrics_put(out, METRIC_LABELS({ what->label, c->name }), value);
			else
				metrics_put(out, METRIC_NO_LABELS, value);
		}
	}
}

void scrape_put_counters(struct metrics_out *out, const struct scrape *s,
			 const struct scrape_counters *what)
{
	write_table(out, &s->counters, s->source.head->counters, what);
	write_table(out, &s->counters6, s->source.head->counters6, what);
}

static void write_dropped(struct metrics_out *out, const void *facts)
{
	scrape_put_counters(out, facts, &(struct scrape_counters){ REPORT_DROPS, "reason", false });
}

static void write_dropped_bytes(struct metrics_out *out, const void *facts)
{
	scrape_put_counters(out, facts, &(struct scrape_counters){ REPORT_DROPS, "reason", true });
}

static void write_devices(struct metrics_out *out, const struct scrape *s, size_t offset)
{
	const struct {
		unsigned has;
		const char *name, *role, *direction;
		const struct traffic *traffic;
	} ways[] = {
		{ SCRAPE_UPLINK, s->source.uplink, "uplink", "received", &s->uplink.received },
		{ SCRAPE_UPLINK, s->source.uplink, "uplink", "sent", &s->uplink.sent },
		{ SCRAPE_TUNNEL, s->source.tunnel, "tunnel", "received", &s->tunnel.received },
		{ SCRAPE_TUNNEL, s->source.tunnel, "tunnel", "sent", &s->tunnel.sent },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint64_t value;

		memcpy(&value, (const char *)ways[i].traffic + offset, sizeof(value));
		if (s->has & SCRAPE_HAS(ways[i].has))
			metrics_put(out,
				    METRIC_LABELS({ "device", ways[i].name },
						  { "role", ways[i].role },
						  { "direction", ways[i].direction }),
				    value);
	}
}

static void write_packets(struct metrics_out *out, const void *facts)
{
	write_devices(out, facts, offsetof(struct traffic, packets));
}

static void write_bytes(struct metrics_out *out, const void *facts)
{
	write_devices(out, facts, offsetof(struct traffic, bytes));
}

static void write_errors(struct metrics_out *out, const void *facts)
{
	write_devices(out, facts, offsetof(struct traffic, errors));
}

static void write_device_drops(struct metrics_out *out, const void *facts)
{
	write_devices(out, facts, offsetof(struct traffic, dropped));
}

static void write_allowances(struct metrics_out *out, const void *facts)
{
	static const char *const labels[SCRAPE_ALLOWANCES] = { "bw_in", "bw_out", "pps",
							       "conntrack", "linklocal" };
	const struct scrape *s = facts;

	for (size_t i = 0; i < SCRAPE_ALLOWANCES; i++) {
		if (s->has_allowance[i])
			metrics_put(out, METRIC_LABELS({ "allowance", labels[i] }),
				    s->allowances[i]);
	}
}

static void write_allowance_left(struct metrics_out *out, const void *facts)
{
	const struct scrape *s = facts;

	if (s->has_allowance[SCRAPE_ALLOWANCES])
		metrics_put(out, METRIC_NO_LABELS, s->allowances[SCRAPE_ALLOWANCES]);
}

static void write_policies(struct metrics_out *out, const void *facts)
{
	const struct scrape *s = facts;
	const struct policy_result *policies = s->source.policies;

	for (size_t i = 0; policies && i < policies->n_policies; i++)
		metrics_put(out, METRIC_LABELS({ "policy", policies->names[i] }),
			    report_sources(policies, s->source.head->cluster, i));
}

static void write_latency(struct metrics_out *out, const void *facts)
{
	const struct latency_summary *latency =
		&((const struct scrape *)facts)->cluster.to_kernel_us;

	metrics_put_histogram(out, METRIC_NO_LABELS,
			      &(struct metric_histogram){ latency_bounds_us, latency->histogram,
							  LATENCY_BOUNDS, latency->sum_us });
}

#define AT(member) .offset = METRIC_AT(struct scrape, member)

static const struct metric_row rows[] = {
	{ .family = { "eipgw_build", METRIC_INFO, NULL,
		      "The program and its version, and the name of this gateway or node" },
	  .write = write_build },
	{ .family = { "eipgw_metrics_part_read", METRIC_GAUGE, NULL,
		      "Whether this part of what metrics tell could be read just now" },
	  .write = write_parts },
	{ .family = { "eipgw_ready", METRIC_GAUGE, NULL,
		      "Whether all that is wanted has been in the kernel since the start" },
	  AT(ready) },
	{ .family = { "eipgw_config_reload_ok", METRIC_GAUGE, NULL,
		      "Whether the configuration in force is the last one that was to be loaded" },
	  AT(reload_ok) },
	{ .family = { "eipgw_config_age_seconds", METRIC_GAUGE, "seconds",
		      "Since the configuration in force was loaded" },
	  AT(config_age_s) },
	{ .family = { "eipgw_kernel_state", METRIC_GAUGE, NULL,
		      "Whether the kernel has what it should; degraded: a change failed and is tried "
		      "again" },
	  .write = write_kernel_state },
	{ .family = { "eipgw_kernel_repairs", METRIC_COUNTER, NULL,
		      "Times that the kernel differed although nothing else was wanted, and was put "
		      "right" },
	  AT(kernel.repairs) },
	{ .family = { "eipgw_kernel_reconciles", METRIC_COUNTER, NULL,
		      "Times that all of it was read and compared" },
	  AT(kernel.runs) },
	{ .family = { "eipgw_kernel_failures", METRIC_COUNTER, NULL, "Reconciles that failed" },
	  AT(kernel.failures) },
	{ .family = { "eipgw_kernel_changes", METRIC_COUNTER, NULL,
		      "Small changes that went to the kernel without a reconcile" },
	  AT(kernel.changes) },
	{ .family = { "eipgw_kernel_transactions", METRIC_COUNTER, NULL,
		      "Transactions of nf_tables" },
	  AT(transactions) },
	{ .family = { "eipgw_kernel_rules", METRIC_GAUGE, NULL, "Rules in nf_tables" },
	  AT(kernel.rules) },
	{ .family = { "eipgw_kernel_elements", METRIC_GAUGE, NULL,
		      "Elements of sets and maps in nf_tables" },
	  AT(kernel.elements) },
	{ .family = { "eipgw_kernel_routes", METRIC_GAUGE, NULL, "Routes" }, AT(kernel.routes) },
	{ .family = { "eipgw_kernel_ip_rules", METRIC_GAUGE, NULL, "Routing rules" },
	  AT(kernel.ip_rules) },
	{ .family = { "eipgw_connections_ended", METRIC_COUNTER, NULL,
		      "Tracked connections that were ended, since what they are bound to was wrong" },
	  AT(connections_ended) },
	{ .family = { "eipgw_dropped_packets", METRIC_COUNTER, "packets",
		      "Packets that were dropped, rejected or reset, by the counter in nf_tables" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_dropped },
	{ .family = { "eipgw_dropped_bytes", METRIC_COUNTER, "bytes", "Their bytes" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_dropped_bytes },
	{ .family = { "eipgw_conntrack_entries", METRIC_GAUGE, "entries",
		      "Tracked connections in the kernel's table" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.entries) },
	{ .family = { "eipgw_conntrack_max_entries", METRIC_GAUGE, "entries",
		      "How many it can have" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.max) },
	{ .family = { "eipgw_conntrack_buckets", METRIC_GAUGE, NULL,
		      "Buckets of its hash: with more connections than these, packets walk chains" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack_buckets) },
	{ .family = { "eipgw_conntrack_insert_failed_packets", METRIC_COUNTER, "packets",
		      "First packets of connections that got no entry: no port was left for the "
		      "destination, or a race was lost" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.insert_failed) },
	{ .family = { "eipgw_conntrack_dropped_packets", METRIC_COUNTER, "packets",
		      "Packets that connection tracking dropped: as above, or since its table was "
		      "full" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.drop) },
	{ .family = { "eipgw_conntrack_evicted_entries", METRIC_COUNTER, "entries",
		      "Connections that were ended to make room in the full table" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.early_drop) },
	{ .family = { "eipgw_conntrack_invalid_packets", METRIC_COUNTER, "packets",
		      "Packets that belong to no connection" },
	  .needs = SCRAPE_HAS(SCRAPE_CONNTRACK),
	  AT(conntrack.invalid) },
	{ .family = { "eipgw_device_packets", METRIC_COUNTER, "packets",
		      "Packets of the uplink and the tunnel, by direction" },
	  .write = write_packets },
	{ .family = { "eipgw_device_bytes", METRIC_COUNTER, "bytes", "Their bytes" },
	  .write = write_bytes },
	{ .family = { "eipgw_device_error_packets", METRIC_COUNTER, "packets",
		      "Packets that the device couldn't receive or send" },
	  .write = write_errors },
	{ .family = { "eipgw_device_dropped_packets", METRIC_COUNTER, "packets",
		      "Packets that the device dropped" },
	  .write = write_device_drops },
	{ .family = { "eipgw_ena_allowance_exceeded_packets", METRIC_COUNTER, "packets",
		      "Packets that EC2 queued or dropped, since the instance has used up an "
		      "allowance" },
	  .needs = SCRAPE_HAS(SCRAPE_DRIVER),
	  .write = write_allowances },
	{ .family = { "eipgw_ena_conntrack_available_connections", METRIC_GAUGE, "connections",
		      "How many more connections EC2 can track for the instance" },
	  .needs = SCRAPE_HAS(SCRAPE_DRIVER),
	  .write = write_allowance_left },
	{ .family = { "eipgw_policy_sources", METRIC_GAUGE, NULL,
		      "Addresses that the policy selects, as far as this daemon knows" },
	  .write = write_policies },
	{ .family = { "eipgw_kubernetes_synced", METRIC_GAUGE, NULL,
		      "Whether all kinds of objects have been read once" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(is_synced) },
	{ .family = { "eipgw_kubernetes_failing_seconds", METRIC_GAUGE, "seconds",
		      "Since when the API server can't be followed; 0: it is" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.error_seconds) },
	{ .family = { "eipgw_kubernetes_failures", METRIC_COUNTER, NULL,
		      "Lists and watches that failed" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.failures) },
	{ .family = { "eipgw_kubernetes_lists", METRIC_COUNTER, NULL, "Lists" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.lists) },
	{ .family = { "eipgw_kubernetes_watches", METRIC_COUNTER, NULL, "Watches" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.watches) },
	{ .family = { "eipgw_kubernetes_events", METRIC_COUNTER, NULL, "Events of watches" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.events) },
	{ .family = { "eipgw_kubernetes_objects", METRIC_GAUGE, NULL, "Objects that are known" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.objects) },
	{ .family = { "eipgw_pod_events", METRIC_COUNTER, NULL,
		      "Events of pods since all was known" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  AT(cluster.pod_events) },
	{ .family = { "eipgw_event_to_kernel_seconds", METRIC_HISTOGRAM, "seconds",
		      "From the arrival of a pod's event until what follows from it was in the "
		      "kernel" },
	  .needs = SCRAPE_HAS_CLUSTER,
	  .write = write_latency },
	{ .family = { "process_cpu_seconds", METRIC_COUNTER, "seconds",
		      "Of the daemon, user and system" },
	  .decimals = 6,
	  AT(cpu_us) },
	{ .family = { "process_resident_memory_bytes", METRIC_GAUGE, "bytes", "Of the daemon" },
	  AT(memory_bytes) },
};
const struct metric_table scrape_table = { rows, ARRAY_SIZE(rows) };
