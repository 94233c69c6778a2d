// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/eventbook.h"

#include "base/cleanup.h"
#include "kube/kinds.h"
#include "kube/time.h"

#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct mono at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static const struct kube_event unknown = {
	.kind = "EgressPolicy",
	.api_version = "eipgw.io/v1alpha1",
	.name = "payments",
	.uid = "u",
	.is_warning = true,
	.reason = "UnknownGateway",
	.action = "Waiting",
	.note = "there is no EgressGateway partners",
};

static int note(struct kube_event_book *book, const struct kube_event *event, int64_t ms)
{
	return kube_event_book_note(book, event, 1000000 + ms * 1000, at(ms));
}

static struct kube_event_entry *expect(struct kube_event_book *book, enum kube_event_step step,
				       int64_t ms)
{
	struct kube_event_entry *entry = NULL;
	int64_t wait_ms;

	assert_int_equal(kube_event_book_next(book, at(ms), &entry, &wait_ms), step);
	return entry;
}

static int64_t wait_at(struct kube_event_book *book, int64_t ms)
{
	struct kube_event_entry *entry = NULL;
	int64_t wait_ms;

	assert_int_equal(kube_event_book_next(book, at(ms), &entry, &wait_ms), KUBE_EVENT_IDLE);
	return wait_ms;
}

static void a_repetition_is_counted_on_the_same_event_once_a_minute(void **state)
{
	struct kube_event_book book;
	(void)state;

	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	note(&book, &unknown, 0);
	struct kube_event_entry *entry = expect(&book, KUBE_EVENT_CREATE, 0);
	assert_string_equal(entry->event.reason, "UnknownGateway");
	assert_int_equal(entry->first_us, 1000000);
	/* Once more while it's being written. */
	note(&book, &unknown, 1);
	kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_OK, at(2));
	for (int i = 0; i < 1000; i++)
		note(&book, &unknown, 10 + i);
	assert_int_equal(wait_at(&book, 2000), 58002);
	entry = expect(&book, KUBE_EVENT_COUNT_ON, 60002);
	assert_int_equal(entry->count, 1002);
	kube_event_book_end(&book, entry, KUBE_EVENT_COUNT_ON, HTTP_CLASS_OK, at(60003));
	assert_int_equal(wait_at(&book, 500000), -1);
	assert_int_equal(book.made + book.counted_on, 2);
	kube_event_book_done(&book);
}

static void another_sentence_is_another_event_but_not_more_often(void **state)
{
	struct kube_event other = unknown;
	struct kube_event_book book;
	(void)state;

	other.note = "there is still none";
	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	note(&book, &unknown, 0);
	struct kube_event_entry *entry = expect(&book, KUBE_EVENT_CREATE, 0);
	kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_OK, at(0));
	note(&book, &other, 1);
	assert_int_equal(wait_at(&book, 1), 59999);
	entry = expect(&book, KUBE_EVENT_CREATE, 60000);
	assert_string_equal(entry->note, "there is still none");
	kube_event_book_done(&book);
}

static void others_are_others(void **state)
{
	struct kube_event events[7];
	struct kube_event_book book;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		events[i] = unknown;
	events[1].name = "other";
	events[2].uid = "v";
	events[3].reason = "Other";
	events[4].action = "Other";
	events[5].is_warning = false;
	events[6].namespace = "s";
	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		note(&book, &events[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct kube_event_entry *const entry = expect(&book, KUBE_EVENT_CREATE, 0);
		assert_int_equal(entry->count, 1);
		kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_OK, at(0));
	}
	assert_int_equal(wait_at(&book, 0), -1);
	kube_event_book_done(&book);
}

static void a_storm_is_held_to_a_rate_and_to_its_room(void **state)
{
	struct kube_event_book book;
	struct kube_event event = unknown;
	char name[32];
	size_t made = 0;
	(void)state;

	event.name = name;
	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "policy-%d", i);
		assert_int_equal(note(&book, &event, 0), i < KUBE_EVENTS_MAX ? 0 : -EXFULL);
	}
	assert_int_equal(book.dropped, 44);
	for (int64_t ms = 0; ms <= 60000;) {
		struct kube_event_entry *entry = NULL;
		int64_t wait_ms = 0;
		const enum kube_event_step step =
			kube_event_book_next(&book, at(ms), &entry, &wait_ms);
		if (step == KUBE_EVENT_IDLE) {
			assert_int_equal(wait_ms, 2000);
			ms += wait_ms;
			continue;
		}
		kube_event_book_end(&book, entry, step, HTTP_CLASS_OK, at(ms));
		made++;
	}
	assert_int_equal(made, 20 + 30);
	/* What was told makes room. */
	snprintf(name, sizeof(name), "another");
	assert_int_equal(note(&book, &event, 61000), 0);
	kube_event_book_done(&book);
}

static void what_cannot_be_written_is_left_after_three_attempts(void **state)
{
	struct kube_event_book book;
	int64_t ms = 0;
	(void)state;

	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	note(&book, &unknown, 0);
	for (int i = 0; i < 3; i++) {
		struct kube_event_entry *const entry = expect(&book, KUBE_EVENT_CREATE, ms);
		kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_PERMANENT, at(ms));
		ms += 20000;
	}
	assert_int_equal(wait_at(&book, ms), -1);
	assert_int_equal(book.dropped, 1);
	/* The next one is tried. */
	note(&book, &unknown, 200000);
	expect(&book, KUBE_EVENT_CREATE, 200000);
	kube_event_book_done(&book);
}

static void an_event_that_expired_is_made_again(void **state)
{
	struct kube_event_book book;
	(void)state;

	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	note(&book, &unknown, 0);
	struct kube_event_entry *entry = expect(&book, KUBE_EVENT_CREATE, 0);
	kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_OK, at(0));
	note(&book, &unknown, 70000);
	entry = expect(&book, KUBE_EVENT_COUNT_ON, 70000);
	kube_event_book_end(&book, entry, KUBE_EVENT_COUNT_ON, HTTP_CLASS_NOT_FOUND, at(70001));
	entry = expect(&book, KUBE_EVENT_CREATE, 70001);
	assert_int_equal(entry->count, 2);
	kube_event_book_end(&book, entry, KUBE_EVENT_CREATE, HTTP_CLASS_OK, at(70001));
	/* After half an hour's silence it is a new story. */
	note(&book, &unknown, 1900000);
	entry = expect(&book, KUBE_EVENT_CREATE, 1900000);
	assert_int_equal(entry->count, 1);
	kube_event_book_done(&book);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	char text[1100];
	struct kube_event event = unknown;
	struct kube_event_book book;
	(void)state;

	memset(text, 'x', sizeof(text));
	memcpy(text + 1022, "\xc3\xa4", 2);
	text[1099] = '\0';
	event.note = text;
	assert_int_equal(kube_event_book_init(&book, at(0)), 0);
	note(&book, &event, 0);
	assert_int_equal(strlen(expect(&book, KUBE_EVENT_CREATE, 0)->note), 1022);
	kube_event_book_done(&book);
}

static void times_are_written_as_kubernetes_reads_them(void **state)
{
	char buf[KUBE_TIME_MAX];
	(void)state;

	assert_string_equal(kube_time_format(1795406706, buf), "2026-11-23T04:05:06Z");
	assert_string_equal(kube_micro_time_format(1795406706000042, buf),
			    "2026-11-23T04:05:06.000042Z");
}

static void a_condition_keeps_its_time_while_its_status_stays(void **state)
{
	struct kube_condition v[] = { { .type = "Ready", .status = "True", .since = "then" } };
	const struct kube_conditions old = { v, 1 };
	(void)state;

	assert_string_equal(kube_condition_since(&old, "Ready", "True", "now"), "then");
	assert_string_equal(kube_condition_since(&old, "Ready", "False", "now"), "now");
	assert_string_equal(kube_condition_since(&old, "Other", "True", "now"), "now");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repetition_is_counted_on_the_same_event_once_a_minute),
		cmocka_unit_test(another_sentence_is_another_event_but_not_more_often),
		cmocka_unit_test(others_are_others),
		cmocka_unit_test(a_storm_is_held_to_a_rate_and_to_its_room),
		cmocka_unit_test(what_cannot_be_written_is_left_after_three_attempts),
		cmocka_unit_test(an_event_that_expired_is_made_again),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(times_are_written_as_kubernetes_reads_them),
		cmocka_unit_test(a_condition_keeps_its_time_while_its_status_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
