// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What becomes of a pod's IPv6 packet: the described table, walked by nat/eval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fixture.h"

#define ALLOWED \
	"[{\"name\": \"payments\", \"pod_cidrs\": [\"10.0.1.50/32\"], \"egress_ips\": [\"bank\"], \"ipv6\": \"allow\"}]"
#define BOTH                                                                                               \
	"[{\"name\": \"open\", \"pod_cidrs\": [\"10.0.1.50/32\", \"10.0.1.51/32\"],"                       \
	" \"egress_ips\": [\"bank\"], \"destination_cidrs\": [\"198.51.100.0/24\"], \"ipv6\": \"allow\"}," \
	" {\"name\": \"shut\", \"pod_cidrs\": [\"10.0.1.51/32\"], \"egress_ips\": [\"mail\"],"             \
	" \"destination_cidrs\": [\"192.0.2.0/24\"]}]"

enum { SELECTED = 11, PLAIN = 12, BRANCH = 13, UNKNOWN = 14, UPLINK = 2 };
enum { FLAG = 0x1000 };

static const char *const device_names[] = { [UPLINK] = "eth0",
					    [SELECTED] = "eni1",
					    [PLAIN] = "eni2",
					    [BRANCH] = "vlan3",
					    [UNKNOWN] = "eni4" };

static struct nat_packet packet(uint32_t iif, const char *dst)
{
	struct nat_packet p = { .iif_number = iif,
				.oif = "eth0",
				.protocol = IPPROTO_TCP,
				.tcp_flags = 2,
				.ct_state = NAT_STATE_NEW };

	snprintf(p.iif, sizeof(p.iif), "%s", device_names[iif]);
	assert_int_equal(inet_pton(AF_INET6, dst, p.dst6.v), 1);
	return p;
}

/* The counter that counted last, or "" if it passes; a rejected packet is counted. */
static const char *fate(const struct node_fixture *f, struct nat_packet p)
{
	static struct nat_eval_result r;

	r = nat_eval_hook(&f->table6, NAT_HOOK_FORWARD, &p, NULL, NULL);
	if (r.verdict == NAT_EVAL_ACCEPT) {
		assert_int_equal(r.n_counters, 0);
		return "";
	}
	assert_int_equal(r.verdict, NAT_EVAL_REJECT);
	assert_int_equal(r.n_counters, 1);
	return r.counters[0];
}

static void destinations_decide_for_a_selected_pod(void **state)
{
	static const struct {
		const char *dst;
		bool passes;
	} cases[] = {
		{ "2001:db8:1::1", false },
		{ "2600:1f18::1", false },
		{ "64:ff9b::198.51.100.1", false }, /* NAT64 */
		{ "2002::1", false },
		{ "::1:2", false },
		{ "fe80::1", true },
		{ "fec0::1", false },
		{ "fd00:ec2::254", true }, /* the metadata service */
		{ "fc00::1", true },
		{ "fbff::1", false },
		{ "ff02::1", true },
		{ "2001:db8:aa55::1", true }, /* always_excluded6 */
		{ "2001:db8:ab00::1", false },
	};
	struct node_fixture f;

	(void)state;
	node_fixture_init(&f, NULL, "strict");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].dst);
		assert_string_equal(fate(&f, packet(SELECTED, cases[i].dst)),
				    cases[i].passes ? "" : "guard_ip6");
		assert_string_equal(fate(&f, packet(BRANCH, cases[i].dst)),
				    cases[i].passes ? "" : "guard_ip6");
		assert_string_equal(fate(&f, packet(PLAIN, cases[i].dst)), "");
		assert_string_equal(fate(&f, packet(UNKNOWN, cases[i].dst)),
				    cases[i].passes ? "" : "guard_ip6_unclassified");
		assert_string_equal(fate(&f, packet(UPLINK, cases[i].dst)), "");
	}
	node_fixture_done(&f);
}

static void policies_and_enforcement_decide_for_a_device(void **state)
{
	static const struct {
		const char *policies, *enforcement;
		const char *selected, *plain, *branch, *unknown;
	} cases[] = {
		{ NULL, "strict", "guard_ip6", "", "guard_ip6", "guard_ip6_unclassified" },
		{ NULL, "best_effort", "guard_ip6", "", "guard_ip6", "" },
		{ "[]", "strict", "", "", "", "" },
		{ ALLOWED, "strict", "", "", "", "" },
		/* One that drops is enough, and that the other is older is no excuse. */
		{ BOTH, "strict", "", "guard_ip6", "", "guard_ip6_unclassified" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const internet = "2001:db8:1::1";
		struct node_fixture f;

		print_message("case %zu\n", i);
		node_fixture_init(&f, cases[i].policies, cases[i].enforcement);
		assert_string_equal(fate(&f, packet(SELECTED, internet)), cases[i].selected);
		assert_string_equal(fate(&f, packet(PLAIN, internet)), cases[i].plain);
		assert_string_equal(fate(&f, packet(BRANCH, internet)), cases[i].branch);
		assert_string_equal(fate(&f, packet(UNKNOWN, internet)), cases[i].unknown);
		node_fixture_done(&f);
	}
}

static void every_protocol_is_refused(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6, 132 };
	struct node_fixture f;

	(void)state;
	node_fixture_init(&f, NULL, "strict");
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		struct nat_packet p = packet(SELECTED, "2001:db8:1::1");

		p.protocol = protocols[i];
		assert_string_equal(fate(&f, p), "guard_ip6");
	}
	node_fixture_done(&f);
}

/* What a connection's packets meet, however old it is: only the way that it began counts. */
static void who_began_decides_for_a_connection(void **state)
{
	static const struct {
		bool reply;
		uint32_t ct_state, ct_mark;
		bool passes;
	} cases[] = {
		{ false, NAT_STATE_NEW, 0, false },
		{ false, NAT_STATE_ESTABLISHED, 0, false },
		{ true, NAT_STATE_ESTABLISHED, 0, true },
		{ true, NAT_STATE_RELATED, 0, true },
		{ true, NAT_STATE_ESTABLISHED, 0x80, true }, /* the CNI's bit */
		{ true, NAT_STATE_ESTABLISHED, FLAG, false },
		{ false, NAT_STATE_INVALID, 0, false },
		{ false, 0, 0, false }, /* untracked */
	};
	struct node_fixture f;

	(void)state;
	node_fixture_init(&f, NULL, "strict");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nat_packet p = packet(SELECTED, "2001:db8:1::1");
		struct nat_packet internal = packet(SELECTED, "2001:db8:aa55::1");

		print_message("case %zu\n", i);
		p.ct_reply = internal.ct_reply = cases[i].reply;
		p.ct_state = internal.ct_state = cases[i].ct_state;
		p.ct_mark = internal.ct_mark = cases[i].ct_mark;
		assert_string_equal(fate(&f, p), cases[i].passes ? "" : "guard_ip6");
		assert_string_equal(fate(&f, internal), "");
	}
	node_fixture_done(&f);
}

/* A server's packet after a loss of the node's conntrack: whoever began it, it wasn't seen. */
static void a_connection_that_was_not_seen_beginning_is_flagged(void **state)
{
	static const struct {
		uint32_t ct_state;
		uint8_t protocol, tcp_flags;
		bool flagged;
	} cases[] = {
		{ NAT_STATE_NEW, IPPROTO_TCP, 0x10, true },
		{ NAT_STATE_NEW, IPPROTO_TCP, 0x12, true }, /* the answer to a SYN */
		{ NAT_STATE_NEW, IPPROTO_TCP, 0x02, false },
		{ NAT_STATE_NEW, IPPROTO_TCP, 0xc2, false }, /* with ECN */
		{ NAT_STATE_NEW, IPPROTO_UDP, 0, false },
		{ NAT_STATE_ESTABLISHED, IPPROTO_TCP, 0x10, false },
	};
	struct node_fixture f;

	(void)state;
	node_fixture_init(&f, NULL, "strict");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nat_packet p = packet(UPLINK, "2001:db8:aa55::1");

		p.ct_state = cases[i].ct_state;
		p.protocol = cases[i].protocol;
		p.tcp_flags = cases[i].tcp_flags;
		p.ct_mark = 0x80;
		memcpy(p.oif, "vlan3", sizeof("vlan3"));
		assert_int_equal(nat_eval_hook(&f.table6, NAT_HOOK_FORWARD, &p, NULL, NULL).verdict,
				 NAT_EVAL_ACCEPT);
		assert_int_equal(p.ct_mark, cases[i].flagged ? 0x10ff : 0x80);
	}
	node_fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destinations_decide_for_a_selected_pod),
		cmocka_unit_test(policies_and_enforcement_decide_for_a_device),
		cmocka_unit_test(every_protocol_is_refused),
		cmocka_unit_test(who_began_decides_for_a_connection),
		cmocka_unit_test(a_connection_that_was_not_seen_beginning_is_flagged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
