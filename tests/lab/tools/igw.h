// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
//
// What the internet gateway's BPF program and its loader share: the keys and values of the exit counter. Addresses are in network
// order, ports in host order.
#pragma once

#include <linux/types.h>

#define IGW_FLOWS_MAX 65536

enum igw_side { IGW_SIDE_VPC = 1, IGW_SIDE_WIRE = 2 };

enum igw_stat {
	IGW_STAT_UNCOUNTED,        /* packets that the full counter could not hold: must stay 0 */
	IGW_STAT_INBOUND_UNMAPPED, /* packets from outside to a public address that nobody has */
	IGW_STAT_COUNT
};

struct igw_flow {
	__u32 inside;  /* source before translation; 0 on the wire side */
	__u32 outside; /* source after translation; 0 = unmapped, dropped */
	__u32 daddr;
	__u16 port; /* destination port; the type for ICMP; 0 for later fragments and other protocols */
	__u8 proto;
	__u8 side;
};

struct igw_count {
	__u64 packets;
	__u64 bytes;
};
