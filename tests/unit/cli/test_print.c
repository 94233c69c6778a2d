// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Answers of daemons as text for people. */
#include "cli/explain.h"
#include "cli/print.h"
#include "cli/status.h"

#include "base/cleanup.h"
#include "control/reply.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints `result` (JSON) and compares. */
static void assert_printed(void (*print)(FILE *, const struct control_node *), const char *result,
			   const char *expected)
{
	CLEANUP(cleanup_free) char *line = NULL;
	CLEANUP(cleanup_free) char *text = NULL;
	struct control_reply *reply = NULL;
	size_t length = 0;

	assert_true(asprintf(&line, "{\"v\":1,\"ok\":true,\"result\":%s}", result) > 0);
	assert_int_equal(control_reply_parse(line, strlen(line), &reply, NULL), 0);
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	print(out, control_reply_result(reply));
	fclose(out);
	control_reply_free(reply);
	assert_string_equal(text, expected);
}

static void a_full_status_of_a_node_is_shown(void **state)
{
	(void)state;
	assert_printed(
		status_print,
		"{\"egress_ips\":[{\"name\":\"bank\",\"gateway\":\"10.0.1.200\",\"lane\":0},"
		"{\"name\":\"second\",\"gateway\":\"10.0.2.200\",\"lane\":126}],"
		"\"policies\":[{\"name\":\"payments\",\"sources\":65536,\"egress_ips\":[\"bank\"]},"
		"{\"name\":\"mail\",\"sources\":0,\"egress_ips\":[\"bank\",\"second\"]}],"
		"\"pods\":[{\"address\":\"10.0.1.50\",\"interface\":\"eni1\",\"class\":\"payments=bank\"},"
		"{\"address\":\"10.0.1.5\",\"interface\":\"eni22\",\"class\":\"\"}],"
		"\"program\":\"eipgw-noded\",\"version\":\"0.1.0\",\"name\":\"node1\","
		"\"state\":\"degraded\",\"state_text\":\"egw0 is gone\",\"since_seconds\":192,"
		"\"config\":{\"path\":\"/etc/eipgw/node.json\",\"loaded_seconds_ago\":90061,"
		"\"last_error\":\"policies[0]: no\"},"
		"\"kernel\":{\"table\":\"eipgw_node\",\"rules\":34,\"elements\":120,\"routes\":5,"
		"\"ip_rules\":9,\"repairs\":2,\"last_repair\":\"a rule\",\"reconciles\":7,"
		"\"failures\":1,\"changes\":42,\"transactions\":44,\"connections_ended\":3,"
		"\"events\":70,\"event_to_kernel_us\":{\"count\":60,\"p50\":210,\"p99\":900,"
		"\"max\":1200}},"
		"\"counters\":[{\"name\":\"guard\",\"packets\":12345678901,\"bytes\":0,"
		"\"help\":\"stopped by the guards\"}]}",
		"eipgw-noded 0.1.0, node1\n"
		"state    degraded for 3 min 12 s: egw0 is gone\n"
		"config   /etc/eipgw/node.json, loaded 1 d 1 h ago\n"
		"         the last reload failed: policies[0]: no\n"
		"kernel   table eipgw_node: 34 rules, 120 elements, 5 routes, 9 ip rules\n"
		"         7 reconciles, 1 failures, 2 repairs, 42 quick changes, 44 transactions, 3 connections ended\n"
		"         70 pod events; to the kernel in 210 us (half of them), 900 us (99 %), 1200 us (at most)\n"
		"         last repair: a rule\n"
		"\n"
		"Egress IPs\n"
		"  NAME    GATEWAY     LANE\n"
		"  bank    10.0.1.200     0\n"
		"  second  10.0.2.200   126\n"
		"\n"
		"Policies\n"
		"  NAME      ADDRESSES  EGRESS IPS\n"
		"  payments      65536  bank\n"
		"  mail              0  bank, second\n"
		"\n"
		"Pods of this node\n"
		"  ADDRESS    INTERFACE  POLICY=EGRESS IP\n"
		"  10.0.1.50  eni1       payments=bank\n"
		"  10.0.1.5   eni22      -\n"
		"\n"
		"Counters\n"
		"  NAME       PACKETS  BYTES  WHAT\n"
		"  guard  12345678901      0  stopped by the guards\n");
}

static void a_status_of_a_gateway_shows_its_own_columns(void **state)
{
	(void)state;
	assert_printed(status_print,
		       "{\"program\":\"eipgwd\",\"egress_ips\":[{\"name\":\"bank\","
		       "\"public\":\"203.0.113.100\",\"private\":\"10.0.1.201\"}],\"policies\":[]}",
		       "eipgwd\n"
		       "\n"
		       "Egress IPs\n"
		       "  NAME  PUBLIC         PRIVATE\n"
		       "  bank  203.0.113.100  10.0.1.201\n");
}

static void what_the_internet_saw_is_shown(void **state)
{
	(void)state;
	assert_printed(
		status_print,
		"{\"egress_ips\":[{\"name\":\"bank\",\"public\":\"203.0.113.100\",\"self_test\":\"wrong\","
		"\"seen_as\":\"203.0.113.7\",\"tested_seconds_ago\":65,\"self_test_reason\":\"because\"},"
		"{\"name\":\"mail\",\"public\":\"203.0.113.101\",\"self_test\":\"untested\","
		"\"self_test_reason\":\"not yet\"}]}",
		"\n\nEgress IPs\n"
		"  NAME  PUBLIC         SELF-TEST  SEEN AS      AGO        WHY\n"
		"  bank  203.0.113.100  wrong      203.0.113.7  1 min 5 s  because\n"
		"  mail  203.0.113.101  untested   -            -          not yet\n");
}

static void what_is_missing_or_mistyped_is_not_shown(void **state)
{
	(void)state;
	assert_printed(status_print, "{}", "\n");
	assert_printed(status_print,
		       "{\"state\":7,\"config\":{},\"pods\":{},\"counters\":\"x\",\"name\":[]}",
		       "\nconfig   \n");
	assert_printed(status_print,
		       "{\"program\":\"p\",\"pods\":[{\"address\":\"a\"},{\"class\":\"c\"},7]}",
		       "p\n\nPods of this node\n"
		       "  ADDRESS  POLICY=EGRESS IP\n"
		       "  a        -\n"
		       "  -        c\n"
		       "  -        -\n");
}

static void a_kernel_that_was_not_read_yet_has_few_lines(void **state)
{
	(void)state;
	assert_printed(status_print, "{\"kernel\":{\"table\":\"t\",\"routes\":1}}",
		       "\nkernel   table t: 1 routes\n");
	assert_printed(status_print, "{\"kernel\":{\"table\":\"t\",\"repairs\":1}}",
		       "\nkernel   table t\n         1 repairs\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	assert_printed(
		status_print,
		"{\"program\":\"\\u001b[31m\",\"state\":\"a\\nb\",\"state_text\":\"\\u009b\","
		"\"pods\":[{\"address\":\"1\\r\",\"interface\":\"\\u007f\",\"class\":\"\\u0007x\"}],"
		"\"policies\":[{\"name\":\"\\b\",\"egress_ips\":[\"\\u001b\",\"y\"]}]}",
		"?[31m\n"
		"state    a?b: ?\?\n"
		"\n"
		"Policies\n"
		"  NAME  EGRESS IPS\n"
		"  ?     ?, y\n"
		"\n"
		"Pods of this node\n"
		"  ADDRESS  INTERFACE  POLICY=EGRESS IP\n"
		"  1?       ?          ?x\n");
	assert_printed(
		explain_print,
		"{\"source\":\"\\u001b\",\"summary\":\"\\n\",\"verdict\":\"\\t\",\"egress_ip\":\"\\f\","
		"\"steps\":[{\"where\":\"\\u001b]0;x\\u0007\",\"effect\":\"\\n\"}]}",
		"? -> : ?\n"
		"verdict: ?, egress IP ?\n"
		"\n"
		"The way of a first packet (* = matches):\n"
		"    1. ?]0;x?: ?\n");
}

static void an_explanation_begins_with_the_answer(void **state)
{
	(void)state;
	assert_printed(
		explain_print,
		"{\"source\":\"10.0.1.50\",\"destination\":\"198.51.100.1\","
		"\"summary\":\"policy payments steers it\",\"verdict\":\"steered\","
		"\"egress_ip\":\"bank\",\"steps\":["
		"{\"where\":\"prerouting: ip saddr vmap\",\"match\":true,\"effect\":\"goto c1\"},"
		"{\"where\":\"c1: ip daddr 10.0.0.0/16\",\"match\":false},"
		"{\"where\":\"c1: mark\",\"match\":true}]}",
		"10.0.1.50 -> 198.51.100.1: policy payments steers it\n"
		"verdict: steered, egress IP bank\n"
		"\n"
		"The way of a first packet (* = matches):\n"
		"*   1. prerouting: ip saddr vmap: goto c1\n"
		"    2. c1: ip daddr 10.0.0.0/16\n"
		"*   3. c1: mark\n");
}

static void an_explanation_may_lack_egress_ip_and_steps(void **state)
{
	(void)state;
	assert_printed(
		explain_print,
		"{\"source\":\"1.2.3.4\",\"destination\":\"5.6.7.8\",\"summary\":\"no policy\","
		"\"verdict\":\"direct\",\"egress_ip\":null,\"steps\":[]}",
		"1.2.3.4 -> 5.6.7.8: no policy\nverdict: direct\n");
}

static void durations_have_two_units(void **state)
{
	static const struct {
		long long seconds;
		const char *text;
	} table[] = {
		{ -5, "0 s" },
		{ 0, "0 s" },
		{ 59, "59 s" },
		{ 60, "1 min 0 s" },
		{ 3599, "59 min 59 s" },
		{ 3600, "1 h 0 min" },
		{ 86399, "23 h 59 min" },
		{ 86400, "1 d 0 h" },
		{ 8640000, "100 d 0 h" },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		CLEANUP(cleanup_free) char *text = NULL;
		size_t length = 0;
		FILE *out = open_memstream(&text, &length);

		print_duration(out, table[i].seconds);
		fclose(out);
		assert_string_equal(text, table[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_status_of_a_node_is_shown),
		cmocka_unit_test(a_status_of_a_gateway_shows_its_own_columns),
		cmocka_unit_test(what_the_internet_saw_is_shown),
		cmocka_unit_test(what_is_missing_or_mistyped_is_not_shown),
		cmocka_unit_test(a_kernel_that_was_not_read_yet_has_few_lines),
		cmocka_unit_test(control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(an_explanation_begins_with_the_answer),
		cmocka_unit_test(an_explanation_may_lack_egress_ip_and_steps),
		cmocka_unit_test(durations_have_two_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
