// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * A flowtable (Documentation/networking/nf_flowtable.rst): established flows that a rule put into it are forwarded from the
 * ingress hook of its devices, past routing and all chains, translated as their entry in connection tracking says and
 * counted there. The kernel takes a device out of it when the device goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <net/if.h>

#define NAT_FLOWTABLE_DEVICES_MAX 4
#define NAT_FLOWTABLE_NAME_MAX 32

struct nlmsghdr;

struct nat_flowtable {
	char name[NAT_FLOWTABLE_NAME_MAX]; /* "": there is none */
	char devices[NAT_FLOWTABLE_DEVICES_MAX][IFNAMSIZ];
	size_t n_devices;
};

/* Whatever the order of their devices. */
bool nat_flowtable_equal(const struct nat_flowtable *a, const struct nat_flowtable *b);
/* The payload of NFT_MSG_NEWFLOWTABLE. 0 or -ENOMEM. */
int nat_flowtable_put(struct nlmsghdr *nlh, unsigned char family, const char *table,
		      const struct nat_flowtable *flowtable);
/* From such a message. False: it isn't one as we make them. */
bool nat_flowtable_of(const struct nlmsghdr *nlh, struct nat_flowtable *ret);
