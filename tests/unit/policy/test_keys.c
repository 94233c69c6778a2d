// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/*
 * The class key and the rendezvous weight are contracts between node and gateway, and between
 * versions: the numbers here were computed by an independent program from the text of policy.h and
 * never change.
 */
#include "fixture.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "policy/classes.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#define FIXTURE CLEANUP(cleanup_fixture) struct fixture *f = fixture_new()

static uint64_t key_of(const struct fixture *f, const char *source)
{
	const struct policy_class *class = policy_class_of(&f->result, fixture_ip(source));

	return class ? class->key : 0;
}

static void the_bytes_are_hashed_by_fnv_1a(void **state)
{
	uint64_t h = HASH_START;
	(void)state;

	for (const char *p = "foobar"; *p; p++)
		h = hash_byte(h, (uint8_t)*p);

	assert_true(h == UINT64_C(0x85944171f73967e8)); /* from the authors' test suite */
}

static void the_key_of_a_class_is_what_the_contract_says(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bank other");
	fixture_policy(f, "payments",
		       (struct fixture_words){ "10.0.0.0/31", "198.51.100.0/24", NULL, "0" });
	fixture_policy(f, "audit",
		       (struct fixture_words){ "10.0.0.1/32", "203.0.113.0/24", NULL, "1" });

	assert_int_equal(fixture_compile(f), 0);

	assert_true(key_of(f, "10.0.0.0") == UINT64_C(0x9f58a028a942f06a));
	assert_true(key_of(f, "10.0.0.1") == UINT64_C(0x70bcccb1b2a08f29));
}

static void the_key_without_an_egress_ip_and_by_precedence_is_what_the_contract_says(void **state)
{
	(void)state;
	FIXTURE;
	f->input.lenient = true;
	fixture_egress(f, "bank other");
	fixture_policy(f, "payments",
		       (struct fixture_words){
			       .pods = "10.0.0.1/32", .blocked = "10.0.0.2/32", .precedence = 1 });
	fixture_policy(f, "audit",
		       (struct fixture_words){ "10.0.0.1/32", "203.0.113.0/24", NULL, "1", NULL,
					       2 });

	assert_int_equal(fixture_compile(f), 0);

	assert_true(key_of(f, "10.0.0.2") == UINT64_C(0x25c5aedef3cf3ca7));
	assert_true(key_of(f, "10.0.0.1") == UINT64_C(0x75bc952587a22afa));
}

static void names_do_not_run_together_in_a_key(void **state)
{
	(void)state;
	FIXTURE;
	fixture_egress(f, "bc c");
	fixture_policy(f, "a", (struct fixture_words){ "10.0.0.1/32", NULL, NULL, "0" });
	fixture_policy(f, "ab", (struct fixture_words){ "10.0.0.2/32", NULL, NULL, "1" });

	assert_int_equal(fixture_compile(f), 0);

	assert_true(key_of(f, "10.0.0.1") == UINT64_C(0x8563f6d0e4bd066a));
	assert_true(key_of(f, "10.0.0.2") == UINT64_C(0xe380d1d259698919));
}

static void keys_and_class_numbers_do_not_depend_on_the_order_of_the_input(void **state)
{
	(void)state;
	CLEANUP(cleanup_fixture) struct fixture *a = fixture_new();
	CLEANUP(cleanup_fixture) struct fixture *b = fixture_new();
	fixture_egress(a, "x y z");
	fixture_policy(a, "one", (struct fixture_words){ "10.0.0.0/24", "1.0.0.0/8", NULL, "0 1" });
	fixture_policy(a, "two",
		       (struct fixture_words){ "10.0.0.9/32 10.0.0.7/32", "2.0.0.0/8", NULL, "2" });
	fixture_egress(b, "z q y x");
	fixture_policy(b, "two",
		       (struct fixture_words){ "10.0.0.7/32 10.0.0.9/32", "2.0.0.0/8", NULL, "0" });
	fixture_policy(b, "other", (struct fixture_words){ "10.1.0.0/16", NULL, NULL, "1" });
	fixture_policy(b, "one", (struct fixture_words){ "10.0.0.0/24", "1.0.0.0/8", NULL, "2 3" });

	assert_int_equal(fixture_compile(a), 0);
	assert_int_equal(fixture_compile(b), 0);

	for (uint32_t i = 0; i < 256; i++) {
		struct ip4 source = { fixture_ip("10.0.0.0").v + i };
		const struct policy_class *left = policy_class_of(&a->result, source);
		const struct policy_class *right = policy_class_of(&b->result, source);

		assert_true(left->key == right->key);
		assert_int_equal(left - a->result.classes, right - b->result.classes);
	}
	assert_int_equal(a->result.n_members + 1, b->result.n_members);
}

static void two_classes_with_the_same_key_are_refused(void **state)
{
	struct policy_class classes[3] = { { .key = 5 }, { .key = 7 }, { .key = 5 } };
	struct err err = ERR_NULL;
	(void)state;

	assert_int_equal(policy_classes_check_keys(classes, 2, &err), 0);
	assert_int_equal(policy_classes_check_keys(classes, 3, &err), -EINVAL);

	assert_string_equal(err.text,
			    "policies: two classes hash to 0000000000000005; rename a policy");
}

static void rendezvous_chooses_what_the_contract_says(void **state)
{
	static const char *const names[] = { "bank", "other", "third" };
	static const unsigned egress[] = { 0, 1, 2 };
	static const struct {
		const char *source;
		size_t choice;
	} table[] = {
		{ "10.0.1.50", 1 },       { "10.0.1.51", 0 }, { "10.0.1.52", 2 },
		{ "10.0.1.53", 2 },       { "192.0.2.1", 0 }, { "0.0.0.0", 0 },
		{ "255.255.255.255", 2 },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(policy_rendezvous(names, egress, 3, fixture_ip(table[i].source)),
				 table[i].choice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_hashed_by_fnv_1a),
		cmocka_unit_test(the_key_of_a_class_is_what_the_contract_says),
		cmocka_unit_test(
			the_key_without_an_egress_ip_and_by_precedence_is_what_the_contract_says),
		cmocka_unit_test(names_do_not_run_together_in_a_key),
		cmocka_unit_test(keys_and_class_numbers_do_not_depend_on_the_order_of_the_input),
		cmocka_unit_test(two_classes_with_the_same_key_are_refused),
		cmocka_unit_test(rendezvous_chooses_what_the_contract_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
