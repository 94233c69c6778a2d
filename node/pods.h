// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The pods of this node, learnt from the routes that the CNI makes for them: POD/32 on a device with the
 * pods' prefix, in any table (pods with a security group of their own have theirs in the table of their
 * branch interface). No API is asked, so it works before, without and while Kubernetes is away.
 *
 * Two prefixes are in use at once: the configured one ("eni"), and "vlan", which the VPC CNI gives to pods
 * with strict security groups (BuildHostVethNamePrefix in amazon-vpc-cni-k8s). Their branch interfaces are
 * called vlan.eth.N: a name with a dot is no pod's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ip4.h"

struct err;
struct rt_change;
struct rtnl;

#define PODS_MAX 4096
#define PODS_STRICT_PREFIX "vlan"

struct pod {
	struct ip4 address;
	char device[16];
	int ifindex;
	bool in_main; /* its route is in the main table; else only in one of its own */
	bool known;   /* false: Kubernetes is asked, and hasn't told yet whose it is */
};

/* A pod's network device, with or without such a route: what IPv6 is judged by. */
struct pod_device {
	char name[16];
	int ifindex;
	bool known;  /* whose it is */
	bool drops6; /* a policy that selects its pod drops IPv6 */
};

struct pods {
	struct pod *v; /* sorted by address, then device */
	size_t n;
	struct pod_device *devices; /* sorted by ifindex; as read, none is known */
	size_t n_devices;
};

/* Replaces *pods by what the kernel has now. Same results as rtnl_routes; -E2BIG above PODS_MAX. */
int pods_read(struct pods *pods, struct rtnl *rtnl, const char *device_prefix, struct err *err);
void pods_done(struct pods *pods);
/* NULL: there is no such one. */
struct pod_device *pods_device(const struct pods *pods, int ifindex);
bool pods_equal(const struct pods *a, const struct pods *b);
/* Whether the change can concern a pod, so that they should be read again. */
bool pods_concerned(const struct rt_change *change, const char *device_prefix);
