// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which connections are asked for. */
#include "gateway/log/flow_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "control/control.h"
#include "nat/flow.h"
#include "natlog/record.h"

static const struct ct_flow flow = { .orig = { .src = { 0x0a000132 },
					       .dst = { 0xc633640a },
					       .src_port = 27185,
					       .dst_port = 8080,
					       .protocol = IPPROTO_TCP },
				     .nat = { 0x0a0001c9 },
				     .nat_port = 40000,
				     .status = IPS_SEEN_REPLY | IPS_ASSURED,
				     .tcp_state = TCP_CONNTRACK_ESTABLISHED };
static const struct natlog_who who = { .namespace = "shop",
				       .name = "pay-0",
				       .policy = "payments",
				       .egress = "bank",
				       .public = { 0xcb007164 } };

static struct control_args args_of(const char *key, const char *value)
{
	struct control_args args = { .n = key ? 1 : 0 };

	snprintf(args.v[0].key, sizeof(args.v[0].key), "%s", key ? key : "");
	snprintf(args.v[0].value, sizeof(args.v[0].value), "%s", value ? value : "");
	return args;
}

static const struct {
	const char *key, *value;
	bool is_found;
} rows[] = {
	{ NULL, NULL, true },
	{ "pod", "shop/pay-0", true },
	{ "pod", "pay-0", true },
	{ "pod", "other/pay-0", false },
	{ "pod", "shop/pay-1", false },
	{ "namespace", "shop", true },
	{ "namespace", "sho", false },
	{ "policy", "payments", true },
	{ "policy", "mail", false },
	{ "egress_ip", "bank", true },
	{ "egress_ip", "mail", false },
	{ "egress_ip", "203.0.113.100", true },
	{ "egress_ip", "10.0.1.201", true },
	{ "egress_ip", "10.0.1.201:40000", true },
	{ "egress_ip", "bank:40001", false },
	{ "egress_ip", "203.0.113.101", false },
	{ "destination", "198.51.100.10", true },
	{ "destination", "198.51.100.0/24:8080", true },
	{ "destination", "198.51.100.0/24:8081", false },
	{ "destination", "192.0.2.0/24", false },
	{ "protocol", "tcp", true },
	{ "protocol", "udp", false },
	{ "state", "established", true },
	{ "state", "time_wait", false },
	{ "state", "assured", false }, /* TCP has states of its own */
};

static void each_filter_finds_what_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct control_args args = args_of(rows[i].key, rows[i].value);
		struct flow_filter filter;
		struct err err = ERR_NULL;

		if (flow_filter_parse(&args, &filter, &err))
			fail_msg("%s", err.text);
		if ((flow_filter_kernel(&filter, &flow) && flow_filter_who(&filter, &flow, &who)) !=
		    rows[i].is_found)
			fail_msg("%s=%s", rows[i].key, rows[i].value);
	}
}

static void of_whom_nothing_is_known_is_found_by_what_the_kernel_says_only(void **state)
{
	static const struct natlog_who nobody = { 0 };
	struct control_args args = args_of("pod", "pay-0");
	struct flow_filter filter;

	(void)state;
	assert_int_equal(flow_filter_parse(&args, &filter, NULL), 0);
	assert_false(flow_filter_who(&filter, &flow, &nobody));
	args = args_of("egress_ip", "10.0.1.201:40000");
	assert_int_equal(flow_filter_parse(&args, &filter, NULL), 0);
	assert_true(flow_filter_who(&filter, &flow, &nobody));
}

static void what_is_wrong_is_refused(void **state)
{
	static const struct {
		const char *key, *value;
	} wrong[] = { { "protocol", "gre" },   { "state", "open" },      { "limit", "0" },
		      { "limit", "" },         { "limit", "-1" },        { "limit", "1000001" },
		      { "limit", "1e3" },      { "egress_ip", "1.2.3" }, { "destination", "bank" },
		      { "destination", "x y" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		const struct control_args args = args_of(wrong[i].key, wrong[i].value);
		struct flow_filter filter;
		struct err err = ERR_NULL;

		if (flow_filter_parse(&args, &filter, &err) == 0)
			fail_msg("%s=%s is taken", wrong[i].key, wrong[i].value);
		assert_true(err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_finds_what_it_says),
		cmocka_unit_test(of_whom_nothing_is_known_is_found_by_what_the_kernel_says_only),
		cmocka_unit_test(what_is_wrong_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
