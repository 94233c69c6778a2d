// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The sets, maps and the packet that the tests of nat/eval share. */
#pragma once

#include <netinet/in.h>

#include "nat/eval.h"

#define A0 0x0a000000u

/* A first packet of a connection; what single cases need is changed in a copy. */
#define TCP                                              \
	((struct nat_packet){ .iif = "eni1",             \
			      .oif = "egw0",             \
			      .src = { A0 + 1 },         \
			      .dst = { A0 + 15 },        \
			      .protocol = IPPROTO_TCP,   \
			      .dst_port = 443,           \
			      .tcp_flags = 2,            \
			      .mark = 0x1001,            \
			      .ct_mark = 0x2002,         \
			      .ct_state = NAT_STATE_NEW, \
			      .ct_status = NAT_STATUS_ASSURED })

/*
 * Sets "addrs", "ranges", "pods" and "marks" that the packet's source, destination, device with source, and mark are in;
 * maps by_addr, by_range, by_mark_addr, by_mark_range (both of mark 77) and by_mark that lead address A0 + 1
 * or mark 1 to chain "one", which returns, and 2 to "two", which drops; "to_addr" from mark i to A0 + 200 + i;
 * "to_mark" and "to_mark_range" from mark 77 and address A0 + i to mark i;
 * counters "met", "one" and "two". `rs` isn't finished.
 */
void eval_common(struct nat_ruleset *rs);
