// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The command `top`: who uses most of the egress IPs now (usage.h), with names.
 * Arguments: `sort`, what pods are sorted by: "connections" (the default), "bytes" or "new"; `limit`, how many pods and
 * destinations are told at most (default 20, at most TOP_MAX).
 */
#include "gateway/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "daemon/frame.h"
#include "gateway/agent.h"
#include "gateway/limiter.h"
#include "gateway/limits.h"
#include "gateway/ports.h"
#include "gateway/portwatch.h"
#include "gateway/pressure.h"
#include "gateway/traffic.h"
#include "gateway/usage.h"
#include "policy/facts.h"

enum { DEFAULT_LIMIT = 20, TOP_MAX = 1000, TIME_MAX = 32 };

static const struct order {
	const char *name;
	bool (*is_before)(const void *a, const void *b);
} orders[] = {
	{ "connections", usage_has_more_connections },
	{ "bytes", usage_has_more_bytes },
	{ "new", usage_has_more_new },
};

static int read_order(const struct control_args *args, struct tally_order *ret, struct err *err)
{
	const char *name = control_arg(args, "sort");

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		if (!name || strcmp(name, orders[i].name) == 0) {
			ret->is_before = orders[i].is_before;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "sort: is none of connections, bytes, new");
}

static int read_limit(const struct control_args *args, struct tally_order *ret, struct err *err)
{
	const char *text = control_arg(args, "limit");
	char *end = NULL;
	unsigned long n;

	ret->most = DEFAULT_LIMIT;
	if (!text)
		return 0;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || n > TOP_MAX)
		return err_set(err, -EINVAL, "limit: is no number up to %d", TOP_MAX);
	ret->most = n;
	return 0;
}

/* ---- names */

static const char *egress_name(const struct gateway_view *view, unsigned egress)
{
	const struct gateway_egress *list = view->config->egress_ips.v;

	return egress < view->config->egress_ips.n ? list[egress].name : NULL;
}

/* The first policy that leads the source to the egress IP; of several with the same one nobody can tell. */
static const char *find_policy(const struct gateway_view *view, struct ip4 source, unsigned egress)
{
	const struct policy_class *class = view->policies ? gateway_class_of(view, source) : NULL;

	for (size_t i = 0; class && i < class->n_rules; i++) {
		if (class->rules[i].egress == egress)
			return view->policies->names[class->rules[i].policy];
	}
	return NULL;
}

static const char *configured_node(const struct gateway_config *config, struct ip4 source)
{
	const struct gateway_node *nodes = config->nodes.v;

	for (size_t i = 0; i < config->nodes.n; i++) {
		for (size_t j = 0; j < nodes[i].pod_cidrs.n; j++) {
			if (ip4_prefix_contains(nodes[i].pod_cidrs.v[j], source))
				return nodes[i].name;
		}
	}
	return NULL;
}

/* ---- rows */

static void put_owner(struct control_out *out, const struct gateway_view *view, struct ip4 source)
{
	struct inventory_owner owner = { .node = NULL };

	if (!view->inventory)
		owner.node = configured_node(view->config, source);
	else if (!inventory_owner_of(view->inventory, source, &owner) || owner.contested)
		owner = (struct inventory_owner){ .node = NULL };
	if (view->inventory) {
		control_string(out, "namespace", owner.namespace);
		control_string(out, "name", owner.name);
	}
	control_string(out, "node", owner.node);
}

static void put_limit(struct control_out *out, const struct gateway_view *view, struct ip4 source)
{
	const uint32_t limit = limits_of(view, gateway_class_of(view, source));

	if (!limit)
		return;
	control_int(out, "limit", limit);
	control_bool(out, "limited", limiter_has(view->limiter, source));
}

static void put_source(struct control_out *out, const struct gateway_view *view,
		       const struct usage_source *source)
{
	const struct ip4 address = usage_source_address(source);
	const unsigned egress = usage_source_egress(source);
	char text[IP4_TEXT_MAX];

	control_object(out, NULL);
	put_owner(out, view, address);
	control_string(out, "address", ip4_format(address, text));
	control_string(out, "policy", find_policy(view, address, egress));
	control_string(out, "egress_ip", egress_name(view, egress));
	control_int(out, "connections", source->connections);
	control_int(out, "sent_bytes_per_s", (long long)source->sent_per_s);
	control_int(out, "received_bytes_per_s", (long long)source->received_per_s);
	if (view->policies)
		put_limit(out, view, address);
	control_int(out, "new_per_s", (long long)((source->new_per_ks + 500) / 1000));
	control_end(out);
}

static int put_sources(struct control_out *out, const struct gateway_view *view,
		       const struct usage *usage, const struct tally_order *best)
{
	CLEANUP(cleanup_free)
	struct usage_source *v = calloc(best->most + 1, sizeof(*v));
	size_t n = v ? usage_best_sources(usage, best, v) : 0;

	control_array(out, "pods");
	for (size_t i = 0; i < n; i++)
		put_source(out, view, &v[i]);
	control_end(out);
	return v ? 0 : -ENOMEM;
}

static void put_destination(struct control_out *out, const struct gateway_view *view,
			    const struct usage_destination *destination)
{
	const uint32_t capacity = ports_capacity(view->config), ports = usage_ports(destination);
	char text[IP4_TEXT_MAX], protocol[PORTS_PROTOCOL_MAX];

	control_object(out, NULL);
	control_string(out, "egress_ip", egress_name(view, usage_egress(destination)));
	control_string(out, "protocol", ports_protocol(usage_protocol(destination), protocol));
	control_string(out, "address", ip4_format(usage_address(destination), text));
	control_int(out, "port", usage_port(destination));
	control_int(out, "connections", destination->connections);
	control_int(out, "ports", ports);
	control_int(out, "capacity", capacity);
	control_int(out, "share", ports_share(ports, capacity));
	control_end(out);
}

static int put_destinations(struct control_out *out, const struct gateway_view *view,
			    const struct usage *usage, size_t most)
{
	const struct tally_order best = { usage_has_more_ports, most };
	CLEANUP(cleanup_free)
	struct usage_destination *v = calloc(most + 1, sizeof(*v));
	size_t n = v ? usage_best_destinations(usage, &best, v) : 0;

	control_array(out, "destinations");
	for (size_t i = 0; i < n; i++)
		put_destination(out, view, &v[i]);
	control_end(out);
	return v ? 0 : -ENOMEM;
}

static void put_egress(struct control_out *out, const struct gateway_view *view,
		       const struct usage *usage)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;
	const uint32_t capacity = ports_capacity(view->config);
	struct usage_total totals[POLICY_EGRESS_MAX];
	char text[IP4_TEXT_MAX];

	usage_totals(usage, totals);
	control_array(out, "egress_ips");
	for (size_t i = 0; i < view->config->egress_ips.n; i++) {
		control_object(out, NULL);
		control_string(out, "name", egress[i].name);
		control_string(out, "public", ip4_format(gateway_public(view, i), text));
		control_string(out, "private", ip4_format(gateway_private(view, i), text));
		control_int(out, "connections", totals[i].connections);
		control_int(out, "ports", usage_ports(&totals[i].hottest));
		control_int(out, "capacity_per_destination", capacity);
		control_int(out, "hottest_share",
			    ports_share(usage_ports(&totals[i].hottest), capacity));
		control_bool(out, "short", view->pressure->v[i].is_short);
		control_int(out, "refused", (long long)view->pressure->v[i].refused);
		control_end(out);
	}
	control_end(out);
	control_int(out, "refused_unknown", (long long)view->pressure->refused_unknown);
}

static void put_counted(struct control_out *out, const struct traffic *traffic,
			const struct usage_numbers *numbers)
{
	const struct traffic_counts counts = traffic_counts(traffic);

	control_object(out, "counted");
	control_int(out, "connections", (long long)numbers->flows);
	control_int(out, "destinations", (long long)numbers->destinations);
	control_int(out, "sources", (long long)numbers->sources);
	control_int(out, "looks", (long long)counts.looks);
	control_int(out, "overruns", (long long)counts.lost);
	control_int(out, "uncounted", (long long)numbers->uncounted);
	control_int(out, "forgotten", (long long)numbers->forgotten);
	control_int(out, "unshown", (long long)numbers->unshown);
	control_end(out);
}

static int report(const struct gateway_view *view, struct traffic *traffic,
		  const struct control_args *args, struct control_out *out, struct err *err)
{
	const struct usage *usage = traffic_usage(traffic);
	const struct usage_numbers numbers = usage_numbers(usage);
	const time_t now = time(NULL);
	struct tally_order best;
	char text[TIME_MAX];
	struct tm tm;
	int rc = read_order(args, &best, err);

	if (!rc)
		rc = read_limit(args, &best, err);
	if (rc)
		return rc;
	traffic_attend(traffic);
	if (!traffic_is_known(traffic))
		return err_set(err, -EAGAIN, "connections are still being counted");
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	control_string(out, "time", text);
	control_int(out, "interval_s", (numbers.interval_ms + 500) / 1000);
	put_counted(out, traffic, &numbers);
	rc = put_sources(out, view, usage, &best);
	if (!rc)
		rc = put_destinations(out, view, usage, best.most);
	put_egress(out, view, usage);
	return rc ? err_set(err, rc, "out of memory") : 0;
}

void gateway_put_short(struct control_out *out, const struct gateway_view *view, size_t egress)
{
	if (view->pressure && view->pressure->v[egress].is_short)
		control_string(out, "ports_short", view->pressure->v[egress].text);
}

int gateway_run_top(const struct control_args *args, struct control_out *out, void *data,
		    struct err *err)
{
	const struct agent *agent = frame_state(data);
	struct agent_state state;

	if (!agent)
		return err_set(err, -EAGAIN, "the daemon is starting");
	state = agent_state(agent);
	return report(&state.view, portwatch_traffic(state.portwatch), args, out, err);
}
