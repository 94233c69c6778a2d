// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * Sizes that are promised: 100,000 pods in one policy, and 1,024 policies with 100,000 pods. Time
 * and memory are printed; the bounds here are loose, so that a slow machine or a sanitizer doesn't
 * fail them, but all pairs of pods, or of policies for each pod, would.
 */
#include "fixture.h"

#include "base/cleanup.h"
#include "base/mono.h"

#include "cmocka_all.h"

#include <malloc.h>
#include <stdio.h>

#define FIXTURE CLEANUP(cleanup_fixture) struct fixture *f = fixture_new()
#define PODS 100000
#define BOUND_MS 30000

static void compile_timed(struct fixture *f, const char *what)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	struct mono start = mono_now();

	assert_int_equal(fixture_compile(f), 0);

	int64_t ms = mono_diff_ms(mono_now(), start);
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	print_message("%s: %lld ms, result %zu KiB, %zu members, %zu classes\n", what,
		      (long long)ms, (after - before) / 1024, f->result.n_members,
		      f->result.n_classes);
	assert_in_range(ms, 0, BOUND_MS);
}

static void one_policy_with_many_scattered_pods(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	fixture_policy(f, "a", (struct fixture_words){ .pods = "" });
	fixture_many_pods(f, 0, "10.0.0.0", PODS, 0x9e3779b2); /* even and all over the place */

	compile_timed(f, "100,000 pods");

	assert_int_equal(f->result.n_members, PODS);
	assert_int_equal(f->result.n_classes, 1);
}

static void many_policies_with_many_pods(void **state)
{
	char name[16];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x y");
	for (uint32_t i = 0; i < POLICY_MAX; i++) {
		char first[IP4_TEXT_MAX];

		snprintf(name, sizeof(name), "p%u", i);
		fixture_policy(f, name,
			       (struct fixture_words){ "", NULL, NULL, i % 2 ? "0 1" : "1" });
		ip4_format((struct ip4){ (10u << 24) + i * 2 }, first);
		fixture_many_pods(f, i, first, PODS / POLICY_MAX, 2 * POLICY_MAX);
	}

	compile_timed(f, "1,024 policies, 100,000 pods");

	assert_int_equal(f->result.n_members, PODS / POLICY_MAX * POLICY_MAX);
}

static void many_policies_open_at_once(void **state)
{
	char name[16], destination[32];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	for (unsigned i = 0; i < POLICY_MAX - 1; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		snprintf(destination, sizeof(destination), "20.%u.%u.0/24", i / 256, i % 256);
		fixture_policy(f, name,
			       (struct fixture_words){ "10.0.0.0/8", destination, NULL, NULL });
	}
	fixture_policy(f, "pods", (struct fixture_words){ "", "21.0.0.0/8", NULL, NULL });
	fixture_many_pods(f, POLICY_MAX - 1, "10.0.0.0", PODS, 2);

	compile_timed(f, "1,023 policies under each of 100,000 pods");

	assert_int_equal(f->result.n_classes, 2);
}

static void many_destinations(void **state)
{
	char name[16];
	(void)state;
	FIXTURE;
	fixture_egress(f, "x");
	for (uint32_t i = 0; i < POLICY_MAX; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		fixture_policy(f, name, (struct fixture_words){ "10.0.0.0/8", "", NULL, NULL });

		struct policy_spec *spec = &f->specs[i];
		char first[IP4_TEXT_MAX];
		ip4_format((struct ip4){ (20u << 24) + i * 2 }, first);
		fixture_many_pods(f, i, first, 100, 2 * POLICY_MAX);
		const struct ip4_prefix *pods = spec->destinations;
		spec->destinations = spec->pods;
		spec->n_destinations = spec->n_pods;
		spec->pods = pods;
		spec->n_pods = 0;
	}
	fixture_many_pods(f, 0, "10.0.0.1", 1, 1);
	fixture_many_pods(f, POLICY_MAX - 1, "10.0.0.1", 1, 1);

	compile_timed(f, "1,024 policies with 100 destinations each");

	assert_string_equal(fixture_class(f, "10.0.0.1"), "p0=x,p1023=x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_policy_with_many_scattered_pods),
		cmocka_unit_test(many_policies_with_many_pods),
		cmocka_unit_test(many_policies_open_at_once),
		cmocka_unit_test(many_destinations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
