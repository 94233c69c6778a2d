// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/tell/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char gone[256];

static void on_gone(const char *object, void *data)
{
	(void)data;
	strncat(gone, object, sizeof(gone) - strlen(gone) - 1);
	strncat(gone, " ", sizeof(gone) - strlen(gone) - 1);
}

static enum told_news say(struct told_list *list, const char *uid, const char *part,
			  const char *reason)
{
	/* The object's name is what the uid begins with. */
	const char object[] = { uid[0], '\0' };

	return told_say(told_find(list, uid, object, part), reason);
}

static const char *end(struct told_list *list)
{
	gone[0] = '\0';
	told_end(list, on_gone, NULL);
	return gone;
}

static void only_another_reason_is_news(void **state)
{
	struct told_list list = { .n = 0 };
	(void)state;

	told_begin(&list);
	assert_int_equal(say(&list, "a1", "Ready", "Good"), TOLD_FIRST);
	assert_int_equal(say(&list, "a1", "Conflict", "Conflict"), TOLD_FIRST);
	assert_int_equal(say(&list, "a1", "Ready", "Good"), TOLD_SAME);
	assert_int_equal(say(&list, "a1", "Ready", "Bad"), TOLD_OTHER);
	assert_string_equal(end(&list), "");

	/* What a round leaves out is news the next time. */
	told_begin(&list);
	assert_int_equal(say(&list, "a1", "Ready", "Bad"), TOLD_SAME);
	assert_string_equal(end(&list), "");
	told_begin(&list);
	assert_int_equal(say(&list, "a1", "Conflict", "Conflict"), TOLD_FIRST);
	told_done(&list);
}

static void an_object_is_gone_with_its_last_part_unless_another_has_its_name(void **state)
{
	struct told_list list = { .n = 0 };
	(void)state;

	told_begin(&list);
	say(&list, "a1", "Ready", "Good");
	say(&list, "a1", "Conflict", "Conflict");
	say(&list, "b1", "Ready", "Good");
	say(&list, "c1", "Ready", "Good");
	assert_string_equal(end(&list), "");
	told_begin(&list);
	assert_int_equal(say(&list, "b2", "Ready", "Good"), TOLD_FIRST);
	say(&list, "c1", "Ready", "Good");
	assert_string_equal(end(&list), "a ");
	told_begin(&list);
	assert_string_equal(end(&list), "c b ");
	told_done(&list);
}

static void what_was_found_stays_where_it_is(void **state)
{
	struct told_list list = { .n = 0 };
	char part[16];
	(void)state;

	told_begin(&list);
	const struct told *first = told_find(&list, "a1", "a", "Ready");

	for (int i = 0; i < 100; i++) {
		snprintf(part, sizeof(part), "part%d", i);
		assert_non_null(told_find(&list, "a1", "a", part));
	}
	assert_ptr_equal(told_find(&list, "a1", "a", "Ready"), first);
	assert_string_equal(first->part, "Ready");
	told_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_another_reason_is_news),
		cmocka_unit_test(an_object_is_gone_with_its_last_part_unless_another_has_its_name),
		cmocka_unit_test(what_was_found_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
