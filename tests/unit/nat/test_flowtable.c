// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* A flowtable as a message and back, and what a plan does about one. Kernels of tests may have none; the image's has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nat/observe.h"
#include "nat/plan.h"
#include "nat/seen.h"
#include "netlink/attr.h"

#define TABLE "t"

static const struct nat_flowtable two = { .name = "fast",
					  .devices = { "egw0", "eth0" },
					  .n_devices = 2 };

static struct nlmsghdr *message(char *room, const struct nat_flowtable *flowtable)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	*nfg = (struct nfgenmsg){ .nfgen_family = NFPROTO_IPV4 };
	assert_int_equal(nat_flowtable_put(nlh, NFPROTO_IPV4, TABLE, flowtable), 0);
	return nlh;
}

static void what_is_sent_is_what_is_read(void **state)
{
	_Alignas(8) char room[1024];
	struct nat_flowtable read;

	(void)state;
	assert_true(nat_flowtable_of(message(room, &two), &read));
	assert_true(nat_flowtable_equal(&two, &read));
}

static void the_order_of_devices_does_not_count_and_each_one_does(void **state)
{
	static const struct nat_flowtable
		swapped = { .name = "fast", .devices = { "eth0", "egw0" }, .n_devices = 2 },
		one = { .name = "fast", .devices = { "eth0" }, .n_devices = 1 },
		other = { .name = "fast", .devices = { "eth0", "eth1" }, .n_devices = 2 },
		renamed = { .name = "f", .devices = { "egw0", "eth0" }, .n_devices = 2 };

	(void)state;
	assert_true(nat_flowtable_equal(&two, &swapped));
	assert_false(nat_flowtable_equal(&two, &one));
	assert_false(nat_flowtable_equal(&one, &two));
	assert_false(nat_flowtable_equal(&two, &other));
	assert_false(nat_flowtable_equal(&two, &renamed));
}

static void without_its_counter_or_a_second_one_it_is_odd(void **state)
{
	_Alignas(8) char room[1024];
	struct nat_observed seen = { 0 };
	struct nat_reading reading = { .table = { NAT_IP, TABLE }, .seen = &seen };
	struct nlmsghdr *nlh = message(room, &two);
	const struct nlattr *attr;

	(void)state;
	assert_int_equal(nat_seen_flowtable(nlh, &reading), 0);
	assert_false(seen.odd);
	assert_int_equal(nat_seen_flowtable(nlh, &reading), 0);
	assert_true(seen.odd);

	seen = (struct nat_observed){ 0 };
	attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attr) == NFTA_FLOWTABLE_FLAGS)
			*(uint32_t *)mnl_attr_get_payload(attr) = 0;
	}
	assert_int_equal(nat_seen_flowtable(nlh, &reading), 0);
	assert_true(seen.odd);
}

static void describe(struct nat_ruleset *rs, bool with)
{
	size_t chain;

	nat_ruleset_init(rs, TABLE);
	if (with) {
		nat_flowtable_set(rs, "fast");
		nat_flowtable_device_add(rs, "egw0");
		nat_flowtable_device_add(rs, "eth0");
	}
	chain = nat_base_chain_add(rs, "c", NAT_HOOK_FORWARD, 1, 0);
	nat_rule_add(rs, chain,
		     with ? NAT_RULE({ NAT_FLOW_ADD, .name = "fast" }) : NAT_RULE({ NAT_ACCEPT }));
}

static void a_plan_adds_one_and_makes_the_table_anew_for_another(void **state)
{
	static const struct {
		bool wanted;
		const char *
			seen; /* device beside egw0 that the kernel's has; NULL: there's no flowtable */
		bool rebuild;
		size_t added;
	} rows[] = {
		{ true, "eth0", false, 0 }, { true, "eth1", true, 1 }, { true, NULL, false, 1 },
		{ false, "eth0", true, 0 }, { false, NULL, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nat_observed seen = { .has_table = true };
		struct nat_ruleset desired;
		struct nat_plan plan;

		describe(&desired, rows[i].wanted);
		assert_int_equal(nat_ruleset_finish(&desired), 0);
		nat_ruleset_init(&seen.sets, TABLE);
		if (rows[i].seen) {
			seen.flowtable = two;
			snprintf(seen.flowtable.devices[1], sizeof(seen.flowtable.devices[1]), "%s",
				 rows[i].seen);
		}
		assert_int_equal(nat_plan_compute(&desired, &seen, &plan), 0);
		assert_int_equal(plan.rebuild, rows[i].rebuild);
		assert_int_equal(plan.by_kind[NAT_STEP_FLOWTABLE_ADD], rows[i].added);
		nat_plan_done(&plan);
		nat_observed_done(&seen);
		nat_ruleset_done(&desired);
	}
}

static void a_rule_needs_the_flowtable_that_it_names(void **state)
{
	struct nat_ruleset rs;
	size_t chain;

	(void)state;
	nat_ruleset_init(&rs, TABLE);
	chain = nat_base_chain_add(&rs, "c", NAT_HOOK_FORWARD, 1, 0);
	nat_rule_add(&rs, chain, NAT_RULE({ NAT_FLOW_ADD, .name = "fast" }));
	assert_true(nat_ruleset_finish(&rs) < 0);
	nat_ruleset_done(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_is_what_is_read),
		cmocka_unit_test(the_order_of_devices_does_not_count_and_each_one_does),
		cmocka_unit_test(without_its_counter_or_a_second_one_it_is_odd),
		cmocka_unit_test(a_plan_adds_one_and_makes_the_table_anew_for_another),
		cmocka_unit_test(a_rule_needs_the_flowtable_that_it_names),
	};
	return cmocka_run_group_tests_name("nat/flowtable", tests, NULL, NULL);
}
