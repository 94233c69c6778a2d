// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Flows in the kernels of the two. */
#include <stdlib.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "nat/nfnl.h"
#include "peer/told.h"
#include "two_gateways.h"

struct ip4 two_address(enum gateway gateway, enum egress egress)
{
	return (struct ip4){ 0x0a000100u + ((uint32_t)gateway << 8) + 201 + egress };
}

uint32_t two_mark(enum gateway gateway, enum egress egress)
{
	return 1 + (uint32_t)egress + 10 * (uint32_t)gateway;
}

struct ct_flow two_flow(enum gateway gateway, enum egress egress, uint8_t protocol, unsigned n)
{
	struct ct_flow flow = {
		.orig = { .src = { 0x0a400000u + n / 20000 },
			  .dst = { 0xc6336400u + n / 20000 },
			  .src_port = (uint16_t)(10000 + n % 20000),
			  .dst_port = 443,
			  .protocol = protocol },
		.nat = two_address(gateway, egress),
		.nat_port = (uint16_t)(40000 + n % 20000),
		.mark = two_mark(gateway, egress),
		.status = IPS_SEEN_REPLY | (protocol == IPPROTO_ICMP ? 0 : IPS_ASSURED),
		.timeout_s = protocol == IPPROTO_TCP ? 432000 : 600,
	};

	if (protocol == IPPROTO_TCP)
		flow.tcp_state = TCP_CONNTRACK_ESTABLISHED;
	if (protocol == IPPROTO_ICMP) {
		flow.orig.dst_port = 0;
		flow.orig.icmp_type = 8;
	}
	return flow;
}

void two_put(struct two *two, enum gateway gateway, enum ct_flow_change change,
	     const struct ct_flow *flow)
{
	struct err err = ERR_NULL;

	if (ct_writer_put(two->traffic[gateway], change, flow, &err))
		fail_msg("%s", err.text);
}

void two_flush(struct two *two, enum gateway gateway)
{
	struct err err = ERR_NULL;

	if (ct_writer_flush(two->traffic[gateway], &err))
		fail_msg("%s", err.text);
	assert_int_equal(ct_writer_stats(two->traffic[gateway]).refused, 0);
}

static bool has_address(const struct ct_entry *entry, void *data)
{
	const struct ip4 *address = data;

	return entry->reply.dst.v == address->v;
}

static int compare(const void *a, const void *b)
{
	const struct ct_flow *x = a, *y = b;

	uint64_t i = told_hash(&x->orig, 0), j = told_hash(&y->orig, 0);

	return (i > j) - (i < j);
}

size_t two_list(struct two *two, enum gateway gateway, enum egress egress, struct ct_flow **ret)
{
	struct ip4 address = two_address(gateway, egress);
	struct ct_entries entries = { 0 };
	struct err err = ERR_NULL;
	size_t n = 0;

	if (ct_list(two->nfnl[gateway], has_address, &address, &entries, &err))
		fail_msg("%s", err.text);
	*ret = calloc(entries.n + 1, sizeof(**ret));
	assert_non_null(*ret);
	for (size_t i = 0; i < entries.n; i++)
		n += ct_flow_of(&entries.v[i], &(*ret)[n]);
	ct_entries_done(&entries);
	qsort(*ret, n, sizeof(**ret), compare);
	return n;
}

size_t two_count(struct two *two, enum gateway gateway, enum egress egress)
{
	CLEANUP(cleanup_free) struct ct_flow *flows = NULL;

	return two_list(two, gateway, egress, &flows);
}

bool two_find(struct two *two, enum gateway gateway, const struct ct_flow *flow,
	      struct ct_flow *ret)
{
	for (enum egress e = E1; e < EGRESSES; e++) {
		CLEANUP(cleanup_free) struct ct_flow *flows = NULL;
		size_t n = two_list(two, gateway, e, &flows);

		for (size_t i = 0; i < n; i++) {
			if (!ct_tuple_equal(&flows[i].orig, &flow->orig))
				continue;
			*ret = flows[i];
			return true;
		}
	}
	return false;
}

bool two_agree(struct two *two, enum egress egress)
{
	CLEANUP(cleanup_free) struct ct_flow *a = NULL;
	CLEANUP(cleanup_free) struct ct_flow *b = NULL;
	size_t n = two_list(two, A, egress, &a);
	bool same = two_list(two, B, egress, &b) == n;

	for (size_t i = 0; same && i < n; i++)
		same = ct_tuple_equal(&a[i].orig, &b[i].orig) && a[i].nat_port == b[i].nat_port &&
		       a[i].tcp_state == b[i].tcp_state && a[i].status == b[i].status &&
		       a[i].mark == two_mark(A, egress) && b[i].mark == two_mark(B, egress);
	return same;
}
