// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What `top` tells of pods, destinations and egress IPs. */
#include "gateway/tell/top.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mono.h"
#include "control/control.h"
#include "gateway/table/blocks.h"
#include "gateway/table/limiter.h"
#include "gateway/table/limits.h"
#include "gateway/tell/status.h"
#include "gateway/use/blockuse.h"
#include "gateway/use/ports.h"
#include "gateway/use/pressure.h"
#include "gateway/use/usage.h"
#include "policy/facts.h"

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

static void put_block(struct control_out *out, const struct gateway_view *view,
		      const struct usage_source *source)
{
	struct block block;

	if (!gateway_has_blocks(view) || !blocks_find(view->blocks, usage_source_address(source),
						      usage_source_egress(source), &block))
		return;
	control_object(out, "block");
	control_int(out, "first_port", block.first_port);
	control_int(out, "last_port", block.last_port);
	control_bool(out, "full", blockuse_is_full(&block, source->connections));
	control_end(out);
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
	put_block(out, view, source);
	control_int(out, "connections", source->connections);
	control_int(out, "sent_bytes_per_s", (long long)source->sent_per_s);
	control_int(out, "received_bytes_per_s", (long long)source->received_per_s);
	if (view->policies)
		put_limit(out, view, address);
	control_int(out, "new_per_s", (long long)((source->new_per_ks + 500) / 1000));
	control_end(out);
}

int top_put_sources(struct control_out *out, const struct gateway_view *view,
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

int top_put_destinations(struct control_out *out, const struct gateway_view *view,
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

void top_put_egress(struct control_out *out, const struct gateway_view *view,
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

void gateway_put_short(struct control_out *out, const struct gateway_view *view, size_t egress)
{
	if (view->pressure && view->pressure->v[egress].is_short)
		control_string(out, "ports_short", view->pressure->v[egress].text);
}

/* What is in use of them, as far as it's known. */
static void put_block_use(struct control_out *out, const struct gateway_view *view,
			  const struct blockuse *use)
{
	const struct block shared = blocks_shared(view->blocks);

	control_int(out, "full", use->full);
	control_int(out, "shared_connections", (long long)use->shared);
	control_int(out, "shared_ports", shared.last_port - shared.first_port + 1);
}

void gateway_put_blocks(struct control_out *out, const struct gateway_view *view,
			const struct usage *usage)
{
	const struct gateway_egress *egress = view->config->egress_ips.v;
	struct blockuse use[POLICY_EGRESS_MAX];
	const size_t n = gateway_has_blocks(view) ? view->config->egress_ips.n : 0;

	if (n && usage)
		blockuse_read(view->blocks, usage, use);
	control_array(out, "port_blocks");
	for (unsigned i = 0; i < n; i++) {
		const struct blocks_numbers numbers = blockuse_numbers(view->blocks, i, mono_now());

		control_object(out, NULL);
		control_string(out, "egress_ip", egress[i].name);
		control_int(out, "size", view->config->limits.ports_per_pod);
		control_int(out, "given", numbers.given);
		control_int(out, "resting", numbers.resting);
		control_int(out, "free", blockuse_free(&numbers));
		control_int(out, "waiting", numbers.waiting);
		if (usage)
			put_block_use(out, view, &use[i]);
		control_end(out);
	}
	control_end(out);
}
