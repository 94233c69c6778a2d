// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "gateway/table/limiter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "nat/ruleset.h"

static const struct ip4 pod = { 0x0a000132 }, other = { 0x0a000133 };

static void a_source_at_its_limit_is_let_in_again_a_sixteenth_below(void **state)
{
	static const struct {
		uint32_t connections, limit;
		bool is_news, is_limited;
	} steps[] = {
		{ 31, 32, false, false }, { 32, 32, true, true },   { 40, 32, false, true },
		{ 30, 32, false, true },  { 29, 32, true, false },  { 31, 32, false, false },
		{ 32, 32, true, true },   { 32, 100, true, false }, { 500, 0, false, false },
		{ 1, 1, true, true },     { 0, 1, true, false },    { 7, 7, true, true },
		{ 7, 0, true, false },
	};
	struct limiter *limiter = limiter_new(5);

	(void)state;
	assert_non_null(limiter);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(limiter_judge(limiter, pod, steps[i].connections, steps[i].limit),
				 steps[i].is_news);
		assert_int_equal(limiter_has(limiter, pod), steps[i].is_limited);
		assert_int_equal(limiter_count(limiter), steps[i].is_limited);
	}
	limiter_free(limiter);
}

static void check_news(const struct limiter *limiter, size_t n_add, size_t n_del)
{
	struct nat_elem add[4], del[4];
	struct limiter_news news = { .add = add, .del = del };

	limiter_news(limiter, &news);
	assert_int_equal(news.n_add, n_add);
	assert_int_equal(news.n_del, n_del);
	if (n_add)
		assert_int_equal(add[0].first, pod.v);
	if (n_del)
		assert_int_equal(del[0].last, pod.v);
}

static void the_kernel_learns_what_it_does_not_know(void **state)
{
	struct limiter *limiter = limiter_new(6);

	(void)state;
	assert_non_null(limiter);
	assert_true(limiter_judge(limiter, pod, 9, 9));
	check_news(limiter, 1, 0);
	assert_true(limiter_judge(limiter, pod, 0, 9));
	check_news(limiter, 0, 0); /* it never knew */
	assert_true(limiter_judge(limiter, pod, 9, 9));
	limiter_told(limiter);
	check_news(limiter, 0, 0);
	assert_true(limiter_judge(limiter, pod, 0, 9));
	check_news(limiter, 0, 1);
	assert_true(limiter_judge(limiter, pod, 9, 9));
	check_news(limiter, 0, 0); /* it has it still */
	assert_true(limiter_judge(limiter, pod, 0, 9));
	limiter_told(limiter);
	check_news(limiter, 0, 0);
	assert_int_equal(limiter_places(limiter), 0);
	limiter_free(limiter);
}

static void beyond_what_the_kernel_holds_nobody_is_limited(void **state)
{
	struct limiter *limiter = limiter_new(7);

	(void)state;
	assert_non_null(limiter);
	for (uint32_t i = 0; i < LIMITER_MAX; i++)
		assert_true(limiter_judge(limiter, (struct ip4){ i + 1 }, 1, 1));
	assert_false(limiter_judge(limiter, other, 1, 1));
	assert_int_equal(limiter_count(limiter), LIMITER_MAX);
	limiter_free(limiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_at_its_limit_is_let_in_again_a_sixteenth_below),
		cmocka_unit_test(the_kernel_learns_what_it_does_not_know),
		cmocka_unit_test(beyond_what_the_kernel_holds_nobody_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
