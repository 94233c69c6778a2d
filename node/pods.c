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

struct device {
	int ifindex;
	char name[16];
};

struct devices {
	struct device *v;
	size_t n;
};

static bool is_pod_device(const char *name, const char *prefix)
{
	return (strncmp(name, prefix, strlen(prefix)) == 0 ||
		strncmp(name, PODS_STRICT_PREFIX, strlen(PODS_STRICT_PREFIX)) == 0) &&
	       !strchr(name, '.');
}

static const char *device_name(const struct devices *devices, int ifindex)
{
	for (size_t i = 0; i < devices->n; i++) {
		if (devices->v[i].ifindex == ifindex)
			return devices->v[i].name;
	}
	return NULL;
}

static bool is_pod_route(const struct rt_route *route, void *data)
{
	return route->dst.len == 32 && route->type == RT_UNICAST &&
	       route->protocol != RT_PROTOCOL_EIPGW && device_name(data, route->oif);
}

static void devices_done(struct devices *devices)
{
	free(devices->v);
}

static void links_done(struct rt_links *links)
{
	free(links->v);
}

static void routes_done(struct rt_routes *routes)
{
	free(routes->v);
}

static int read_devices(struct devices *ret, struct rtnl *rtnl, const char *prefix, struct err *err)
{
	CLEANUP(links_done) struct rt_links links = { 0 };
	int rc = rtnl_links(rtnl, &links, err);

	if (rc)
		return rc;
	ret->v = calloc(links.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return err_set(err, -ENOMEM, "pods: out of memory");
	for (size_t i = 0; i < links.n; i++) {
		if (!is_pod_device(links.v[i].name, prefix))
			continue;
		ret->v[ret->n].ifindex = links.v[i].ifindex;
		memcpy(ret->v[ret->n++].name, links.v[i].name, sizeof(ret->v[0].name));
	}
	return 0;
}

static int compare_pods(const void *pa, const void *pb)
{
	const struct pod *a = pa, *b = pb;

	if (a->address.v != b->address.v)
		return a->address.v < b->address.v ? -1 : 1;
	return strcmp(a->device, b->device);
}

int pods_read(struct pods *pods, struct rtnl *rtnl, const char *device_prefix, struct err *err)
{
	CLEANUP(devices_done) struct devices devices = { 0 };
	CLEANUP(routes_done) struct rt_routes routes = { 0 };
	int rc = read_devices(&devices, rtnl, device_prefix, err);

	if (rc)
		return rc;
	struct rt_route_filter filter = { .keep = is_pod_route, .data = &devices };

	rc = rtnl_routes(rtnl, &filter, &routes, err);
	if (rc)
		return rc;
	if (routes.n > PODS_MAX)
		return err_set(err, -E2BIG, "%zu pod routes, more than %d", routes.n, PODS_MAX);
	struct pod *v = calloc(routes.n + 1, sizeof(*v));

	if (!v)
		return err_set(err, -ENOMEM, "pods: out of memory");
	for (size_t i = 0; i < routes.n; i++) {
		v[i].address = routes.v[i].dst.addr;
		v[i].ifindex = routes.v[i].oif;
		v[i].in_main = routes.v[i].table == RT_TABLE_MAIN;
		snprintf(v[i].device, sizeof(v[i].device), "%s",
			 device_name(&devices, routes.v[i].oif));
	}
	qsort(v, routes.n, sizeof(*v), compare_pods);
	pods_done(pods);
	pods->v = v;
	/* A pod's route can stand in two tables. */
	for (size_t i = 0; i < routes.n; i++) {
		if (pods->n && compare_pods(&v[pods->n - 1], &v[i]) == 0)
			v[pods->n - 1].in_main |= v[i].in_main;
		else
			v[pods->n++] = v[i];
	}
	return 0;
}

void pods_done(struct pods *pods)
{
	free(pods->v);
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
