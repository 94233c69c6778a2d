// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Which labels a selector matches, and what is no selector. */
#include "objects.h"

#include "base/cleanup.h"
#include "base/err.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

static bool matches(const char *selector, const char *labels)
{
	struct labels pool = { .strings = { .n = 0 } };
	struct selector compiled = SELECTOR_NULL;
	struct err err = ERR_NULL;
	size_t n;
	const struct label_text *v = objects_labels(labels, &n);
	const struct label_set *set = labels_set(&pool, v, n);

	assert_non_null(set);
	if (selector_compile(&pool, objects_selector(selector), &compiled, &err) < 0)
		fail_msg("%s: %s", selector, err.text);
	bool result = selector_matches(&compiled, set);

	selector_done(&pool, &compiled);
	labels_set_put(&pool, set);
	labels_done(&pool); /* asserts that everything was given back */
	return result;
}

static void a_selector_matches_what_kubernetes_says(void **state)
{
	static const struct {
		const char *selector, *labels;
		bool matches;
	} rows[] = {
		{ "", "", true },
		{ "", "a=1", true },
		{ "a=1", "a=1", true },
		{ "a=1", "a=1 b=2", true },
		{ "a=1", "a=2", false },
		{ "a=1", "b=1", false },
		{ "a=1", "", false },
		{ "a=", "a=", true },
		{ "a=", "a=1", false },
		{ "a=1 b=2", "a=1", false },
		{ "a=1 b=2", "b=2 a=1", true },
		{ "a:In:1,2", "a=2", true },
		{ "a:In:1,2", "a=3", false },
		{ "a:In:1,2", "b=1", false },
		{ "a:NotIn:1,2", "a=2", false },
		{ "a:NotIn:1,2", "a=3", true },
		{ "a:NotIn:1,2", "", true }, /* without the key it isn't in either */
		{ "a:NotIn:1,2", "b=1", true },
		{ "a:Exists", "a=", true },
		{ "a:Exists", "b=a", false },
		{ "a:DoesNotExist", "a=", false },
		{ "a:DoesNotExist", "b=a", true },
		{ "a=1 b:Exists c:NotIn:x", "a=1 b=9", true },
		{ "a=1 b:Exists c:NotIn:x", "a=1 b=9 c=x", false },
		{ "a=1 b:Exists c:NotIn:x", "a=1", false },
		{ "a:In:1 a:NotIn:1", "a=1", false },
		{ "a=1 a:In:1,2", "a=1", true },
		{ "kubernetes.io/metadata.name=prod", "kubernetes.io/metadata.name=prod", true },
		{ "A=1", "a=1", false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (matches(rows[i].selector, rows[i].labels) != rows[i].matches)
			fail_msg("'%s' and '%s': wanted %d", rows[i].selector, rows[i].labels,
				 rows[i].matches);
	objects_done();
}

#define TEN "aaaaaaaaaa"
#define SIXTY TEN TEN TEN TEN TEN TEN
#define SUB TEN TEN TEN TEN "." TEN TEN "a." /* 63 */
#define SUB252 SUB SUB SUB SUB

static void what_is_no_selector_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *selector, *error; /* NULL: it is one */
	} rows[] = {
		{ "a:In", "matchExpressions[0].values: is empty, but the operator In needs some" },
		{ "b:Exists a:NotIn",
		  "matchExpressions[1].values: is empty, but the operator NotIn needs some" },
		{ "a:Exists:1",
		  "matchExpressions[0].values: must be empty with the operator Exists" },
		{ "a:DoesNotExist:1",
		  "matchExpressions[0].values: must be empty with the operator DoesNotExist" },
		{ "a:in:1", "matchExpressions[0].operator: \"in\" is none of In, NotIn, Exists and "
			    "DoesNotExist" },
		{ "a:Gt:1", "matchExpressions[0].operator: \"Gt\" is none of" },
		{ "a:In:x,-", "matchExpressions[0]: values[1]: \"-\" is no label value" },
		{ "=1", "matchLabels[0].key: \"\" is no label key" },
		{ "b=1 -a=1", "matchLabels[1].key: \"-a\" is no label key" },
		{ "a.=1", "matchLabels[0].key: \"a.\"" },
		{ "a/b/c=1", "matchLabels[0].key: \"a/b/c\"" },
		{ "/a=1", "matchLabels[0].key: \"/a\"" },
		{ "a/=1", "matchLabels[0].key: \"a/\"" },
		{ "UPPER/a=1", "matchLabels[0].key: \"UPPER/a\"" },
		{ "a..b/a=1", "matchLabels[0].key: \"a..b/a\"" },
		{ "a-/a=1", "matchLabels[0].key: \"a-/a\"" },
		{ "a.-b/a=1", "matchLabels[0].key: \"a.-b/a\"" },
		{ "a-.b/a:Exists", "matchExpressions[0].key: \"a-.b/a\"" },
		{ "a!=1", "matchLabels[0].key: \"a!\"" },
		{ "a=b!", "matchLabels[0]: \"b!\" is no label value" },
		{ "a=_", "matchLabels[0]: \"_\" is no label value" },
		{ SIXTY "aaaa=1", "matchLabels[0].key: \"aaaa" },
		{ "a=" SIXTY "aaaa", "matchLabels[0]: \"aaaa" },
		{ SUB252 "aa/a=1", "matchLabels[0].key: \"aaaa" },
		{ SIXTY "aaa=" SIXTY "aaa", NULL },
		{ SUB252 "a/a=1", NULL },
		{ "a-b.c-d/A_b.C-9=z_Z.9-z", NULL },
		{ "9=0", NULL },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct labels pool = { .strings = { .n = 0 } };
		struct selector selector = SELECTOR_NULL;
		struct err err = ERR_NULL;
		int r = selector_compile(&pool, objects_selector(rows[i].selector), &selector,
					 &err);

		assert_int_equal(r, rows[i].error ? -EINVAL : 0);
		if (rows[i].error && strncmp(err.text, rows[i].error, strlen(rows[i].error)) != 0)
			fail_msg("'%s' doesn't begin with '%s'", err.text, rows[i].error);
		assert_true(r == 0 || !selector.v);
		selector_done(&pool, &selector);
		labels_done(&pool);
	}
	objects_done();
}

static void selectors_have_ceilings(void **state)
{
	struct labels pool = { .strings = { .n = 0 } };
	struct selector selector = SELECTOR_NULL;
	static struct label_text labels[SELECTOR_REQUIREMENTS_MAX + 1];
	static const char *values[SELECTOR_VALUES_MAX + 1];
	struct selector_expression e = { "a", "In", values, ARRAY_SIZE(values) };
	struct selector_text text = { .labels = labels, .n_labels = ARRAY_SIZE(labels) };
	struct err err = ERR_NULL;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		labels[i] = (struct label_text){ "a", "b" };
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = "b";
	assert_int_equal(selector_compile(&pool, &text, &selector, &err), -EINVAL);
	assert_string_equal(err.text, "matchLabels: 257 labels and expressions in all; at most "
				      "256 are possible");
	text = (struct selector_text){ .expressions = &e, .n_expressions = 1 };
	assert_int_equal(selector_compile(&pool, &text, &selector, &err), -EINVAL);
	assert_string_equal(
		err.text, "matchExpressions[0].values: has 257 entries; at most 256 are possible");
	labels_done(&pool);
}

static void equal_sets_are_one_whatever_their_order(void **state)
{
	static const struct label_text v[] = { { "a", "1" }, { "b", "2" }, { "a", "3" } };
	static const struct label_text w[] = { { "b", "2" }, { "a", "3" } };
	struct labels pool = { .strings = { .n = 0 } };
	(void)state;

	const struct label_set *a = labels_set(&pool, v, 3), *b = labels_set(&pool, w, 2);
	const struct label_set *c = labels_set(&pool, v, 2), *none = labels_set(&pool, NULL, 0);

	assert_ptr_equal(a, b); /* the later of one key counts */
	assert_ptr_not_equal(a, c);
	assert_int_equal(none->n, 0);
	labels_set_put(&pool, a);
	labels_set_put(&pool, b);
	labels_set_put(&pool, c);
	labels_set_put(&pool, none);
	labels_done(&pool);
}

struct number {
	struct table_item item;
	unsigned v;
};

static bool is_number(const struct table_item *item, const void *key)
{
	return ((const struct number *)item)->v == *(const unsigned *)key;
}

/* Few hashes and many collisions, also around the end of the table. */
static void a_table_finds_what_is_in_it_and_nothing_else(void **state)
{
	static struct number numbers[500];
	static bool in[500];
	struct table table = { .v = NULL };
	uint32_t random = 7;
	(void)state;

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
		numbers[i] = (struct number){ { i % 37 }, i };
	for (int round = 0; round < 20000; round++) {
		random = random * 1664525 + 1013904223;
		unsigned i = (random >> 8) % ARRAY_SIZE(numbers);

		if (in[i]) {
			table_remove(&table, &numbers[i].item);
		} else {
			assert_int_equal(table_reserve(&table, 1), 0);
			table_put(&table, &numbers[i].item);
		}
		in[i] = !in[i];
		unsigned k = (random >> 16) % ARRAY_SIZE(numbers);
		assert_ptr_equal(table_find(&table, k % 37, is_number, &k),
				 in[k] ? &numbers[k].item : NULL);
	}
	table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_selector_matches_what_kubernetes_says),
		cmocka_unit_test(what_is_no_selector_is_refused_with_its_place),
		cmocka_unit_test(selectors_have_ceilings),
		cmocka_unit_test(equal_sets_are_one_whatever_their_order),
		cmocka_unit_test(a_table_finds_what_is_in_it_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
