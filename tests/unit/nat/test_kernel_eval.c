// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * nat/eval says what the kernel does: each rule stands in the output hook, real packets are sent through it, and
 * the counters and the fate of the packet must be those that eval foretells.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "eval_fixture.h"
#include "kernel_fixture.h"
#include "nat/observe.h"

static const struct probe {
	uint32_t src, dst;
	uint16_t port;
	uint32_t mark;
} probes[] = {
	{ A0 + 1, A0 + 15, 4789, 0 },    { A0 + 2, A0 + 9, 53, 77 },
	{ A0 + 1, A0 + 10, 53, 77 },     { A0 + 3, A0 + 19, 4789, 0xffff1001 },
	{ A0 + 5, A0 + 20, 53, 0x1001 }, { A0 + 2, A0 + 15, 53, 1 },
};

/* Somebody listens, else the kernel's ICMP errors would be counted too. In the namespace of the test. */
static void listen_on(uint16_t port, int *fd)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };

	cleanup_fd(fd);
	*fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&any, sizeof(any)), 0);
}

static void set_up_addresses(void)
{
	static int fds[2] = { -1, -1 };
	char address[32];

	run_program((const char *const[]){ "ip", "link", "set", "lo", "up", NULL }, false);
	for (int i = 1; i <= 20; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d/32", i);
		run_program((const char *const[]){ "ip", "address", "add", address, "dev", "lo",
						   NULL },
			    false);
	}
	listen_on(53, &fds[0]);
	listen_on(4789, &fds[1]);
}

/* False when the output hook dropped it. */
static bool send_probe(const struct probe *probe)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(probe->src) };
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(probe->dst),
				  .sin_port = htons(probe->port) };
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t sent;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &probe->mark, sizeof(probe->mark)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	sent = sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	assert_true(sent == 1 || errno == EPERM || errno == ECONNREFUSED);
	return sent == 1 || errno != EPERM;
}

static struct nat_packet packet_of(const struct probe *probe)
{
	return (struct nat_packet){ .oif = "lo",
				    .src = { probe->src },
				    .dst = { probe->dst },
				    .protocol = IPPROTO_UDP,
				    .dst_port = probe->port,
				    .mark = probe->mark,
				    .ct_state = NAT_STATE_NEW };
}

/* "met one" as often as they counted. */
static void eval_text(const struct nat_eval_result *result, char text[static 128])
{
	int counts[3] = { 0 };

	for (size_t i = 0; i < result->n_counters; i++)
		counts[result->counters[i][0] == 'm' ? 0 : result->counters[i][0] == 'o' ? 1 : 2]++;
	snprintf(text, 128, "met %d one %d two %d", counts[0], counts[1], counts[2]);
}

static void kernel_text(struct kernel *k, uint64_t before[static 3], char text[static 128])
{
	struct nat_observed seen = { 0 };
	uint64_t counts[3] = { 0 };

	assert_int_equal(nat_sync_counters(k->sync, &seen, &k->err), 0);
	for (size_t i = 0; i < seen.n_counters; i++) {
		char first = seen.counters[i].name[0];
		size_t which = first == 'm' ? 0 : first == 'o' ? 1 : 2;

		counts[which] = seen.counters[i].packets - before[which];
		before[which] = seen.counters[i].packets;
	}
	snprintf(text, 128, "met %d one %d two %d", (int)counts[0], (int)counts[1], (int)counts[2]);
	nat_observed_done(&seen);
}

static void compare(struct kernel *k)
{
	uint64_t before[3] = { 0 };
	char foretold[128], counted[128];

	kernel_text(k, before, counted);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		struct nat_packet packet = packet_of(&probes[i]);
		struct nat_eval_result result =
			nat_eval_hook(&k->desired, NAT_HOOK_OUTPUT, &packet, NULL, NULL);
		bool passed = send_probe(&probes[i]);

		eval_text(&result, foretold);
		kernel_text(k, before, counted);
		assert_string_equal(counted, foretold);
		assert_int_equal(passed, result.verdict == NAT_EVAL_ACCEPT);
	}
}

static void begin(struct kernel *k)
{
	nat_ruleset_done(&k->desired);
	eval_common(&k->desired);
	snprintf(k->desired.table, sizeof(k->desired.table), TABLE);
}

static void load(struct kernel *k)
{
	assert_int_equal(nat_ruleset_finish(&k->desired), 0);
	assert_int_equal(nat_sync_cleanup(k->sync, &k->err), 0);
	kernel_run(k);
}

#define MET                              \
	{                                \
		NAT_COUNT, .name = "met" \
	}

static const struct nat_rule rules[] = {
	{ { { NAT_IIF, .name = "lo" }, MET } },
	{ { { NAT_IIF_NOT, .name = "lo" }, MET } },
	{ { { NAT_OIF, .name = "lo" }, MET } },
	{ { { NAT_OIF, .name = "l*" }, MET } },
	{ { { NAT_OIF_NOT, .name = "lo" }, MET } },
	{ { { NAT_SADDR_IN, .name = "addrs" }, MET } },
	{ { { NAT_SADDR_NOT_IN, .name = "addrs" }, MET } },
	{ { { NAT_DADDR_IN, .name = "ranges" }, MET } },
	{ { { NAT_DADDR_NOT_IN, .name = "ranges" }, MET } },
	{ { { NAT_IIF_SADDR_IN, .name = "pods" }, MET } },
	{ { { NAT_IIF_SADDR_NOT_IN, .name = "pods" }, MET } },
	{ { { NAT_MARK_IN, .name = "marks" }, MET } },
	{ { { NAT_UDP_DPORT, .value = 4789 }, MET } },
	{ { { NAT_TCP_FLAGS, .mask = 2, .value = 2 }, MET } },
	{ { { NAT_MARK, .mask = 0x107f, .value = 0x1001 }, MET } },
	{ { { NAT_MARK, .mask = UINT32_MAX, .value = 0x1001 }, MET } },
	{ { { NAT_MARK_NOT, .mask = 0x107f, .value = 0x1001 }, MET } },
	{ { { NAT_CT_MARK, .mask = 1, .value = 0 }, MET } },
	{ { { NAT_CT_MARK_NOT, .mask = 1, .value = 0 }, MET } },
	{ { { NAT_CT_DIRECTION, .value = 0 }, MET } },
	{ { { NAT_CT_DIRECTION, .value = 1 }, MET } },
	{ { { NAT_CT_STATE, .mask = NAT_STATE_NEW }, MET } },
	{ { { NAT_CT_STATE, .mask = NAT_STATE_ESTABLISHED | NAT_STATE_INVALID }, MET } },
	{ { { NAT_CT_STATUS, .mask = NAT_STATUS_ASSURED }, MET } },
	{ { { NAT_SADDR_VMAP, .name = "by_addr" } } },
	{ { { NAT_SADDR_VMAP, .name = "by_range" } } },
	{ { { NAT_MARK_SADDR_VMAP, .name = "by_mark_addr" } } },
	{ { { NAT_MARK_SADDR_VMAP, .name = "by_mark_range" } } },
	{ { { NAT_MARK_VMAP, .name = "by_mark" } } },
	{ { { NAT_SET_MARK_MAP, .name = "to_mark" }, MET, { NAT_MARK_VMAP, .name = "by_mark" } } },
	{ { { NAT_SET_MARK_MAP, .name = "to_mark_range" },
	    MET,
	    { NAT_MARK_VMAP, .name = "by_mark" } } },
	{ { { NAT_SET_CT_MARK, .mask = 0xff, .value = 1 },
	    { NAT_CT_MARK_VMAP, .mask = 0xff, .name = "by_mark" } } },
	{ { { NAT_SET_CT_MARK, .mask = 0xff, .value = 3 },
	    { NAT_CT_MARK_VMAP, .mask = 0xff, .name = "by_mark" } } },
	{ { { NAT_SET_MARK, .mask = 0x107f, .value = 0x1002 },
	    { NAT_MARK, .mask = UINT32_MAX, .value = 0xffff1002 },
	    MET } },
	{ { { NAT_SET_MARK_SADDR }, { NAT_MARK, .mask = UINT32_MAX, .value = 0x0100000a }, MET } },
	{ { MET, { NAT_DADDR_IN, .name = "ranges" }, MET, { NAT_DROP } } },
	{ { { NAT_MSS_CLAMP }, MET } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_ACCEPT } } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_DROP } } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_RETURN } } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_JUMP, .name = "one" } } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_GOTO, .name = "one" } } },
	{ { { NAT_UDP_DPORT, .value = 53 }, MET, { NAT_JUMP, .name = "two" } } },
	{ { { NAT_NOTRACK }, { NAT_CT_DIRECTION, .value = 0 }, MET } },
};

static void each_operation_does_what_eval_foretells(void **state)
{
	struct kernel *k = *state;

	set_up_addresses();
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char words[NAT_RULE_TEXT_MAX];
		size_t out;

		/* The last byte of 10.0.0.1 comes first in a little-endian mark. */
		if (htonl(1) == 1 && rules[i].ops[0].kind == NAT_SET_MARK_SADDR)
			continue;
		print_message("%s\n", nat_rule_format(&rules[i], words));
		begin(k);
		out = nat_base_chain_add(&k->desired, "out", NAT_HOOK_OUTPUT, 10, 0);
		nat_rule_add(&k->desired, out, rules[i]);
		nat_rule_add(&k->desired, out, NAT_RULE({ NAT_COUNT, .name = "two" }));
		load(k);
		compare(k);
	}
}

/* A rule that reads the connection sits behind, so that the kernel tracks at all. */
static void notrack_and_policies_do_what_eval_foretells(void **state)
{
	struct kernel *k = *state;
	size_t raw, out, last;

	set_up_addresses();
	begin(k);
	raw = nat_base_chain_add(&k->desired, "raw", NAT_HOOK_OUTPUT, -300, 0);
	nat_rule_add(&k->desired, raw,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 0 }, { NAT_COUNT, .name = "two" }));
	nat_rule_add(&k->desired, raw,
		     NAT_RULE({ NAT_CT_STATE, .mask = NAT_STATE_INVALID },
			      { NAT_COUNT, .name = "one" }));
	nat_rule_add(&k->desired, raw, NAT_RULE({ NAT_UDP_DPORT, .value = 4789 }, { NAT_NOTRACK }));
	out = nat_base_chain_add(&k->desired, "out", NAT_HOOK_OUTPUT, 10, 0);
	nat_rule_add(&k->desired, out,
		     NAT_RULE({ NAT_CT_DIRECTION, .value = 0 }, { NAT_COUNT, .name = "met" }));
	nat_rule_add(&k->desired, out,
		     NAT_RULE({ NAT_CT_STATE, .mask = 0xf }, { NAT_COUNT, .name = "two" }));
	last = nat_base_chain_add(&k->desired, "last", NAT_HOOK_OUTPUT, 11, NAT_BASE_DROP);
	nat_rule_add(&k->desired, last,
		     NAT_RULE({ NAT_MARK, .mask = 1, .value = 1 }, { NAT_ACCEPT }));
	load(k);
	compare(k);
}

static void chains_of_one_priority_run_in_the_order_that_eval_foretells(void **state)
{
	struct kernel *k = *state;
	size_t a, b;

	set_up_addresses();
	begin(k);
	a = nat_base_chain_add(&k->desired, "a", NAT_HOOK_OUTPUT, 5, 0);
	b = nat_base_chain_add(&k->desired, "b", NAT_HOOK_OUTPUT, 5, 0);
	nat_rule_add(&k->desired, a,
		     NAT_RULE({ NAT_MARK, 0xf000000, 0xb000000, "" },
			      { NAT_COUNT, .name = "one" }));
	nat_rule_add(&k->desired, a, NAT_RULE({ NAT_SET_MARK, 0xf000000, 0xa000000, "" }));
	nat_rule_add(&k->desired, b,
		     NAT_RULE({ NAT_MARK, 0xf000000, 0xa000000, "" },
			      { NAT_COUNT, .name = "two" }));
	nat_rule_add(&k->desired, b, NAT_RULE({ NAT_SET_MARK, 0xf000000, 0xb000000, "" }));
	load(k);
	compare(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_namespace(each_operation_does_what_eval_foretells),
		in_a_namespace(notrack_and_policies_do_what_eval_foretells),
		in_a_namespace(chains_of_one_priority_run_in_the_order_that_eval_foretells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
