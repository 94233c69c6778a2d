// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void the_list_is_in_order_and_ends(void **state)
{
	const struct message_entry *message = message_list;
	(void)state;

	for (; message->id; message++) {
		assert_in_range(message->id, 1000, 9999);
		if (message != message_list)
			assert_true(message[-1].id < message->id);
	}
	assert_true(message - message_list > 100);
}

static void names_and_numbers_lead_to_each_other(void **state)
{
	char text[MESSAGE_TEXT_MAX];
	(void)state;

	assert_int_equal(message_named("NotCarried"), MSG_NOT_CARRIED);
	assert_int_equal(message_named("notcarried"), MESSAGE_NONE);
	assert_int_equal(message_named(""), MESSAGE_NONE);
	assert_string_equal(message_format(MSG_NOT_CARRIED, text), "EIPGW-3010");
	assert_string_equal(message_format(MESSAGE_NONE, text), "");
	assert_string_equal(message_cite(MSG_NOT_CARRIED, text), " (EIPGW-3010)");
	assert_string_equal(message_cite(MESSAGE_NONE, text), "");
	for (const struct message_entry *message = message_list; message->id; message++)
		assert_int_equal(message_parse(message_format(message->id, text)), message->id);
}

static void what_is_no_identifier_isnt_parsed(void **state)
{
	static const char *const no[] = { "",          "EIPGW-",     "EIPGW-201", "EIPGW-20010",
					  "EIPGW2001", "EIPGW-20a1", "-2001",     "2001 ",
					  "20010",     "::1",        "10.0.0.1",  "EIPGW--201" };
	(void)state;

	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_int_equal(message_parse(no[i]), MESSAGE_NONE);
	assert_int_equal(message_parse("2001"), 2001);
	assert_int_equal(message_parse("eipgw-2001"), 2001);
	assert_int_equal(message_parse("EIPGW-4999"), 4999);
}

static void an_identifier_fits_whatever_the_text(void **state)
{
	char buf[64];
	(void)state;

	snprintf(buf, sizeof(buf), "no");
	message_append(MSG_SYSCTL, buf, sizeof(buf));
	assert_string_equal(buf, "no [EIPGW-2008]");
	message_append(MESSAGE_NONE, buf, sizeof(buf));
	assert_string_equal(buf, "no [EIPGW-2008]");

	memset(buf, 'x', sizeof(buf) - 1);
	buf[sizeof(buf) - 1] = '\0';
	message_append(MSG_SYSCTL, buf, sizeof(buf));
	assert_int_equal(strlen(buf), sizeof(buf) - 1);
	assert_string_equal(buf + sizeof(buf) - 1 - 13, " [EIPGW-2008]");

	/* A character of three bytes where it is cut. */
	snprintf(buf, sizeof(buf), "abc\xe2\x82\xac");
	message_append(MSG_SYSCTL, buf, 4 + 14);
	assert_string_equal(buf, "abc [EIPGW-2008]");

	snprintf(buf, sizeof(buf), "abc");
	message_append(MSG_SYSCTL, buf, 13); /* there is no room for it */
	assert_string_equal(buf, "abc");
}

static void the_innermost_cause_stays(void **state)
{
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(err_id(&err, MSG_SYSCTL), MSG_SYSCTL);
	assert_int_equal(err_mark(&err, MSG_CONFIG_VALUE, err_set(&err, -EINVAL, "9")), -EINVAL);
	assert_int_equal(err_prefix(&err, -EINVAL, "key"), -EINVAL);
	assert_int_equal(err_mark(&err, MSG_RELOAD_REFUSED, 5), 5);
	assert_int_equal(err_id(&err, MSG_SYSCTL), MSG_CONFIG_VALUE);
	assert_string_equal(err.text, "key: 9");

	/* Another error is another cause. */
	err_set(&err, -EIO, "no");
	assert_int_equal(err.id, MESSAGE_NONE);
	assert_int_equal(err_mark(NULL, MSG_SYSCTL, -1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_in_order_and_ends),
		cmocka_unit_test(names_and_numbers_lead_to_each_other),
		cmocka_unit_test(what_is_no_identifier_isnt_parsed),
		cmocka_unit_test(an_identifier_fits_whatever_the_text),
		cmocka_unit_test(the_innermost_cause_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
