// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static struct mono at(int64_t ms)
{
	return (struct mono){ ms * 1000000 };
}

static struct group_member member_of(const char *name, uint32_t address)
{
	struct group_member member = { .address = { address } };

	snprintf(member.name, sizeof(member.name), "%s", name);
	return member;
}

static void a_number_means_the_same_member_for_as_long_as_somebody_speaks_of_it(void **state)
{
	const struct group_member ab[] = { member_of("gw-a", 1), member_of("gw-b", 2) };
	struct group_member c = member_of("gw-c", 3);
	struct members members;

	(void)state;
	snprintf(c.zone, sizeof(c.zone), "eu-1c");
	members_init(&members, "gw-me");
	assert_int_equal(members_set(&members, ab, 2, 0), 6);
	assert_int_equal(members_find(&members, "gw-me"), MEMBERS_SELF);
	assert_int_equal(members_find(&members, "gw-b"), 2);
	assert_int_equal(members_find(&members, "gw-c"), DECIDE_STRANGER);
	assert_int_equal(members_find(&members, ""), DECIDE_NOBODY);
	/* Who has left keeps his number while there are others. */
	assert_int_equal(members_set(&members, &c, 1, 0), 8);
	assert_int_equal(members_find(&members, "gw-b"), 2);
	assert_false(members.v[2].is_listed);
	assert_true(members.v[3].is_listed && members.v[3].address.v == 3);
	assert_string_equal(members.v[3].zone, "eu-1c");
	assert_string_equal(members.v[2].zone, "");
	assert_true(members.v[MEMBERS_SELF].is_listed);
}

static void a_full_table_gives_away_the_places_of_those_who_left(void **state)
{
	struct group_member all[DECIDE_MEMBERS_MAX];
	const struct group_member c = member_of("late", 99);
	struct members members;
	char name[32];

	(void)state;
	members_init(&members, "gw-me");
	for (uint32_t i = 0; i < DECIDE_MEMBERS_MAX; i++) {
		snprintf(name, sizeof(name), "gw-%u", i);
		all[i] = member_of(name, i + 1);
	}
	/* One more than there are places for: it stays a stranger. */
	assert_int_equal(members_set(&members, all, DECIDE_MEMBERS_MAX, 0), UINT32_MAX - 1);
	assert_int_equal(members_find(&members, "gw-31"), DECIDE_STRANGER);
	members_set(&members, NULL, 0, 0);
	members.v[2].heard_at = at(5);
	assert_int_equal(members_set(&members, &c, 1, 2), 4);
	assert_int_equal(members_find(&members, "late"), 2);
	assert_true(members.v[2].heard_at.ns == 0);
	assert_int_equal(members_find(&members, "gw-0"), 1);
}

/* Two gateways with their own numbers for each other, and a third one. */
struct pair {
	struct members a, b;
	struct decide of_a, of_b;
	uint64_t seq_a, seq_b;
};

enum { BOOT_A = 11, BOOT_B = 22, BANK = 7 };

static void begin(struct pair *p)
{
	const struct group_member for_a[] = { member_of("gw-c", 3), member_of("gw-b", 2) };
	const struct group_member for_b[] = { member_of("gw-a", 1), member_of("gw-c", 3) };

	*p = (struct pair){ .seq_a = 0 };
	members_init(&p->a, "gw-a");
	members_init(&p->b, "gw-b");
	members_set(&p->a, for_a, 2, 0);
	members_set(&p->b, for_b, 2, 0);
	decide_init(&p->of_a, MEMBERS_SELF, DECIDE_MEMBERS_MAX, at(1000));
	decide_init(&p->of_b, MEMBERS_SELF, DECIDE_MEMBERS_MAX, at(1000));
}

static void say(struct pair *p, bool is_a, int64_t ms, struct beat *ret)
{
	const struct members_charge charge = { BANK, is_a ? &p->of_a : &p->of_b };

	members_write_beat(is_a ? &p->a : &p->b, &charge, 1, at(ms), ret);
	ret->boot = is_a ? BOOT_A : BOOT_B;
	ret->sequence = is_a ? ++p->seq_a : ++p->seq_b;
	ret->place = is_a ? 100 : 200;
}

static void who_hears_whom_is_known_after_a_beat_each_and_forgotten_in_silence(void **state)
{
	struct decide_beat claim;
	struct beat beat;
	struct pair p;

	(void)state;
	begin(&p);
	say(&p, true, 1000, &beat);
	/* It doesn't repeat our boot yet, so that it may be a recording. */
	assert_int_equal(members_take_beat(&p.b, &beat, BOOT_B, at(1000)), DECIDE_NOBODY);
	say(&p, false, 1050, &beat);
	assert_int_equal(members_take_beat(&p.a, &beat, BOOT_A, at(1050)), 2);
	assert_true(members_read_claim(&p.a, &beat, BANK, BOOT_A, &claim));
	assert_true(claim.hears_you && claim.boot == BOOT_B && claim.seq == 1);
	assert_true(p.a.v[2].place == 200);
	say(&p, true, 1100, &beat);
	assert_int_equal(members_take_beat(&p.b, &beat, BOOT_B, at(1100)), 1);
	/* Others' news, of what isn't ours, of an old life of ours. */
	assert_false(members_read_claim(&p.b, &beat, BANK + 1, BOOT_B, &claim));
	assert_true(members_read_claim(&p.b, &beat, BANK, BOOT_B + 1, &claim));
	assert_false(claim.hears_you);
	assert_true(members_is_heard(&p.b.v[1], at(1100 + DECIDE_LOST_MS - 1)));
	assert_false(members_is_heard(&p.b.v[1], at(1100 + DECIDE_LOST_MS)));
	/* B hasn't heard A for long, and says so. */
	say(&p, false, 1100 + DECIDE_LOST_MS, &beat);
	assert_int_equal(members_take_beat(&p.a, &beat, BOOT_A, at(1400)), 2);
	assert_true(members_read_claim(&p.a, &beat, BANK, BOOT_A, &claim));
	assert_false(claim.hears_you);
}

static void members_are_meant_whatever_their_numbers_are_on_the_other_side(void **state)
{
	static const struct {
		int holder;  /* as A knows it: 0 itself, 1 gw-c, 2 gw-b */
		int seen_by; /* as B does: 0 itself, 1 gw-a, 2 gw-c */
	} rows[] = {
		{ MEMBERS_SELF, 1 },
		{ 1, 2 },
		{ 2, MEMBERS_SELF },
		{ DECIDE_NOBODY, DECIDE_NOBODY },
		{ DECIDE_STRANGER, DECIDE_STRANGER },
		{ 17, DECIDE_STRANGER },
	};
	struct decide_beat claim;
	struct beat beat;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(&p);
		p.of_a.lease.holder = rows[i].holder;
		p.of_a.lease.transitions = 41;
		p.of_a.lease_known = true;
		p.of_a.state = DECIDE_HANDING_OVER;
		p.of_a.to = 2;
		say(&p, true, 1000, &beat);
		assert_true(members_read_claim(&p.b, &beat, BANK, BOOT_B, &claim));
		assert_int_equal(claim.holder, rows[i].seen_by);
		assert_int_equal(claim.to, MEMBERS_SELF);
		assert_int_equal(claim.role, DECIDE_ROLE_HANDING_OVER);
		assert_true(claim.transitions == 41);
		/* A member that B doesn't know. */
		p.b.v[2].name[0] = '\0';
		assert_true(members_read_claim(&p.b, &beat, BANK, BOOT_B, &claim));
		if (rows[i].seen_by == 2)
			assert_int_equal(claim.holder, DECIDE_STRANGER);
	}
}

static void who_was_away_has_to_settle_again(void **state)
{
	struct beat beat;
	struct pair p;

	(void)state;
	begin(&p);
	p.a.v[2].sender.boot = BOOT_B;
	for (int64_t ms = 1000; ms <= 1000 + MEMBERS_SETTLED_MS; ms += 100) {
		say(&p, false, ms, &beat);
		assert_int_equal(members_take_beat(&p.a, &beat, BOOT_A, at(ms)), 2);
		assert_true(members_is_settled(&p.a, 2, at(ms)) ==
			    (ms == 1000 + MEMBERS_SETTLED_MS));
	}
	assert_false(members_is_settled(&p.a, 2, at(2000 + MEMBERS_SETTLED_MS)));
	say(&p, false, 2000 + MEMBERS_SETTLED_MS, &beat);
	members_take_beat(&p.a, &beat, BOOT_A, at(2000 + MEMBERS_SETTLED_MS));
	assert_false(members_is_settled(&p.a, 2, at(2000 + MEMBERS_SETTLED_MS)));
	assert_true(members_is_settled(&p.a, MEMBERS_SELF, at(1000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_number_means_the_same_member_for_as_long_as_somebody_speaks_of_it),
		cmocka_unit_test(a_full_table_gives_away_the_places_of_those_who_left),
		cmocka_unit_test(
			who_hears_whom_is_known_after_a_beat_each_and_forgotten_in_silence),
		cmocka_unit_test(members_are_meant_whatever_their_numbers_are_on_the_other_side),
		cmocka_unit_test(who_was_away_has_to_settle_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
