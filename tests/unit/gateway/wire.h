// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The other end of a gateway's uplink: a node's packets come from it, and all that leaves is seen on it, frame by frame.
 * The test is in the gateway's namespace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip4.h"

enum { WIRE_FIN = 1, WIRE_SYN = 2, WIRE_RST = 4, WIRE_ACK = 16 };

struct wire_packet {
	struct ip4 node; /* of the tunnel packet around it; v == 0: none */
	struct ip4 src, dst;
	uint8_t protocol;
	uint16_t src_port, dst_port;
	uint32_t sequence, acknowledged; /* TCP */
	uint8_t flags;                   /* TCP */
};

/* Makes the gateway's namespace, enters it, and ties it to the wire by eth0, 10.0.1.200/24, with 10.0.1.1 as router. Its
 * socket; exits with 77 where there is no privilege. */
int wire_begin(unsigned *ret_ifindex);
/* In the tunnel, from packet->node. */
void wire_send(int wire, const struct wire_packet *packet);
/* The next IPv4 packet that left, whatever it is. Fails the test if none does. */
struct wire_packet wire_next(int wire);
