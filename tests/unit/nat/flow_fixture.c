// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "flow_fixture.h"

#include <stdlib.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmocka_all.h"
#include "nat/nfnl.h"
#include "netlink/sysctl.h"

struct ct_flow flow_of(uint8_t protocol, uint16_t port, uint16_t nat_port)
{
	struct ct_flow flow = { .orig = { .src = { POD },
					  .dst = { SERVER },
					  .src_port = port,
					  .dst_port = 443,
					  .protocol = protocol },
				.nat = { EGRESS },
				.nat_port = nat_port,
				.mark = 7,
				.status = IPS_SEEN_REPLY | IPS_ASSURED,
				.timeout_s = 300 };

	if (protocol == IPPROTO_TCP)
		flow.tcp_state = TCP_CONNTRACK_ESTABLISHED;
	if (protocol == IPPROTO_ICMP) {
		flow.orig.dst_port = 0;
		flow.orig.icmp_type = 8;
	}
	return flow;
}

struct ct_writer *open_writer(void)
{
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);

	if (!writer)
		fail_msg("%s", err.text);
	/* As the daemon sets it; else what is made while nobody listens never tells anything. */
	assert_int_equal(sysctl_write_checked("net/netfilter/nf_conntrack_events", "1", NULL), 0);
	return writer;
}

void put(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow)
{
	struct err err = ERR_NULL;

	if (ct_writer_put(writer, change, flow, &err))
		fail_msg("%s", err.text);
}

void flush(struct ct_writer *writer)
{
	struct err err = ERR_NULL;

	if (ct_writer_flush(writer, &err))
		fail_msg("%s", err.text);
}

void put_now(struct ct_writer *writer, enum ct_flow_change change, const struct ct_flow *flow)
{
	put(writer, change, flow);
	flush(writer);
}

static bool keep_all(const struct ct_entry *entry, void *data)
{
	(void)entry;
	(void)data;
	return true;
}

size_t list(struct ct_flow **ret)
{
	struct ct_entries entries = { 0 };
	struct err err = ERR_NULL;
	struct nfnl *nfnl = nfnl_open(&err);

	assert_non_null(nfnl);
	if (ct_list(nfnl, keep_all, NULL, &entries, &err))
		fail_msg("%s", err.text);
	nfnl_close(nfnl);
	size_t n = entries.n;

	*ret = calloc(n + 1, sizeof(**ret));
	assert_non_null(*ret);
	for (size_t i = 0; i < n; i++)
		assert_true(ct_flow_of(&entries.v[i], &(*ret)[i]));
	ct_entries_done(&entries);
	return n;
}

void assert_same(const struct ct_flow *seen, const struct ct_flow *put)
{
	assert_true(ct_tuple_equal(&seen->orig, &put->orig));
	assert_int_equal(seen->nat.v, put->nat.v);
	assert_int_equal(seen->nat_port, put->nat_port);
	assert_int_equal(seen->tcp_state, put->tcp_state);
	assert_int_equal(seen->mark, put->mark);
	assert_int_equal(seen->status, put->status);
	assert_in_range(seen->timeout_s, put->timeout_s - 5, put->timeout_s);
}

void assert_only(const struct ct_flow *flow)
{
	CLEANUP(cleanup_free) struct ct_flow *all = NULL;

	assert_int_equal(list(&all), 1);
	assert_same(&all[0], flow);
}

void assert_none(void)
{
	CLEANUP(cleanup_free) struct ct_flow *all = NULL;

	assert_int_equal(list(&all), 0);
}
