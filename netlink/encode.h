// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Inside netlink/ and its tests only: values to rtnetlink messages. Each function writes one message to
 * `buf`, which has room for ENCODE_MAX bytes and is aligned for a struct nlmsghdr, and returns it;
 * nlmsg_seq is left 0. `flags` goes in beside NLM_F_REQUEST.
 */
#pragma once

#include <stdint.h>

#include "netlink/rt.h"

struct nlmsghdr;

#define ENCODE_MAX \
	512 /* bytes; the longest message, a new VXLAN device or an encap route, has under 200 */

/* RTM_NEWLINK that creates a VXLAN device in external mode, down. */
struct nlmsghdr *encode_vxlan(void *buf, uint16_t flags, const struct rt_link *link);
/* RTM_NEWLINK that brings mac, mtu, NOARP and UP to what `link` says. */
struct nlmsghdr *encode_link_set(void *buf, uint16_t flags, const struct rt_link *link);
/* The TTL apart: the kernel refuses an MTU in one message with VXLAN parameters. */
struct nlmsghdr *encode_vxlan_ttl(void *buf, uint16_t flags, const struct rt_link *link);
/* RTM_SETLINK that sets one of the IPV4_DEVCONF_... of a device. */
struct nlmsghdr *encode_inet_conf(void *buf, uint16_t flags, int ifindex, uint16_t number,
				  uint32_t value);
struct nlmsghdr *encode_link_del(void *buf, uint16_t flags, int ifindex);
/* `type`: RTM_NEW... or RTM_DEL... */
struct nlmsghdr *encode_addr(void *buf, uint16_t type, uint16_t flags, const struct rt_addr *addr);
struct nlmsghdr *encode_neigh(void *buf, uint16_t type, uint16_t flags,
			      const struct rt_neigh *neigh);
struct nlmsghdr *encode_rule(void *buf, uint16_t type, uint16_t flags, const struct rt_rule *rule);
/*
 * A deletion of a route that struct rt_route can't hold fully (foreign_parts, multipath, RT_OTHER) names
 * its key and protocol only, which the kernel takes as "whatever is there".
 */
struct nlmsghdr *encode_route(void *buf, uint16_t type, uint16_t flags,
			      const struct rt_route *route);
