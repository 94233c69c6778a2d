// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/named.h"

#include <string.h>

#include "base/cleanup.h"
#include "node/veth.h"
#include "policy/facts.h"

/* The names that the pod's device can have. */
struct devices {
	char v[2][VETH_NAME_MAX];
};

static struct devices devices_of(const struct named_pod *pod)
{
	struct devices devices = { 0 };
	const char *const prefixes[] = { pod->prefix, PODS_STRICT_PREFIX };

	/* A name that can't be made is that of no device. */
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (veth_name(prefixes[i], pod->namespace, pod->name, devices.v[i]))
			devices.v[i][0] = '\0';
	}
	return devices;
}

static bool is_named(const struct devices *devices, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices->v); i++) {
		if (devices->v[i][0] && strcmp(devices->v[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_own(const struct devices *devices, const struct pod *pod)
{
	return is_named(devices, pod->device);
}

size_t named_addresses(const struct pods *pods, const struct named_pod *pod, struct ip4 *ret,
		       size_t max)
{
	const struct devices devices = devices_of(pod);
	size_t n = 0;

	for (size_t i = 0; i < pods->n && n < max; i++) {
		if (is_own(&devices, &pods->v[i]))
			ret[n++] = pods->v[i].address;
	}
	return n;
}

bool named_is_taken(const struct pods *pods, const struct ip4 *addresses, size_t n)
{
	for (size_t i = 0; i < pods->n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (pods->v[i].address.v == addresses[k].v)
				return true;
		}
	}
	return false;
}

static bool has_device(const struct pods *pods, const struct devices *devices)
{
	for (size_t i = 0; i < pods->n; i++) {
		if (is_own(devices, &pods->v[i]))
			return true;
	}
	return false;
}

/*
 * A pod whose namespace isn't known yet may be selected by that one's labels. And what was heard of an address and not
 * computed yet may select it: known already, it would pass for a pod that no policy has.
 */
static bool find_owner(const struct inventory *inventory, struct ip4 address,
		       struct inventory_owner *ret)
{
	struct inventory_found found;

	return inventory_is_told(inventory, address) &&
	       inventory_owner_of(inventory, address, ret) &&
	       inventory_find(inventory, ret->namespace, ret->name, &found) &&
	       found.namespace_known;
}

static void mark_device(struct pod_device *device, const struct inventory_local *pod)
{
	device->known = device->known || pod->namespace_known;
	device->drops6 = device->drops6 || pod->drops6;
}

/* Whether it has one that is called after it. */
static bool mark_own(struct pods *pods, const char *prefix, const struct inventory_local *pod)
{
	const struct devices own =
		devices_of(&(struct named_pod){ prefix, pod->namespace, pod->name });
	bool found = false;

	for (size_t i = 0; i < pods->n_devices; i++) {
		if (!is_named(&own, pods->devices[i].name))
			continue;
		mark_device(&pods->devices[i], pod);
		found = true;
	}
	return found;
}

static void mark_by_address(struct pods *pods, const struct inventory_local *pod)
{
	for (size_t i = 0; i < pods->n; i++) {
		struct pod_device *device =
			pods->v[i].known ? pods_device(pods, pods->v[i].ifindex) : NULL;

		for (size_t k = 0; device && k < pod->n_addresses; k++) {
			if (pod->addresses[k].v == pods->v[i].address.v)
				mark_device(device, pod);
		}
	}
}

static void mark_devices(struct pods *pods, const char *prefix, const struct inventory *inventory)
{
	struct inventory_local pod;
	size_t cursor = 0;

	for (size_t i = 0; i < pods->n_devices; i++)
		pods->devices[i].known = pods->devices[i].drops6 = false;
	while (inventory_next_local(inventory, NULL, &cursor, &pod)) {
		if (!mark_own(pods, prefix, &pod))
			mark_by_address(pods, &pod);
	}
}

void named_mark(struct pods *pods, const char *prefix, const struct inventory *inventory)
{
	for (size_t i = 0; i < pods->n; i++) {
		struct pod *pod = &pods->v[i];
		struct inventory_owner owner;

		pod->known = false;
		if (!find_owner(inventory, pod->address, &owner))
			continue;
		const struct devices devices =
			devices_of(&(struct named_pod){ prefix, owner.namespace, owner.name });

		pod->known = is_own(&devices, pod) || !has_device(pods, &devices);
	}
	mark_devices(pods, prefix, inventory);
}
