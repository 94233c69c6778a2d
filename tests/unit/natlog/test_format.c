// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Records as the journal, syslog and IPFIX have them, byte by byte: collectors rely on them. */
#include "natlog/format.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_tcp.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "natlog/ipfix.h"
#include "natlog/journal.h"
#include "natlog/syslog.h"

#define START INT64_C(1795939811123456789)
#define END INT64_C(1795939815000000000)

static const struct natlog_who pod = { .namespace = "shop",
				       .name = "pay-0",
				       .uid = "0c4f",
				       .node = "node1",
				       .policy = "payments",
				       .egress = "bank",
				       .public = { 0xcb007164 } };
static const struct ct_flow tcp = { .orig = { .src = { 0x0a000132 },
					      .dst = { 0xc633640a },
					      .src_port = 27185,
					      .dst_port = 8080,
					      .protocol = IPPROTO_TCP },
				    .nat = { 0x0a0001c9 },
				    .nat_port = 40000,
				    .tcp_state = TCP_CONNTRACK_TIME_WAIT };
static const struct ct_account account = { .sent = { 5, 268 },
					   .received = { 3, 201 },
					   .is_counted = true };
static const struct natlog_gap gap = { .gateway = "gw-a",
				       .cause = NATLOG_BACKLOG,
				       .from_ns = START,
				       .to_ns = END,
				       .lost = 7 };

static struct natlog_flow record_of(const struct natlog_who *who)
{
	return (struct natlog_flow){ .gateway = "gw-a",
				     .flow = &tcp,
				     .account = &account,
				     .start_ns = START,
				     .end_ns = END,
				     .who = who,
				     .basis = NATLOG_START };
}

static struct natlog_block block_of(bool is_end)
{
	return (struct natlog_block){ .gateway = "gw-a",
				      .source = { 0x0a000132 },
				      .nat = { 0x0a0001c9 },
				      .first_port = 2048,
				      .last_port = 4095,
				      .is_end = is_end,
				      .start_ns = START,
				      .end_ns = END,
				      .who = &pod,
				      .basis = NATLOG_START };
}

/* ---- journal */

static bool has(const char *buf, size_t n, const char *what)
{
	return memmem(buf, n, what, strlen(what)) != NULL;
}

static void the_journal_gets_a_field_for_each_of_the_lines(void **state)
{
	static const char *const fields[] = {
		"MESSAGE=tcp shop/pay-0 10.0.1.50:27185 -> 198.51.100.10:8080 as 203.0.113.100:40000\n",
		"PRIORITY=6\n",
		"EIPGW_V=1\nEIPGW_TYPE=flow\nEIPGW_GATEWAY=gw-a\n",
		"EIPGW_START=2026-11-29T08:10:11.123456Z\nEIPGW_END=2026-11-29T08:10:15.000000Z\n",
		"EIPGW_PROTOCOL=tcp\nEIPGW_POD_NAMESPACE=shop\nEIPGW_POD_NAME=pay-0\nEIPGW_POD_UID=0c4f\n",
		"EIPGW_POD_NODE=node1\nEIPGW_POD_ADDRESS=10.0.1.50\nEIPGW_POD_PORT=27185\nEIPGW_POLICY=payments\n",
		"EIPGW_EGRESS_NAME=bank\nEIPGW_EGRESS_PUBLIC=203.0.113.100\nEIPGW_EGRESS_PRIVATE=10.0.1.201\n",
		"EIPGW_DESTINATION_ADDRESS=198.51.100.10\nEIPGW_DESTINATION_PORT=8080\n",
		"EIPGW_SENT_PACKETS=5\nEIPGW_SENT_BYTES=268\nEIPGW_RECEIVED_PACKETS=3\n",
		"EIPGW_TCP_STATE=time_wait\nEIPGW_ATTRIBUTION=start\n",
	};
	const struct natlog_flow record = record_of(&pod);
	char buf[NATLOG_LINE_MAX];
	size_t n = journal_flow(buf, &record);

	(void)state;
	assert_true(n > 0);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!has(buf, n, fields[i]))
			fail_msg("%s isn't in %.*s", fields[i], (int)n, buf);
	}
}

static void a_name_with_a_lines_end_forges_no_field(void **state)
{
	struct natlog_who who = pod;
	struct natlog_flow record = record_of(&who);
	char buf[NATLOG_LINE_MAX];
	size_t n;

	(void)state;
	who.name = "a\nPRIORITY=0";
	n = journal_flow(buf, &record);
	assert_true(has(buf, n, "shop/a?PRIORITY=0 "));
	/* Its length, and then itself. */
	assert_non_null(
		memmem(buf, n, "EIPGW_POD_NAME\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nEIPGW", 41));
}

static void a_gap_in_the_journal_is_a_warning(void **state)
{
	char buf[NATLOG_LINE_MAX];
	size_t n = journal_gap(buf, &gap);

	(void)state;
	assert_true(has(buf, n, "PRIORITY=4\nMESSAGE_ID=" JOURNAL_GAP_ID "\n"));
	assert_true(has(buf, n, "EIPGW_TYPE=gap\n"));
	assert_true(has(buf, n, "EIPGW_CAUSE=backlog\nEIPGW_LOST=7\n"));
}

/* ---- syslog */

static void a_syslog_message_has_the_line_as_its_text(void **state)
{
	const struct natlog_flow record = record_of(&pod);
	char buf[SYSLOG_MESSAGE_MAX], line[NATLOG_LINE_MAX], wanted[SYSLOG_MESSAGE_MAX];
	size_t n = syslog_flow(buf, 16, &record), length = natlog_flow_line(line, &record);

	(void)state;
	snprintf(wanted, sizeof(wanted),
		 "<134>1 2026-11-29T08:10:15.000000Z gw-a eipgwd - flow - %.*s", (int)length - 1,
		 line);
	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(buf, wanted, n);

	n = syslog_gap(buf, 23, &gap);
	length = natlog_gap_line(line, &gap);
	snprintf(wanted, sizeof(wanted),
		 "<188>1 2026-11-29T08:10:15.000000Z gw-a eipgwd - gap - %.*s", (int)length - 1,
		 line);
	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(buf, wanted, n);
}

static void a_frame_counts_the_bytes_after_it(void **state)
{
	char buf[SYSLOG_FRAME_MAX];

	(void)state;
	assert_int_equal(syslog_frame(buf, 7), 2);
	assert_memory_equal(buf, "7 ", 2);
	assert_int_equal(syslog_frame(buf, 4095), 5);
	assert_memory_equal(buf, "4095 ", 5);
}

/* ---- IPFIX */

static uint64_t number(const uint8_t *at, size_t n)
{
	uint64_t value = 0;

	while (n--)
		value = value << 8 | *at++;
	return value;
}

static void the_end_of_a_connection_is_a_session_delete(void **state)
{
	static const uint8_t common[] = {
		6,   10,  0,   1,   50,  203, 0,    113,  100,  0x6a, 0x31, 0x9c, 0x40, 198, 51,
		100, 10,  198, 51,  100, 10,  0x1f, 0x90, 0x1f, 0x90, 4,    'b',  'a',  'n', 'k',
		10,  's', 'h', 'o', 'p', '/', 'p',  'a',  'y',  '-',  '0',  4,    '0',  'c', '4',
		'f', 8,   'p', 'a', 'y', 'm', 'e',  'n',  't',  's',  4,    'g',  'w',  '-', 'a',
	};
	const struct natlog_flow record = record_of(&pod);
	uint8_t buf[IPFIX_RECORD_MAX];
	size_t n = ipfix_flow(buf, &record), at = 11;

	(void)state;
	assert_int_equal(number(buf, 2), 257);
	assert_int_equal(number(buf + 2, 8), END / 1000000);
	assert_int_equal(buf[10], 5); /* natEvent */
	assert_int_equal(number(buf + at, 8), START / 1000000);
	assert_int_equal(number(buf + at + 8, 8), END / 1000000);
	assert_int_equal(number(buf + at + 16, 8), 268);
	assert_int_equal(number(buf + at + 24, 8), 5);
	assert_int_equal(number(buf + at + 32, 8), 201);
	assert_int_equal(number(buf + at + 40, 8), 3);
	assert_int_equal(buf[at + 48], 3); /* flowEndReason: end of flow detected */
	at += 49;
	assert_int_equal(n - at, sizeof(common));
	assert_memory_equal(buf + at, common, sizeof(common));
}

static void the_longest_names_fit_and_longer_ones_are_refused(void **state)
{
	char name[254], other[64], endless[2000];
	const struct natlog_who who = { .namespace = other,
					.name = name,
					.uid = other,
					.node = name,
					.policy = name,
					.egress = other };
	struct natlog_who long_who = who;
	struct natlog_flow record = record_of(&who);
	struct ipfix_message message = { 0 };
	uint8_t buf[IPFIX_RECORD_MAX];
	size_t n;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(other, 'o', sizeof(other) - 1);
	other[sizeof(other) - 1] = '\0';
	memset(endless, 'e', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	n = ipfix_flow(buf, &record);
	assert_true(n > 0);
	ipfix_message_begin(&message);
	assert_true(ipfix_message_put(&message, buf, n));
	/* A name beyond 254 bytes has a longer length: 63 + 1 + 253. */
	assert_non_null(memmem(buf, n,
			       "\xff\x01\x3d"
			       "oo",
			       5));
	long_who.policy = endless;
	record.who = &long_who;
	assert_int_equal(ipfix_flow(buf, &record), 0);
}

/* Walks through a message as RFC 7011 has it: its sets fill it exactly. Counts them. */
static size_t count_sets(const struct ipfix_message *message, uint16_t id)
{
	size_t at = 16, n = 0;

	assert_int_equal(number(message->bytes, 2), 10);
	assert_int_equal(number(message->bytes + 2, 2), message->n);
	while (at < message->n) {
		const size_t length = number(message->bytes + at + 2, 2);

		assert_true(length > 4 && at + length <= message->n);
		n += number(message->bytes + at, 2) == id;
		at += length;
	}
	assert_int_equal(at, message->n);
	return n;
}

static void messages_count_records_and_begin_a_set_for_each_template(void **state)
{
	struct natlog_flow record = record_of(&pod);
	struct ipfix_message message = { .domain = 77 };
	uint8_t begin[IPFIX_RECORD_MAX], end[IPFIX_RECORD_MAX], loss[IPFIX_RECORD_MAX];
	const size_t n_begin = ipfix_begin(begin, &record), n_end = ipfix_flow(end, &record);
	const size_t n_loss = ipfix_gap(loss, &gap);
	size_t n = 0;

	(void)state;
	ipfix_message_begin(&message);
	ipfix_message_templates(&message);
	assert_true(ipfix_message_put(&message, begin, n_begin));
	assert_true(ipfix_message_put(&message, end, n_end));
	assert_true(ipfix_message_put(&message, end, n_end));
	assert_true(ipfix_message_put(&message, loss, n_loss));
	ipfix_message_end(&message, 1000);
	assert_int_equal(number(message.bytes + 4, 4), 1000);
	assert_int_equal(number(message.bytes + 8, 4), 0);
	assert_int_equal(number(message.bytes + 12, 4), 77);
	assert_int_equal(count_sets(&message, 2), 1);
	assert_int_equal(count_sets(&message, 3), 1);
	assert_int_equal(count_sets(&message, 256), 1);
	assert_int_equal(count_sets(&message, 257), 1);
	assert_int_equal(count_sets(&message, 258), 1);

	ipfix_message_begin(&message);
	while (ipfix_message_put(&message, end, n_end))
		n++;
	ipfix_message_end(&message, 1001);
	assert_int_equal(number(message.bytes + 8, 4), 4); /* records before */
	assert_int_equal(message.n, 16 + 4 + n * (n_end - 2));
	assert_int_equal(count_sets(&message, 257), 1);

	/* One that wasn't sent is made again with the same number. */
	message.n_records = 0;
	ipfix_message_begin(&message);
	ipfix_message_end(&message, 1002);
	assert_int_equal(number(message.bytes + 8, 4), 4);
}

static void a_gap_is_what_was_not_sent(void **state)
{
	struct natlog_gap restart = gap;
	uint8_t buf[IPFIX_RECORD_MAX];

	(void)state;
	assert_int_equal(ipfix_gap(buf, &gap), 30);
	assert_int_equal(number(buf, 2), 258);
	assert_int_equal(number(buf + 6, 8), 7);
	assert_int_equal(number(buf + 14, 8), START / 1000000);
	assert_int_equal(number(buf + 22, 8), END / 1000000);
	restart.cause = NATLOG_RESTART;
	assert_int_equal(ipfix_gap(buf, &restart), 30);
	assert_int_equal(number(buf + 6, 8), 0);
}

static void a_block_of_ports_is_allocated_and_de_allocated(void **state)
{
	static const uint8_t rest[] = { 10,  0,   1,   50,  203, 0,   113, 100, 8,   0,
					15,  255, 4,   'b', 'a', 'n', 'k', 10,  's', 'h',
					'o', 'p', '/', 'p', 'a', 'y', '-', '0', 4,   '0',
					'c', '4', 'f', 4,   'g', 'w', '-', 'a' };
	struct natlog_block record = block_of(false);
	uint8_t buf[IPFIX_RECORD_MAX];
	size_t n = ipfix_block(buf, &record);

	(void)state;
	assert_int_equal(number(buf, 2), 259);
	assert_int_equal(number(buf + 2, 8), START / 1000000);
	assert_int_equal(buf[10], 16); /* natEvent */
	assert_int_equal(n - 11, sizeof(rest));
	assert_memory_equal(buf + 11, rest, sizeof(rest));
	record.is_end = true;
	n = ipfix_block(buf, &record);
	assert_int_equal(number(buf, 2), 260);
	assert_int_equal(number(buf + 2, 8), END / 1000000);
	assert_int_equal(buf[10], 17);
	assert_int_equal(number(buf + 11, 8), START / 1000000);
	assert_int_equal(number(buf + 19, 8), END / 1000000);
	assert_int_equal(n - 27, sizeof(rest));
	assert_memory_equal(buf + 27, rest, sizeof(rest));
}

/* ---- blocks in words */

static void a_block_is_told_to_the_journal_and_syslog(void **state)
{
	static const char *const fields[] = {
		"MESSAGE=ports 2048-4095 of 203.0.113.100 begin for shop/pay-0 10.0.1.50\n",
		"PRIORITY=6\nMESSAGE_ID=" JOURNAL_BLOCK_ID "\n",
		"EIPGW_TYPE=block\nEIPGW_GATEWAY=gw-a\nEIPGW_EVENT=begin\n",
		"EIPGW_EGRESS_FIRST_PORT=2048\nEIPGW_EGRESS_LAST_PORT=4095\n",
	};
	struct natlog_block record = block_of(false);
	char buf[SYSLOG_MESSAGE_MAX], line[NATLOG_LINE_MAX], wanted[SYSLOG_MESSAGE_MAX];
	size_t n = journal_block(buf, &record), length;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!has(buf, n, fields[i]))
			fail_msg("%s isn't in %.*s", fields[i], (int)n, buf);
	}
	record.is_end = true;
	n = journal_block(buf, &record);
	assert_true(has(buf, n, "of 203.0.113.100 end for shop/pay-0"));
	n = syslog_block(buf, 16, &record);
	length = natlog_block_line(line, &record);
	snprintf(wanted, sizeof(wanted),
		 "<134>1 2026-11-29T08:10:15.000000Z gw-a eipgwd - block - %.*s", (int)length - 1,
		 line);
	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(buf, wanted, n);
}

/* ---- on their way */

static void all_but_a_files_lines_have_their_length_before_them(void **state)
{
	const struct natlog_flow record = record_of(&pod);
	const struct natlog_block block = block_of(true);

	(void)state;
	for (int kind = 0; kind < OUTPUT_COUNT; kind++) {
		const struct output_how how = { .kind = (enum output_kind)kind };
		char buf[FORMAT_MAX];
		const size_t n = format_flow(buf, &how, &record);
		uint16_t length;

		memcpy(&length, buf, sizeof(length));
		assert_true(n > 0 && format_gap(buf, &how, &gap) > 0 &&
			    format_block(buf, &how, &block) > 0);
		if (kind != OUTPUT_FILE)
			assert_int_equal(length + FORMAT_LENGTH, n);
		assert_false(format_has_begin(&how));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_journal_gets_a_field_for_each_of_the_lines),
		cmocka_unit_test(a_name_with_a_lines_end_forges_no_field),
		cmocka_unit_test(a_gap_in_the_journal_is_a_warning),
		cmocka_unit_test(a_syslog_message_has_the_line_as_its_text),
		cmocka_unit_test(a_frame_counts_the_bytes_after_it),
		cmocka_unit_test(the_end_of_a_connection_is_a_session_delete),
		cmocka_unit_test(the_longest_names_fit_and_longer_ones_are_refused),
		cmocka_unit_test(messages_count_records_and_begin_a_set_for_each_template),
		cmocka_unit_test(a_gap_is_what_was_not_sent),
		cmocka_unit_test(a_block_of_ports_is_allocated_and_de_allocated),
		cmocka_unit_test(a_block_is_told_to_the_journal_and_syslog),
		cmocka_unit_test(all_but_a_files_lines_have_their_length_before_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
