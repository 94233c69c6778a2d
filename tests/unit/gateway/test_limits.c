// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Who has as many connections as he may have gets no new one, and everybody else goes on. */
#include "desired_fixture.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include "base/cleanup.h"
#include "gateway/table/limiter.h"
#include "gateway/table/limits.h"

enum { SYN = 2 };

static const char *const bank_pod = "10.0.1.50", *const mail_pod = "10.0.1.51";

/* Of the two policies the first one has a limit of its own, or not. */
static void fixture_init(struct fixture *f, uint32_t gateways, uint32_t first)
{
	fixture_init_with(f, two_pods_text);
	f->config.limits.connections_per_pod = gateways;
	f->policies.connections[0] = first;
}

static void describe(struct fixture *f, const struct limiter *limiter)
{
	nat_ruleset_done(&f->table);
	f->table = (struct nat_ruleset){ 0 };
	f->view.limiter = limiter;
	assert_int_equal(gateway_describe_table(&f->view, &f->table), 0);
}

static struct nat_packet packet_of(const char *pod, uint8_t protocol, uint32_t status)
{
	return (struct nat_packet){ .iif = "egw0",
				    .oif = "eth0",
				    .src = ip(pod),
				    .dst = ip("198.51.100.10"),
				    .protocol = protocol,
				    .tcp_flags = SYN,
				    .mark = gateway_node_mark(ip("10.0.2.11")),
				    .ct_state = NAT_STATE_NEW,
				    .ct_status = status };
}

static void the_smallest_number_of_a_sources_policies_counts(void **state)
{
	static const struct {
		uint32_t gateways, first, bank, mail, smallest;
	} rows[] = {
		{ 0, 0, 0, 0, 0 }, { 7, 0, 7, 7, 7 },
		{ 7, 5, 5, 7, 5 }, { 7, 9, 9, 7, 7 }, /* the policy's word goes first */
		{ 0, 9, 9, 0, 9 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture f;

		fixture_init(&f, rows[i].gateways, rows[i].first);
		assert_int_equal(limits_of(&f.view, gateway_class_of(&f.view, ip(bank_pod))),
				 rows[i].bank);
		assert_int_equal(limits_of(&f.view, gateway_class_of(&f.view, ip(mail_pod))),
				 rows[i].mail);
		assert_int_equal(limits_of(&f.view, NULL), 0);
		assert_int_equal(limits_smallest(&f.view), rows[i].smallest);
		fixture_done(&f);
	}
}

static void who_is_over_the_limit_gets_no_new_connection(void **state)
{
	static const struct {
		const char *what;
		const char *const *pod;
		uint8_t protocol;
		uint32_t status;
		enum nat_eval_verdict verdict;
	} rows[] = {
		{ "TCP", &bank_pod, IPPROTO_TCP, 0, NAT_EVAL_REJECT },
		{ "UDP", &bank_pod, IPPROTO_UDP, 0, NAT_EVAL_REJECT },
		{ "another datagram of a connection that is there", &bank_pod, IPPROTO_UDP,
		  NAT_STATUS_CONFIRMED, NAT_EVAL_ACCEPT },
		{ "another pod", &mail_pod, IPPROTO_TCP, 0, NAT_EVAL_ACCEPT },
	};
	struct limiter *limiter = limiter_new(1);
	struct fixture f;

	(void)state;
	fixture_init(&f, 10, 5);
	assert_true(limiter_judge(limiter, ip(bank_pod), 5, 5));
	describe(&f, limiter);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nat_packet packet =
			packet_of(*rows[i].pod, rows[i].protocol, rows[i].status);
		const struct nat_eval_result result =
			nat_eval_hook(&f.table, NAT_HOOK_FORWARD, &packet, NULL, NULL);

		print_message("%s\n", rows[i].what);
		assert_int_equal(result.verdict, rows[i].verdict);
	}
	fixture_done(&f);
	limiter_free(limiter);
}

static void without_a_limit_nothing_is_asked(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f, 0, 0);
	describe(&f, NULL);
	assert_null(nat_set_find(&f.table, LIMITS_SET));
	assert_null(nat_chain_find(&f.table, LIMITS_CHAIN));
	fixture_done(&f);
}

static void a_range_of_ports_is_a_part_of_the_translation(void **state)
{
	struct fixture f;
	char text[NAT_RULE_TEXT_MAX];

	(void)state;
	fixture_init(&f, 0, 0);
	f.config.limits.first_port = 20000;
	f.config.limits.last_port = 20099;
	describe(&f, NULL);
	const struct nat_chain *chain = nat_chain_find(&f.table, "translate");

	assert_non_null(chain);
	assert_string_equal(nat_rule_format(&chain->rules[0], text),
			    "oifname \"eth0\" snat to meta mark map @egress:20000-20099");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_number_of_a_sources_policies_counts),
		cmocka_unit_test(who_is_over_the_limit_gets_no_new_connection),
		cmocka_unit_test(without_a_limit_nothing_is_asked),
		cmocka_unit_test(a_range_of_ports_is_a_part_of_the_translation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
