// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static void set_stores_the_text_and_returns_the_code(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	assert_int_equal(err_set(&err, -EINVAL, "link %s is down", "egw0"), -EINVAL);
	assert_string_equal(err.text, "link egw0 is down");
}

static void prefix_goes_in_front_and_returns_the_code(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	err_set(&err, -EINVAL, "not a number");
	assert_int_equal(err_prefix(&err, -ENOENT, "policies[%d]", 3), -ENOENT);
	assert_string_equal(err.text, "policies[3]: not a number");
}

static void prefix_of_an_empty_text_stands_alone(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	err_prefix(&err, -EIO, "node.json");
	assert_string_equal(err.text, "node.json");
}

static void null_is_accepted_and_the_code_comes_back(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, -ENOMEM, "x"), -ENOMEM);
	assert_int_equal(err_prefix(NULL, -ENOMEM, "x"), -ENOMEM);
}

static void the_arguments_may_point_into_the_error(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	err_set(&err, -EIO, "inner");
	err_set(&err, -EIO, "outer: %s", err.text);
	assert_string_equal(err.text, "outer: inner");
}

static void a_long_text_is_cut_and_terminated(void **state)
{
	struct err err;
	char longer[2 * ERR_TEXT_MAX];

	(void)state;
	memset(&err, 'z', sizeof(err));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';

	err_set(&err, -EIO, "%s", longer);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	err_prefix(&err, -EIO, "bb");
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_memory_equal(err.text, "bb: aaa", 7);
	err_prefix(&err, -EIO, "%s", longer);
	assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
	assert_null(strchr(err.text, 'b'));
}

static void control_characters_become_question_marks(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	err_set(&err, -EIO, "key '%s'", "a\n<3>b\033[2J\x7f");
	assert_string_equal(err.text, "key 'a?<3>b?[2J?'");
	err_prefix(&err, -EIO, "%s", "x\ry");
	assert_string_equal(err.text, "x?y: key 'a?<3>b?[2J?'");
}

static void errno_is_left_alone(void **state)
{
	struct err err = ERR_NULL;

	(void)state;
	errno = EXDEV;
	err_set(&err, -EIO, "x");
	err_prefix(&err, -EIO, "y");
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_stores_the_text_and_returns_the_code),
		cmocka_unit_test(prefix_goes_in_front_and_returns_the_code),
		cmocka_unit_test(prefix_of_an_empty_text_stands_alone),
		cmocka_unit_test(null_is_accepted_and_the_code_comes_back),
		cmocka_unit_test(the_arguments_may_point_into_the_error),
		cmocka_unit_test(a_long_text_is_cut_and_terminated),
		cmocka_unit_test(control_characters_become_question_marks),
		cmocka_unit_test(errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
