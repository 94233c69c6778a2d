// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A keeper's second table: it stands beside the first, is repaired like it, and neither waits for the other. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/loop.h"
#include "cmocka_all.h"
#include "kernel_fixture.h"
#include "nat/keeper.h"

#define NAME "eipgw_both"

/* UNKNOWN_TYPE: the kernel has no chains of type nat in forward. */
enum wanted { SOUND, ANOTHER, UNKNOWN_TYPE, NEEDLESS };

struct world {
	struct kernel *kernel;
	struct loop *loop;
	struct keeper *keeper;
	struct loop_timer *deadline;
	enum wanted four, six;
	struct keeper_report report; /* of the last run */
	char summary[256], noticed[256];
	bool waiting; /* in loop_run */
};

static int describe_table(struct nat_ruleset *rs, enum wanted wanted)
{
	bool unknown = wanted == UNKNOWN_TYPE;
	size_t chain =
		nat_base_chain_add(rs, "guard", NAT_HOOK_FORWARD, -5, unknown ? NAT_BASE_NAT : 0);

	nat_counter_add(rs, "c");
	nat_rule_add(rs, chain, NAT_RULE({ NAT_COUNT, .name = "c" }));
	if (wanted == ANOTHER)
		nat_rule_add(rs, chain, NAT_RULE({ NAT_IIF, .name = "eni*" }, { NAT_DROP }));
	return nat_ruleset_finish(rs);
}

static int describe(struct nat_ruleset *rs, struct net_desired *net, void *data, struct err *err)
{
	static const uint8_t mac[6] = { 2, 0x65, 0x67, 0x77, 0, 1 },
			     peer[6] = { 2, 0x65, 0x67, 0x77, 0, 2 };
	struct world *world = data;

	(void)err;
	memcpy(net->tunnel.name, "egwt", sizeof("egwt"));
	memcpy(net->tunnel.kind, "vxlan", sizeof("vxlan"));
	memcpy(net->tunnel.mac, mac, sizeof(mac));
	memcpy(net->peer.mac, peer, sizeof(peer));
	net->tunnel.mtu = 1450;
	net->tunnel.up = net->tunnel.noarp = net->tunnel.vxlan_external = true;
	net->tunnel.vxlan_port = 4789;
	net->tunnel.vxlan_ttl = 64;
	net->tunnel_addr.v = 0xa9fe4002;
	net->peer.dst.v = 0xa9fe40fe;
	net->peer.permanent = true;
	net_desired_sort(net);
	nat_ruleset_init(rs, NAME);
	return describe_table(rs, world->four);
}

static int describe_second(struct nat_ruleset *rs, void *data, struct err *err)
{
	struct world *world = data;

	(void)err;
	if (world->six == NEEDLESS)
		return KEEPER_NEEDLESS;
	nat_ruleset_init_of(rs, (struct nat_table){ NAT_IP6, NAME });
	return describe_table(rs, world->six);
}

static void on_run(const struct keeper_report *report, void *data)
{
	struct world *world = data;

	world->report = *report;
	snprintf(world->summary, sizeof(world->summary), "%s", report->summary);
	snprintf(world->noticed, sizeof(world->noticed), "%s", report->noticed);
	if (world->waiting)
		loop_stop(world->loop);
}

static void deadline_expired(void *data)
{
	(void)data;
	fail_msg("no run within the deadline");
}

static int set_up_with(void **state, bool is_optional)
{
	const struct keeper_ops ops = { .describe = describe,
					.describe_second = describe_second,
					.second_is_optional = is_optional,
					.on_run = on_run };
	struct world *world = calloc(1, sizeof(*world));
	struct err err = ERR_NULL;
	void *kernel;

	assert_non_null(world);
	if (kernel_set_up(&kernel))
		return -1;
	world->kernel = kernel;
	world->loop = loop_new();
	assert_non_null(world->loop);
	world->deadline = loop_timer_new(world->loop, deadline_expired, world);
	world->keeper = keeper_new(world->loop, NAME, &ops, world, &err);
	assert_non_null(world->keeper);
	*state = world;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, false);
}

static int set_up_optional(void **state)
{
	return set_up_with(state, true);
}

static int tear_down(void **state)
{
	struct world *world = *state;
	void *kernel = world->kernel;

	keeper_free(world->keeper);
	loop_timer_free(world->deadline);
	loop_free(world->loop);
	free(world);
	return kernel_tear_down(&kernel);
}

static int run(struct world *world, enum keeper_cause cause)
{
	struct err err = ERR_NULL;

	return keeper_run(world->keeper, cause, &err);
}

/* Whether nft(8) may add a chain to the table: only if it's there. */
static bool stands(const char *family)
{
	char command[64];

	snprintf(command, sizeof(command), "add chain %s " NAME " x", family);
	return nft_can(command);
}

static void both_tables_stand_after_one_run(void **state)
{
	struct world *w = *state;

	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_UNWANTED);
	assert_int_equal(run(w, KEEPER_START), 0);
	assert_true(w->report.changed);
	assert_false(w->report.repaired);
	assert_true(stands("ip"));
	assert_true(stands("ip6"));
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_KEPT);
	assert_non_null(keeper_nat_second(w->keeper));

	assert_int_equal(run(w, KEEPER_PERIODIC), 0);
	assert_false(w->report.changed);
}

static void what_others_do_to_the_second_is_repaired_at_once(void **state)
{
	static const struct {
		const char *command, *summary;
	} cases[] = {
		{ "delete table ip6 " NAME, "ip6 table: the table" },
		{ "flush chain ip6 " NAME " guard", "ip6 table: 1 rule" },
		{ "delete table ip6 " NAME "; delete table ip " NAME,
		  "table: the table; ip6 table: the table" },
	};
	struct world *w = *state;

	assert_int_equal(run(w, KEEPER_START), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].command);
		w->waiting = true;
		nft(cases[i].command);
		assert_int_equal(loop_timer_arm_ms(w->deadline, 10000), 0);
		assert_int_equal(loop_run(w->loop), 0);
		w->waiting = false;
		assert_string_equal(w->summary, cases[i].summary);
		assert_true(w->report.repaired);
		assert_non_null(strstr(w->noticed, "deleted"));
		assert_true(stands("ip6"));
	}
	assert_int_equal(keeper_stats(w->keeper).repairs, ARRAY_SIZE(cases));
}

static void a_change_of_mind_is_no_repair(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, KEEPER_START), 0);
	w->six = ANOTHER;
	assert_int_equal(run(w, KEEPER_CHANGE), 0);
	assert_true(w->report.changed);
	assert_false(w->report.repaired);
	assert_string_equal(w->summary, "ip6 table: 2 rules");
}

static void the_second_does_not_wait_for_the_first(void **state)
{
	struct world *w = *state;

	w->four = UNKNOWN_TYPE;
	assert_int_not_equal(run(w, KEEPER_START), 0);
	assert_false(stands("ip"));
	assert_true(stands("ip6"));
	assert_int_equal(keeper_state(w->keeper), KEEPER_STARTING);
	w->four = SOUND;
	assert_int_equal(run(w, KEEPER_RETRY), 0);
	assert_int_equal(keeper_state(w->keeper), KEEPER_READY);
}

static void where_it_is_needless_nothing_is_made(void **state)
{
	struct world *w = *state;

	w->six = NEEDLESS;
	assert_int_equal(run(w, KEEPER_START), 0);
	assert_true(stands("ip"));
	assert_false(stands("ip6"));
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_NEEDLESS);
	assert_null(keeper_nat_second(w->keeper));
	/* IPv6 comes with a module that is loaded later. */
	w->six = SOUND;
	assert_int_equal(run(w, KEEPER_PERIODIC), 0);
	assert_true(stands("ip6"));
}

/* What it says to an unknown type is what it says to all of them where it has none for IPv6. */
static void a_kernel_without_such_tables_is_lived_with(void **state)
{
	struct world *w = *state;

	w->six = UNKNOWN_TYPE;
	assert_int_equal(run(w, KEEPER_START), 0);
	assert_int_equal(keeper_state(w->keeper), KEEPER_READY);
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_LACKING);
	assert_string_equal(keeper_error(w->keeper), "");
	assert_null(keeper_nat_second(w->keeper));
	w->six = SOUND;
	assert_int_equal(run(w, KEEPER_PERIODIC), 0);
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_KEPT);
	/* Where they were once, it's a failure. */
	w->six = UNKNOWN_TYPE;
	assert_int_not_equal(run(w, KEEPER_PERIODIC), 0);
	assert_int_equal(keeper_state(w->keeper), KEEPER_DEGRADED);
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_KEPT);
}

/* As it was wanted before it must not stand. */
static void an_optional_one_that_is_refused_goes(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, KEEPER_START), 0);
	assert_true(stands("ip6"));
	w->six = UNKNOWN_TYPE;
	assert_int_equal(run(w, KEEPER_CHANGE), 0);
	assert_int_equal(keeper_second_state(w->keeper), KEEPER_SECOND_LACKING);
	assert_false(stands("ip6"));
	w->six = SOUND;
	assert_int_equal(run(w, KEEPER_PERIODIC), 0);
	assert_true(stands("ip6"));
}

static void it_is_changed_alone_without_a_run(void **state)
{
	struct world *w = *state;
	struct err err = ERR_NULL;

	assert_int_equal(run(w, KEEPER_START), 0);
	w->report = (struct keeper_report){ 0 };
	w->six = UNKNOWN_TYPE;
	assert_int_equal(keeper_change_second(w->keeper, &err), 0);
	assert_false(stands("ip6"));
	w->six = ANOTHER;
	assert_int_equal(keeper_change_second(w->keeper, &err), 0);
	assert_true(stands("ip6"));
	w->six = NEEDLESS;
	assert_int_equal(keeper_change_second(w->keeper, &err), 0);
	assert_false(stands("ip6"));
	assert_int_equal(keeper_stats(w->keeper).runs, 1);
	assert_false(keeper_is_due(w->keeper));
}

/* Who wants it can't do without, and a run tells why. */
static void one_that_is_not_optional_is_left_to_a_run(void **state)
{
	struct world *w = *state;
	struct err err = ERR_NULL;

	assert_int_equal(run(w, KEEPER_START), 0);
	w->six = UNKNOWN_TYPE;
	assert_int_equal(keeper_change_second(w->keeper, &err), 1);
	assert_true(err.text[0] != '\0');
	assert_true(stands("ip6"));
	assert_true(keeper_is_due(w->keeper));
}

int main(void)
{
#define OPTIONAL(f) cmocka_unit_test_setup_teardown(f, set_up_optional, tear_down)
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(both_tables_stand_after_one_run),
		TEST(what_others_do_to_the_second_is_repaired_at_once),
		TEST(a_change_of_mind_is_no_repair),
		TEST(the_second_does_not_wait_for_the_first),
		TEST(where_it_is_needless_nothing_is_made),
		TEST(a_kernel_without_such_tables_is_lived_with),
		OPTIONAL(an_optional_one_that_is_refused_goes),
		OPTIONAL(it_is_changed_alone_without_a_run),
		TEST(one_that_is_not_optional_is_left_to_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
