// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/way.h"

#include "cli/eips.h"
#include "conf/gateway.h"
#include "control/control.h"

#include <stdio.h>
#include <string.h>

void way_done(struct way *way)
{
	aws_interfaces_done(&way->interfaces);
	aws_interfaces_done(&way->places);
	aws_instances_done(&way->instances);
	aws_addresses_done(&way->addresses);
}

static bool is_down(const struct way *way, const char *id, const char **ret_state)
{
	const struct aws_instance *const instance = eip_find_instance(&way->instances, id);

	*ret_state = instance ? instance->state : "";
	return instance && strcmp(instance->state, "running") != 0;
}

static bool breaks_at_source(const struct way *way, char ret[static WAY_TEXT_MAX])
{
	char text[IP4_TEXT_MAX];
	const char *state;

	ip4_format(way->source, text);
	if (way->interfaces.n == 0) {
		snprintf(
			ret, WAY_TEXT_MAX,
			"no network interface that can be seen has %s: it isn't of this account and "
			"region, or is behind something that translates (an overlay CNI)",
			text);
		return true;
	}
	const struct aws_interface *const e = &way->interfaces.v[0];
	/* Branch interfaces are attached to a trunk, which DescribeNetworkInterfaces doesn't show. */
	if (strcmp(e->status, "in-use") != 0 && strcmp(e->interface_type, "branch") != 0)
		snprintf(ret, WAY_TEXT_MAX, "%s, which has %s, is attached to nothing (%s)", e->id,
			 text, e->status);
	else if (is_down(way, e->attachment_instance_id, &state))
		snprintf(ret, WAY_TEXT_MAX, "%s, which has %s, is on %s, which is %s", e->id, text,
			 e->attachment_instance_id, state);
	else
		return false;
	return true;
}

static bool has_address(const struct aws_interface *e, struct ip4 address)
{
	for (size_t i = 0; i < e->addresses.n; i++)
		if (e->addresses.v[i].address.v == address.v)
			return true;
	return false;
}

static void judge_gateway(const struct way *way, const struct aws_address *eip,
			  char ret[static WAY_TEXT_MAX])
{
	const struct aws_interface *const place =
		eip_find_interface(&way->places, eip->network_interface_id);
	char text[IP4_TEXT_MAX], other[IP4_TEXT_MAX];
	const char *state;

	ip4_format(eip->private_ip, text);
	if (way->egress->private.v && way->egress->private.v != eip->private_ip.v)
		snprintf(
			ret, WAY_TEXT_MAX,
			"%s is on %s, but the configuration says %s: the gateway translates to the "
			"latter",
			eip->allocation_id, text, ip4_format(way->egress->private, other));
	else if (place && strcmp(place->status, "in-use") != 0)
		snprintf(ret, WAY_TEXT_MAX, "%s is on %s, which is attached to nothing",
			 eip->allocation_id, place->id);
	else if (place && is_down(way, place->attachment_instance_id, &state))
		snprintf(ret, WAY_TEXT_MAX, "%s is on %s of %s, which is %s", eip->allocation_id,
			 place->id, place->attachment_instance_id, state);
	else if (place && way->gateway_address.v && !has_address(place, way->gateway_address))
		snprintf(ret, WAY_TEXT_MAX, "%s is on %s, which isn't the gateway's: that has %s",
			 eip->allocation_id, place->id, ip4_format(way->gateway_address, text));
}

const char *way_break(const struct way *way, char ret[static WAY_TEXT_MAX])
{
	ret[0] = '\0';
	if (way->failure[0] && way->interfaces.n == 0)
		return ret; /* nothing was seen, so nothing can be said */
	if (breaks_at_source(way, ret) || !way->egress || !way->has_asked_address)
		return ret;
	if (way->addresses.n != 1)
		snprintf(ret, WAY_TEXT_MAX, "there %s Elastic IP as the configuration of %s says",
			 way->addresses.n ? "is more than one" : "is no", way->egress_name);
	else if (!way->addresses.v[0].association_id[0])
		snprintf(ret, WAY_TEXT_MAX, "%s isn't associated with anything",
			 way->addresses.v[0].allocation_id);
	else
		judge_gateway(way, &way->addresses.v[0], ret);
	return ret;
}

static void put_interface(struct control_out *out, const char *key, const struct way *way,
			  const struct aws_interface *e)
{
	const struct aws_instance *const instance =
		eip_find_instance(&way->instances, e->attachment_instance_id);

	control_object(out, key);
	control_string(out, "network_interface_id", e->id);
	control_string(out, "type", e->interface_type[0] ? e->interface_type : "interface");
	control_string(out, "status", e->status);
	control_string(out, "subnet_id", e->subnet_id);
	control_string(out, "vpc_id", e->vpc_id);
	control_string(out, "zone", e->zone);
	control_string(out, "instance_id", e->attachment_instance_id);
	control_string(out, "instance_state", instance ? instance->state : "");
	control_end(out);
}

static void put_prefix(struct control_out *out, const struct way *way)
{
	const struct ip4_prefixes *const prefixes = &way->interfaces.v[0].prefixes;
	char text[IP4_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < prefixes->n; i++)
		if (ip4_prefix_contains(prefixes->v[i], way->source))
			control_string(out, "delegated_prefix",
				       ip4_prefix_format(prefixes->v[i], text));
}

static void put_address(struct control_out *out, const struct way *way,
			const struct aws_address *eip)
{
	const struct aws_interface *const place =
		eip_find_interface(&way->places, eip->network_interface_id);
	char text[IP4_TEXT_MAX];

	control_object(out, "elastic_ip");
	control_string(out, "public", ip4_format(eip->public_ip, text));
	control_string(out, "allocation_id", eip->allocation_id);
	control_string(out, "association_id", eip->association_id);
	control_string(out, "private", eip->private_ip.v ? ip4_format(eip->private_ip, text) : "");
	control_end(out);
	if (place)
		put_interface(out, "gateway", way, place);
}

void way_put(struct control_out *out, const struct way *way)
{
	char text[WAY_TEXT_MAX];

	if (way->interfaces.n > 0)
		put_interface(out, "source", way, &way->interfaces.v[0]);
	if (way->by_prefix)
		put_prefix(out, way);
	if (way->interfaces.n > 1)
		control_int(out, "interfaces_with_this_address", (long long)way->interfaces.n);
	control_string(out, "egress_ip", way->egress_name);
	if (way->addresses.n == 1)
		put_address(out, way, &way->addresses.v[0]);
	control_string(out, "breaks_at", way_break(way, text));
	control_string(out, "error", way->failure);
}
