// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* How failures are classified, and how long one waits after them. */
#include "http/retry.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>

static void each_failure_has_its_class(void **state)
{
	static const struct {
		int rc;
		long status;
		enum http_class class;
	} rows[] = {
		{ 0, 200, HTTP_CLASS_OK },
		{ 0, 204, HTTP_CLASS_OK },
		{ 0, 301, HTTP_CLASS_PERMANENT },
		{ 0, 400, HTTP_CLASS_PERMANENT },
		{ 0, 401, HTTP_CLASS_CREDENTIALS },
		{ 0, 403, HTTP_CLASS_PERMANENT },
		{ 0, 404, HTTP_CLASS_NOT_FOUND },
		{ 0, 408, HTTP_CLASS_RETRY },
		{ 0, 409, HTTP_CLASS_CONFLICT },
		{ 0, 429, HTTP_CLASS_THROTTLED },
		{ 0, 500, HTTP_CLASS_RETRY },
		{ 0, 501, HTTP_CLASS_PERMANENT },
		{ 0, 503, HTTP_CLASS_RETRY },
		{ 0, 509, HTTP_CLASS_THROTTLED },
		{ 0, 599, HTTP_CLASS_RETRY },
		{ 0, 600, HTTP_CLASS_PERMANENT },
		{ 0, 0, HTTP_CLASS_PERMANENT },
		{ -ETIMEDOUT, 0, HTTP_CLASS_RETRY },
		{ -ECONNREFUSED, 0, HTTP_CLASS_RETRY },
		{ -EPROTO, 0, HTTP_CLASS_RETRY },
		{ -ENOMEM, 0, HTTP_CLASS_RETRY },
		{ -EMSGSIZE, 0, HTTP_CLASS_PERMANENT },
		{ -EINVAL, 0, HTTP_CLASS_PERMANENT },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (http_classify(rows[i].rc, rows[i].status) != rows[i].class)
			fail_msg("rc %d status %ld", rows[i].rc, rows[i].status);
}

/* The largest of many delays after `attempts` failures; all of them are checked against `window`. */
static int64_t largest(enum http_class why, uint32_t attempts, int64_t window)
{
	struct backoff backoff = { .base_ms = 100, .cap_ms = 5000, .random = 42 };
	int64_t most = 0;

	for (int i = 0; i < 2000; i++) {
		backoff.attempt = attempts - 1;
		const int64_t delay = backoff_next_ms(&backoff, why, -1);
		assert_in_range(delay, 0, window);
		assert_int_equal(backoff.attempt, attempts);
		most = delay > most ? delay : most;
	}
	return most;
}

static void the_window_doubles_up_to_the_cap_and_is_used_in_full(void **state)
{
	static const struct {
		enum http_class why;
		uint32_t attempts;
		int64_t window;
	} rows[] = {
		{ HTTP_CLASS_RETRY, 1, 100 },           { HTTP_CLASS_RETRY, 2, 200 },
		{ HTTP_CLASS_RETRY, 6, 3200 },          { HTTP_CLASS_RETRY, 7, 5000 },
		{ HTTP_CLASS_RETRY, 4000000000, 5000 }, { HTTP_CLASS_THROTTLED, 1, 400 },
		{ HTTP_CLASS_THROTTLED, 5, 5000 },      { HTTP_CLASS_PERMANENT, 1, 5000 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_in_range(largest(rows[i].why, rows[i].attempts, rows[i].window),
				rows[i].window * 95 / 100, rows[i].window);
}

static void the_budget_counts_the_first_try_and_a_success_refills_it(void **state)
{
	struct backoff backoff = { .base_ms = 1, .cap_ms = 1, .attempts_max = 3, .random = 1 };
	(void)state;

	assert_true(backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1) >= 0);
	assert_true(backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1) >= 0);
	assert_int_equal(backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1), -1);
	assert_int_equal(backoff_next_ms(&backoff, HTTP_CLASS_RETRY, 1000), -1);

	backoff_reset(&backoff);

	assert_true(backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1) >= 0);
}

static void an_asked_delay_is_kept_but_not_beyond_five_minutes(void **state)
{
	struct backoff backoff = { .base_ms = 10, .cap_ms = 10, .random = 1 };
	(void)state;

	assert_int_equal(backoff_next_ms(&backoff, HTTP_CLASS_THROTTLED, 7000), 7000);
	assert_int_equal(backoff_next_ms(&backoff, HTTP_CLASS_THROTTLED, INT64_MAX), 300000);
	assert_in_range(backoff_next_ms(&backoff, HTTP_CLASS_THROTTLED, -1), 0, 10);
}

static void a_generator_without_seed_still_runs(void **state)
{
	struct backoff backoff = { .base_ms = 1U << 31, .cap_ms = UINT32_MAX };
	(void)state;

	const int64_t a = backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1);
	const int64_t b = backoff_next_ms(&backoff, HTTP_CLASS_RETRY, -1);

	assert_true(a != b);
	assert_in_range(a, 0, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_has_its_class),
		cmocka_unit_test(the_window_doubles_up_to_the_cap_and_is_used_in_full),
		cmocka_unit_test(the_budget_counts_the_first_try_and_a_success_refills_it),
		cmocka_unit_test(an_asked_delay_is_kept_but_not_beyond_five_minutes),
		cmocka_unit_test(a_generator_without_seed_still_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
