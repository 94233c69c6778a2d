// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The families that only a gateway has. A name that is here stays: people's alerts and charts have it. */
#include "gateway/tell/metrics_internal.h"

#include "base/cleanup.h"
#include "base/mono.h"
#include "gateway/group/failover.h"
#include "gateway/own/native.h"
#include "gateway/own/outside.h"
#include "gateway/own/own.h"

static const struct gateway_egress *egress_of(const struct gateway_scrape *g, size_t *ret_n)
{
	*ret_n = g->state.view.config->egress_ips.n;
	return g->state.view.config->egress_ips.v;
}

static void write_egress(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct own *own = g->state.view.own;
	char public[IP4_TEXT_MAX], private[IP4_TEXT_MAX];
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++)
		metrics_put(
			out,
			METRIC_LABELS(
				{ "egress_ip", e[i].name },
				{ "public", ip4_format(gateway_public(&g->state.view, i), public) },
				{ "private",
				  ip4_format(own ? own->v[i].private_ip : e[i].private, private) },
				{ "allocation_id", own ? own->v[i].allocation_id : "" }),
			1);
}

static void write_serving(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++)
		metrics_put(out, METRIC_LABELS({ "egress_ip", e[i].name }),
			    gateway_serves(&g->state.view, i));
}

static void write_own(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++)
		scrape_put_state(out, (struct metric_label){ "egress_ip", e[i].name },
				 own_state_names, OWN_STATE_COUNT, g->state.view.own->v[i].state);
}

static void write_outside(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++)
		scrape_put_state(out, (struct metric_label){ "egress_ip", e[i].name },
				 outside_state_names, OUTSIDE_STATE_COUNT,
				 g->state.view.outside->v[i].state);
}

static void write_tested(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct mono now = mono_now();
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++) {
		const struct mono at = g->state.view.outside->v[i].judged_at;

		if (at.ns)
			metrics_put_fraction(out, METRIC_LABELS({ "egress_ip", e[i].name }),
					     mono_diff_ms(now, at), 3);
	}
}

static void write_native(struct metrics_out *out, const void *facts)
{
	const struct native *native = ((const struct gateway_scrape *)facts)->state.view.native;
	char name[NATIVE_NAME_MAX];

	for (size_t i = 0; i < native->n; i++)
		scrape_put_state(out,
				 (struct metric_label){ "point", native_name(native, i, name) },
				 own_state_names, OWN_STATE_COUNT, native->v[i].state);
}

static void write_ec2_failures(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;

	for (size_t i = HTTP_CLASS_OK + 1; i < HTTP_CLASS_COUNT; i++)
		metrics_put(out, METRIC_LABELS({ "class", http_class_names[i] }),
			    g->ec2.failures[i]);
}

static void write_attempts(struct metrics_out *out, const void *facts)
{
	scrape_put_counters(out, facts, &(struct scrape_counters){ REPORT_OPENS, NULL, false });
}

static void write_failover(struct metrics_out *out, const void *facts)
{
	const struct failover_numbers *n = &((const struct gateway_scrape *)facts)->numbers;

	for (size_t i = 0; i < n->n_egress; i++)
		scrape_put_state(out, (struct metric_label){ "egress_ip", n->egress[i].name },
				 decide_state_names, DECIDE_STATE_COUNT, n->egress[i].state);
}

static void write_carriers(struct metrics_out *out, const void *facts)
{
	const struct gateway_scrape *g = facts;
	const struct failover_facts *failover = g->state.view.failover;
	size_t n;
	const struct gateway_egress *e = egress_of(g, &n);

	for (size_t i = 0; i < n; i++)
		metrics_put(out,
			    METRIC_LABELS({ "egress_ip", e[i].name },
					  { "carrier", failover->egress[i].carrier }),
			    failover->egress[i].carrier[0] != '\0');
}

static void write_members(struct metrics_out *out, const void *facts)
{
	const struct failover_facts *failover =
		((const struct gateway_scrape *)facts)->state.view.failover;

	for (size_t i = 0; i < failover->n_members; i++) {
		const struct failover_member *m = &failover->members[i];

		metrics_put(out, METRIC_LABELS({ "member", m->name }), m->is_self || m->is_heard);
	}
}

/* Numbers that stand beside each other, with what tells them apart. */
struct labelled {
	const char *value;
	uint64_t number;
};

static void put_labelled(struct metrics_out *out, const char *label, const struct labelled *v,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		metrics_put(out, METRIC_LABELS({ label, v[i].value }), v[i].number);
}

static void write_heartbeats(struct metrics_out *out, const void *facts)
{
	const struct heartbeat_stats *s =
		&((const struct gateway_scrape *)facts)->numbers.heartbeats;
	const struct labelled v[] = {
		{ "sent", s->sent },     { "not_sent", s->failed },     { "taken", s->taken },
		{ "forged", s->forged }, { "malformed", s->malformed },
	};

	put_labelled(out, "outcome", v, ARRAY_SIZE(v));
}

static void write_entries(struct metrics_out *out, const void *facts)
{
	const struct ct_writer_stats *s = &((const struct gateway_scrape *)facts)->numbers.entries;
	const struct labelled v[] = {
		{ "created", s->created }, { "updated", s->updated }, { "removed", s->removed },
		{ "evicted", s->evicted }, { "yielded", s->yielded }, { "refused", s->refused },
	};

	put_labelled(out, "outcome", v, ARRAY_SIZE(v));
}

static void write_complete(struct metrics_out *out, const void *facts)
{
	const struct failover_numbers *n = &((const struct gateway_scrape *)facts)->numbers;

	for (size_t i = 0; i < n->n_egress; i++) {
		if (n->egress[i].mode == REPLICA_RECEIVE)
			metrics_put(out, METRIC_LABELS({ "egress_ip", n->egress[i].name }),
				    n->egress[i].is_complete);
	}
}

/* One number of each peer that connections are sent to. */
static void put_peers(struct metrics_out *out, const void *facts,
		      uint64_t (*get)(const struct sender_link_status *link))
{
	const struct sender_status *s = &((const struct gateway_scrape *)facts)->numbers.sender;

	for (size_t i = 0; i < s->n; i++)
		metrics_put(out, METRIC_LABELS({ "peer", s->links[i].name }), get(&s->links[i]));
}

static uint64_t get_linked(const struct sender_link_status *link)
{
	return link->linked;
}

static void write_linked(struct metrics_out *out, const void *facts)
{
	put_peers(out, facts, get_linked);
}

static uint64_t get_complete(const struct sender_link_status *link)
{
	return link->complete;
}

static void write_sent(struct metrics_out *out, const void *facts)
{
	put_peers(out, facts, get_complete);
}

static uint64_t get_queued(const struct sender_link_status *link)
{
	return link->queued;
}

static void write_queued(struct metrics_out *out, const void *facts)
{
	put_peers(out, facts, get_queued);
}

static uint64_t get_overflows(const struct sender_link_status *link)
{
	return link->overflows;
}

static void write_overflows(struct metrics_out *out, const void *facts)
{
	put_peers(out, facts, get_overflows);
}

static void write_lag(struct metrics_out *out, const void *facts)
{
	const struct sender_status *s = &((const struct gateway_scrape *)facts)->numbers.sender;

	for (size_t i = 0; i < s->n; i++)
		metrics_put_fraction(out, METRIC_LABELS({ "peer", s->links[i].name }),
				     s->links[i].lag_ms, 3);
}

static void write_takeovers(struct metrics_out *out, const void *facts)
{
	const struct takeovers *t = &((const struct gateway_scrape *)facts)->takeovers;
	const struct labelled v[] = { { "done", t->done }, { "given_up", t->given_up } };

	put_labelled(out, "outcome", v, ARRAY_SIZE(v));
}

static void write_takeover_times(struct metrics_out *out, const void *facts)
{
	const struct takeovers *t = &((const struct gateway_scrape *)facts)->takeovers;

	metrics_put_histogram(out, METRIC_NO_LABELS,
			      &(struct metric_histogram){ takeovers_bounds_us, t->histogram,
							  TAKEOVERS_BOUNDS, t->sum_us });
}

#define AT(member) .offset = METRIC_AT(struct gateway_scrape, member)

static const struct metric_row rows[] = {
	{ .family = { "eipgw_connection_attempts", METRIC_COUNTER, NULL,
		      "First packets of connections that were given an egress IP" },
	  .needs = SCRAPE_HAS(SCRAPE_RULES),
	  .write = write_attempts },
	{ .family = { "eipgw_nodes", METRIC_GAUGE, NULL, "Nodes that sources come from" },
	  AT(nodes) },
	{ .family = { "eipgw_egress_ip", METRIC_INFO, NULL,
		      "An egress IP with its addresses and what EC2 calls it" },
	  .write = write_egress },
	{ .family = { "eipgw_egress_ip_serving", METRIC_GAUGE, NULL,
		      "Whether pods' packets leave here with the egress IP" },
	  .write = write_serving },
	{ .family = { "eipgw_egress_ip_ownership", METRIC_GAUGE, NULL,
		      "Whose the Elastic IP is, as EC2 says: held by this gateway, lost, ..." },
	  .needs = HAS_OWN,
	  .write = write_own },
	{ .family = { "eipgw_egress_ip_self_test", METRIC_GAUGE, NULL,
		      "Whether servers on the internet see the egress IP's public address" },
	  .needs = HAS_OUTSIDE,
	  .write = write_outside },
	{ .family = { "eipgw_egress_ip_self_test_age_seconds", METRIC_GAUGE, "seconds",
		      "Since that was last found so" },
	  .needs = HAS_OUTSIDE,
	  .write = write_tested },
	{ .family = { "eipgw_native_routing", METRIC_GAUGE, NULL,
		      "Whether VPC routing brings native sources here, point by point" },
	  .needs = HAS_NATIVE,
	  .write = write_native },
	{ .family = { "eipgw_ec2_calls", METRIC_COUNTER, NULL, "Calls to EC2" },
	  .needs = HAS_OWN,
	  AT(ec2.calls) },
	{ .family = { "eipgw_ec2_failures", METRIC_COUNTER, NULL,
		      "Questions and calls to EC2 that failed, by why" },
	  .needs = HAS_OWN,
	  .write = write_ec2_failures },
	{ .family = { "eipgw_draining", METRIC_GAUGE, NULL,
		      "Whether this gateway hands over all that it carries" },
	  .needs = HAS_DRAIN,
	  AT(draining) },
	{ .family = { "eipgw_egress_ip_failover", METRIC_GAUGE, NULL,
		      "What this gateway is for the egress IP among those of its group" },
	  .needs = HAS_FAILOVER,
	  .write = write_failover },
	{ .family = { "eipgw_egress_ip_carried", METRIC_GAUGE, NULL,
		      "Which gateway of the group carries the egress IP, as far as this one knows; 0: "
		      "none" },
	  .needs = HAS_FAILOVER,
	  .write = write_carriers },
	{ .family = { "eipgw_member_heard", METRIC_GAUGE, NULL,
		      "Whether the heartbeats of this gateway of the group come" },
	  .needs = HAS_FAILOVER,
	  .write = write_members },
	{ .family = { "eipgw_heartbeats", METRIC_COUNTER, NULL,
		      "Heartbeats, by what became of them" },
	  .needs = HAS_HEARTBEATS,
	  .write = write_heartbeats },
	{ .family = { "eipgw_takeovers", METRIC_COUNTER, NULL,
		      "Egress IPs that were taken over from another gateway, or tried in vain" },
	  .needs = HAS_FAILOVER,
	  .write = write_takeovers },
	{ .family = { "eipgw_takeover_seconds", METRIC_HISTOGRAM, "seconds",
		      "From the first suspicion until packets left with the egress IP here" },
	  .needs = HAS_FAILOVER,
	  .write = write_takeover_times },
	{ .family = { "eipgw_takeover_survivors_connections", METRIC_COUNTER, "connections",
		      "Connections that were here when their egress IP was taken over, and go on" },
	  .needs = HAS_FAILOVER,
	  AT(state.survivors) },
	{ .family = { "eipgw_replication_complete", METRIC_GAUGE, NULL,
		      "Whether all connections of an egress IP that another gateway carries are here" },
	  .needs = HAS_REPLICA,
	  .write = write_complete },
	{ .family = { "eipgw_replication_peer_linked", METRIC_GAUGE, NULL,
		      "Whether the peer listens to what this gateway tells of its connections" },
	  .needs = HAS_REPLICA,
	  .write = write_linked },
	{ .family = { "eipgw_replication_peer_complete", METRIC_GAUGE, NULL,
		      "Whether the peer has been told of all of them" },
	  .needs = HAS_REPLICA,
	  .write = write_sent },
	{ .family = { "eipgw_replication_lag_seconds", METRIC_GAUGE, "seconds",
		      "How long the peer's last acknowledgement took, or has been waited for" },
	  .needs = HAS_REPLICA,
	  .write = write_lag },
	{ .family = { "eipgw_replication_queued_bytes", METRIC_GAUGE, "bytes",
		      "What waits to be sent to the peer" },
	  .needs = HAS_REPLICA,
	  .write = write_queued },
	{ .family = { "eipgw_replication_overflows", METRIC_COUNTER, NULL,
		      "Times that too much waited for the peer, so that all is told again" },
	  .needs = HAS_REPLICA,
	  .write = write_overflows },
	{ .family = { "eipgw_replication_told", METRIC_COUNTER, NULL,
		      "Changes of connections that were told to peers" },
	  .needs = HAS_REPLICA,
	  AT(numbers.sender.told) },
	{ .family = { "eipgw_replication_events_lost", METRIC_COUNTER, NULL,
		      "Times that the kernel's events came faster than they were read; a walk makes "
		      "that good" },
	  .needs = HAS_REPLICA,
	  AT(numbers.sender.lost) },
	{ .family = { "eipgw_replication_walks", METRIC_COUNTER, NULL,
		      "Walks through all connections" },
	  .needs = HAS_REPLICA,
	  AT(numbers.sender.walks) },
	{ .family = { "eipgw_replication_walk_failures", METRIC_COUNTER, NULL,
		      "Walks that failed" },
	  .needs = HAS_REPLICA,
	  AT(numbers.sender.failed_walks) },
	{ .family = { "eipgw_replication_taken", METRIC_COUNTER, NULL,
		      "Changes that peers told and this gateway took" },
	  .needs = HAS_REPLICA,
	  AT(numbers.receiver.taken) },
	{ .family = { "eipgw_replication_ignored", METRIC_COUNTER, NULL,
		      "Frames of who doesn't carry the egress IP, or about one that this gateway "
		      "carries" },
	  .needs = HAS_REPLICA,
	  AT(numbers.receiver.ignored) },
	{ .family = { "eipgw_replication_broken", METRIC_COUNTER, NULL,
		      "Channels from peers that were ended for a fault" },
	  .needs = HAS_REPLICA,
	  AT(numbers.receiver.broken) },
	{ .family = { "eipgw_replication_swept", METRIC_COUNTER, NULL,
		      "Connections that were removed here, since nobody told of them any more" },
	  .needs = HAS_REPLICA,
	  AT(numbers.receiver.swept) },
	{ .family = { "eipgw_replication_entries", METRIC_COUNTER, NULL,
		      "What became of the peers' connections in this kernel; lost are those yielded "
		      "and refused" },
	  .needs = HAS_REPLICA,
	  .write = write_entries },
};
const struct metric_table gateway_metric_table = { rows, ARRAY_SIZE(rows) };
