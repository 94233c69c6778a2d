// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The state of a small node, and the values that it is made of. */
#pragma once

#include "netlink/plan.h"

#define SAMPLE_TABLE 4096
#define SAMPLE_PEER 0xa9fe40fe    /* 169.254.64.254 */
#define SAMPLE_ADDR 0xa9fe4001    /* 169.254.64.1 */
#define SAMPLE_NODE 0x0a00010b    /* 10.0.1.11 */
#define SAMPLE_GATEWAY 0x0a0001c8 /* 10.0.1.200 */
#define SAMPLE_MAC                           \
	{                                    \
		0x02, 0x65, 0x67, 0x77, 0, 2 \
	}
#define SAMPLE_PEER_MAC                      \
	{                                    \
		0x02, 0x65, 0x67, 0x77, 0, 1 \
	}

struct rt_link sample_tunnel(void);
struct rt_neigh sample_peer(void);
/* default through the tunnel to `gateway`. */
struct rt_route sample_default(uint32_t table, uint32_t gateway);
struct rt_route sample_throw(uint32_t table, uint32_t gateway);
struct rt_route sample_blackhole(uint32_t table);
struct rt_rule sample_lookup(uint32_t priority, uint32_t mark, uint32_t table);
/* Unmarked packets go on at `target`; what is left at `priority` + 2 is dropped. */
struct rt_rule sample_goto(uint32_t priority, uint32_t target);
struct rt_rule sample_blackhole_rule(uint32_t priority);
struct rt_rule sample_nop(uint32_t priority);

/* One lane: table SAMPLE_TABLE with three routes; rules 600 goto 603, 601 lookup, 602 blackhole, 603 nop. */
#define SAMPLE_ROUTES 3
#define SAMPLE_RULES 4
struct net_desired sample_desired(void); /* freed by net_desired_done */
/* What the kernel shows once `desired` is reached, with the tunnel at `ifindex`. */
struct net_observed sample_observed(const struct net_desired *desired, int ifindex);
bool sample_same_addr(const struct rt_addr *a, const struct rt_addr *b);
/* A device's name or kind, as the structs hold it. */
void sample_name(char ret[static RT_IFNAME_MAX], const char *name);
void *sample_copy(const void *v, size_t n, size_t size);
