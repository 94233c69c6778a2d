// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "nat/flowtable.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <libnftnl/flowtable.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/* Counters of connection tracking go on: the NAT log and the metrics tell them. */
enum { FLAGS = NFT_FLOWTABLE_COUNTER };

static bool has_device(const struct nat_flowtable *flowtable, const char *device)
{
	for (size_t i = 0; i < flowtable->n_devices; i++) {
		if (strcmp(flowtable->devices[i], device) == 0)
			return true;
	}
	return false;
}

bool nat_flowtable_equal(const struct nat_flowtable *a, const struct nat_flowtable *b)
{
	if (strcmp(a->name, b->name) != 0 || a->n_devices != b->n_devices)
		return false;
	for (size_t i = 0; i < a->n_devices; i++) {
		if (!has_device(b, a->devices[i]))
			return false;
	}
	return true;
}

int nat_flowtable_put(struct nlmsghdr *nlh, unsigned char family, const char *table,
		      const struct nat_flowtable *flowtable)
{
	const char *devices[NAT_FLOWTABLE_DEVICES_MAX + 1] = { NULL };
	struct nftnl_flowtable *object = nftnl_flowtable_alloc();
	int rc = 0;

	if (!object)
		return -ENOMEM;
	for (size_t i = 0; i < flowtable->n_devices; i++)
		devices[i] = flowtable->devices[i];
	nftnl_flowtable_set_u32(object, NFTNL_FLOWTABLE_FAMILY, family);
	if (nftnl_flowtable_set_str(object, NFTNL_FLOWTABLE_TABLE, table) ||
	    nftnl_flowtable_set_str(object, NFTNL_FLOWTABLE_NAME, flowtable->name) ||
	    nftnl_flowtable_set_array(object, NFTNL_FLOWTABLE_DEVICES, devices))
		rc = -ENOMEM;
	nftnl_flowtable_set_u32(object, NFTNL_FLOWTABLE_HOOKNUM, NF_NETDEV_INGRESS);
	nftnl_flowtable_set_u32(object, NFTNL_FLOWTABLE_PRIO, 0);
	nftnl_flowtable_set_u32(object, NFTNL_FLOWTABLE_FLAGS, FLAGS);
	if (!rc)
		nftnl_flowtable_nlmsg_build_payload(nlh, object);
	nftnl_flowtable_free(object);
	return rc;
}

static bool copy(char *to, size_t size, const char *from)
{
	return from && (size_t)snprintf(to, size, "%s", from) < size;
}

static bool take(const struct nftnl_flowtable *object, struct nat_flowtable *ret)
{
	const char *const *devices = nftnl_flowtable_get_array(object, NFTNL_FLOWTABLE_DEVICES);

	*ret = (struct nat_flowtable){ 0 };
	if (nftnl_flowtable_get_u32(object, NFTNL_FLOWTABLE_HOOKNUM) != NF_NETDEV_INGRESS ||
	    nftnl_flowtable_get_u32(object, NFTNL_FLOWTABLE_PRIO) != 0 ||
	    nftnl_flowtable_get_u32(object, NFTNL_FLOWTABLE_FLAGS) != FLAGS ||
	    !copy(ret->name, sizeof(ret->name),
		  nftnl_flowtable_get_str(object, NFTNL_FLOWTABLE_NAME)))
		return false;
	for (; devices && *devices; devices++) {
		if (ret->n_devices == NAT_FLOWTABLE_DEVICES_MAX ||
		    !copy(ret->devices[ret->n_devices++], IFNAMSIZ, *devices))
			return false;
	}
	return true;
}

bool nat_flowtable_of(const struct nlmsghdr *nlh, struct nat_flowtable *ret)
{
	struct nftnl_flowtable *object = nftnl_flowtable_alloc();
	bool ok = object && nftnl_flowtable_nlmsg_parse(nlh, object) >= 0 && take(object, ret);

	if (object)
		nftnl_flowtable_free(object);
	return ok;
}
