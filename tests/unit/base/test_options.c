// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "unit.h"

struct test_options {
	const char *config;
	const char *log_level;
	bool check;
	bool help;
};

static const struct option_row rows[] = {
	{ "config", "FILE", offsetof(struct test_options, config), "read FILE" },
	{ "log-level", "LEVEL", offsetof(struct test_options, log_level), "how much to log" },
	{ "check-config", NULL, offsetof(struct test_options, check), "check and exit" },
	{ "help", NULL, offsetof(struct test_options, help), "show this" },
};

static const struct option_table table = { rows, ARRAY_SIZE(rows) };

struct outcome {
	int rest; /* what options_parse returned */
	struct test_options options;
	struct err err;
};

/* `line` is what a user types behind the program's name, without quoting; "" is written as ''. */
static struct outcome parse(const char *line)
{
	static char buf[256];
	char *argv[16] = { NULL };
	int argc = 0;
	struct outcome out = { .options = { .config = "default" } };

	snprintf(buf, sizeof(buf), "prog %s", line);
	char *p = buf;
	while (*p) {
		char *const end = p + strcspn(p, " ");
		const char last = *end;

		*end = '\0';
		assert_in_range(argc, 0, ARRAY_SIZE(argv) - 2);
		argv[argc++] = strcmp(p, "''") == 0 ? p + 2 : p;
		p = last ? end + 1 : end;
	}
	out.rest = options_parse(&table, argc, argv, &out.options, &out.err);
	return out;
}

static void defaults_stay_without_options(void **state)
{
	const struct outcome out = parse("");

	(void)state;
	assert_int_equal(out.rest, 1);
	assert_string_equal(out.options.config, "default");
	assert_false(out.options.check);
}

static void values_are_taken_behind_a_blank_or_an_equals_sign(void **state)
{
	const struct outcome out = parse("--config /a --log-level=debug --check-config");

	(void)state;
	assert_int_equal(out.rest, 5);
	assert_string_equal(out.options.config, "/a");
	assert_string_equal(out.options.log_level, "debug");
	assert_true(out.options.check);
	assert_false(out.options.help);
}

static void a_value_may_hold_an_equals_sign_or_be_empty(void **state)
{
	(void)state;
	assert_string_equal(parse("--config=a=b").options.config, "a=b");
	assert_string_equal(parse("--config=").options.config, "");
	assert_string_equal(parse("--config ''").options.config, "");
	assert_string_equal(parse("--config=--x").options.config, "--x");
	assert_string_equal(parse("--config -").options.config, "-");
}

static void the_last_of_equal_options_wins(void **state)
{
	(void)state;
	assert_string_equal(parse("--config a --config b").options.config, "b");
}

static void h_is_help(void **state)
{
	(void)state;
	assert_true(parse("-h").options.help);
	assert_true(parse("--help").options.help);
}

static void parsing_stops_at_the_first_argument_that_is_no_option(void **state)
{
	const struct outcome out = parse("--config a status --check-config");

	(void)state;
	assert_int_equal(out.rest, 3);
	assert_false(out.options.check);
	assert_int_equal(parse("-").rest, 1);
	assert_int_equal(parse("''").rest, 1);
}

static void two_dashes_end_the_options(void **state)
{
	struct outcome out = parse("--config a -- --check-config");

	(void)state;
	assert_int_equal(out.rest, 4);
	assert_false(out.options.check);
	out = parse("--");
	assert_int_equal(out.rest, 2);
}

static void wrong_command_lines_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{ "--nonsense", "unknown option '--nonsense'" },
		{ "--conf a", "unknown option '--conf'" }, /* no abbreviations */
		{ "--configs a", "unknown option '--configs'" },
		{ "--nonsense=1", "unknown option '--nonsense=1'" },
		{ "--=x", "unknown option '--=x'" },
		{ "-c a", "unknown option '-c'" },
		{ "-config a", "unknown option '-config'" },
		{ "-help", "unknown option '-help'" },
		{ "-h=1", "unknown option '-h=1'" },
		{ "--config", "option --config needs a value: --config FILE" },
		{ "--config --check-config", "option --config needs a value: --config FILE" },
		{ "--check-config=yes", "option --check-config takes no value" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct outcome out = parse(cases[i].line);

		assert_int_equal(out.rest, -EINVAL);
		assert_string_equal(out.err.text, cases[i].text);
	}
}

static void an_empty_argument_vector_is_harmless(void **state)
{
	char *argv[] = { NULL };
	struct test_options options = { 0 };

	(void)state;
	assert_int_equal(options_parse(&table, 0, argv, &options, NULL), 0);
}

static void help_shows_each_row_with_its_value(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_help(&table, out);
	fclose(out);
	assert_string_equal(text, "      --config FILE      read FILE\n"
				  "      --log-level LEVEL  how much to log\n"
				  "      --check-config     check and exit\n"
				  "  -h, --help             show this\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stay_without_options),
		cmocka_unit_test(values_are_taken_behind_a_blank_or_an_equals_sign),
		cmocka_unit_test(a_value_may_hold_an_equals_sign_or_be_empty),
		cmocka_unit_test(the_last_of_equal_options_wins),
		cmocka_unit_test(h_is_help),
		cmocka_unit_test(parsing_stops_at_the_first_argument_that_is_no_option),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(wrong_command_lines_are_refused_with_a_sentence),
		cmocka_unit_test(an_empty_argument_vector_is_harmless),
		cmocka_unit_test(help_shows_each_row_with_its_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
