// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/use/pressure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { STEPS = 8 };

static struct pressure_input input(const char *name, uint32_t ports)
{
	return (struct pressure_input){ .egress_name = name,
					.destination = ports ? "tcp 198.51.100.10:443" : NULL,
					.ports = ports,
					.capacity = 1000 };
}

static void it_is_raised_at_80_percent_and_withdrawn_below_70(void **state)
{
	static const struct {
		uint32_t ports;
		bool is_fresh, is_other, is_short;
	} steps[] = {
		{ 0, true, false, false },    { 799, true, false, false },
		{ 800, false, false, false }, { 800, true, true, true },
		{ 1000, true, false, true },  { 700, true, false, true },
		{ 699, false, true, false },  { 799, true, false, false },
		{ 900, true, true, true },    { 0, true, true, false },
	};
	struct pressure pressure = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const struct pressure_input one = input("bank", steps[i].ports);

		assert_int_equal(pressure_wants_look(&pressure, &one, 1),
				 !pressure.v[0].is_short && steps[i].ports >= 800);
		assert_int_equal(pressure_judge(&pressure, &one, 1, steps[i].is_fresh),
				 steps[i].is_other);
		assert_int_equal(pressure.v[0].is_short, steps[i].is_short);
		assert_int_equal(pressure.v[0].is_news, steps[i].is_other);
	}
}

static void its_words_are_those_of_when_it_was_raised(void **state)
{
	struct pressure pressure = { 0 };
	struct pressure_input two[] = { input("bank", 10), input("mail", 870) };

	(void)state;
	assert_true(pressure_judge(&pressure, two, 2, true));
	two[1] = input("mail", 990);
	assert_false(pressure_judge(&pressure, two, 2, true));
	assert_string_equal(pressure.v[1].text,
			    "mail: 870 of 1000 ports to tcp 198.51.100.10:443 are taken");
	assert_string_equal(pressure.v[0].text, "");
	two[1] = input("mail", 0);
	assert_true(pressure_judge(&pressure, two, 2, true));
	assert_string_equal(pressure.v[1].text,
			    "mail: no destination has more than 70 % of its ports");
}

/* What the kernel counts while nothing is full are lost races. */
static void refusals_are_of_the_egress_ip_that_is_full(void **state)
{
	static const struct {
		uint32_t bank, mail;
		uint64_t failed, of_bank, of_mail, unknown;
	} steps[STEPS] = {
		{ 0, 0, 7, 0, 0, 0 },       { 990, 0, 7, 0, 0, 0 },    { 990, 0, 17, 10, 0, 0 },
		{ 899, 0, 19, 10, 0, 0 },   { 10, 900, 24, 10, 5, 0 }, { 950, 950, 27, 10, 5, 3 },
		{ 950, 950, 27, 10, 5, 3 }, { 950, 0, 2, 10, 5, 3 },
	};
	struct pressure pressure = { 0 };

	(void)state;
	for (size_t i = 0; i < STEPS; i++) {
		const struct pressure_input two[] = { input("bank", steps[i].bank),
						      input("mail", steps[i].mail) };

		pressure_count(&pressure, two, 2, steps[i].failed);
		assert_int_equal(pressure.v[0].refused, steps[i].of_bank);
		assert_int_equal(pressure.v[1].refused, steps[i].of_mail);
		assert_int_equal(pressure.refused_unknown, steps[i].unknown);
	}
}

/* As when a source has nearly all of its own ports in use. */
static void a_part_that_is_full_refuses_like_a_destination(void **state)
{
	struct pressure pressure = { 0 };
	struct pressure_input two[] = { input("bank", 10), input("mail", 10) };

	(void)state;
	assert_false(pressure_is_refusing(&pressure, 7)); /* who knows since when */
	pressure_count(&pressure, two, 2, 7);
	assert_false(pressure_is_refusing(&pressure, 7));
	assert_true(pressure_is_refusing(&pressure, 12));
	two[1].is_part_full = true;
	pressure_count(&pressure, two, 2, 12);
	assert_int_equal(pressure.v[0].refused, 0);
	assert_int_equal(pressure.v[1].refused, 5);
	two[0] = input("bank", 900);
	pressure_count(&pressure, two, 2, 13);
	assert_int_equal(pressure.refused_unknown, 1);
	two[0] = input("bank", 899);
	two[1].is_part_full = false;
	pressure_count(&pressure, two, 2, 20);
	assert_int_equal(pressure.v[0].refused + pressure.v[1].refused, 5);
	assert_int_equal(pressure.refused_unknown, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_raised_at_80_percent_and_withdrawn_below_70),
		cmocka_unit_test(its_words_are_those_of_when_it_was_raised),
		cmocka_unit_test(refusals_are_of_the_egress_ip_that_is_full),
		cmocka_unit_test(a_part_that_is_full_refuses_like_a_destination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
