// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * bench_entries fill ADDRESS N [MARK]: makes N connections that are translated to the address, in the namespace where it runs.
 *
 * bench_entries compare NETNS ADDRESS OTHER_NETNS OTHER_ADDRESS END_NS: which connections that the first gateway's kernel
 * translates to its address the other one's has, too, to its own address with the same port. By their age at END_NS of the
 * wall clock, from nf_conntrack_timestamp. TCP counts from SYN_RECV to LAST_ACK, which is what is replicated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/err.h"
#include "bench.h"
#include "compare.h"
#include "nat/flow.h"

enum { PORTS = 60000, LIFE_S = 3600 };

static void fill(struct ip4 address, uint32_t n, uint32_t mark)
{
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);

	if (!writer)
		fail("fill", err.text);
	for (uint32_t i = 0; i < n; i++) {
		const struct ct_flow flow = {
			.orig = { .src = { 0x0a400000u + i % 5000 },
				  .dst = { 0xc6130000u + i / PORTS }, /* none of bench_connect's */
				  .src_port = (uint16_t)(1024 + i / 5000),
				  .dst_port = 443,
				  .protocol = IPPROTO_TCP },
			.nat = address,
			.nat_port = (uint16_t)(2000 + i % PORTS),
			.tcp_state = TCP_CONNTRACK_ESTABLISHED,
			.status = IPS_SEEN_REPLY | IPS_ASSURED,
			.mark = mark,
			.timeout_s = LIFE_S,
		};

		if (ct_writer_put(writer, CT_FLOW_NEW, &flow, &err))
			fail("fill", err.text);
	}
	if (ct_writer_flush(writer, &err))
		fail("fill", err.text);
	if (ct_writer_stats(writer).created != n)
		fail("fill", strerror(-ct_writer_last_refusal(writer)));
	ct_writer_free(writer);
}

int main(int argc, char *argv[])
{
	if ((argc == 4 || argc == 5) && strcmp(argv[1], "fill") == 0)
		fill(compare_address(argv[2]), (uint32_t)strtoul(argv[3], NULL, 10),
		     argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0);
	else if (argc == 7 && strcmp(argv[1], "compare") == 0)
		compare_tables(argv + 2);
	else
		fail(argv[0], "fill ADDRESS N [MARK] | compare NETNS ADDRESS NETNS ADDRESS END_NS");
	return 0;
}
