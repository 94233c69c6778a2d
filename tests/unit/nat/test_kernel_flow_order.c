// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What was told late, in the wrong order, or never. */
#include <stdlib.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "flow_fixture.h"
#include "kernel_fixture.h"

/* Nobody told of the end of the one, and the other has its port now. */
static void an_update_makes_the_flow_where_another_has_its_port(void **state)
{
	struct ct_writer *writer = open_writer();
	const struct ct_flow stale = flow_of(IPPROTO_TCP, 4000, 50000),
			     flow = flow_of(IPPROTO_TCP, 4001, 50000),
			     other = flow_of(IPPROTO_TCP, 4002, 50002);

	(void)state;
	put(writer, CT_FLOW_NEW, &stale);
	put(writer, CT_FLOW_NEW, &other);
	flush(writer);
	put(writer, CT_FLOW_IS, &other);
	put(writer, CT_FLOW_IS, &flow);
	put(writer, CT_FLOW_IS, &other);
	flush(writer);
	put_now(writer, CT_FLOW_GONE, &other);
	assert_only(&flow);
	assert_int_equal(ct_writer_stats(writer).updated, 2);
	assert_int_equal(ct_writer_stats(writer).created, 3);
	assert_int_equal(ct_writer_stats(writer).evicted, 1);
	ct_writer_free(writer);
}

/* Told in the wrong order. */
static void an_older_word_shortens_no_life(void **state)
{
	CLEANUP(cleanup_free) struct ct_flow *all = NULL;
	struct ct_writer *writer = open_writer();
	struct ct_flow flow = flow_of(IPPROTO_TCP, 4000, 4000);

	(void)state;
	flow.timeout_s = 432000;
	put_now(writer, CT_FLOW_NEW, &flow);
	flow.tcp_state = TCP_CONNTRACK_SYN_RECV;
	flow.status = IPS_SEEN_REPLY;
	flow.timeout_s = 60;
	put_now(writer, CT_FLOW_IS, &flow);
	assert_int_equal(ct_writer_stats(writer).refused, 0);
	assert_int_equal(list(&all), 1);
	assert_int_equal(all[0].tcp_state, TCP_CONNTRACK_ESTABLISHED);
	assert_int_equal(all[0].status, IPS_SEEN_REPLY | IPS_ASSURED);
	assert_in_range(all[0].timeout_s, 600, 432000);
	ct_writer_free(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(an_update_makes_the_flow_where_another_has_its_port),
		in_a_namespace(an_older_word_shortens_no_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
