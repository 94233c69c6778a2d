// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "policy/lanes.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Fills `names` with "n0", "n1", ... and `list` with pointers to them. */
static void number(char (*names)[LANE_NAME_MAX], const char **list, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], LANE_NAME_MAX, "n%zu", first + i);
		list[i] = names[i];
	}
}

static void new_names_get_the_lowest_lanes_in_their_order(void **state)
{
	static const char *const wanted[] = { "b", "a", "c" };
	struct lanes lanes = { .names = { "" } };
	(void)state;

	assert_int_equal(lanes_assign(&lanes, wanted, 3), 0);

	assert_int_equal(lanes_find(&lanes, "b"), 0);
	assert_int_equal(lanes_find(&lanes, "a"), 1);
	assert_int_equal(lanes_find(&lanes, "c"), 2);
}

static void unknown_and_empty_names_have_no_lane(void **state)
{
	static const char *const wanted[] = { "b" };
	struct lanes lanes = { .names = { "" } };
	(void)state;

	assert_int_equal(lanes_assign(&lanes, wanted, 1), 0);

	assert_int_equal(lanes_find(&lanes, "x"), LANE_NONE);
	assert_int_equal(lanes_find(&lanes, ""), LANE_NONE);
}

static void a_name_keeps_its_lane_when_others_come_and_go(void **state)
{
	static const char *const first[] = { "a", "b", "c" };
	static const char *const second[] = { "d", "c", "e" };
	struct lanes lanes = { .names = { "" } };
	(void)state;

	assert_int_equal(lanes_assign(&lanes, first, 3), 0);
	assert_int_equal(lanes_assign(&lanes, second, 3), 0);

	assert_int_equal(lanes_find(&lanes, "c"), 2);
	assert_int_equal(lanes_find(&lanes, "a"), LANE_NONE);
	/* 0 and 1 were freed just now: dying flows may still carry them. */
	assert_int_equal(lanes_find(&lanes, "d"), 3);
	assert_int_equal(lanes_find(&lanes, "e"), 4);
}

static void a_lane_that_was_freed_by_an_earlier_call_is_used_again(void **state)
{
	static const char *const first[] = { "a", "b" };
	static const char *const second[] = { "b" };
	static const char *const third[] = { "b", "x" };
	struct lanes lanes = { .names = { "" } };
	(void)state;

	assert_int_equal(lanes_assign(&lanes, first, 2), 0);
	assert_int_equal(lanes_assign(&lanes, second, 1), 0);
	assert_int_equal(lanes_assign(&lanes, third, 2), 0);

	assert_int_equal(lanes_find(&lanes, "x"), 0);
}

static void just_freed_lanes_are_used_when_nothing_else_is_left(void **state)
{
	char names[LANE_COUNT][LANE_NAME_MAX];
	const char *list[LANE_COUNT];
	struct lanes lanes = { .names = { "" } };
	(void)state;
	number(names, list, 0, LANE_COUNT);
	assert_int_equal(lanes_assign(&lanes, list, LANE_COUNT), 0);

	list[40] = "new";
	assert_int_equal(lanes_assign(&lanes, list, LANE_COUNT), 0);

	assert_int_equal(lanes_find(&lanes, "new"), 40);
	assert_int_equal(lanes_find(&lanes, "n126"), 126);
}

static void the_same_name_twice_has_one_lane(void **state)
{
	static const char *const wanted[] = { "a", "a", "b", "a" };
	struct lanes lanes = { .names = { "" } };
	(void)state;

	assert_int_equal(lanes_assign(&lanes, wanted, 4), 0);

	assert_int_equal(lanes_find(&lanes, "a"), 0);
	assert_int_equal(lanes_find(&lanes, "b"), 1);
	assert_string_equal(lanes.names[2], "");
}

static void too_many_names_change_nothing(void **state)
{
	char names[LANE_COUNT + 1][LANE_NAME_MAX];
	const char *list[LANE_COUNT + 1];
	static const char *const before[] = { "old" };
	struct lanes lanes = { .names = { "" } };
	(void)state;
	assert_int_equal(lanes_assign(&lanes, before, 1), 0);
	struct lanes copy = lanes;
	number(names, list, 0, LANE_COUNT + 1);

	assert_int_equal(lanes_assign(&lanes, list, LANE_COUNT + 1), -ENOSPC);

	assert_memory_equal(&lanes, &copy, sizeof(lanes));
}

static void empty_and_overlong_names_change_nothing(void **state)
{
	char name[LANE_NAME_MAX + 1];
	const char *list[] = { "a", name };
	struct lanes lanes = { .names = { "" } };
	struct lanes copy = lanes;
	(void)state;
	memset(name, 'x', LANE_NAME_MAX);
	name[LANE_NAME_MAX] = '\0';

	assert_int_equal(lanes_assign(&lanes, list, 2), -EINVAL);
	assert_memory_equal(&lanes, &copy, sizeof(lanes));
	name[0] = '\0';
	assert_int_equal(lanes_assign(&lanes, list, 2), -EINVAL);
	assert_memory_equal(&lanes, &copy, sizeof(lanes));

	memset(name, 'x', LANE_NAME_MAX - 1);
	name[LANE_NAME_MAX - 1] = '\0';
	assert_int_equal(lanes_assign(&lanes, list, 2), 0);
	assert_int_equal(lanes_find(&lanes, name), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_names_get_the_lowest_lanes_in_their_order),
		cmocka_unit_test(unknown_and_empty_names_have_no_lane),
		cmocka_unit_test(a_name_keeps_its_lane_when_others_come_and_go),
		cmocka_unit_test(a_lane_that_was_freed_by_an_earlier_call_is_used_again),
		cmocka_unit_test(just_freed_lanes_are_used_when_nothing_else_is_left),
		cmocka_unit_test(the_same_name_twice_has_one_lane),
		cmocka_unit_test(too_many_names_change_nothing),
		cmocka_unit_test(empty_and_overlong_names_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
