// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What the packet generator's BPF programs and the program that drives them share. Flow f is from the pod f % pods to
 * the server f % 256, and no two flows have server and source port in common: so one egress IP can keep every source
 * port, and a reply can be made without asking which port was taken.
 */
#pragma once

#include <linux/types.h>

enum packets_direction {
	PACKETS_OUT, /* from a pod, in the tunnel if there is one */
	PACKETS_BACK /* from a server to the egress IP */
};

/* In bursts, each of one flow: what the kernel merges (GRO), if it's TCP. */
enum packets_order { PACKETS_RANDOM, PACKETS_IN_TURN, PACKETS_IN_BURSTS };

/* Written by the driver between runs, read by the generator. Addresses are in host byte order. */
struct packets_work {
	__u32 direction, order;
	__u32 n_flows,
		next; /* RANDOM, IN_BURSTS: of flows 0..n_flows-1; IN_TURN: next, next+1, ... */
	__u32 pods, nodes; /* pods are dealt to the first `nodes` nodes in turn */
	__u32 tcp;         /* segments of established connections; else UDP */
	__u32 tunnel;      /* 0: pods' packets come as they are */
	__u32 gateway;     /* outer destination */
	__u32 egress;      /* where servers answer to; 0: to the pod */
	__u32 out_ifindex;
	__u32 reflect; /* packets to servers are turned round, as if the server had answered */
	/* IN_TURN: of the packets since `next` was `first`, at most `window` lack an answer, and none is made from `last` on.
	 * `window` 0: no bound. */
	__u32 first, last, window;
	__u64 first_back; /* packets_arrived.back, and those that were lost, at that time */
};

/* What came out of the gateway, written on the processor that runs it. */
struct packets_arrived {
	__u64 out;   /* to servers */
	__u64 back;  /* to pods, in the tunnel if there is one */
	__u64 wrong; /* of `out`, not from the egress IP */
};

/* The programs' only variable. */
struct packets_shared {
	struct packets_work work;
	struct packets_arrived arrived __attribute__((aligned(64)));
};

#define PACKETS_PAYLOAD 18 /* of UDP; of TCP twelve less */
#define PACKETS_BURST 32
#define PACKETS_FRAME 60        /* with the payload */
#define PACKETS_TUNNEL_BYTES 50 /* before it */
#define PACKETS_VNI 77
#define PACKETS_VXLAN_PORT 4789
#define PACKETS_SERVER_PORT 9
#define PACKETS_FIRST_PORT 10240
#define PACKETS_PODS 0x0a400000    /* 10.64.0.0: a /24 for each node, even addresses */
#define PACKETS_SERVERS 0xc6120000 /* 198.18.0.0 */
#define PACKETS_NODES 0x0a020001   /* 10.2.0.1, 250 to a /24 */
#define PACKETS_FLOWS_MAX ((65536u - PACKETS_FIRST_PORT) * 256)
