// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "daemon/report.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/mono.h"
#include "control/control.h"
#include "daemon/cluster.h"
#include "daemon/frame.h"
#include "nat/keeper.h"
#include "nat/observe.h"
#include "nat/sync.h"
#include "nat/trace.h"
#include "policy/config.h"
#include "policy/facts.h"

static const struct ip4 some_internet_address = { 0xc6336401 }; /* 198.51.100.1 */

static void put_config(struct control_out *out, const struct frame *frame)
{
	struct frame_config_info info = frame_config_info(frame);
	char id[MESSAGE_TEXT_MAX];

	control_object(out, "config");
	control_string(out, "path", info.path);
	control_int(out, "loaded_seconds_ago", info.loaded_seconds_ago);
	control_string(out, "last_error", info.last_error);
	control_string(out, "last_error_id", message_format(info.last_error_id, id));
	control_end(out);
}

/* How quickly events come to be in the kernel. */
static void put_latency(struct control_out *out, const struct cluster *cluster)
{
	struct cluster_status status;

	cluster_status(cluster, &status);
	control_int(out, "events", (long long)status.pod_events);
	control_object(out, "event_to_kernel_us");
	control_int(out, "count", (long long)status.to_kernel_us.count);
	control_int(out, "p50", status.to_kernel_us.p50);
	control_int(out, "p99", status.to_kernel_us.p99);
	control_int(out, "max", status.to_kernel_us.max);
	control_end(out);
}

static void put_kernel(struct control_out *out, const struct report_head *head,
		       const struct keeper_stats *stats)
{
	control_object(out, "kernel");
	control_string(out, "table", head->table);
	if (head->counters6)
		control_string(out, "ip6", keeper_second_names[keeper_second_state(head->keeper)]);
	control_int(out, "rules", (long long)stats->rules);
	control_int(out, "elements", (long long)stats->elements);
	control_int(out, "routes", (long long)stats->routes);
	control_int(out, "ip_rules", (long long)stats->ip_rules);
	control_int(out, "repairs", (long long)stats->repairs);
	control_string(out, "last_repair", stats->last_repair);
	control_int(out, "reconciles", (long long)stats->runs);
	control_int(out, "failures", (long long)stats->failures);
	control_int(out, "changes", (long long)stats->changes);
	control_int(out, "transactions",
		    (long long)nat_sync_stats(keeper_nat(head->keeper)).transactions);
	control_int(out, "connections_ended", (long long)head->connections_ended);
	if (head->cluster)
		put_latency(out, head->cluster);
	control_end(out);
}

static const char *const kind_names[] = {
	[REPORT_DROPS] = "drops",
	[REPORT_PASSES] = "passes",
	[REPORT_OPENS] = "opens",
};

/* The one at the end, without a help, for a name that isn't known. */
static const struct report_counter *find_counter(const struct report_counter *known,
						 const char *name)
{
	while (known->name && strcmp(known->name, name) != 0)
		known++;
	return known;
}

static int put_counters(struct control_out *out, struct nat_sync *nat,
			const struct report_counter *known, struct err *err)
{
	CLEANUP(nat_observed_done) struct nat_observed seen = { 0 };
	int rc = nat ? nat_sync_counters(nat, &seen, err) : 0;

	if (rc)
		return rc < 0 ? rc : -EAGAIN;
	for (size_t i = 0; i < seen.n_counters; i++) {
		const struct nat_seen_counter *counter = &seen.counters[i];
		const struct report_counter *is = find_counter(known, counter->name);
		char id[MESSAGE_TEXT_MAX];

		control_object(out, NULL);
		control_string(out, "name", counter->name);
		control_int(out, "packets", (long long)counter->packets);
		control_int(out, "bytes", (long long)counter->bytes);
		control_string(out, "kind", is->name ? kind_names[is->kind] : NULL);
		control_string(out, "help", is->help);
		control_string(out, "id", message_format(message_named(counter->name), id));
		control_end(out);
	}
	return 0;
}

int report_head(struct control_out *out, const struct report_head *head, struct err *err)
{
	struct keeper_stats stats = keeper_stats(head->keeper);
	char id[MESSAGE_TEXT_MAX];

	control_string(out, "program", head->program);
	control_string(out, "version", EIPGW_VERSION);
	control_string(out, "name", head->name);
	control_string(out, "state", keeper_state_names[keeper_state(head->keeper)]);
	control_string(out, "state_text", keeper_error(head->keeper));
	control_string(out, "state_id", message_format(keeper_error_id(head->keeper), id));
	control_bool(out, "ready", frame_is_ready(head->frame));
	control_int(out, "since_seconds", mono_diff_ms(mono_now(), stats.state_since) / 1000);
	put_config(out, head->frame);
	put_kernel(out, head, &stats);
	control_array(out, "counters");
	int rc = put_counters(out, keeper_nat(head->keeper), head->counters, err);

	if (!rc && head->counters6)
		rc = put_counters(out, keeper_nat_second(head->keeper), head->counters6, err);
	control_end(out);
	return rc;
}

uint64_t report_sources(const struct policy_result *compiled, const struct cluster *cluster,
			size_t policy)
{
	uint64_t n = 0;

	if (cluster)
		return inventory_sources(cluster_inventory(cluster), policy);

	for (size_t i = 0; i < compiled->n_members; i++) {
		const struct policy_member *member = &compiled->members[i];
		const struct policy_class *class = &compiled->classes[member->class_index];

		for (size_t j = 0; j < class->n_rules; j++) {
			if (class->rules[j].policy == policy)
				n += (uint64_t)member->range.last - member->range.first + 1;
		}
	}
	return n;
}

void report_cluster(struct control_out *out, const struct cluster *cluster)
{
	struct cluster_status status;
	char id[MESSAGE_TEXT_MAX];

	if (!cluster)
		return;
	cluster_status(cluster, &status);
	control_object(out, "kubernetes");
	control_string(out, "server", status.server);
	control_bool(out, "synced", status.is_synced);
	control_string(out, "error", status.error);
	control_string(out, "error_id", message_format(status.error_id, id));
	control_int(out, "error_seconds", status.error_seconds);
	control_int(out, "objects", (long long)status.objects);
	control_int(out, "lists", (long long)status.lists);
	control_int(out, "watches", (long long)status.watches);
	control_int(out, "events", (long long)status.events);
	control_int(out, "failures", (long long)status.failures);
	control_end(out);
}

/* Those of Kubernetes: which egress IPs each pod has stands in its class. */
static void put_inventory(struct control_out *out, const struct policy_result *compiled,
			  const struct cluster *cluster)
{
	for (size_t i = 0; i < compiled->n_policies; i++) {
		control_object(out, NULL);
		control_string(out, "name", compiled->names[i]);
		control_int(out, "sources", (long long)report_sources(compiled, cluster, i));
		control_end(out);
	}
}

void report_policies(struct control_out *out, const struct config_list *policies,
		     const struct policy_result *compiled, const struct cluster *cluster)
{
	const struct policy_config *list = policies->v;

	control_array(out, "policies");
	if (compiled && cluster)
		put_inventory(out, compiled, cluster);
	for (size_t i = 0; compiled && !cluster && i < policies->n; i++) {
		control_object(out, NULL);
		control_string(out, "name", list[i].name);
		control_int(out, "sources", (long long)report_sources(compiled, NULL, i));
		control_array(out, "egress_ips");
		for (size_t j = 0; j < list[i].egress_ips.n; j++)
			control_string(out, NULL, list[i].egress_ips.v[j]);
		control_end(out);
		control_end(out);
	}
	control_end(out);
}

int report_addresses(const struct control_args *args, struct ip4 *ret_source,
		     struct ip4 *ret_destination, struct err *err)
{
	const char *source = control_arg(args, "source");
	const char *destination = control_arg(args, "destination");
	int rc;

	if (!source)
		return err_mark(err, MSG_CONTROL_REQUEST,
				err_set(err, -EINVAL, "source: is missing"));
	rc = ip4_parse(source, ret_source, err);
	if (rc)
		return err_prefix(err, rc, "source");
	*ret_destination = some_internet_address;
	rc = destination ? ip4_parse(destination, ret_destination, err) : 0;
	return rc ? err_prefix(err, rc, "destination") : 0;
}

static void put_ports(struct control_out *out, const struct nat_trace *trace)
{
	control_object(out, "ports");
	control_int(out, "first_port", trace->first_port);
	control_int(out, "last_port", trace->last_port);
	control_bool(out, "own", trace->has_own_ports);
	control_end(out);
}

void report_explanation(struct control_out *out, const struct report_verdict *verdict,
			const struct nat_trace *trace)
{
	char text[IP4_TEXT_MAX];

	control_string(out, "source", ip4_format(verdict->source, text));
	control_string(out, "destination", ip4_format(verdict->destination, text));
	control_string(out, "summary", verdict->sentence);
	control_string(out, "verdict", verdict->word);
	control_string(out, "egress_ip", verdict->egress_ip);
	if (trace->translated && trace->first_port)
		put_ports(out, trace);
	control_array(out, "steps");
	for (size_t i = 0; i < trace->n; i++) {
		control_object(out, NULL);
		control_string(out, "where", trace->v[i].where);
		control_bool(out, "match", trace->v[i].match);
		control_end(out);
	}
	control_end(out);
}
