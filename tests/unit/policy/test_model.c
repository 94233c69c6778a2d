// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Random inputs over 64 sources and 32 destinations against the definition, written down naively:
 * for each source and destination look at each policy. Also: every allocation fails in turn.
 */
#include "fixture.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 3000
#define SOURCE_BASE 0xffffffc0u /* the last 64 addresses, where wrapping would hurt */
#define DESTINATION_BASE 0x09090900u

static uint64_t random_state = 42;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(random_state >> 33) % n;
}

static void random_list(char *text, size_t size, uint32_t base, unsigned bits, unsigned max)
{
	unsigned n = random_below(max + 1);

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		unsigned host = random_below(bits + 1);
		uint32_t address = base | (random_below(1u << bits) >> host << host);
		size_t at = strlen(text);
		char ip[IP4_TEXT_MAX];

		snprintf(text + at, size - at, " %s/%u", ip4_format((struct ip4){ address }, ip),
			 32 - host);
	}
}

/* The sources of `blocked` and the precedence only with `lenient`. */
static void random_policies(struct fixture *f)
{
	static const char *const names[] = { "d", "b", "a", "c" };
	static const char *const egress[] = { "0", "1", "2", "0 1", "0 1 2", "" };
	unsigned n = 1 + random_below(4);

	fixture_egress(f, "x y z");
	for (unsigned i = 0; i < n; i++) {
		char pods[256], destinations[256], excluded[256], blocked[256] = "";

		random_list(pods, sizeof(pods), SOURCE_BASE, 6, 4);
		random_list(destinations, sizeof(destinations), DESTINATION_BASE, 5, 3);
		random_list(excluded, sizeof(excluded), DESTINATION_BASE, 5, 1);
		if (f->input.lenient)
			random_list(blocked, sizeof(blocked), SOURCE_BASE, 6, 1);
		fixture_policy(f, names[i],
			       (struct fixture_words){
				       pods, destinations, excluded,
				       egress[random_below(ARRAY_SIZE(egress) - !f->input.lenient)],
				       blocked, f->input.lenient ? random_below(3) : 0 });
	}
}

static bool listed(const struct ip4_prefix *v, size_t n, uint32_t address)
{
	for (size_t i = 0; i < n; i++)
		if (ip4_prefix_contains(v[i], (struct ip4){ address }))
			return true;
	return false;
}

static bool governs(const struct policy_spec *spec, uint32_t source, uint32_t destination)
{
	return (listed(spec->pods, spec->n_pods, source) ||
		listed(spec->blocked, spec->n_blocked, source)) &&
	       listed(spec->destinations, spec->n_destinations, destination) &&
	       !listed(spec->excluded, spec->n_excluded, destination);
}

static bool wins(const struct policy_spec *a, const struct policy_spec *b)
{
	if (a->precedence != b->precedence)
		return a->precedence < b->precedence;
	return strcmp(a->name, b->name) < 0;
}

/* How many policies govern; the first of them goes to *ret. */
static size_t naive(const struct fixture *f, uint32_t source, uint32_t destination, size_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < f->input.n_specs; i++) {
		if (!governs(&f->specs[i], source, destination))
			continue;
		if (!n || wins(&f->specs[i], &f->specs[*ret]))
			*ret = i;
		n++;
	}
	return n;
}

static bool naive_overlap(const struct fixture *f)
{
	size_t ignored;

	for (uint32_t s = 0; s < 64; s++)
		for (uint32_t d = 0; d < 32; d++)
			if (naive(f, SOURCE_BASE + s, DESTINATION_BASE + d, &ignored) > 1)
				return true;
	return false;
}

static void compare_rules(const struct fixture *f)
{
	for (uint32_t i = 0; i < 64 * 32; i++) {
		struct ip4 source = { SOURCE_BASE + i / 32 };
		struct ip4 destination = { DESTINATION_BASE + i % 32 };
		const struct policy_rule *rule = policy_rule_of(&f->result, source, destination);
		size_t expected = 0;

		if (!naive(f, source.v, destination.v, &expected)) {
			assert_null(rule);
			continue;
		}
		const struct policy_spec *spec = &f->specs[expected];
		assert_non_null(rule);
		assert_int_equal(rule->policy, expected);
		unsigned egress = POLICY_EGRESS_NONE;
		if (spec->n_egress && !listed(spec->blocked, spec->n_blocked, source.v))
			egress = spec->egress[policy_rendezvous(f->egress_names, spec->egress,
								spec->n_egress, source)];
		assert_int_equal(rule->egress, egress);
	}
}

static void check_shape(const struct fixture *f)
{
	const struct policy_result *result = &f->result;

	for (size_t i = 1; i < result->n_members; i++) {
		const struct policy_member *left = &result->members[i - 1];
		const struct policy_member *right = &result->members[i];

		assert_true(left->range.last < right->range.first);
		assert_true(left->class_index != right->class_index ||
			    left->range.last + 1 != right->range.first);
	}
	for (size_t c = 0; c < result->n_classes; c++) {
		const struct policy_class *class = &result->classes[c];

		assert_true(class->n_rules > 0);
		for (size_t i = 1; i < class->n_rules; i++)
			assert_true(wins(&f->specs[class->rules[i - 1].policy],
					 &f->specs[class->rules[i].policy]));
	}
}

static void random_policies_agree_with_the_definition(void **state)
{
	size_t compiled = 0, overlaps = 0;
	(void)state;

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(cleanup_fixture) struct fixture *f = fixture_new();
		random_policies(f);
		int r = fixture_compile(f);

		if (r == 0) {
			assert_false(naive_overlap(f));
			compare_rules(f);
			check_shape(f);
			compiled++;
		} else if (strstr(f->err.text, "overlaps")) {
			assert_true(naive_overlap(f));
			overlaps++;
		} else {
			assert_non_null(strstr(f->err.text, ".destination_cidrs: "));
		}
	}
	/* Else the numbers above are such that the test tests nothing. */
	assert_true(compiled > ROUNDS / 10);
	assert_true(overlaps > ROUNDS / 10);
}

static void random_policies_that_overlap_agree_with_the_definition(void **state)
{
	size_t overlaps = 0;
	(void)state;

	for (int round = 0; round < ROUNDS; round++) {
		CLEANUP(cleanup_fixture) struct fixture *f = fixture_new();
		f->input.lenient = true;
		random_policies(f);

		assert_int_equal(fixture_compile(f), 0);
		compare_rules(f);
		check_shape(f);
		overlaps += naive_overlap(f);
	}
	assert_true(overlaps > ROUNDS / 10);
}

/* 0: never fails; n: the n-th allocation from now on fails. */
static unsigned fail_at;

static bool fails_now(void)
{
	return fail_at && --fail_at == 0;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(p, n, size);
}

static void a_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
	size_t failures = 0;
	(void)state;
	CLEANUP(cleanup_fixture) struct fixture *f = fixture_new();
	fixture_egress(f, "x y");
	fixture_always_excluded(f, "10.0.0.0/8");
	fixture_policy(f, "a",
		       (struct fixture_words){ "10.0.0.0/24", "1.0.0.0/8", "1.1.1.1/32", "0 1" });
	fixture_policy(f, "b", (struct fixture_words){ "10.0.0.0/26", "2.0.0.0/8", NULL, "0" });

	for (unsigned n = 1; n < 1000; n++) {
		struct policy_result result = { .n_policies = 0 };
		struct err err = ERR_NULL;

		fail_at = n;
		int r = policy_compile(&f->input, &result, &err);
		bool failed = fail_at == 0;
		fail_at = 0;
		policy_result_done(&result);
		if (!failed)
			break;
		if (r < 0) { /* giving back unused room may fail without harm */
			assert_int_equal(r, -ENOMEM);
			assert_string_equal(err.text, "policies: out of memory");
		}
		failures++;
	}
	assert_in_range(failures, 15, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_policies_agree_with_the_definition),
		cmocka_unit_test(random_policies_that_overlap_agree_with_the_definition),
		cmocka_unit_test(a_failed_allocation_is_reported_and_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
