// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * What stops a connection that a flowtable carries, seen from the wire: the fence, also where the table can't be made anew,
 * and its end. Needs a kernel with nf_flow_table; tests/lab/test_fast_path.py boots one.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>

#include "base/err.h"
#include "base/loop.h"
#include "daemon/ending.h"
#include "desired_fixture.h"
#include "gateway/table/delta.h"
#include "gateway/table/fast.h"
#include "nat/flow.h"
#include "nat/nfnl.h"
#include "nat/observe.h"
#include "nat/sync.h"
#include "wire.h"

enum { BANK, MAIL };
enum { DEADLINE_MS = 30000, LOOK_MS = 5 };

static const char *const pods[] = { [BANK] = "10.0.1.50", [MAIL] = "10.0.1.51" };
static const char *const privates[] = { [BANK] = "10.0.1.201", [MAIL] = "10.0.1.202" };

struct world {
	struct fixture f;
	struct loop *loop;
	struct loop_timer *look, *deadline;
	struct keeper *keeper;
	struct ending *ending;
	struct nfnl *nfnl;
	int wire;
	bool fenced[2];
	bool refused; /* the flowtable is described with a device that isn't there */
	bool is_stale;
	int pod; /* the one that is waited for */
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

static int describe_fast(struct nat_ruleset *rs, void *data, struct err *err)
{
	struct world *world = data;

	(void)err;
	if (fast_describe(&world->f.view, rs))
		return -1;
	if (world->refused)
		nat_flowtable_device_add(rs, "nowhere0");
	return 0;
}

static void on_run(const struct keeper_report *report, void *data)
{
	(void)data;
	if (report->rc)
		print_message("%s\n", report->error);
}

static bool is_stale(const struct ct_entry *entry, void *data)
{
	const struct world *world = data;

	return world->is_stale && entry->orig.src.v == ip(pods[BANK]).v;
}

static const struct keeper_ops ops = { .describe = describe,
				       .describe_second = describe_fast,
				       .second = { NAT_IP, GATEWAY_FAST_TABLE },
				       .second_is_optional = true,
				       .on_run = on_run };
static const struct ending_ops ending_ops = { .is_stale = is_stale };

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct err err = ERR_NULL;
	unsigned ifindex;

	assert_non_null(world);
	world->wire = wire_begin(&ifindex);
	fixture_init_with(&world->f, two_pods_text);
	world->f.view.uplink_ifindex = (int)ifindex;
	world->f.view.tunnel_mtu = 1450;
	world->f.view.fenced = world->fenced;
	world->loop = loop_new();
	world->nfnl = nfnl_open(&err);
	world->keeper = keeper_new(world->loop, GATEWAY_TABLE, &ops, world, &err);
	assert_non_null(world->keeper);
	world->ending = ending_new(world->loop, &ending_ops, world, &err);
	assert_non_null(world->ending);
	assert_int_equal(keeper_run(world->keeper, KEEPER_START, NULL), 0);
	*state = world;
	if (keeper_second_state(world->keeper) == KEEPER_SECOND_LACKING) {
		print_message("SKIP: this kernel has no nf_flow_table\n");
		exit(77);
	}
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	loop_timer_free(world->look);
	loop_timer_free(world->deadline);
	ending_free(world->ending);
	keeper_free(world->keeper);
	nfnl_close(world->nfnl);
	loop_free(world->loop);
	fixture_done(&world->f);
	close(world->wire);
	free(world);
	return 0;
}

static void send_packet(struct world *world, int pod, uint16_t port, uint8_t flags)
{
	const struct wire_packet packet = { .node = ip("10.0.2.11"),
					    .src = ip(pods[pod]),
					    .dst = ip("198.51.100.10"),
					    .protocol = IPPROTO_TCP,
					    .src_port = port,
					    .dst_port = 443,
					    .sequence = 1000 + port,
					    .acknowledged = 0xcafe0000 + port,
					    .flags = flags };

	wire_send(world->wire, &packet);
}

static void expect_translated(struct world *world, int pod, uint16_t port)
{
	const struct wire_packet seen = wire_next(world->wire);

	assert_int_equal(seen.node.v, 0);
	assert_int_equal(seen.src.v, ip(privates[pod]).v);
	assert_int_equal(seen.src_port, port);
}

static bool is_of_pod(const struct ct_entry *entry, void *data)
{
	const struct world *world = data;

	return entry->orig.src.v == ip(pods[world->pod]).v;
}

/* Its only entry's status; 0: there is none. */
static uint32_t status_of(struct world *world, int pod)
{
	struct ct_entries entries = { 0 };
	uint32_t status;

	world->pod = pod;
	assert_int_equal(ct_list(world->nfnl, is_of_pod, world, &entries, NULL), 0);
	assert_true(entries.n <= 1);
	status = entries.n ? entries.v[0].status : 0;
	ct_entries_done(&entries);
	return status;
}

static bool is_carried(struct world *world, int pod)
{
	return status_of(world, pod) & IPS_OFFLOAD;
}

static void put_established(int pod, uint16_t port)
{
	struct err err = ERR_NULL;
	struct ct_writer *writer = ct_writer_new(&err);
	const struct ct_flow flow = { .orig = { .src = ip(pods[pod]),
						.dst = ip("198.51.100.10"),
						.src_port = port,
						.dst_port = 443,
						.protocol = IPPROTO_TCP },
				      .nat = ip(privates[pod]),
				      .nat_port = port,
				      .tcp_state = TCP_CONNTRACK_ESTABLISHED,
				      .mark = gateway_egress_mark((size_t)pod),
				      .status = IPS_SEEN_REPLY | IPS_ASSURED,
				      .timeout_s = 600 };

	assert_non_null(writer);
	assert_int_equal(ct_writer_put(writer, CT_FLOW_NEW, &flow, &err), 0);
	assert_int_equal(ct_writer_flush(writer, &err), 0);
	ct_writer_free(writer);
}

/* The first packet takes the connection into the flowtable, the second is carried by it. */
static void expect_carried(struct world *world, int pod, uint16_t port)
{
	send_packet(world, pod, port, WIRE_ACK);
	expect_translated(world, pod, port);
	assert_true(is_carried(world, pod));
	send_packet(world, pod, port, WIRE_ACK);
	expect_translated(world, pod, port);
}

/* Several, since the first one that the chains see could take the connection past them again. */
static void expect_stopped(struct world *world, int pod, uint16_t port)
{
	for (int i = 0; i < 3; i++)
		send_packet(world, pod, port, WIRE_ACK);
	send_packet(world, 1 - pod, 9000, WIRE_SYN);
	expect_translated(world, 1 - pod, 9000);
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

/* As agent_take_fence. */
static void set_fence(struct world *world, int egress, bool fenced)
{
	struct gateway_delta delta;
	struct err err = ERR_NULL;

	/* What the kernel told of meanwhile, as of neighbours on a slow machine, is looked after first. */
	if (keeper_is_due(world->keeper))
		assert_int_equal(keeper_run(world->keeper, KEEPER_CHANGE, &err), 0);
	world->fenced[egress] = fenced;
	assert_int_equal(gateway_delta_fence(&world->f.view, (size_t)egress, fenced, &delta), 0);
	if (keeper_change(world->keeper, &delta.delta, &err) ||
	    keeper_change_second(world->keeper, &err))
		fail_msg("%s", err.text);
	gateway_delta_done(&delta);
}

static void on_deadline(void *data)
{
	struct world *world = data;

	fail_msg("not within %d ms: status 0x%x, 0x%x", DEADLINE_MS, status_of(world, BANK),
		 status_of(world, MAIL));
}

static void look_released(void *data)
{
	struct world *world = data;

	if (is_carried(world, world->pod))
		loop_timer_arm_ms(world->look, LOOK_MS);
	else
		loop_stop(world->loop);
}

/* The kernel takes an old flowtable apart a little later, and only then can another one have its connections. */
static void wait_released(struct world *world, int pod)
{
	world->pod = pod;
	world->look = loop_timer_new(world->loop, look_released, world);
	world->deadline = loop_timer_new(world->loop, on_deadline, world);
	loop_timer_arm_ms(world->look, 0);
	loop_timer_arm_ms(world->deadline, DEADLINE_MS);
	assert_int_equal(loop_run(world->loop), 0);
	loop_timer_free(world->look);
	loop_timer_free(world->deadline);
	world->look = world->deadline = NULL;
}

static void a_fence_stops_what_the_flowtable_carries(void **state)
{
	struct world *world = *state;

	put_established(BANK, 2000);
	put_established(MAIL, 2001);
	expect_carried(world, BANK, 2000);
	expect_carried(world, MAIL, 2001);

	set_fence(world, BANK, true);

	expect_stopped(world, BANK, 2000);
	assert_int_equal(count(world, "fenced"), 3);
	wait_released(world, BANK);
	expect_stopped(world, BANK, 2000);
	assert_false(is_carried(world, BANK));
	assert_int_equal(count(world, "fenced"), 6);

	set_fence(world, BANK, false);

	wait_released(world, BANK);
	expect_carried(world, BANK, 2000);
}

/* Replicated ahead of time. */
static void behind_a_fence_nothing_gets_into_it(void **state)
{
	struct world *world = *state;

	set_fence(world, BANK, true);
	put_established(BANK, 2000);
	expect_stopped(world, BANK, 2000);
	assert_false(is_carried(world, BANK));
}

static void what_others_carry_goes_on(void **state)
{
	struct world *world = *state;

	put_established(MAIL, 2001);
	expect_carried(world, MAIL, 2001);
	set_fence(world, BANK, true);
	wait_released(world, MAIL);
	expect_carried(world, MAIL, 2001);
}

static void a_table_that_can_not_be_made_anew_goes(void **state)
{
	struct world *world = *state;

	put_established(BANK, 2000);
	expect_carried(world, BANK, 2000);
	world->refused = true;
	set_fence(world, BANK, true);
	assert_int_equal(keeper_second_state(world->keeper), KEEPER_SECOND_LACKING);
	expect_stopped(world, BANK, 2000);
	world->refused = false;
	assert_int_equal(keeper_run(world->keeper, KEEPER_PERIODIC, NULL), 0);
	assert_int_equal(keeper_second_state(world->keeper), KEEPER_SECOND_KEPT);
}

static void an_ended_connection_leaves_it_at_once(void **state)
{
	struct world *world = *state;

	put_established(BANK, 2000);
	put_established(MAIL, 2001);
	expect_carried(world, BANK, 2000);
	expect_carried(world, MAIL, 2001);
	world->is_stale = true;
	ending_all(world->ending);
	assert_int_equal(ending_count(world->ending), 1);
	assert_int_equal(status_of(world, BANK), 0);
	/* It is answered with a RST, as what nobody knows. */
	send_packet(world, BANK, 2000, WIRE_ACK);
	assert_int_equal(wire_next(world->wire).flags, WIRE_RST);
	assert_int_equal(count(world, "unknown_reset"), 1);
	assert_true(is_carried(world, MAIL));
	expect_carried(world, MAIL, 2001);
}

#define in_a_world(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(a_fence_stops_what_the_flowtable_carries),
		in_a_world(behind_a_fence_nothing_gets_into_it),
		in_a_world(what_others_carry_goes_on),
		in_a_world(a_table_that_can_not_be_made_anew_goes),
		in_a_world(an_ended_connection_leaves_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
