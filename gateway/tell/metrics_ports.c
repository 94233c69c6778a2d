// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The families of what is in use of egress IPs (portwatch.h). A name that is here stays. */
#include "gateway/tell/metrics_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mono.h"
#include "gateway/table/limiter.h"
#include "gateway/table/limits.h"
#include "gateway/use/blockuse.h"
#include "gateway/use/ports.h"
#include "gateway/use/portwatch.h"
#include "gateway/use/pressure.h"
#include "gateway/use/traffic.h"
#include "gateway/use/usage.h"

/* Of destinations with fewer ports than a tenth nobody wants a time series; so there are few, however many are talked to. */
enum { HOTTEST = 10, HOT_PERCENT = 10 };

static const struct usage *usage_of(const struct gateway_scrape *g)
{
	return traffic_usage(portwatch_traffic(g->state.portwatch));
}

static const char *name_of(const struct gateway_scrape *g, size_t i)
{
	const struct gateway_egress *egress = g->state.view.config->egress_ips.v;

	return egress[i].name;
}

static void put_totals(struct metrics_out *out, const struct gateway_scrape *g,
		       uint64_t (*get)(const struct usage_total *total))
{
	struct usage_total totals[POLICY_EGRESS_MAX];

	usage_totals(usage_of(g), totals);
	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		metrics_put(out, METRIC_LABELS({ "egress_ip", name_of(g, i) }), get(&totals[i]));
}

static uint64_t get_connections(const struct usage_total *total)
{
	return total->connections;
}

static void write_connections(struct metrics_out *out, const void *facts)
{
	put_totals(out, facts, get_connections);
}

static uint64_t get_ports(const struct usage_total *total)
{
	return usage_ports(&total->hottest);
}

static void write_hottest(struct metrics_out *out, const void *facts)
{
	put_totals(out, facts, get_ports);
}

static void write_capacity(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	metrics_put(out, METRIC_NO_LABELS, ports_capacity(g->state.view.config));
}

static void write_short(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		metrics_put(out, METRIC_LABELS({ "egress_ip", name_of(g, i) }),
			    g->state.view.pressure->v[i].is_short);
}

static void write_refused(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct pressure *pressure = g->state.view.pressure;

	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		metrics_put(out, METRIC_LABELS({ "egress_ip", name_of(g, i) }),
			    pressure->v[i].refused);
	metrics_put(out, METRIC_LABELS({ "egress_ip", "" }), pressure->refused_unknown);
}

static void put_destination(struct metrics_out *out, const struct gateway_scrape *g,
			    const struct usage_destination *one)
{
	char address[IP4_TEXT_MAX], protocol[PORTS_PROTOCOL_MAX], port[8];

	if (usage_egress(one) >= g->state.view.config->egress_ips.n)
		return;
	snprintf(port, sizeof(port), "%u", usage_port(one));
	metrics_put(out,
		    METRIC_LABELS({ "egress_ip", name_of(g, usage_egress(one)) },
				  { "protocol", ports_protocol(usage_protocol(one), protocol) },
				  { "address", ip4_format(usage_address(one), address) },
				  { "port", port }),
		    usage_ports(one));
}

static void write_destinations(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct tally_order order = { usage_has_more_ports, HOTTEST };
	const uint32_t capacity = ports_capacity(g->state.view.config);
	struct usage_destination v[HOTTEST];
	size_t n = usage_best_destinations(usage_of(g), &order, v);

	for (size_t i = 0; i < n; i++) {
		if (ports_share(usage_ports(&v[i]), capacity) >= HOT_PERCENT)
			put_destination(out, g, &v[i]);
	}
}

static void write_lost(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	metrics_put(out, METRIC_NO_LABELS,
		    traffic_counts(portwatch_traffic(g->state.portwatch)).lost);
}

static void write_uncounted(struct metrics_out *out, const void *facts)
{
	metrics_put(out, METRIC_NO_LABELS, usage_numbers(usage_of(facts)).uncounted);
}

static void put_blocks(struct metrics_out *out, const struct gateway_scrape *g, size_t egress)
{
	const struct blocks_numbers numbers =
		blockuse_numbers(g->state.view.blocks, (unsigned)egress, mono_now());
	const struct {
		const char *name;
		uint32_t n;
	} states[] = { { "given", numbers.given },
		       { "resting", numbers.resting },
		       { "free", blockuse_free(&numbers) } };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		metrics_put(out,
			    METRIC_LABELS({ "egress_ip", name_of(g, egress) },
					  { "state", states[i].name }),
			    states[i].n);
}

static void write_blocks(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		put_blocks(out, g, i);
}

static void write_waiting(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		metrics_put(
			out, METRIC_LABELS({ "egress_ip", name_of(g, i) }),
			blockuse_numbers(g->state.view.blocks, (unsigned)i, mono_now()).waiting);
}

static void write_full(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	struct blockuse use[POLICY_EGRESS_MAX];

	blockuse_read(g->state.view.blocks, usage_of(g), use);
	for (size_t i = 0; i < g->state.view.config->egress_ips.n; i++)
		metrics_put(out, METRIC_LABELS({ "egress_ip", name_of(g, i) }), use[i].full);
}

static void write_limited(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	metrics_put(out, METRIC_NO_LABELS, limiter_count(g->state.view.limiter));
}

static uint64_t counted(const struct gateway_scrape *g, const char *name)
{
	const struct nat_observed *seen = &g->common.counters;

	for (size_t i = 0; i < seen->n_counters; i++) {
		if (strcmp(seen->counters[i].name, name) == 0)
			return seen->counters[i].packets;
	}
	return 0;
}

static void write_limited_packets(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct policy_result *policies = g->state.view.policies;
	char name[NAT_NAME_MAX];

	for (size_t i = 0; policies && i < policies->n_policies; i++) {
		snprintf(name, sizeof(name), LIMITS_COUNTER_FORMAT, policies->names[i]);
		if (policies->connections[i])
			metrics_put(out, METRIC_LABELS({ "policy", policies->names[i] }),
				    counted(g, name));
	}
}

static const struct metric_row rows[] = {
	{ .family = { "eipgw_egress_ip_connections", METRIC_GAUGE, "connections",
		      "Connections that leave here with the egress IP" },
	  .write = write_connections },
	{ .family = { "eipgw_egress_ip_hottest_ports", METRIC_GAUGE, NULL,
		      "Ports that connections to the egress IP's hottest destination take" },
	  .write = write_hottest },
	{ .family = { "eipgw_ports_per_destination", METRIC_GAUGE, NULL,
		      "Ports that each egress IP has for each destination" },
	  .write = write_capacity },
	{ .family = { "eipgw_egress_ip_ports_short", METRIC_GAUGE, NULL,
		      "Whether connections to some destination take 80 % of the ports, and not yet less than "
		      "70 %" },
	  .write = write_short },
	{ .family = { "eipgw_destination_ports", METRIC_GAUGE, NULL,
		      "Ports that connections to a destination take: the ten hottest, of those with a tenth "
		      "of the ports or more" },
	  .write = write_destinations },
	{ .family = { "eipgw_ports_refused_packets", METRIC_COUNTER, "packets",
		      "First packets that were dropped for want of a port; without an egress IP: one of "
		      "several" },
	  .write = write_refused },
	{ .family = { "eipgw_port_blocks", METRIC_GAUGE, NULL,
		      "Blocks of ports of the egress IP: those that sources have, those at rest, and the "
		      "others" },
	  .needs = HAS_BLOCKS,
	  .write = write_blocks },
	{ .family = { "eipgw_port_block_waiting_sources", METRIC_GAUGE, NULL,
		      "Sources that found no block of the egress IP, and share what is left; where this "
		      "gateway serves it" },
	  .needs = HAS_BLOCKS,
	  .write = write_waiting },
	{ .family = { "eipgw_port_block_full_sources", METRIC_GAUGE, NULL,
		      "Sources with connections for nine tenths of their block of the egress IP, or more" },
	  .needs = HAS_BLOCKS,
	  .write = write_full },
	{ .family = { "eipgw_limited_sources", METRIC_GAUGE, NULL,
		      "Sources that have as many connections as they may have, and get no new one" },
	  .write = write_limited },
	{ .family = { "eipgw_limited_packets", METRIC_COUNTER, "packets",
		      "First packets that were refused by a policy's limit of connections per pod" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_limited_packets },
	{ .family = { "eipgw_usage_events_lost", METRIC_COUNTER, NULL,
		      "Times that the kernel's events came faster than they were counted; a look at all "
		      "connections makes that good" },
	  .write = write_lost },
	{ .family = { "eipgw_usage_uncounted_connections", METRIC_COUNTER, "connections",
		      "Connections that were too many to be counted" },
	  .write = write_uncounted },
};
const struct metric_table ports_metric_table = { rows, ARRAY_SIZE(rows) };
