// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/group/takeovers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { STEPS = 8 };

struct step {
	int64_t ms;
	enum decide_state state;
	bool translates;
	bool nobodys; /* the Lease */
};

struct story {
	const char *what;
	struct step steps[STEPS]; /* up to the one at 0 ms, beyond the first */
	uint64_t done, given_up, sum_us;
};

static const struct story stories[] = {
	{ "a gateway that starts as the carrier took nothing over",
	  { { 1, DECIDE_STARTING, true },
	    { 100, DECIDE_TAKING, true },
	    { 200, DECIDE_ACTIVE, true } },
	  0,
	  0,
	  0 },
	{ "from the first suspicion to the first packet",
	  { { 1, DECIDE_STARTING, false },
	    { 2, DECIDE_STANDBY, false },
	    { 1000, DECIDE_SUSPECT, false },
	    { 1250, DECIDE_CLAIMING, false },
	    { 1300, DECIDE_TAKING, false },
	    { 1500, DECIDE_ACTIVE, true } },
	  1,
	  0,
	  500000 },
	{ "the kernel may come later than the Elastic IP",
	  { { 1, DECIDE_STANDBY, false },
	    { 1000, DECIDE_TAKING, false },
	    { 1500, DECIDE_ACTIVE, false },
	    { 2000, DECIDE_ACTIVE, true },
	    { 3000, DECIDE_ACTIVE, true } },
	  1,
	  0,
	  1000000 },
	{ "a holder who was only silent isn't one that was taken over",
	  { { 1, DECIDE_STANDBY, false },
	    { 1000, DECIDE_SUSPECT, false },
	    { 1200, DECIDE_STANDBY, false } },
	  0,
	  0,
	  0 },
	{ "tried in vain, and then once more",
	  { { 1, DECIDE_STANDBY, false },
	    { 1000, DECIDE_SUSPECT, false },
	    { 1200, DECIDE_CLAIMING, false },
	    { 1400, DECIDE_STANDBY, false },
	    { 2000, DECIDE_CLAIMING, false },
	    { 2100, DECIDE_ACTIVE, true } },
	  1,
	  1,
	  100000 },
	{ "fenced on the way",
	  { { 1, DECIDE_STANDBY, false },
	    { 1000, DECIDE_TAKING, true },
	    { 1200, DECIDE_FENCED, false },
	    { 1300, DECIDE_STANDBY, false } },
	  0,
	  1,
	  0 },
	{ "what nobody had isn't taken over",
	  { { 1, DECIDE_STANDBY, false, true },
	    { 1000, DECIDE_CLAIMING, false, true },
	    { 1200, DECIDE_ACTIVE, true, true } },
	  0,
	  0,
	  0 },
	{ "what was let go is",
	  { { 1, DECIDE_STANDBY, false },
	    { 1000, DECIDE_CLAIMING, false, true },
	    { 1200, DECIDE_ACTIVE, true, true } },
	  1,
	  0,
	  200000 },
	{ "a carrier that goes on without the API took nothing over",
	  { { 1, DECIDE_STARTING, true },
	    { 1000, DECIDE_ACTIVE, true },
	    { 1200, DECIDE_ALONE, true },
	    { 1300, DECIDE_ACTIVE, true } },
	  0,
	  0,
	  0 },
};

static bool see(struct takeovers *t, const char *name, const struct step *step)
{
	const struct takeovers_sight sight = { name, step->state, !step->nobodys,
					       step->translates };

	return takeovers_see(t, &sight, (struct mono){ step->ms * 1000000 });
}

static void what_counts_as_a_take_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		static struct takeovers t;
		uint64_t told = 0;

		t = (struct takeovers){ 0 };
		for (size_t k = 0; k < STEPS && stories[i].steps[k].ms; k++) {
			/* Another one, for which nothing happens, and the same sight twice. */
			(void)see(&t, "other", &(struct step){ 1, DECIDE_STANDBY, false });
			told += see(&t, "bank", &stories[i].steps[k]);
			told += see(&t, "bank", &stories[i].steps[k]);
		}
		if (t.done != stories[i].done || t.given_up != stories[i].given_up ||
		    t.sum_us != stories[i].sum_us || told != t.done)
			fail_msg("%s: done %d, given up %d, sum %d us, told %d", stories[i].what,
				 (int)t.done, (int)t.given_up, (int)t.sum_us, (int)told);
	}
}

static void each_falls_into_one_bucket(void **state)
{
	static struct takeovers t;
	char name[CONFIG_NAME_MAX];
	uint64_t count = 0;

	(void)state;
	for (size_t i = 0; i < TAKEOVERS_BOUNDS; i++) {
		const int64_t ms = takeovers_bounds_us[i] / 1000;

		snprintf(name, sizeof(name), "e%zu", i);
		(void)see(&t, name, &(struct step){ 1, DECIDE_STANDBY, false });
		(void)see(&t, name, &(struct step){ 1, DECIDE_SUSPECT, false });
		assert_true(see(&t, name, &(struct step){ 1 + ms, DECIDE_ACTIVE, true }));
		assert_int_equal(t.histogram[i], 1);
	}
	(void)see(&t, "late", &(struct step){ 1, DECIDE_STANDBY, false });
	(void)see(&t, "late", &(struct step){ 1, DECIDE_SUSPECT, false });
	assert_true(see(&t, "late", &(struct step){ 100000, DECIDE_ACTIVE, true }));
	for (size_t i = 0; i <= TAKEOVERS_BOUNDS; i++)
		count += t.histogram[i];
	assert_int_equal(t.histogram[TAKEOVERS_BOUNDS], 1);
	assert_int_equal(count, t.done);
}

/* Names come and go with configurations. */
static void new_names_take_the_places_of_old_ones(void **state)
{
	static struct takeovers t;
	char name[CONFIG_NAME_MAX];

	(void)state;
	for (int i = 0; i < 2 * POLICY_EGRESS_MAX; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		(void)see(&t, name, &(struct step){ 1, DECIDE_STANDBY, false });
	}
	assert_int_equal(t.n, POLICY_EGRESS_MAX);
	(void)see(&t, name, &(struct step){ 2, DECIDE_TAKING, false });
	assert_true(see(&t, name, &(struct step){ 3, DECIDE_ACTIVE, true }));
	assert_int_equal(t.done, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts_as_a_take_over),
		cmocka_unit_test(each_falls_into_one_bucket),
		cmocka_unit_test(new_names_take_the_places_of_old_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
