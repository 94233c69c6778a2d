// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The fence in a real kernel, seen from the wire: what must not leave is shown not to by the next thing that does, which
 * the test sends behind it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "desired_fixture.h"
#include "gateway/table/delta.h"
#include "nat/flow.h"
#include "nat/nfnl.h"
#include "nat/observe.h"
#include "nat/sync.h"
#include "wire.h"

enum { BANK, MAIL };

static const char *const pods[] = { [BANK] = "10.0.1.50", [MAIL] = "10.0.1.51" };
static const char *const privates[] = { [BANK] = "10.0.1.201", [MAIL] = "10.0.1.202" };

struct world {
	struct fixture f;
	struct loop *loop;
	struct keeper *keeper;
	struct nfnl *nfnl;
	int wire;
	bool fenced[2];
	bool changed; /* by the last run */
};

static int describe(struct nat_ruleset *rs, struct net_desired *net, void *data, struct err *err)
{
	struct world *world = data;

	(void)err;
	return gateway_describe_table(&world->f.view, rs) ||
			       gateway_describe_routing(&world->f.view, net) ?
		       -1 :
		       0;
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct world *world = data;

	world->changed = report->changed;
	if (report->rc)
		print_message("%s\n", report->error);
}

/* Bank is fenced at first. */
static int set_up(void **state)
{
	static const struct keeper_ops ops = { .describe = describe, .on_run = on_run };
	struct world *world = calloc(1, sizeof(*world));
	struct err err = ERR_NULL;
	unsigned ifindex;

	assert_non_null(world);
	world->wire = wire_begin(&ifindex);
	fixture_init_with(&world->f, two_pods_text);
	world->f.view.uplink_ifindex = (int)ifindex;
	world->f.view.tunnel_mtu = 1450;
	world->f.view.fenced = world->fenced;
	world->fenced[BANK] = true;
	world->loop = loop_new();
	world->nfnl = nfnl_open(&err);
	world->keeper = keeper_new(world->loop, GATEWAY_TABLE, &ops, world, &err);
	assert_non_null(world->keeper);
	assert_int_equal(keeper_run(world->keeper, KEEPER_START, NULL), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	keeper_free(world->keeper);
	nfnl_close(world->nfnl);
	loop_free(world->loop);
	fixture_done(&world->f);
	close(world->wire);
	free(world);
	return 0;
}

static struct wire_packet packet_of(int pod, uint16_t port, uint8_t flags)
{
	return (struct wire_packet){ .node = ip("10.0.2.11"),
				     .src = ip(pods[pod]),
				     .dst = ip("198.51.100.10"),
				     .protocol = flags ? IPPROTO_TCP : IPPROTO_UDP,
				     .src_port = port,
				     .dst_port = 443,
				     .sequence = 1000 + port,
				     .acknowledged = flags & WIRE_ACK ? 0xcafe0000 + port : 0,
				     .flags = flags };
}

static void send_packet(struct world *world, int pod, uint16_t port, uint8_t flags)
{
	const struct wire_packet packet = packet_of(pod, port, flags);

	wire_send(world->wire, &packet);
}

/* As the next one, and with its own port. */
static void expect_translated(struct world *world, int pod, uint16_t port, uint8_t flags)
{
	const struct wire_packet seen = wire_next(world->wire);

	assert_int_equal(seen.node.v, 0);
	assert_int_equal(seen.src.v, ip(privates[pod]).v);
	assert_int_equal(seen.dst.v, ip("198.51.100.10").v);
	assert_int_equal(seen.src_port, port);
	assert_int_equal(seen.flags, flags);
}

/* The next one answers that segment. */
static void expect_reset(struct world *world, int pod, uint16_t port)
{
	const struct wire_packet seen = wire_next(world->wire);

	assert_int_equal(seen.node.v, ip("10.0.2.11").v);
	assert_int_equal(seen.src.v, ip("198.51.100.10").v);
	assert_int_equal(seen.src_port, 443);
	assert_int_equal(seen.dst.v, ip(pods[pod]).v);
	assert_int_equal(seen.dst_port, port);
	assert_int_equal(seen.flags, WIRE_RST);
	assert_int_equal(seen.sequence, 0xcafe0000 + port);
}

/* Shows that nothing that was sent before left. */
static void expect_nothing(struct world *world, uint16_t port)
{
	send_packet(world, MAIL, port, WIRE_SYN);
	expect_translated(world, MAIL, port, WIRE_SYN);
}

static uint64_t count(struct world *world, const char *counter)
{
	struct nat_observed seen = { 0 };
	uint64_t packets = 0;

	assert_int_equal(nat_sync_counters(keeper_nat(world->keeper), &seen, NULL), 0);
	for (size_t i = 0; i < seen.n_counters; i++) {
		if (strcmp(seen.counters[i].name, counter) == 0)
			packets = seen.counters[i].packets;
	}
	nat_observed_done(&seen);
	return packets;
}

static bool is_of_pod(const struct ct_entry *entry, void *data)
{
	const struct ip4 *pod = data;

	return entry->orig.src.v == pod->v;
}

static size_t entries_of(struct world *world, int pod)
{
	struct ct_entries entries = { 0 };
	struct err err = ERR_NULL;
	struct ip4 address = ip(pods[pod]);
	size_t n;

	if (ct_list(world->nfnl, is_of_pod, &address, &entries, &err))
		fail_msg("%s", err.text);
	n = entries.n;
	ct_entries_done(&entries);
	return n;
}

static void set_fence(struct world *world, int egress, bool fenced)
{
	struct gateway_delta delta;
	struct err err = ERR_NULL;

	assert_int_equal(gateway_delta_fence(&world->f.view, (size_t)egress, fenced, &delta), 0);
	if (keeper_change(world->keeper, &delta.delta, &err))
		fail_msg("%s", err.text);
	gateway_delta_done(&delta);
	world->fenced[egress] = fenced;
}

static void expect_rest(struct world *world)
{
	assert_int_equal(keeper_run(world->keeper, KEEPER_PERIODIC, NULL), 0);
	assert_false(world->changed);
}

static void who_is_unknown_is_told_so(void **state)
{
	struct world *world = *state;

	send_packet(world, MAIL, 1001, WIRE_ACK);
	expect_reset(world, MAIL, 1001);
	assert_int_equal(entries_of(world, MAIL), 0);
	send_packet(world, MAIL, 1002, WIRE_SYN);
	expect_translated(world, MAIL, 1002, WIRE_SYN);
	send_packet(world, MAIL, 1003, 0);
	expect_translated(world, MAIL, 1003, 0);
	assert_int_equal(count(world, "unknown_reset"), 1);
	assert_int_equal(count(world, "new"), 2);
	/* A RST is no matter for another one; nor is what conntrack takes for invalid. */
	send_packet(world, MAIL, 1004, WIRE_RST | WIRE_ACK);
	send_packet(world, MAIL, 1005, WIRE_FIN | WIRE_ACK);
	send_packet(world, MAIL, 1006, WIRE_SYN | WIRE_ACK);
	expect_nothing(world, 1007);
	assert_int_equal(count(world, "refused"), 3);
}

static void nothing_leaves_over_the_fence_or_comes_back(void **state)
{
	struct world *world = *state;

	send_packet(world, BANK, 1001, WIRE_ACK);
	send_packet(world, BANK, 1002, WIRE_SYN);
	send_packet(world, BANK, 1003, 0);
	expect_nothing(world, 1004);
	assert_int_equal(count(world, "fenced"), 3);
	assert_int_equal(count(world, "unknown_reset"), 0);
	assert_int_equal(entries_of(world, BANK), 0);
}

/* What was begun here, and what was brought here, is stopped and goes on, as the fence says. */
static void known_connections_wait_behind_the_fence(void **state)
{
	struct world *world = *state;
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);
	const struct ct_flow flow = { .orig = { .src = ip(pods[BANK]),
						.dst = ip("198.51.100.10"),
						.src_port = 2000,
						.dst_port = 443,
						.protocol = IPPROTO_TCP },
				      .nat = ip(privates[BANK]),
				      .nat_port = 2345,
				      .tcp_state = TCP_CONNTRACK_ESTABLISHED,
				      .mark = gateway_egress_mark(BANK),
				      .status = IPS_SEEN_REPLY | IPS_ASSURED,
				      .timeout_s = 600 };

	assert_non_null(writer);
	assert_int_equal(ct_writer_put(writer, CT_FLOW_NEW, &flow, &err), 0);
	assert_int_equal(ct_writer_flush(writer, &err), 0);
	ct_writer_free(writer);
	send_packet(world, BANK, 2000, WIRE_ACK);
	expect_nothing(world, 1001);
	assert_int_equal(count(world, "fenced"), 1);

	set_fence(world, BANK, false);

	expect_rest(world);
	send_packet(world, BANK, 2000, WIRE_ACK);
	expect_translated(world, BANK, 2345, WIRE_ACK);
	send_packet(world, BANK, 2001, WIRE_SYN);
	expect_translated(world, BANK, 2001, WIRE_SYN);
	send_packet(world, BANK, 2002, WIRE_ACK);
	expect_reset(world, BANK, 2002);

	set_fence(world, BANK, true);

	expect_rest(world);
	send_packet(world, BANK, 2000, WIRE_ACK);
	send_packet(world, BANK, 2001, WIRE_SYN);
	send_packet(world, BANK, 2002, WIRE_ACK);
	send_packet(world, BANK, 2003, WIRE_SYN);
	expect_nothing(world, 1002);
	assert_int_equal(count(world, "fenced"), 5);
	assert_int_equal(entries_of(world, BANK), 2);
	assert_int_equal(keeper_stats(world->keeper).repairs, 0);
}

/* As the self-test connects. */
static void connect_marked(int egress)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(ip("198.51.100.10").v),
					.sin_port = htons(80) };
	const uint32_t mark = gateway_egress_mark((size_t)egress);
	CLEANUP(cleanup_fd)
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
	assert_true(connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0);
}

static void the_self_test_stays_behind_the_fence(void **state)
{
	struct world *world = *state;
	struct wire_packet seen;

	connect_marked(BANK);
	expect_nothing(world, 1001);
	assert_int_equal(count(world, "fenced"), 1);
	set_fence(world, BANK, false);
	connect_marked(BANK);
	seen = wire_next(world->wire);
	assert_int_equal(seen.src.v, ip(privates[BANK]).v);
	assert_int_equal(seen.dst_port, 80);
}

/* The delta isn't what is in the kernel: a run puts it right. */
static void a_step_that_was_made_already_is_left_to_a_run(void **state)
{
	struct world *world = *state;
	struct gateway_delta delta;
	struct err err = ERR_NULL;

	assert_int_equal(gateway_delta_fence(&world->f.view, BANK, true, &delta), 0);
	assert_int_equal(keeper_change(world->keeper, &delta.delta, &err), 1);
	gateway_delta_done(&delta);
	assert_non_null(strstr(err.text, "fenced"));
	expect_rest(world);
}

#define in_a_world(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(who_is_unknown_is_told_so),
		in_a_world(nothing_leaves_over_the_fence_or_comes_back),
		in_a_world(known_connections_wait_behind_the_fence),
		in_a_world(the_self_test_stays_behind_the_fence),
		in_a_world(a_step_that_was_made_already_is_left_to_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
