// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is read of a line, and what of anything else. */
#include "natlog/line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "natlog/record.h"
#include "natlog/stamp.h"

#define START INT64_C(1795939811123456000)
#define END INT64_C(1795939815000000000)

static void assert_text(const struct line *line, enum line_field field, const char *wanted)
{
	char text[512];

	assert_true(line_text(line, field, text, sizeof(text)));
	assert_string_equal(text, wanted);
}

static void assert_number(const struct line *line, enum line_field field, uint64_t wanted)
{
	uint64_t number;

	assert_true(line_number(line, field, &number));
	assert_true(number == wanted);
}

static const struct natlog_who who = { .namespace = "shop",
				       .name = "a \"b\" \\ \x01\x7f \xc3\xa4",
				       .uid = "0c4f",
				       .node = "node1",
				       .policy = "payments",
				       .egress = "bank",
				       .public = { 0xcb007164 } };

static void what_was_written_is_read(void **state)
{
	const struct ct_account account = { .sent = { 5, 268 },
					    .received = { 3, UINT64_MAX },
					    .is_counted = true };
	const struct ct_flow flow = { .orig = { .src = { 0x0a000132 },
						.dst = { 0xc633640a },
						.src_port = 27185,
						.dst_port = 8080,
						.protocol = IPPROTO_TCP },
				      .nat = { 0x0a0001c9 },
				      .nat_port = 40000,
				      .tcp_state = TCP_CONNTRACK_TIME_WAIT };
	const struct natlog_flow record = { .gateway = "gw-a",
					    .flow = &flow,
					    .account = &account,
					    .start_ns = START,
					    .end_ns = END,
					    .who = &who,
					    .basis = NATLOG_START };
	char text[NATLOG_LINE_MAX];
	const size_t n = natlog_flow_line(text, &record);
	struct ip4 address;
	struct line line;
	uint16_t port;
	int64_t ns;

	(void)state;
	assert_int_equal(line_parse(text, n, &line), 0);
	assert_int_equal(line_kind(&line), LINE_IS_FLOW);
	assert_int_equal(line_protocol(&line), IPPROTO_TCP);
	assert_text(&line, LINE_GATEWAY, "gw-a");
	assert_text(&line, LINE_POD_NAME, who.name);
	assert_text(&line, LINE_POD_NAMESPACE, "shop");
	assert_text(&line, LINE_POD_UID, "0c4f");
	assert_text(&line, LINE_POD_NODE, "node1");
	assert_text(&line, LINE_POLICY, "payments");
	assert_text(&line, LINE_EGRESS_NAME, "bank");
	assert_text(&line, LINE_TCP_STATE, "time_wait");
	assert_text(&line, LINE_ATTRIBUTION, "start");
	assert_number(&line, LINE_POD_PORT, 27185);
	assert_number(&line, LINE_DESTINATION_PORT, 8080);
	assert_number(&line, LINE_SENT_BYTES, 268);
	assert_number(&line, LINE_RECEIVED_BYTES, UINT64_MAX);
	assert_true(line_time(&line, LINE_START, &ns) && ns == START);
	assert_true(line_time(&line, LINE_END, &ns) && ns == END);
	assert_true(line_egress_port(&line, &port) && port == 40000);
	assert_true(line_address(&line, LINE_POD_ADDRESS, &address) && address.v == 0x0a000132);
	assert_true(line_address(&line, LINE_EGRESS_PUBLIC, &address) && address.v == 0xcb007164);
	assert_true(line_address(&line, LINE_EGRESS_PRIVATE, &address) && address.v == 0x0a0001c9);
	assert_true(line_address(&line, LINE_DESTINATION_ADDRESS, &address) &&
		    address.v == 0xc633640a);
	assert_false(line_number(&line, LINE_EGRESS_ID, &(uint64_t){ 0 }));
	assert_false(line_text(&line, LINE_CAUSE, text, sizeof(text)));
}

static void a_block_is_read(void **state)
{
	static const struct {
		const char *text;
		enum line_kind kind;
		uint16_t first, last; /* 0, 0: no ports */
	} rows[] = {
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"begin\","
		  "\"egress\":{\"first_port\":2048,\"last_port\":4095}}",
		  LINE_IS_BLOCK_BEGIN, 2048, 4095 },
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"end\","
		  "\"egress\":{\"first_port\":65535,\"last_port\":65535}}",
		  LINE_IS_BLOCK, 65535, 65535 },
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"end\","
		  "\"egress\":{\"first_port\":2,\"last_port\":1}}",
		  LINE_IS_BLOCK, 0, 0 },
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"end\","
		  "\"egress\":{\"first_port\":1,\"last_port\":65536}}",
		  LINE_IS_BLOCK, 0, 0 },
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"end\",\"egress\":{\"last_port\":1}}",
		  LINE_IS_BLOCK, 0, 0 },
		{ "{\"v\":1,\"type\":\"block\",\"event\":\"renewed\"}", LINE_IS_OTHER, 0, 0 },
		{ "{\"v\":1,\"type\":\"block\"}", LINE_IS_OTHER, 0, 0 },
		{ "{\"v\":2,\"type\":\"block\",\"event\":\"end\"}", LINE_IS_OTHER, 0, 0 },
	};
	struct line line;
	uint16_t first = 0, last = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(line_parse(rows[i].text, strlen(rows[i].text), &line), 0);
		assert_int_equal(line_kind(&line), rows[i].kind);
		if (line_block_ports(&line, &first, &last) != (rows[i].last != 0))
			fail_msg("ports of %s", rows[i].text);
		if (rows[i].last) {
			assert_int_equal(first, rows[i].first);
			assert_int_equal(last, rows[i].last);
		}
	}
}

static void a_gap_is_read(void **state)
{
	const struct natlog_gap gap = { .gateway = "gw-a",
					.cause = NATLOG_BACKLOG,
					.from_ns = START,
					.to_ns = END,
					.lost = 7 };
	char text[NATLOG_LINE_MAX];
	const size_t n = natlog_gap_line(text, &gap);
	struct line line;
	int64_t ns;

	(void)state;
	assert_int_equal(line_parse(text, n, &line), 0);
	assert_int_equal(line_kind(&line), LINE_IS_GAP);
	assert_true(line_is(&line, LINE_CAUSE, "backlog"));
	assert_number(&line, LINE_LOST, 7);
	assert_true(line_time(&line, LINE_FROM, &ns) && ns == START);
	assert_true(line_time(&line, LINE_TO, &ns) && ns == END);
}

static const struct {
	const char *text;
	int rc;
	enum line_kind kind;
} texts[] = {
	{ "{\"v\":1,\"type\":\"flow\"}", 0, LINE_IS_FLOW },
	{ " { \"type\" : \"gap\" , \"v\" : 1 } ", 0, LINE_IS_GAP },
	{ "{\"v\":2,\"type\":\"flow\"}", 0, LINE_IS_OTHER },
	{ "{\"v\":\"1\",\"type\":\"flow\"}", 0, LINE_IS_OTHER },
	{ "{\"v\":1,\"type\":\"flow\",\"new\":[1,{\"a\":[null,-1.5e3]},\"}\"]}", 0, LINE_IS_FLOW },
	{ "{\"new\":{\"type\":\"gap\"},\"v\":1,\"type\":\"flow\"}", 0, LINE_IS_FLOW },
	{ "{\"v\":1,\"type\":\"flow\",\"pod\":\"p\"}", 0, LINE_IS_FLOW },
	{ "{\"v\":1,\"type\":\"flow\",\"pod\":{}}", 0, LINE_IS_FLOW },
	{ "{\"v\":1,\"pod\":{\"type\":\"flow\"}}", 0, LINE_IS_OTHER },
	{ "", -EINVAL, 0 },
	{ "{}", -EINVAL, 0 },
	{ "[]", -EINVAL, 0 },
	{ "{\"v\":1", -EINVAL, 0 },
	{ "{\"v\":1,", -EINVAL, 0 },
	{ "{\"v\":1}x", -EINVAL, 0 },
	{ "{\"v\"", -EINVAL, 0 },
	{ "{\"v\":}", -EINVAL, 0 },
	{ "{\"v\\", -EINVAL, 0 },
	{ "{\"v\":\"\\", -EINVAL, 0 },
	{ "{\"v\":\"a\nb\"}", -EINVAL, 0 },
	{ "{\"a\":[[[[[[[[[1]]]]]]]]]}", -EINVAL, 0 },
	{ "{\"pod\":{\"name\":{}}}", -EINVAL, 0 },
};

static void anything_else_is_told_from_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct line line;
		int rc = line_parse(texts[i].text, strlen(texts[i].text), &line);

		if (rc != texts[i].rc || (!rc && line_kind(&line) != texts[i].kind))
			fail_msg("%s: %d", texts[i].text, rc);
	}
}

/* A crash may cut a line anywhere. */
static void no_beginning_of_a_line_is_a_line(void **state)
{
	static const char whole[] =
		"{\"v\":1,\"type\":\"flow\",\"pod\":{\"name\":\"a\\u0041\",\"port\":1},\"new\":[1]}";
	struct line line;

	(void)state;
	assert_int_equal(line_parse(whole, sizeof(whole) - 1, &line), 0);
	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		assert_int_equal(line_parse(whole, n, &line), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_block_is_read),
		cmocka_unit_test(a_gap_is_read),
		cmocka_unit_test(anything_else_is_told_from_a_line),
		cmocka_unit_test(no_beginning_of_a_line_is_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
