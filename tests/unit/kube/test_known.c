// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/known.h"

#include "base/cleanup.h"
#include "kube/kinds.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

static const struct kube_meta a1 = { .namespace = "s", .name = "a", .uid = "1", .version = "10" };

static void an_object_is_known_by_namespace_and_name(void **state)
{
	static const struct kube_meta others[] = {
		{ .namespace = "s", .name = "b" },
		{ .namespace = "t", .name = "a" },
		{ .name = "a" },
		{ .namespace = "", .name = "s/a" },
		{ .namespace = "s/a", .name = "" },
	};
	struct kube_known known;
	(void)state;

	assert_int_equal(kube_known_init(&known), 0);
	struct kube_known_object *const object = kube_known_add(&known, &a1);
	assert_non_null(object);

	assert_ptr_equal(kube_known_find(&known, &a1), object);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_null(kube_known_find(&known, &others[i]));
	kube_known_remove(&known, object);
	assert_null(kube_known_find(&known, &a1));
	assert_int_equal(known.n, 0);
	kube_known_done(&known);
}

static void versions_and_uids_tell_states_and_lives_apart(void **state)
{
	static const struct {
		const char *uid, *version;
		bool is_same, is_current;
	} rows[] = {
		{ "1", "10", true, true },
		{ "1", "11", true, false },
		{ "2", "10", false, false },
		{ "1", "010", true, false },
		{ "1", "", true, false },
		{ "1", "10x", true, false },
		{ "1", "100000000000000000000000000010", true, false },
	};
	struct kube_known known;
	(void)state;

	assert_int_equal(kube_known_init(&known), 0);
	struct kube_known_object *const object = kube_known_add(&known, &a1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kube_meta meta = a1;

		meta.uid = rows[i].uid;
		meta.version = rows[i].version;
		assert_int_equal(kube_known_is_same(object, &meta), rows[i].is_same);
		assert_int_equal(kube_known_is_current(object, &meta), rows[i].is_current);
		/* Opaque ones equal themselves. */
		struct kube_known_object copy = *object;
		kube_known_note(&copy, &meta);
		assert_true(kube_known_is_current(&copy, &meta));
	}
	kube_known_done(&known);
}

static void what_a_round_has_not_seen_is_found_among_many(void **state)
{
	struct kube_known known;
	char name[32];
	struct kube_meta meta = { .namespace = "s", .name = name, .uid = "1", .version = "1" };
	size_t cursor = 0;
	size_t n = 0;
	(void)state;

	assert_int_equal(kube_known_init(&known), 0);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "pod-%d", i);
		struct kube_known_object *const object = kube_known_add(&known, &meta);
		assert_non_null(object);
		object->user = (void *)(uintptr_t)(unsigned)i;
	}
	kube_known_begin_round(&known);
	for (int i = 0; i < 5000; i += 2) {
		snprintf(name, sizeof(name), "pod-%d", i);
		struct kube_known_object *const object = kube_known_find(&known, &meta);
		assert_non_null(object);
		object->is_seen = true;
	}
	struct kube_known_object *object;
	while ((object = kube_known_next_unseen(&known, &cursor))) {
		assert_int_equal((uintptr_t)object->user % 2, 1);
		kube_known_remove(&known, object);
		n++;
	}

	assert_int_equal(n, 2500);
	assert_int_equal(known.n, 2500);
	kube_known_done(&known);
}

static void a_round_that_breaks_off_hides_nothing_from_the_next(void **state)
{
	struct kube_known known;
	size_t cursor = 0;
	(void)state;

	assert_int_equal(kube_known_init(&known), 0);
	struct kube_known_object *const object = kube_known_add(&known, &a1);
	kube_known_begin_round(&known);
	object->is_seen = true;
	kube_known_begin_round(&known);
	assert_ptr_equal(kube_known_next_unseen(&known, &cursor), object);
	kube_known_done(&known);
}

static void what_is_added_in_a_round_is_seen(void **state)
{
	struct kube_known known;
	size_t cursor = 0;
	(void)state;

	assert_int_equal(kube_known_init(&known), 0);
	kube_known_begin_round(&known);
	assert_non_null(kube_known_add(&known, &a1));
	assert_null(kube_known_next_unseen(&known, &cursor));
	kube_known_done(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_known_by_namespace_and_name),
		cmocka_unit_test(versions_and_uids_tell_states_and_lives_apart),
		cmocka_unit_test(what_a_round_has_not_seen_is_found_among_many),
		cmocka_unit_test(a_round_that_breaks_off_hides_nothing_from_the_next),
		cmocka_unit_test(what_is_added_in_a_round_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
