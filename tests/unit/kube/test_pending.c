// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
#include "kube/pending.h"

#include "base/cleanup.h"

#include "cmocka_all.h"

#include <string.h>

#define INTERVAL_MS 5000

static struct mono at(int64_t ms)
{
	return mono_add_ms((struct mono){ 0 }, ms);
}

static void set(struct kube_pending *pending, const char *text, int64_t ms)
{
	kube_pending_set(pending, strdup(text), at(ms));
}

static void send(struct kube_pending *pending, const char *text, int64_t ms)
{
	assert_true(kube_pending_is_due(pending, at(ms)));
	assert_string_equal(kube_pending_send(pending, INTERVAL_MS, at(ms)), text);
	assert_false(kube_pending_is_due(pending, at(ms + 100000)));
}

static void end(struct kube_pending *pending, enum http_class class, int64_t ms)
{
	assert_int_equal(kube_pending_end(pending, class, -1, at(ms)),
			 class == HTTP_CLASS_OK        ? KUBE_PENDING_DONE :
			 class == HTTP_CLASS_NOT_FOUND ? KUBE_PENDING_GONE :
							 KUBE_PENDING_AGAIN);
}

static void the_latest_of_a_burst_is_written_soon_and_once(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	for (int i = 0; i < 49; i++)
		set(&pending, i % 2 ? "a" : "b", i);
	set(&pending, "last", 49);
	assert_false(kube_pending_is_due(&pending, at(49)));
	send(&pending, "last", 50);
	end(&pending, HTTP_CLASS_OK, 60);
	assert_false(kube_pending_is_due(&pending, at(100000)));
	kube_pending_done(&pending);
}

static void the_next_one_waits_for_the_interval(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	set(&pending, "b", 55);
	end(&pending, HTTP_CLASS_OK, 60);
	set(&pending, "c", 70);
	assert_false(kube_pending_is_due(&pending, at(5049)));
	send(&pending, "c", 5050);
	end(&pending, HTTP_CLASS_OK, 5060);
	set(&pending, "d", 5070);
	assert_false(kube_pending_is_due(&pending, at(10049)));
	send(&pending, "d", 10050);
	end(&pending, HTTP_CLASS_OK, 10060);
	/* After a quiet time it's quick again. */
	set(&pending, "e", 50000);
	send(&pending, "e", 50050);
	kube_pending_done(&pending);
}

static void what_is_as_it_was_is_not_written(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	set(&pending, "a", 55);
	end(&pending, HTTP_CLASS_OK, 60);
	set(&pending, "a", 70);
	assert_null(pending.wanted);
	set(&pending, "b", 80);
	set(&pending, "a", 90);
	assert_false(kube_pending_is_due(&pending, at(100000)));
	kube_pending_done(&pending);
}

static void a_failure_is_repeated_with_what_is_wanted_then(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	end(&pending, HTTP_CLASS_RETRY, 100);
	send(&pending, "a", 5100);
	set(&pending, "b", 5110);
	end(&pending, HTTP_CLASS_RETRY, 5120);
	send(&pending, "b", 12000);
	/* It isn't known what the server has: "a" is written, whatever was. */
	end(&pending, HTTP_CLASS_RETRY, 12010);
	set(&pending, "a", 12020);
	send(&pending, "a", 80000);
	kube_pending_done(&pending);
}

static void a_server_that_asks_for_time_gets_it(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	assert_int_equal(kube_pending_end(&pending, HTTP_CLASS_THROTTLED, 70000, at(100)),
			 KUBE_PENDING_AGAIN);
	assert_false(kube_pending_is_due(&pending, at(70099)));
	send(&pending, "a", 70100);
	kube_pending_done(&pending);
}

static void what_is_gone_is_not_written(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	set(&pending, "b", 60);
	end(&pending, HTTP_CLASS_NOT_FOUND, 100);
	assert_false(kube_pending_is_due(&pending, at(100000)));
	kube_pending_done(&pending);
}

static void what_is_urgent_waits_for_neither_interval_nor_back_off(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 1000);
	kube_pending_hurry(&pending, at(1000));
	send(&pending, "a", 1000);
	/* While one is under way, and then soon after it. */
	set(&pending, "b", 1010);
	kube_pending_hurry(&pending, at(1010));
	assert_false(kube_pending_is_due(&pending, at(1100)));
	end(&pending, HTTP_CLASS_OK, 1100);
	assert_false(kube_pending_is_due(&pending, at(1199)));
	send(&pending, "b", 1200);
	end(&pending, HTTP_CLASS_RETRY, 1210);
	assert_false(kube_pending_is_due(&pending, at(1400)));
	kube_pending_hurry(&pending, at(1400));
	send(&pending, "b", 1400);
	end(&pending, HTTP_CLASS_OK, 1410);
	/* The next one is as patient as ever. */
	set(&pending, "c", 1500);
	assert_false(kube_pending_is_due(&pending, at(1400 + INTERVAL_MS - 1)));
	send(&pending, "c", 1400 + INTERVAL_MS);
	kube_pending_done(&pending);
}

static void what_is_in_doubt_is_written_again(void **state)
{
	struct kube_pending pending;
	(void)state;

	kube_pending_init(&pending, 1);
	set(&pending, "a", 0);
	send(&pending, "a", 50);
	end(&pending, HTTP_CLASS_OK, 60);
	set(&pending, "a", 10000);
	assert_false(kube_pending_is_due(&pending, at(20000)));
	kube_pending_doubt(&pending);
	set(&pending, "a", 20000);
	send(&pending, "a", 20050);
	kube_pending_done(&pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_of_a_burst_is_written_soon_and_once),
		cmocka_unit_test(the_next_one_waits_for_the_interval),
		cmocka_unit_test(what_is_as_it_was_is_not_written),
		cmocka_unit_test(a_failure_is_repeated_with_what_is_wanted_then),
		cmocka_unit_test(a_server_that_asks_for_time_gets_it),
		cmocka_unit_test(what_is_gone_is_not_written),
		cmocka_unit_test(what_is_urgent_waits_for_neither_interval_nor_back_off),
		cmocka_unit_test(what_is_in_doubt_is_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
