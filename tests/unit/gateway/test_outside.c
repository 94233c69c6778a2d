// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What the answers of echo servers mean, as tables. */
#include "gateway/own/outside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "conf/gateway.h"

enum { INTERVAL_S = 60, SERVERS_MAX = 4 };

static struct ip4 ip(const char *text)
{
	struct ip4 address = { 0 };

	assert_int_equal(ip4_parse(text, &address, NULL), 0);
	return address;
}

static struct mono at(int64_t seconds)
{
	return (struct mono){ .ns = (seconds + 1000) * INT64_C(1000000000) };
}

static void begin(struct outside *outside)
{
	static struct gateway_egress egress[] = { { .name = "bank" }, { .name = "mail" } };
	const struct gateway_config config = { .egress_ips = { egress, ARRAY_SIZE(egress) },
					       .self_test.interval_s = INTERVAL_S };

	assert_int_equal(outside_init(outside, &config), 0);
}

static void place(struct outside *outside, size_t i, const char *public, const char *private)
{
	outside_place(outside, i, ip(public), ip(private), at(0));
}

/*
 * What the servers say of egress IP 0, whose public address is 203.0.113.100, one letter for each: r names the
 * right address, o another one, p a third, s is silent. Returns how many they are.
 */
static size_t answer(struct outside_answer answers[static SERVERS_MAX], const char *letters)
{
	const size_t n = strlen(letters);

	for (size_t i = 0; i < n; i++) {
		answers[i] = (struct outside_answer){ 0 };
		if (letters[i] == 's')
			snprintf(answers[i].reason, sizeof(answers[i].reason), "silence %zu", i);
		else
			answers[i].seen = ip(letters[i] == 'r' ? "203.0.113.100" :
					     letters[i] == 'o' ? "203.0.113.7" :
								 "203.0.113.8");
	}
	return n;
}

static void test_once(struct outside *outside, const char *letters, struct mono now)
{
	struct outside_answer answers[SERVERS_MAX];

	outside_judge(outside, 0, answers, answer(answers, letters), now);
}

/* Tests separated by blanks; what is seen at the end; when the next one is due after the last. */
static const struct {
	const char *tests;
	enum outside_state verdict;
	const char *seen; /* NULL: nothing */
	int64_t next_s;
	const char *reason;
} verdicts[] = {
	{ "", OUTSIDE_UNTESTED, NULL, 0, "no test has ended yet" },
	{ "r", OUTSIDE_CONFIRMED, "203.0.113.100", 60, "seen as 203.0.113.100" },
	{ "or", OUTSIDE_CONFIRMED, "203.0.113.100", 60,
	  "seen as 203.0.113.100; only self_test.urls[0] named 203.0.113.7" },
	{ "sr", OUTSIDE_CONFIRMED, "203.0.113.100", 60, "seen as 203.0.113.100" },
	{ "ss", OUTSIDE_SILENT, NULL, 60,
	  "no useful answer: self_test.urls[0]: silence 0; self_test.urls[1]: silence 1" },
	{ "r s", OUTSIDE_SILENT, "203.0.113.100", 60, "no useful answer" },
	{ "s r", OUTSIDE_CONFIRMED, "203.0.113.100", 60, "seen as" },
	/* Once is asked again at once, and changes nothing. */
	{ "o", OUTSIDE_UNTESTED, "203.0.113.7", 0, "no test has ended yet" },
	{ "r o", OUTSIDE_CONFIRMED, "203.0.113.7", 0, "seen as" },
	{ "s o", OUTSIDE_SILENT, "203.0.113.7", 0, "no useful answer" },
	{ "o r o", OUTSIDE_CONFIRMED, "203.0.113.7", 0, "seen as" },
	/* Twice is believed. */
	{ "o o", OUTSIDE_WRONG, "203.0.113.7", 10,
	  "self_test.urls[0] saw 203.0.113.7 instead of 203.0.113.100, and none saw that" },
	{ "r so op", OUTSIDE_WRONG, "203.0.113.7", 10, "self_test.urls[0] saw 203.0.113.7" },
	{ "o sp", OUTSIDE_WRONG, "203.0.113.8", 10, "self_test.urls[1] saw 203.0.113.8" },
	/* Silence in between is no acquittal, but isn't asked again at once either. */
	{ "o s", OUTSIDE_SILENT, "203.0.113.7", 60, "no useful answer" },
	{ "o s o", OUTSIDE_WRONG, "203.0.113.7", 10, "self_test.urls[0] saw" },
	/* Only the right address ends it. */
	{ "o o s", OUTSIDE_WRONG, "203.0.113.7", 10, "self_test.urls[0] saw" },
	{ "o o p", OUTSIDE_WRONG, "203.0.113.8", 10, "saw 203.0.113.8" },
	{ "o o r", OUTSIDE_CONFIRMED, "203.0.113.100", 60, "seen as" },
	{ "o o r o", OUTSIDE_CONFIRMED, "203.0.113.7", 0, "seen as" },
};

static void each_row_of_tests_has_its_verdict(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		struct outside outside;
		char copy[32], *rest = copy;
		int64_t now = 0, ms = -1;
		size_t index = 9;

		begin(&outside);
		place(&outside, 0, "203.0.113.100", "10.0.1.201");
		snprintf(copy, sizeof(copy), "%s", verdicts[i].tests);
		for (char *word; (word = strsep(&rest, " ")) && word[0];)
			test_once(&outside, word, at(++now));
		const struct outside_egress *e = &outside.v[0];

		if (e->state != verdicts[i].verdict || !strstr(e->reason, verdicts[i].reason))
			fail_msg("'%s' is %s: %s", verdicts[i].tests, outside_state_names[e->state],
				 e->reason);
		assert_int_equal(e->seen.v, verdicts[i].seen ? ip(verdicts[i].seen).v : 0);
		assert_true(outside_next(&outside, at(now), &index, &ms));
		assert_int_equal(index, 0);
		assert_int_equal(ms, verdicts[i].next_s * 1000);
		assert_int_equal(outside_is_wrong(&outside, 0),
				 verdicts[i].verdict == OUTSIDE_WRONG);
		outside_done(&outside);
	}
}

static void what_is_wrong_keeps_the_time_of_its_finding(void **state)
{
	struct outside outside;
	(void)state;

	begin(&outside);
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	test_once(&outside, "o", at(1));
	assert_int_equal(outside.v[0].judged_at.ns, 0);
	test_once(&outside, "o", at(2));
	test_once(&outside, "s", at(3));
	assert_int_equal(outside.v[0].judged_at.ns, at(2).ns);
	test_once(&outside, "r", at(4));
	assert_int_equal(outside.v[0].judged_at.ns, at(4).ns);
	outside_done(&outside);
}

static void a_void_test_is_repeated_later_and_counts_for_nothing(void **state)
{
	static const struct {
		const char *before, *test;
		bool worsens;
	} rows[] = {
		{ "", "os", true },   { "", "so", true },   { "", "or", false },
		{ "", "ss", true },   { "", "sr", false },  { "r", "o", true },
		{ "r", "s", true },   { "r", "r", false },  { "s", "s", false },
		{ "s", "o", true },   { "s", "r", false },  { "oo", "o", false },
		{ "oo", "s", false }, { "oo", "r", false },
	};
	struct outside outside;
	size_t index;
	int64_t ms;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outside_answer answers[SERVERS_MAX];

		begin(&outside);
		place(&outside, 0, "203.0.113.100", "10.0.1.201");
		for (const char *c = rows[i].before; *c; c++)
			test_once(&outside, (const char[]){ *c, '\0' }, at(0));
		if (outside_worsens(&outside, 0, answers, answer(answers, rows[i].test)) !=
		    rows[i].worsens)
			fail_msg("'%s' after '%s'", rows[i].test, rows[i].before);
		outside_done(&outside);
	}
	begin(&outside);
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	outside_put_off(&outside, 0, at(1));
	assert_true(outside_next(&outside, at(1), &index, &ms));
	assert_int_equal(ms, OUTSIDE_VOID_MS);
	test_once(&outside, "o", at(2));
	assert_int_equal(outside.v[0].state, OUTSIDE_UNTESTED);
	outside_done(&outside);
}

static void another_place_begins_anew_and_at_once(void **state)
{
	struct outside outside;
	size_t index;
	int64_t ms;
	(void)state;

	begin(&outside);
	assert_false(outside_next(&outside, at(0), &index, &ms));
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	test_once(&outside, "o", at(1));
	test_once(&outside, "o", at(1));
	assert_false(outside_place(&outside, 0, ip("203.0.113.100"), ip("10.0.1.201"), at(2)));
	assert_true(outside_is_wrong(&outside, 0));
	assert_true(outside_place(&outside, 0, ip("203.0.113.100"), ip("10.0.1.205"), at(2)));
	assert_int_equal(outside.v[0].state, OUTSIDE_UNTESTED);
	assert_int_equal(outside.v[0].seen.v, 0);
	assert_true(outside_next(&outside, at(2), &index, &ms));
	assert_int_equal(ms, 0);
	/* One odd answer before and one after don't add up. */
	test_once(&outside, "o", at(3));
	assert_true(outside_place(&outside, 0, ip("203.0.113.101"), ip("10.0.1.205"), at(4)));
	test_once(&outside, "o", at(5));
	assert_int_equal(outside.v[0].state, OUTSIDE_UNTESTED);
	/* Taken away: nobody is asked. */
	assert_true(outside_place(&outside, 0, ip("203.0.113.101"), (struct ip4){ 0 }, at(6)));
	assert_false(outside_next(&outside, at(6), &index, &ms));
	assert_string_equal(outside.v[0].reason, "it isn't this gateway's");
	outside_done(&outside);
}

static void the_one_that_waited_longest_is_next(void **state)
{
	struct outside outside;
	size_t index;
	int64_t ms;
	(void)state;

	begin(&outside);
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	place(&outside, 1, "203.0.113.101", "10.0.1.202");
	test_once(&outside, "r", at(3));
	assert_true(outside_next(&outside, at(3), &index, &ms));
	assert_int_equal(index, 1);
	assert_int_equal(ms, 0);
	outside_judge(&outside, 1, &(struct outside_answer){ .seen = ip("203.0.113.101") }, 1,
		      at(9));
	assert_true(outside_next(&outside, at(10), &index, &ms));
	assert_int_equal(index, 0);
	assert_int_equal(ms, 53000);
	outside_done(&outside);
}

static void it_is_settled_when_none_is_untested_or_wrong(void **state)
{
	static const struct {
		const char *tests[2];
		bool settled;
	} rows[] = {
		{ { "r", "r" }, true },   { { "r", "s" }, true },    { { "s", "s" }, true },
		{ { "r", "" }, false },   { { "r", "o" }, false },   { { "r", "oo" }, false },
		{ { "oo", "r" }, false }, { { "oos", "r" }, false },
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outside outside;

		begin(&outside);
		place(&outside, 0, "203.0.113.100", "10.0.1.201");
		place(&outside, 1, "203.0.113.100", "10.0.1.202");
		for (size_t j = 0; j < 2; j++) {
			for (const char *c = rows[i].tests[j]; *c; c++) {
				const struct outside_answer answer = {
					.seen = *c == 's' ? (struct ip4){ 0 } :
						*c == 'r' ? ip("203.0.113.100") :
							    ip("203.0.113.7"),
				};

				outside_judge(&outside, j, &answer, 1, at(1));
			}
		}
		assert_int_equal(outside_is_settled(&outside), rows[i].settled);
		outside_done(&outside);
	}
}

static void what_is_not_ours_needs_no_verdict(void **state)
{
	const struct outside_answer answer = { .seen = ip("203.0.113.100") };
	struct outside outside;
	(void)state;

	begin(&outside);
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	place(&outside, 1, "203.0.113.100", "0.0.0.0");
	assert_false(outside_is_settled(&outside));
	outside_judge(&outside, 0, &answer, 1, at(1));
	assert_true(outside_is_settled(&outside));
	place(&outside, 1, "203.0.113.100", "10.0.1.202");
	assert_false(outside_is_settled(&outside));
	outside_done(&outside);
}

static void a_reload_keeps_the_verdict_and_asks_again(void **state)
{
	struct outside outside, next;
	size_t index;
	int64_t ms;
	(void)state;

	begin(&outside);
	place(&outside, 0, "203.0.113.100", "10.0.1.201");
	place(&outside, 1, "203.0.113.101", "10.0.1.202");
	test_once(&outside, "o", at(1));
	test_once(&outside, "o", at(1));
	begin(&next);
	outside_adopt(&next, &outside);
	assert_true(outside_is_wrong(&next, 0));
	assert_false(outside_place(&next, 0, ip("203.0.113.100"), ip("10.0.1.201"), at(2)));
	assert_true(outside_next(&next, at(2), &index, &ms));
	assert_int_equal(ms, 0);
	/* A new process knows less, but that much. */
	outside_condemn(&next, 1);
	assert_true(outside_is_wrong(&next, 1));
	outside_done(&outside);
	outside_done(&next);
}

static void only_one_public_address_is_an_answer(void **state)
{
	static const char odd[] = "the answer is neither an IPv4 address nor {\"ip\": \"ADDRESS\"}";
	static const struct {
		const char *body, *seen, *reason;
	} rows[] = {
		{ "203.0.113.100", "203.0.113.100", "" },
		{ " \r\n\t203.0.113.100\r\n", "203.0.113.100", "" },
		{ "{\"ip\": \"203.0.113.100\"}\n", "203.0.113.100", "" },
		{ "{\"ip\":\"255.255.255.255\"}", NULL,
		  "255.255.255.255 is no address of the internet" },
		{ "", NULL, "the answer is empty" },
		{ " \n", NULL, "the answer is empty" },
		{ "203.0.113.100 203.0.113.101", NULL, odd },
		{ "203.0.113.100,", NULL, odd },
		{ "203.0.113.0100", NULL, odd },
		{ "203.0.113", NULL, odd },
		{ "203.0.113.256", NULL, odd },
		{ "3405803876", NULL, odd },
		{ "2001:db8::1", NULL, odd },
		{ "<html>203.0.113.100</html>", NULL, odd },
		{ "{\"ip\": \"203.0.113.100\", \"country\": \"X\"}", NULL, odd },
		{ "{\"ip\": \"203.0.113.100\"} x", NULL, odd },
		{ "{\"ip\": 5}", NULL, odd },
		{ "{\"origin\": \"203.0.113.100\"}", NULL, odd },
		{ "[\"203.0.113.100\"]", NULL, odd },
		{ "{", NULL, odd },
		{ "0.0.0.0", NULL, "0.0.0.0 is no address of the internet" },
		{ "10.0.1.201", NULL, "10.0.1.201 is no address of the internet" },
		{ "100.64.0.1", NULL, "100.64.0.1 is no address of the internet" },
		{ "127.0.0.1", NULL, "127.0.0.1 is no address of the internet" },
		{ "169.254.169.254", NULL, "169.254.169.254 is no address of the internet" },
		{ "172.31.0.1", NULL, "172.31.0.1 is no address of the internet" },
		{ "172.32.0.1", "172.32.0.1", "" },
		{ "192.168.0.1", NULL, "192.168.0.1 is no address of the internet" },
		{ "224.0.0.1", NULL, "224.0.0.1 is no address of the internet" },
	};
	static const char with_nul[] = "203.0.113.1\0"
				       "0";
	struct outside_answer answer;
	(void)state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		outside_read(rows[i].body, strlen(rows[i].body), &answer);
		assert_int_equal(answer.seen.v, rows[i].seen ? ip(rows[i].seen).v : 0);
		assert_string_equal(answer.reason, rows[i].reason);
	}
	outside_read(with_nul, sizeof(with_nul) - 1, &answer);
	assert_string_equal(answer.reason, odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_tests_has_its_verdict),
		cmocka_unit_test(what_is_wrong_keeps_the_time_of_its_finding),
		cmocka_unit_test(a_void_test_is_repeated_later_and_counts_for_nothing),
		cmocka_unit_test(another_place_begins_anew_and_at_once),
		cmocka_unit_test(the_one_that_waited_longest_is_next),
		cmocka_unit_test(it_is_settled_when_none_is_untested_or_wrong),
		cmocka_unit_test(what_is_not_ours_needs_no_verdict),
		cmocka_unit_test(a_reload_keeps_the_verdict_and_asks_again),
		cmocka_unit_test(only_one_public_address_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
