// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* The lines, byte by byte: collectors rely on them. */
#include "natlog/record.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "cmocka_all.h"

#define START INT64_C(1795939811123456789)
#define END INT64_C(1795939815000000000)

static const struct natlog_who pod = { .namespace = "shop",
				       .name = "pay-0",
				       .uid = "0c4f1e2d-0000-4000-8000-000000000001",
				       .node = "node1",
				       .policy = "payments",
				       .egress = "bank",
				       .public = { 0xcb007164 } };

static struct ct_flow flow_of(uint8_t protocol)
{
	return (struct ct_flow){ .orig = { .src = { 0x0a000132 },
					   .dst = { 0xc633640a },
					   .src_port = 27185,
					   .dst_port = 8080,
					   .protocol = protocol },
				 .nat = { 0x0a0001c9 },
				 .nat_port = 40000,
				 .tcp_state = protocol == IPPROTO_TCP ? TCP_CONNTRACK_TIME_WAIT :
									0 };
}

static const char *line_of(const struct natlog_flow *record)
{
	static char line[NATLOG_LINE_MAX + 1];
	size_t n = natlog_flow_line(line, record);

	assert_true(n > 0);
	assert_int_equal(line[n - 1], '\n');
	line[n - 1] = '\0';
	return line;
}

static void a_connection_is_one_line_with_all_that_is_known(void **state)
{
	const struct ct_account account = { .sent = { 5, 268 },
					    .received = { 3, UINT64_MAX },
					    .is_counted = true };
	const struct ct_flow flow = flow_of(IPPROTO_TCP);

	(void)state;
	assert_string_equal(
		line_of(&(struct natlog_flow){ .gateway = "gw-a",
					       .flow = &flow,
					       .account = &account,
					       .start_ns = START,
					       .end_ns = END,
					       .who = &pod,
					       .basis = NATLOG_START }),
		"{\"v\":1,\"type\":\"flow\",\"gateway\":\"gw-a\","
		"\"start\":\"2026-11-29T08:10:11.123456Z\",\"end\":\"2026-11-29T08:10:15.000000Z\","
		"\"protocol\":\"tcp\",\"pod\":{\"namespace\":\"shop\",\"name\":\"pay-0\","
		"\"uid\":\"0c4f1e2d-0000-4000-8000-000000000001\",\"node\":\"node1\","
		"\"address\":\"10.0.1.50\",\"port\":27185},\"policy\":\"payments\","
		"\"egress\":{\"name\":\"bank\",\"public\":\"203.0.113.100\",\"private\":\"10.0.1.201\","
		"\"port\":40000},\"destination\":{\"address\":\"198.51.100.10\",\"port\":8080},"
		"\"sent\":{\"packets\":5,\"bytes\":268},"
		"\"received\":{\"packets\":3,\"bytes\":18446744073709551615},"
		"\"tcp_state\":\"time_wait\",\"attribution\":\"start\"}");
}

static void all_gateways_that_had_it_are_named_once(void **state)
{
	const struct ct_account account = { .is_counted = false };
	const struct ct_flow flow = flow_of(IPPROTO_UDP);
	const struct {
		const char *carriers, *wanted;
	} rows[] = { { "", NULL },
		     { "gw-b", "\"start\",\"gateways\":[\"gw-b\",\"gw-a\"]}" },
		     { "gw-a gw-b", "\"start\",\"gateways\":[\"gw-a\",\"gw-b\"]}" },
		     { "gw-b gw-aa gw", ":[\"gw-b\",\"gw-aa\",\"gw\",\"gw-a\"]}" },
		     { "gw\"b", ":[\"gw\\u0022b\",\"gw-a\"]}" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct natlog_who who = pod;
		const char *line;

		who.carriers = rows[i].carriers;
		line = line_of(&(struct natlog_flow){ .gateway = "gw-a",
						      .flow = &flow,
						      .account = &account,
						      .who = &who,
						      .basis = NATLOG_START });
		if (rows[i].wanted)
			assert_non_null(strstr(line, rows[i].wanted));
		else
			assert_null(strstr(line, "gateways"));
	}
}

static void what_is_not_known_is_left_out(void **state)
{
	const struct ct_account account = { .is_counted = false };
	const struct ct_flow flow = flow_of(IPPROTO_UDP);

	(void)state;
	assert_string_equal(
		line_of(&(struct natlog_flow){ .gateway = "gw-a",
					       .flow = &flow,
					       .account = &account,
					       .start_ns = START,
					       .end_ns = END,
					       .basis = NATLOG_NONE }),
		"{\"v\":1,\"type\":\"flow\",\"gateway\":\"gw-a\","
		"\"start\":\"2026-11-29T08:10:11.123456Z\",\"end\":\"2026-11-29T08:10:15.000000Z\","
		"\"protocol\":\"udp\",\"pod\":{\"address\":\"10.0.1.50\",\"port\":27185},"
		"\"egress\":{\"private\":\"10.0.1.201\",\"port\":40000},"
		"\"destination\":{\"address\":\"198.51.100.10\",\"port\":8080},"
		"\"attribution\":\"none\"}");
}

static void icmp_has_an_id_instead_of_ports(void **state)
{
	const struct ct_account account = { .is_counted = false };
	struct ct_flow flow = flow_of(IPPROTO_ICMP);
	const char *line;

	(void)state;
	flow.orig.dst_port = 0;
	flow.orig.icmp_type = 8;
	line = line_of(&(struct natlog_flow){
		.flow = &flow, .account = &account, .who = &pod, .basis = NATLOG_FOUND });
	assert_non_null(strstr(line, "\"protocol\":\"icmp\""));
	assert_non_null(strstr(line, "\"address\":\"10.0.1.50\",\"id\":27185}"));
	assert_non_null(strstr(line, "\"private\":\"10.0.1.201\",\"id\":40000}"));
	assert_non_null(
		strstr(line, "\"destination\":{\"address\":\"198.51.100.10\",\"icmp_type\":8}"));
	assert_null(strstr(line, "port"));
	assert_null(strstr(line, "tcp_state"));
}

static void every_basis_and_tcp_state_has_its_word(void **state)
{
	static const char *const bases[] = { "start", "replicated", "found", "end", "none" };
	static const char *const states[] = { "",         "syn_sent",   "syn_recv", "established",
					      "fin_wait", "close_wait", "last_ack", "time_wait",
					      "close",    "syn_sent2",  "",         "" };
	const struct ct_account account = { .is_counted = false };
	struct ct_flow flow = flow_of(IPPROTO_TCP);
	char wanted[64];

	(void)state;
	for (int i = 0; i < NATLOG_BASIS_COUNT; i++) {
		const struct natlog_flow record = { .flow = &flow,
						    .account = &account,
						    .basis = (enum natlog_basis)i };

		snprintf(wanted, sizeof(wanted), "\"attribution\":\"%s\"", bases[i]);
		assert_non_null(strstr(line_of(&record), wanted));
	}
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		const struct natlog_flow record = { .flow = &flow, .account = &account };

		flow.tcp_state = (uint8_t)i;
		snprintf(wanted, sizeof(wanted), "\"tcp_state\":\"%s\"", states[i]);
		assert_int_equal(!!strstr(line_of(&record), "\"tcp_state\""), !!*states[i]);
		assert_int_equal(!!strstr(line_of(&record), wanted), !!*states[i]);
	}
}

static void nothing_in_a_name_can_end_a_line_or_a_string(void **state)
{
	const struct natlog_who who = { .name = "a\"b\\c\nd\x7f" };
	const struct ct_account account = { .is_counted = false };
	const struct ct_flow flow = flow_of(IPPROTO_UDP);
	const struct natlog_flow record = { .flow = &flow, .account = &account, .who = &who };

	(void)state;
	assert_non_null(strstr(line_of(&record), "\"name\":\"a\\u0022b\\u005cc\\u000ad\\u007f\""));
	assert_null(strchr(line_of(&record), '\n'));
}

static void a_line_that_does_not_fit_is_none(void **state)
{
	static char name[NATLOG_LINE_MAX];
	const struct natlog_who who = { .name = name };
	const struct ct_account account = { .is_counted = false };
	const struct ct_flow flow = flow_of(IPPROTO_UDP);
	char line[NATLOG_LINE_MAX];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(natlog_flow_line(line, &(struct natlog_flow){ .flow = &flow,
								       .account = &account,
								       .who = &who }),
			 0);
}

static void a_gap_tells_its_times_and_its_cause(void **state)
{
	static const struct {
		enum natlog_cause cause;
		const char *rest;
	} rows[] = {
		{ NATLOG_RESTART, "\"cause\":\"restart\"}\n" },
		{ NATLOG_OVERRUN, "\"cause\":\"overrun\"}\n" },
		{ NATLOG_BACKLOG, "\"cause\":\"backlog\",\"lost\":12}\n" },
	};
	char line[NATLOG_LINE_MAX + 1], wanted[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct natlog_gap gap = { "gw-a", rows[i].cause, START, END, 12 };

		line[natlog_gap_line(line, &gap)] = '\0';
		snprintf(
			wanted, sizeof(wanted),
			"{\"v\":1,\"type\":\"gap\",\"gateway\":\"gw-a\","
			"\"from\":\"2026-11-29T08:10:11.123456Z\",\"to\":\"2026-11-29T08:10:15.000000Z\",%s",
			rows[i].rest);
		assert_string_equal(line, wanted);
	}
}

static void a_block_has_its_ports_and_no_end_before_it_ends(void **state)
{
	static const char head[] =
		"{\"v\":1,\"type\":\"block\",\"gateway\":\"gw-a\",\"event\":\"%s\","
		"\"start\":\"2026-11-29T08:10:11.123456Z\",%s\"pod\":{%s\"address\":\"10.0.1.50\"},"
		"\"egress\":{%s\"private\":\"10.0.1.201\",\"first_port\":2048,\"last_port\":4095},"
		"\"attribution\":\"%s\"}\n";
	static const char names[] =
		"\"namespace\":\"shop\",\"name\":\"pay-0\","
		"\"uid\":\"0c4f1e2d-0000-4000-8000-000000000001\",\"node\":\"node1\",";
	static const char egress[] = "\"name\":\"bank\",\"public\":\"203.0.113.100\",";
	static const char end[] = "\"end\":\"2026-11-29T08:10:15.000000Z\",";
	static const struct {
		const struct natlog_who *who;
		bool is_end;
		enum natlog_basis basis;
	} rows[] = { { &pod, false, NATLOG_START },
		     { &pod, true, NATLOG_FOUND },
		     { NULL, true, NATLOG_NONE } };
	char line[NATLOG_LINE_MAX + 1], wanted[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct natlog_block block = { .gateway = "gw-a",
						    .source = { 0x0a000132 },
						    .nat = { 0x0a0001c9 },
						    .first_port = 2048,
						    .last_port = 4095,
						    .is_end = rows[i].is_end,
						    .start_ns = START,
						    .end_ns = END,
						    .who = rows[i].who,
						    .basis = rows[i].basis };

		line[natlog_block_line(line, &block)] = '\0';
		snprintf(wanted, sizeof(wanted), head, rows[i].is_end ? "end" : "begin",
			 rows[i].is_end ? end : "", rows[i].who ? names : "",
			 rows[i].who ? egress : "", natlog_basis_name(rows[i].basis));
		assert_string_equal(line, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_one_line_with_all_that_is_known),
		cmocka_unit_test(all_gateways_that_had_it_are_named_once),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(icmp_has_an_id_instead_of_ports),
		cmocka_unit_test(every_basis_and_tcp_state_has_its_word),
		cmocka_unit_test(nothing_in_a_name_can_end_a_line_or_a_string),
		cmocka_unit_test(a_line_that_does_not_fit_is_none),
		cmocka_unit_test(a_block_has_its_ports_and_no_end_before_it_ends),
		cmocka_unit_test(a_gap_tells_its_times_and_its_cause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
