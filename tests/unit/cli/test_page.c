// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "cli/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/message.h"

static const struct page sample = { 4711, "# EIPGW-4711: a: b\n"
					  "\n"
					  "warning; log, `x`\n"
					  "\n"
					  "## Meaning\n"
					  "\n"
					  "One, see [HA.md](../HA.md#a) and [b](c.md).\n"
					  "Two [not a link] (really).\n"
					  "\n"
					  "## Cause\n"
					  "\n"
					  "```\n"
					  "# [a](b)\n"
					  "```\n" };

static void assert_part(struct page_part part, const char *text)
{
	assert_int_equal(part.n, strlen(text));
	assert_memory_equal(part.text, text, part.n);
}

static void a_page_has_parts(void **state)
{
	(void)state;
	assert_part(page_title(&sample), "a: b");
	assert_part(page_severity(&sample), "warning");
	assert_part(page_where(&sample), "log, `x`");
	assert_part(page_section(&sample, "Meaning"),
		    "One, see [HA.md](../HA.md#a) and [b](c.md).\nTwo [not a link] (really).");
	assert_part(page_section(&sample, "Cause"), "```\n# [a](b)\n```");
	assert_part(page_section(&sample, "Effect"), "");
}

static void a_broken_page_has_empty_parts(void **state)
{
	static const struct page broken = { 1, "x" };
	(void)state;

	assert_part(page_title(&broken), "x");
	assert_part(page_severity(&broken), "");
	assert_part(page_where(&broken), "");
	assert_part(page_section(&broken, "Cause"), "");
}

static void marks_arent_printed_but_in_code(void **state)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t length;
	FILE *const out = open_memstream(&text, &length);
	(void)state;

	page_print(out, &sample);
	fclose(out);
	assert_string_equal(text, "EIPGW-4711: a: b\n"
				  "\n"
				  "  warning; log, `x`\n"
				  "\n"
				  "Meaning\n"
				  "\n"
				  "  One, see HA.md and b.\n"
				  "  Two [not a link] (really).\n"
				  "\n"
				  "Cause\n"
				  "\n"
				  "      # [a](b)\n");
}

static void every_message_has_a_whole_page(void **state)
{
	static const char *const sections[] = { "Meaning", "Cause", "Effect", "Remedy",
						"See also" };
	(void)state;

	for (const struct message_entry *message = message_list; message->id; message++) {
		const struct page *const page = page_find(message->id);

		assert_non_null(page);
		assert_true(page_title(page).n > 0 && page_where(page).n > 0);
		for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
			assert_true(page_section(page, sections[i]).n > 0);
	}
	assert_null(page_find(4999));
}

static void a_typo_is_forgiven_and_another_word_isnt(void **state)
{
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "EIPGW-2OO1", "EIPGW-2001" },
		{ "EIPWG-2010", "EIPGW-2010" },
		{ "eipgw2010", "EIPGW-2010" },
		{ "notcaried", "NotCarried" },
		{ "guard_leek", "guard_leak" },
		{ "EipgwDwn", "EipgwDown" },
		{ "something-else-entirely", "" },
		{ "pods", "" },
		{ "", "" },
	};
	char buf[PAGE_WORD_MAX], longer[3 * PAGE_WORD_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(page_nearest(rows[i].word, buf), rows[i].nearest);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_string_equal(page_nearest(longer, buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_has_parts),
		cmocka_unit_test(a_broken_page_has_empty_parts),
		cmocka_unit_test(marks_arent_printed_but_in_code),
		cmocka_unit_test(every_message_has_a_whole_page),
		cmocka_unit_test(a_typo_is_forgiven_and_another_word_isnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
