// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "node/pods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "netlink/rtnl.h"

static bool is_pod_device(const char *name, const char *prefix)
{
	return (strncmp(name, prefix, strlen(prefix)) == 0 ||
		strncmp(name, PODS_STRICT_PREFIX, strlen(PODS_STRICT_PREFIX)) == 0) &&
	       !strchr(name, '.');
}

static int compare_devices(const void *pa, const void *pb)
{
	const struct pod_device *a = pa, *b = pb;

	return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

struct pod_device *pods_device(const struct pods *pods, int ifindex)
{
	const struct pod_device key = { .ifindex = ifindex };

	return pods->n_devices ? bsearch(&key, pods->devices, pods->n_devices,
					 sizeof(*pods->devices), compare_devices) :
				 NULL;
}

static bool is_pod_route(const struct rt_route *route, void *data)
{
	return route->dst.len == 32 && route->type == RT_UNICAST &&
	       route->protocol != RT_PROTOCOL_EIPGW && pods_device(data, route->oif);
}

static void links_done(struct rt_links *links)
{
	free(links->v);
}

static void routes_done(struct rt_routes *routes)
{
	free(routes->v);
}

static int read_devices(struct pods *ret, struct rtnl *rtnl, const char *prefix, struct err *err)
{
	CLEANUP(links_done) struct rt_links links = { 0 };
	int rc = rtnl_links(rtnl, &links, err);

	if (rc)
		return rc;
	ret->devices = calloc(links.n + 1, sizeof(*ret->devices));
	if (!ret->devices)
		return err_set(err, -ENOMEM, "pods: out of memory");
	for (size_t i = 0; i < links.n; i++) {
		struct pod_device *device = &ret->devices[ret->n_devices];

		if (!is_pod_device(links.v[i].name, prefix))
			continue;
		device->ifindex = links.v[i].ifindex;
		memcpy(device->name, links.v[i].name, sizeof(device->name));
		ret->n_devices++;
	}
	qsort(ret->devices, ret->n_devices, sizeof(*ret->devices), compare_devices);
	return 0;
}

static int compare_pods(const void *pa, const void *pb)
{
	const struct pod *a = pa, *b = pb;

	if (a->address.v != b->address.v)
		return a->address.v < b->address.v ? -1 : 1;
	return strcmp(a->device, b->device);
}

/* A pod's route can stand in two tables. */
static void take_routes(struct pods *pods, const struct rt_routes *routes)
{
	struct pod *v = pods->v;

	for (size_t i = 0; i < routes->n; i++) {
		v[i].address = routes->v[i].dst.addr;
		v[i].ifindex = routes->v[i].oif;
		v[i].in_main = routes->v[i].table == RT_TABLE_MAIN;
		v[i].known = true;
		snprintf(v[i].device, sizeof(v[i].device), "%s",
			 pods_device(pods, routes->v[i].oif)->name);
	}
	qsort(v, routes->n, sizeof(*v), compare_pods);
	for (size_t i = 0; i < routes->n; i++) {
		if (pods->n && compare_pods(&v[pods->n - 1], &v[i]) == 0)
			v[pods->n - 1].in_main |= v[i].in_main;
		else
			v[pods->n++] = v[i];
	}
}

int pods_read(struct pods *pods, struct rtnl *rtnl, const char *device_prefix, struct err *err)
{
	CLEANUP(pods_done) struct pods read = { 0 };
	CLEANUP(routes_done) struct rt_routes routes = { 0 };
	int rc = read_devices(&read, rtnl, device_prefix, err);

	if (rc)
		return rc;
	struct rt_route_filter filter = { .keep = is_pod_route, .data = &read };

	rc = rtnl_routes(rtnl, &filter, &routes, err);
	if (rc)
		return rc;
	if (routes.n > PODS_MAX)
		return err_mark(err, MSG_PODS_TOO_MANY,
				err_set(err, -E2BIG, "%zu pod routes, more than %d", routes.n,
					PODS_MAX));
	read.v = calloc(routes.n + 1, sizeof(*read.v));
	if (!read.v)
		return err_set(err, -ENOMEM, "pods: out of memory");
	take_routes(&read, &routes);
	pods_done(pods);
	*pods = read;
	read = (struct pods){ 0 };
	return 0;
}

void pods_done(struct pods *pods)
{
	free(pods->v);
	free(pods->devices);
	*pods = (struct pods){ 0 };
}

bool pods_equal(const struct pods *a, const struct pods *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (compare_pods(&a->v[i], &b->v[i]) != 0 || a->v[i].ifindex != b->v[i].ifindex ||
		    a->v[i].in_main != b->v[i].in_main)
			return false;
	}
	return true;
}

bool pods_concerned(const struct rt_change *change, const char *device_prefix)
{
	if (change->kind == RT_LINK)
		return is_pod_device(change->link.name, device_prefix);
	return change->kind == RT_ROUTE && change->route.dst.len == 32 &&
	       change->route.type == RT_UNICAST && change->route.protocol != RT_PROTOCOL_EIPGW;
}
