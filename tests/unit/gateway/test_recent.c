// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"

static struct recent recent;

static int listen_to_it(void **state)
{
	(void)state;
	recent = (struct recent){ 0 };
	recent_listen(&recent);
	return 0;
}

static int ignore_it(void **state)
{
	(void)state;
	recent_ignore();
	return 0;
}

static void what_is_logged_is_there_the_newest_first(void **state)
{
	(void)state;
	log_info("failover", "%s: active", "bank");
	log_warning("repair", "put right");
	log_error("own", "%s", "lost\n");

	assert_int_equal(recent.n, 3);
	assert_string_equal(recent_at(&recent, 0)->text, "lost?");
	assert_string_equal(recent_at(&recent, 0)->subsystem, "own");
	assert_int_equal(recent_at(&recent, 0)->level, LOG_LEVEL_ERROR);
	assert_string_equal(recent_at(&recent, 2)->text, "bank: active");
	assert_true(recent_at(&recent, 2)->first_ms > 0);
}

static void routine_is_not_there_and_what_failed_of_it_is(void **state)
{
	(void)state;
	log_info("plan", "applied: a rule");
	log_debug("own", "detail");
	log_error("plan", "EPERM");

	assert_int_equal(recent.n, 1);
	assert_string_equal(recent_at(&recent, 0)->text, "EPERM");
}

static void repetitions_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		log_warning("own", "no answer");
	log_warning("repair", "no answer");

	assert_int_equal(recent.n, 2);
	assert_int_equal(recent_at(&recent, 1)->count, 5);
	assert_true(recent_at(&recent, 1)->last_ms >= recent_at(&recent, 1)->first_ms);
}

static void the_oldest_go(void **state)
{
	char expected[16];

	(void)state;
	for (int i = 0; i < RECENT_MAX + 10; i++)
		log_warning("own", "%d", i);

	assert_int_equal(recent.n, RECENT_MAX);
	assert_string_equal(recent_at(&recent, RECENT_MAX - 1)->text, "10");
	snprintf(expected, sizeof(expected), "%d", RECENT_MAX + 9);
	assert_string_equal(recent_at(&recent, 0)->text, expected);
}

static void a_long_line_is_cut(void **state)
{
	char longer[3 * RECENT_TEXT_MAX];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_info("own", "%s", longer);

	assert_int_equal(strlen(recent_at(&recent, 0)->text), RECENT_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_logged_is_there_the_newest_first,
						listen_to_it, ignore_it),
		cmocka_unit_test_setup_teardown(routine_is_not_there_and_what_failed_of_it_is,
						listen_to_it, ignore_it),
		cmocka_unit_test_setup_teardown(repetitions_are_counted, listen_to_it, ignore_it),
		cmocka_unit_test_setup_teardown(the_oldest_go, listen_to_it, ignore_it),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut, listen_to_it, ignore_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
