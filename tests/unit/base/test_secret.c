// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "base/secret.h"

#include "base/cleanup.h"

#include "unit.h"

#include <errno.h>
#include <string.h>

/* What free gets, looked at before it's gone. */
static const void *watched;
static size_t watched_length;
static bool watched_was_wiped;

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	static const char zeros[64];

	if (p && p == watched)
		watched_was_wiped = memcmp(p, zeros, watched_length) == 0;
	__real_free(p);
}

static void watch(const struct secret *secret)
{
	watched = secret->bytes;
	watched_length = secret->length;
	watched_was_wiped = false;
}

static void a_secret_is_wiped_when_it_ends_and_when_it_is_replaced(void **state)
{
	struct secret secret = SECRET_NULL;
	(void)state;

	assert_int_equal(secret_set(&secret, "hunter2", 7), 0);
	assert_string_equal(secret_reveal(&secret), "hunter2");
	watch(&secret);
	assert_int_equal(secret_set(&secret, "other", 5), 0);
	assert_true(watched_was_wiped);

	watch(&secret);
	secret_done(&secret);

	assert_true(watched_was_wiped);
	assert_false(secret_is_set(&secret));
	assert_string_equal(secret_reveal(&secret), "");
	secret_done(&secret);
}

static void what_could_forge_a_header_is_no_secret(void **state)
{
	static const char *const rows[] = { "", "a\rb", "a\nb", "a\n", "a\tb", "a\x7f", "\xc3\xa4" };
	struct secret secret = SECRET_NULL;
	(void)state;

	assert_int_equal(secret_set(&secret, "old", 3), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(secret_set(&secret, rows[i], strlen(rows[i])), -EINVAL);
	assert_int_equal(secret_set(&secret, "a\0b", 3), -EINVAL);

	assert_string_equal(secret_reveal(&secret), "old");
	secret_done(&secret);
}

static void the_longest_secret_is_taken_and_no_longer_one(void **state)
{
	static char text[SECRET_MAX + 1];
	struct secret secret = SECRET_NULL;
	(void)state;

	memset(text, 'x', sizeof(text));
	assert_int_equal(secret_set(&secret, text, SECRET_MAX), 0);
	assert_int_equal(secret_set(&secret, text, SECRET_MAX + 1), -EINVAL);
	assert_int_equal(secret.length, SECRET_MAX);
	secret_done(&secret);
}

static void secrets_are_equal_byte_by_byte(void **state)
{
	struct secret a = SECRET_NULL;
	struct secret b = SECRET_NULL;
	(void)state;

	assert_true(secret_equal(&a, &b));
	assert_int_equal(secret_set(&a, "abc", 3), 0);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_copy(&a, &b), 0);
	assert_true(secret_equal(&a, &b));
	assert_int_equal(secret_set(&b, "abd", 3), 0);
	assert_false(secret_equal(&a, &b));
	secret_done(&a);
	assert_int_equal(secret_copy(&a, &b), 0);
	assert_false(secret_is_set(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_wiped_when_it_ends_and_when_it_is_replaced),
		cmocka_unit_test(what_could_forge_a_header_is_no_secret),
		cmocka_unit_test(the_longest_secret_is_taken_and_no_longer_one),
		cmocka_unit_test(secrets_are_equal_byte_by_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
