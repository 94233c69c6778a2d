// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Free text in a configuration: what is taken, what is refused, and that a dump reads back to the same. */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "unit.h"

struct note {
	char text[9];
	char after; /* must stay as it is */
	struct config_texts list;
};

static const struct config_key keys[] = {
	{ .name = "text",
	  .type = CONFIG_TEXT,
	  .offset = offsetof(struct note, text),
	  .max = 8,
	  .help = "a note" },
	{ .name = "list",
	  .type = CONFIG_TEXTS,
	  .offset = offsetof(struct note, list),
	  .max = 3,
	  .help = "more notes" },
};
static const struct config_table table = { sizeof(struct note), keys, ARRAY_SIZE(keys) };

static int parse(const char *json, struct note *ret, struct err *err)
{
	return config_parse(&table, json, strlen(json), ret, err);
}

static void text_up_to_its_bound_is_taken_as_it_stands(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{ "{}", "" },
		{ "{\"text\": \"\"}", "" },
		{ "{\"text\": \"Key= Val\"}", "Key= Val" },
		{ "{\"text\": \"a\\\"b\\\\/c\"}", "a\"b\\/c" },
		{ "{\"text\": \"\\u00e4\\u20ac\\u00a0\"}", "\xc3\xa4\xe2\x82\xac\xc2\xa0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(cleanup_free) char *dump = NULL;
		struct note note, again;
		size_t size = 0;

		assert_int_equal(parse(rows[i].json, &note, NULL), 0);
		assert_string_equal(note.text, rows[i].text);
		FILE *out = open_memstream(&dump, &size);

		assert_int_equal(config_dump(&table, &note, out), 0);
		fclose(out);
		assert_int_equal(strstr(dump, "text") != NULL, note.text[0] != '\0');
		assert_int_equal(parse(dump, &again, NULL), 0);
		assert_string_equal(again.text, rows[i].text);
	}
}

static void a_list_of_texts_reads_back_to_the_same(void **state)
{
	static const char json[] = "{\"list\": [\"http://a/?b=\\\"c\\\"\", \"x\", \"x\"]}";
	CLEANUP(cleanup_free) char *dump = NULL;
	struct note note, again;
	size_t size = 0;

	(void)state;
	assert_int_equal(parse(json, &note, NULL), 0);
	assert_int_equal(note.list.n, 3);
	assert_string_equal(note.list.v[0], "http://a/?b=\"c\"");
	FILE *out = open_memstream(&dump, &size);

	assert_int_equal(config_dump(&table, &note, out), 0);
	fclose(out);
	assert_int_equal(parse(dump, &again, NULL), 0);
	assert_int_equal(again.list.n, 3);
	assert_memory_equal(again.list.v, note.list.v, 3 * sizeof(*note.list.v));
	config_done(&table, &note);
	config_done(&table, &again);
	assert_null(note.list.v);
}

static void longer_text_and_control_characters_are_refused(void **state)
{
	static const struct {
		const char *json, *error;
	} rows[] = {
		{ "{\"text\": \"123456789\"}", "text: 9 bytes, at most 8 are allowed" },
		{ "{\"text\": \"\\u20ac\\u20ac\\u20ac\"}", "text: 9 bytes, at most 8 are allowed" },
		{ "{\"text\": \"a\\nb\"}", "text: the text has control characters" },
		{ "{\"text\": \"\\u001b[1m\"}", "text: the text has control characters" },
		{ "{\"text\": \"\\u007f\"}", "text: the text has control characters" },
		{ "{\"text\": \"\\u009b\"}", "text: the text has control characters" },
		{ "{\"text\": 1}", "text: expected a string, found a number" },
		{ "{\"list\": \"a\"}", "list: expected a list, found a string" },
		{ "{\"list\": [\"a\", 1]}", "list[1]: expected a string, found a number" },
		{ "{\"list\": [\"a\", \"\"]}", "list[1]: the text is empty" },
		{ "{\"list\": [\"a\\nb\"]}", "list[0]: the text has control characters" },
		{ "{\"list\": [\"a\", \"b\", \"c\", \"d\"]}",
		  "list: 4 items, at most 3 are allowed" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = ERR_NULL;
		struct note note;

		assert_int_equal(parse(rows[i].json, &note, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].error);
	}
}

static void help_tells_the_bound(void **state)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);

	(void)state;
	config_help(&table, out);
	fclose(out);
	assert_string_equal(text, "text: text of at most 8 bytes; a note\n"
				  "list: list of texts; more notes\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_up_to_its_bound_is_taken_as_it_stands),
		cmocka_unit_test(a_list_of_texts_reads_back_to_the_same),
		cmocka_unit_test(longer_text_and_control_characters_are_refused),
		cmocka_unit_test(help_tells_the_bound),
	};

	return cmocka_run_group_tests_name("config text", tests, NULL, NULL);
}
