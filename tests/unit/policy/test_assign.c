// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which member carries which egress IP: balance, and that nothing moves without need. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/assign.h"
#include "policy/policy.h"

enum { EGRESS = POLICY_EGRESS_MAX, MEMBERS = 8 };

struct fixture {
	char egress_names[EGRESS][32], names[MEMBERS][32];
	struct policy_carrier carriers[MEMBERS];
	struct policy_carried egress[EGRESS];
	struct policy_group group;
};

static struct fixture f;

static void begin(size_t n_egress, size_t n_members)
{
	f.group = (struct policy_group){ f.carriers, n_members, f.egress, n_egress };
	for (size_t i = 0; i < n_members; i++) {
		snprintf(f.names[i], sizeof(f.names[i]), "gw-%zu", i);
		f.carriers[i] = (struct policy_carrier){ f.names[i], true, true };
	}
	for (size_t i = 0; i < n_egress; i++) {
		snprintf(f.egress_names[i], sizeof(f.egress_names[i]), "e-%zu", i);
		f.egress[i] = (struct policy_carried){ f.egress_names[i], POLICY_CARRIER_NONE };
	}
}

/* Does what is said; how many moved. */
static size_t settle(void)
{
	size_t to[EGRESS] = { 0 }, moved = 0;

	policy_assign(&f.group, to);
	for (size_t i = 0; i < f.group.n_egress; i++) {
		moved += to[i] != f.egress[i].carrier;
		f.egress[i].carrier = to[i];
	}
	return moved;
}

static size_t load(size_t member)
{
	size_t n = 0;

	for (size_t i = 0; i < f.group.n_egress; i++)
		n += f.egress[i].carrier == member;
	return n;
}

static void expect_balance(void)
{
	size_t n_ready = 0;

	for (size_t i = 0; i < f.group.n_carriers; i++)
		n_ready += f.carriers[i].ready;
	for (size_t i = 0; i < f.group.n_carriers; i++) {
		if (f.carriers[i].ready)
			assert_in_range(load(i), f.group.n_egress / n_ready,
					(f.group.n_egress + n_ready - 1) / n_ready);
		else
			assert_int_equal(load(i), 0);
	}
}

static const size_t sizes[] = { 1, 2, 3, 4, 7, 16, 50, EGRESS };

static void all_members_get_as_many(void **state)
{
	(void)state;
	for (size_t members = 1; members <= MEMBERS; members++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			begin(sizes[i], members);
			assert_int_equal(settle(), sizes[i]);
			expect_balance();
			assert_int_equal(settle(), 0);
		}
	}
}

static void who_goes_moves_only_what_he_had(void **state)
{
	(void)state;
	for (size_t members = 2; members <= MEMBERS; members++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (size_t gone = 0; gone < members; gone++) {
				begin(sizes[i], members);
				settle();
				const size_t had = load(gone);

				f.carriers[gone].ready = false;
				assert_int_equal(settle(), had);
				expect_balance();
				assert_int_equal(settle(), 0);
			}
		}
	}
}

static void who_comes_gets_his_share_once_he_has_settled(void **state)
{
	(void)state;
	for (size_t members = 2; members <= MEMBERS; members++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			begin(sizes[i], members);
			f.carriers[0].ready = f.carriers[0].settled = false;
			settle();
			f.carriers[0].ready = true;
			assert_int_equal(settle(), 0);
			f.carriers[0].settled = true;
			assert_int_equal(settle(), sizes[i] / members);
			expect_balance();
			assert_int_equal(settle(), 0);
		}
	}
}

static void one_egress_ip_never_fails_back(void **state)
{
	(void)state;
	begin(1, 2);
	settle();
	const size_t first = f.egress[0].carrier;

	f.carriers[first].ready = false;
	assert_int_equal(settle(), 1);
	f.carriers[first].ready = true;
	assert_int_equal(settle(), 0);
}

static void an_unsettled_member_takes_over_what_nobody_else_can(void **state)
{
	(void)state;
	begin(4, 2);
	settle();
	f.carriers[0].settled = f.carriers[1].settled = false;
	f.carriers[0].ready = false;
	settle();
	assert_int_equal(load(1), 4);
	f.carriers[1].ready = false;
	settle();
	assert_int_equal(load(POLICY_CARRIER_NONE), 4);
}

static void the_order_of_the_lists_doesnt_matter(void **state)
{
	size_t to[EGRESS], back[EGRESS];

	(void)state;
	begin(50, 5);
	f.egress[7].carrier = 2;
	f.carriers[3].ready = false;
	f.carriers[1].settled = false;
	policy_assign(&f.group, to);
	for (size_t i = 0; i < 25; i++) {
		const struct policy_carried swap = f.egress[i];

		f.egress[i] = f.egress[49 - i];
		f.egress[49 - i] = swap;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct policy_carrier swap = f.carriers[i];

		f.carriers[i] = f.carriers[4 - i];
		f.carriers[4 - i] = swap;
	}
	policy_assign(&f.group, back);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(4 - to[i], back[49 - i]);
}

static void each_turn_is_somebodys_and_the_first_is_who_it_is_assigned_to(void **state)
{
	size_t to[EGRESS];

	(void)state;
	begin(20, 6);
	settle();
	f.carriers[2].ready = f.carriers[4].ready = false;
	policy_assign(&f.group, to);
	for (size_t i = 0; i < 20; i++) {
		unsigned seen = 0;

		if (f.egress[i].carrier != 2 && f.egress[i].carrier != 4)
			continue;
		assert_int_equal(policy_assign_turn(&f.group, i, to[i]), 0);
		for (size_t m = 0; m < 6; m++) {
			const size_t turn = policy_assign_turn(&f.group, i, m);

			if (f.carriers[m].ready)
				seen |= 1U << turn;
			else
				assert_int_equal(turn, POLICY_CARRIER_NONE);
		}
		assert_int_equal(seen, 0xf);
	}
}

/* Equally loaded: the name of the egress IP decides, not always the same member. */
static void rendezvous_spreads_single_egress_ips(void **state)
{
	size_t n[3] = { 0 }, to;

	(void)state;
	for (int i = 0; i < 300; i++) {
		begin(1, 3);
		snprintf(f.egress_names[0], sizeof(f.egress_names[0]), "bank-%d", i);
		policy_assign(&f.group, &to);
		n[to]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(n[i], 70, 130);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_get_as_many),
		cmocka_unit_test(who_goes_moves_only_what_he_had),
		cmocka_unit_test(who_comes_gets_his_share_once_he_has_settled),
		cmocka_unit_test(one_egress_ip_never_fails_back),
		cmocka_unit_test(an_unsettled_member_takes_over_what_nobody_else_can),
		cmocka_unit_test(the_order_of_the_lists_doesnt_matter),
		cmocka_unit_test(each_turn_is_somebodys_and_the_first_is_who_it_is_assigned_to),
		cmocka_unit_test(rendezvous_spreads_single_egress_ips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
