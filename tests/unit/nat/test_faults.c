// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The n-th allocation fails, for each n until all succeed. What was begun is then given back (LeakSanitizer
 * looks at the end), the code is -ENOMEM, and nothing was handed out. Allocations inside libnftnl don't count.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/rule.h>

#include "base/cleanup.h"
#include "cmocka_all.h"
#include "dump.h"
#include "full_ruleset.h"
#include "nat/expr.h"
#include "nat/index.h"
#include "nat/plan.h"

/* The n-th allocation from now on fails; 0: none. */
static long countdown;

static bool fails(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

/* Runs `attempt` with each allocation failing in turn. Returns how many there are. */
static long fail_each(int (*attempt)(void *data), void *data)
{
	for (long n = 1;; n++) {
		int rc;

		countdown = n;
		rc = attempt(data);
		if (countdown > 0) {
			countdown = 0;
			assert_int_equal(rc, 0);
			return n - 1;
		}
		assert_int_equal(rc, -ENOMEM);
	}
}

static int build_ruleset(void *data)
{
	struct nat_ruleset rs;
	int rc;

	(void)data;
	full_ruleset(&rs, "t");
	rc = nat_ruleset_finish(&rs);
	assert_true(rc == 0 || rs.failed);
	nat_ruleset_done(&rs);
	return rc;
}

static void a_ruleset_without_memory_is_useless_and_says_so(void **state)
{
	(void)state;
	assert_in_range(fail_each(build_ruleset, NULL), 50, 1000);
}

struct planning {
	struct nat_ruleset desired;
	struct nat_observed seen;
};

static int compute_plan(void *data)
{
	const struct planning *planning = data;
	struct nat_plan plan;
	int rc;

	memset(&plan, 0x5a, sizeof(plan));
	rc = nat_plan_compute(&planning->desired, &planning->seen, &plan);
	if (rc) {
		for (size_t i = 0; i < sizeof(plan); i++)
			assert_int_equal(((const uint8_t *)&plan)[i], 0x5a);
		return rc;
	}
	assert_true(plan.n > 0);
	nat_plan_done(&plan);
	return 0;
}

static void a_plan_without_memory_is_no_plan(void **state)
{
	struct planning planning = { .seen = { .has_table = false } };
	size_t size;
	char *bytes = dump_file("ours", &size);

	(void)state;
	full_ruleset(&planning.desired, DUMP_TABLE);
	assert_int_equal(nat_ruleset_finish(&planning.desired), 0);
	assert_in_range(fail_each(compute_plan, &planning), 10, 1000);

	/* Another table that gives way, and then the same one made anew. */
	assert_int_equal(dump_take(bytes, size, &planning.seen), 0);
	assert_in_range(fail_each(compute_plan, &planning), 10, 1000);
	planning.seen.odd = true;
	assert_in_range(fail_each(compute_plan, &planning), 10, 1000);
	nat_observed_done(&planning.seen);
	nat_ruleset_done(&planning.desired);
	free(bytes);
}

struct bytes {
	const char *v;
	size_t size;
};

static int take_dump(void *data)
{
	const struct bytes *bytes = data;
	struct nat_observed seen;
	int rc = dump_take(bytes->v, bytes->size, &seen);

	nat_observed_done(&seen);
	return rc;
}

static void a_dump_without_memory_is_given_back(void **state)
{
	struct bytes bytes;
	char *v = dump_file("foreign", &bytes.size);

	(void)state;
	bytes.v = v;
	assert_in_range(fail_each(take_dump, &bytes), 20, 1000);
	free(v);
}

static int write_text(void *data)
{
	char *text = nat_expr_text(data);

	free(text);
	return text ? 0 : -ENOMEM;
}

static void half_a_text_is_no_text(void **state)
{
	struct nat_rule rule = NAT_RULE({ NAT_IIF, .name = "egw0" }, { NAT_DROP });
	struct nftnl_rule *compiled = nat_expr_compile("t", "c", &rule);

	(void)state;
	assert_non_null(compiled);
	assert_int_equal(fail_each(write_text, compiled), 4);
	nftnl_rule_free(compiled);
}

static void an_index_without_memory_is_as_before(void **state)
{
	static const char items[][4] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };
	struct nat_index index = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		countdown = 1;
		if (nat_index_add(&index, items, sizeof(items[0]), i)) {
			assert_int_equal(nat_index_find(&index, items, sizeof(items[0]), items[i]),
					 NAT_INDEX_NONE);
			assert_int_equal(nat_index_add(&index, items, sizeof(items[0]), i), 0);
		}
		countdown = 0;
		for (size_t j = 0; j <= i; j++)
			assert_int_equal(nat_index_find(&index, items, sizeof(items[0]), items[j]),
					 j);
	}
	nat_index_done(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ruleset_without_memory_is_useless_and_says_so),
		cmocka_unit_test(a_plan_without_memory_is_no_plan),
		cmocka_unit_test(a_dump_without_memory_is_given_back),
		cmocka_unit_test(half_a_text_is_no_text),
		cmocka_unit_test(an_index_without_memory_is_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
