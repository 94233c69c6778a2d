// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What a Lease says, and how long it holds. Times are seconds. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kube/json.h"
#include "kube/lease_record.h"

#define ME "gw-a"

static struct mono at(double seconds)
{
	return (struct mono){ (int64_t)(seconds * 1e9) };
}

static struct kube_lease_seen begin(void)
{
	return (struct kube_lease_seen){ .identity = ME, .duration_sec = 10 };
}

static struct kube_lease_record held(const char *holder, int64_t duration_sec, const char *renewed)
{
	struct kube_lease_record record = { .duration_sec = duration_sec };

	snprintf(record.holder, sizeof(record.holder), "%s", holder);
	snprintf(record.renewed, sizeof(record.renewed), "%s", renewed);
	return record;
}

/* Seen at 100 s. */
static const struct row {
	const char *holder, *renewed;
	int64_t duration_sec;
	double at;
	enum kube_lease_state state;
} rows[] = {
	{ "", "", 0, 100, KUBE_LEASE_FREE },
	{ "", "2026-01-01T00:00:00.000000Z", 15, 100, KUBE_LEASE_FREE },
	{ "gw-b", "2026-01-01T00:00:00.000000Z", 15, 114.9, KUBE_LEASE_OTHERS },
	{ "gw-b", "2026-01-01T00:00:00.000000Z", 15, 115, KUBE_LEASE_FREE },
	/* Whatever its clock says. */
	{ "gw-b", "1970-01-01T00:00:00.000000Z", 15, 114.9, KUBE_LEASE_OTHERS },
	{ "gw-b", "2999-01-01T00:00:00.000000Z", 15, 115, KUBE_LEASE_FREE },
	{ "gw-b", "", 15, 114.9, KUBE_LEASE_OTHERS },
	/* Without a duration ours counts. */
	{ "gw-b", "", 0, 109.9, KUBE_LEASE_OTHERS },
	{ "gw-b", "", -5, 110, KUBE_LEASE_FREE },
	{ "gw-b", "", INT64_MAX, 1e6, KUBE_LEASE_OTHERS },
	{ ME, "", 15, 1e6, KUBE_LEASE_MINE },
	{ ME "a", "", 15, 100, KUBE_LEASE_OTHERS },
};

static void a_record_holds_for_its_duration_from_when_it_was_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct kube_lease_seen seen = begin();
		const struct kube_lease_record record =
			held(row->holder, row->duration_sec, row->renewed);

		assert_int_equal(kube_lease_judge(&seen, at(99)), KUBE_LEASE_UNKNOWN);
		kube_lease_see(&seen, &record, at(100));
		assert_int_equal(seen.until.ns, 0);
		/* To see it again changes nothing. */
		kube_lease_see(&seen, &record, at(105));
		assert_int_equal(seen.mark, 1);
		if (kube_lease_judge(&seen, at(row->at)) != row->state)
			fail_msg("row %zu", i);
	}
}

static void each_part_of_a_record_is_a_sign_of_life(void **state)
{
	struct kube_lease_record record = held("gw-b", 15, "2026-01-01T00:00:00.000000Z");
	struct kube_lease_seen seen = begin();
	uint64_t mark = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		record.duration_sec += i == 1;
		record.transitions += i == 2;
		record.renewed[0] = (char)('2' + (i > 2));
		snprintf(record.acquired, sizeof(record.acquired), "%s", i > 3 ? "2026" : "");
		record.holder[3] = i > 4 ? 'c' : 'b';
		kube_lease_see(&seen, &record, at(100 + i));
		assert_int_equal(seen.mark, ++mark);
		assert_int_equal(seen.changed_at.ns, at(100 + i).ns);
	}
	kube_lease_see(&seen, NULL, at(200));
	assert_int_equal(seen.mark, ++mark);
	assert_int_equal(kube_lease_judge(&seen, at(200)), KUBE_LEASE_FREE);
	/* An object without a record isn't no object. */
	record = (struct kube_lease_record){ .holder = "" };
	kube_lease_see(&seen, &record, at(201));
	assert_int_equal(seen.mark, ++mark);
}

static void what_we_wrote_holds_from_before_it_was_sent(void **state)
{
	struct kube_lease_seen seen = begin();
	struct kube_lease_record record;

	(void)state;
	kube_lease_see(&seen, NULL, at(100));
	kube_lease_make(&seen, 0, false, &record);
	kube_lease_see_written(&seen, &record, at(101), at(103));
	assert_int_equal(seen.until.ns, at(111).ns);
	/* Only a write makes it longer. */
	kube_lease_see(&seen, &record, at(105));
	assert_int_equal(seen.until.ns, at(111).ns);
	record = held("gw-b", 15, "");
	kube_lease_see(&seen, &record, at(106));
	assert_int_equal(seen.until.ns, 0);
	/* Found as ours after that, it's a mistake of somebody's: it counts once it's renewed. */
	record = held(ME, 15, "");
	kube_lease_see(&seen, &record, at(107));
	assert_int_equal(seen.until.ns, 0);
}

static void transitions_count_holders(void **state)
{
	struct kube_lease_seen seen = begin();
	struct kube_lease_record other = held("gw-b", 15, ""), record;

	(void)state;
	kube_lease_see(&seen, NULL, at(1));
	kube_lease_make(&seen, 1000000, false, &record);
	assert_int_equal(record.transitions, 0);
	assert_string_equal(record.acquired, "1970-01-01T00:00:01.000000Z");
	kube_lease_see_written(&seen, &record, at(1), at(1));
	kube_lease_make(&seen, 2500000, false, &record);
	assert_int_equal(record.transitions, 0);
	assert_string_equal(record.acquired, "1970-01-01T00:00:01.000000Z");
	assert_string_equal(record.renewed, "1970-01-01T00:00:02.500000Z");
	assert_int_equal(record.duration_sec, 10);
	other.transitions = 7;
	kube_lease_see(&seen, &other, at(2));
	kube_lease_make(&seen, 3000000, false, &record);
	assert_int_equal(record.transitions, 8);
	assert_string_equal(record.acquired, "1970-01-01T00:00:03.000000Z");
	kube_lease_see_written(&seen, &record, at(2), at(2));
	kube_lease_make(&seen, 4000000, true, &record);
	assert_string_equal(record.holder, "");
	assert_int_equal(record.duration_sec, 1);
	assert_int_equal(record.transitions, 8);
}

static const char foreign[] =
	"{\"metadata\":{\"annotations\":{\"a\":\"b\"},\"name\":\"l\",\"resourceVersion\":\"5\"},"
	"\"spec\":{\"holderIdentity\":\"x\",\"preferredHolder\":\"y\",\"strategy\":\"OldestEmulationVersion\"}}";

static void what_isnt_ours_stays_in_the_object(void **state)
{
	const struct kube_lease_name name = { "eipgw-system", "l" };
	const struct kube_lease_record record = held(ME, 10, "2026");
	struct kube_lease_record back;
	struct json_t *json;
	char *text;

	(void)state;
	assert_int_equal(kube_json_parse(foreign, strlen(foreign), &json, NULL), 0);
	text = kube_lease_print(json, &name, &record);
	assert_string_equal(
		text, "{\"metadata\":{\"annotations\":{\"a\":\"b\"},\"name\":\"l\","
		      "\"resourceVersion\":\"5\"},\"spec\":{\"acquireTime\":\"\","
		      "\"holderIdentity\":\"gw-a\",\"leaseDurationSeconds\":10,"
		      "\"leaseTransitions\":0,\"preferredHolder\":\"y\",\"renewTime\":\"2026\","
		      "\"strategy\":\"OldestEmulationVersion\"}}");
	kube_json_free(json);
	assert_int_equal(kube_json_parse(text, strlen(text), &json, NULL), 0);
	assert_int_equal(kube_lease_read(json, &back, NULL), 0);
	assert_string_equal(back.holder, ME);
	assert_int_equal(back.duration_sec, 10);
	kube_json_free(json);
	free(text);
}

static void a_new_object_has_what_it_needs(void **state)
{
	const struct kube_lease_name name = { "eipgw-system", "l" };
	const struct kube_lease_record record = { .duration_sec = 10 };
	char *const text = kube_lease_print(NULL, &name, &record);

	(void)state;
	assert_non_null(strstr(text,
			       "\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
			       "\"metadata\":{\"name\":\"l\",\"namespace\":\"eipgw-system\"}"));
	free(text);
}

static void a_long_holder_is_never_taken_for_us(void **state)
{
	char text[2048];
	struct kube_lease_record record;
	struct json_t *json;

	(void)state;
	snprintf(text, sizeof(text), "{\"spec\":{\"holderIdentity\":\"%01000d\"}}", 0);
	assert_int_equal(kube_json_parse(text, strlen(text), &json, NULL), 0);
	assert_int_equal(kube_lease_read(json, &record, NULL), 0);
	assert_int_equal(strlen(record.holder), KUBE_LEASE_HOLDER_MAX - 1);
	kube_json_free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_holds_for_its_duration_from_when_it_was_seen),
		cmocka_unit_test(each_part_of_a_record_is_a_sign_of_life),
		cmocka_unit_test(what_we_wrote_holds_from_before_it_was_sent),
		cmocka_unit_test(transitions_count_holders),
		cmocka_unit_test(what_isnt_ours_stays_in_the_object),
		cmocka_unit_test(a_new_object_has_what_it_needs),
		cmocka_unit_test(a_long_holder_is_never_taken_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
